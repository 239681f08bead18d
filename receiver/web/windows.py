"""Which lists an index serves, and which must say of what time they are."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Self

from receiver.domain.errors import BadInputError

MOST_DAYS: Final = 31
_WINDOW: Final = ("since", "until")
#: What a list may be asked beside its filters.
_NO_FILTER: Final = frozenset({*_WINDOW, "raw"})


@dataclass(frozen=True, slots=True)
class Served:
    """The filters of a list that are quick however large the tables are, without a window."""

    few: frozenset[str]
    """Any of these names so few rows that the rest of the filters can look at each."""
    in_order: Collection[frozenset[str]]
    """Of these, one value each and nothing else, an index has all rows in the order of the list."""

    def by_points(self) -> Self:
        """Return what is left of it for a key that is narrowed to points: no order is theirs."""
        return replace(self, in_order=())

    def rule(self, named: Callable[[str], str]) -> str:
        """Return what a list needs whose filters are not served."""
        few = ", ".join(sorted(map(named, self.few)))
        alone = " or ".join(sorted(named(name) for names in self.in_order for name in names))
        rule = (
            f"these filters need since and until, at most {MOST_DAYS} days apart, or one of {few}"
        )
        return f"{rule}; {alone} alone needs neither" if alone else rule

    def serves(self, filters: Mapping[str, Any]) -> bool:
        """Tell whether filters need no window."""
        if self.few & filters.keys():
            return True
        if frozenset(filters) not in self.in_order:
            return False
        return all(_is_single(values) for values in filters.values())


def _is_single(values: Any) -> bool:
    return values if isinstance(values, bool) else len(values) == 1


def check_window(
    sought: Mapping[str, Any], served: Served | None, named: Callable[[str], str] = str
) -> None:
    """Make sure that a list has an index, or a window of at most 31 days.

    `named` says what a filter is called where it is asked for.
    Raises: BadInputError naming `since` and `until`.
    """
    since, until = sought.get("since"), sought.get("until")
    if since and until and since > until:
        fields = {"since": ["must not lie after until"]}
        raise BadInputError("since lies after until", fields=fields)
    filters = {name: value for name, value in sought.items() if name not in _NO_FILTER}
    if served is None or served.serves(filters):
        return
    rule = served.rule(named)
    if since is None or until is None:
        missing = [name for name in _WINDOW if name not in sought]
        raise BadInputError(rule, fields={name: [rule] for name in missing})
    if until - since > timedelta(days=MOST_DAYS):
        raise BadInputError(rule, fields={name: [rule] for name in _WINDOW})
