"""`receiver top`: what there is most of, exact and cheap, from the counts."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
from sqlalchemy.orm import Session

from receiver.cli.choices import Choices
from receiver.cli.database import current_url, reading_session
from receiver.cli.durations import Duration
from receiver.cli.table import echo_rows
from receiver.domain.counts import Counts
from receiver.domain.errors import BadInputError
from receiver.platform import codes as meanings
from receiver.settings import Settings
from receiver.store import points, sends, stats
from receiver.store.stats import Asked, Grain
from receiver.web.shown_stats import DIMENSIONS, LONGEST, measures, points_in, shown, stored_names

_ORDERS: Final = ("failure", "deliveries", "pending", "overdue", "sends", "refused")
_COUNTS: Final = ("sends", "refused", "deliveries", "success", "failure", "pending", "overdue")


@click.command()
@click.option("--since", type=Duration(), default="1h", show_default=True, help="How far back.")
@click.option("--by", type=Choices(list(DIMENSIONS)), default="code", show_default=True)
@click.option("--point", "codes", multiple=True, help="Only of this point: code or id.")
@click.option("--domain", default="default", show_default=True)
@click.option("--order", type=click.Choice(_ORDERS), default="failure", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def top(
    since: timedelta,
    by: Sequence[str],
    codes: Sequence[str],
    domain: str,
    *,
    order: str,
    limit: int,
    as_json: bool,
) -> None:
    """Count what became of what was sent lately, and show what there is most of.

    By any of status, outcome, code, channel, sender, tag, carrier, point, with commas between.
    """
    with reading_session(current_url(Settings.from_environ())) as session:
        ids = [points.get(session, domain=domain, code_or_id=code).id for code in codes]
        grain = _grain(since)
        now = datetime.now(UTC)
        asked = Asked(
            domain=domain,
            grain=grain,
            since=grain.floor(now - since),
            until=now + timedelta(days=1),  # what is yet to be sent, by the clock of who sends it
            by=stored_names(by),
            point_ids=ids,
        )
        counted = _counted(session, asked, by)
    rows = [_row(by, values, counts) for values, counts in counted.items()]
    rows.sort(key=lambda row: (-(row[order] or 0), -row["deliveries"]))
    echo_rows(rows[:limit], as_json=as_json)


def _grain(since: timedelta) -> Grain:
    """Return the finest grain that so long a time is kept in. Raises BadInputError."""
    for grain, longest in LONGEST.items():
        if since <= longest:
            return grain
    raise BadInputError(f"--since reaches back {LONGEST[Grain.DAY].days} days at most")


def _counted(session: Session, asked: Asked, by: Sequence[str]) -> Mapping[tuple[Any, ...], Counts]:
    """Return the counts of the whole time by the values of what is told apart."""
    found = stats.read(session, asked)
    codes = sends.point_codes(session, points_in(asked, found))
    added: dict[tuple[Any, ...], Counts] = defaultdict(Counts)
    for (_, *values), counts in shown(found, asked, by, codes).items():
        added[tuple(values)].add(counts)
    return added


def _row(by: Sequence[str], values: Sequence[Any], counts: Counts) -> dict[str, Any]:
    told = dict(zip(by, values, strict=True))
    if told.get("point"):
        told["point"] = told["point"][1]
    if "code" in told:
        told["meaning"] = meanings.text_of(told.get("channel", ""), told["code"])
    measured = measures(counts, by)
    ended = counts.success + counts.failure + counts.complaint
    return {
        **told,
        **{name: measured[name] for name in _COUNTS},
        "failing": round(counts.failure / ended, 3) if ended else None,
        "p50_ms": measured["ttd_ms"]["p50"],
        "p99_ms": measured["ttd_ms"]["p99"],
    }
