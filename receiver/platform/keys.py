"""Keys as the platform spells them: one spelling for all.

Source: CONTRACT.md 2.1 (`Description`), 9.15 (`correlationid`), 9.19 (keys vary by case and typo).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final

#: No notification has as many; folding millions of them would hold up everyone else.
MOST_KEYS: Final = 1_000

_SEPARATORS = re.compile(r"[\s_-]+")
_KEYS_OF_A_SHAPE: Final = 50
_KEY_CHARACTERS: Final = 64  # no key that we look for is longer

#: Typing errors in the platform's own pages.
_TYPOS: Final[Mapping[str, str]] = {"userld": "userid"}


def fold_key(key: str) -> str:
    """Return `key` in lower case, without blanks, `_` and `-`."""
    return _folded(key) if len(key) <= _KEY_CHARACTERS else key


@lru_cache(maxsize=2048)
def _folded(key: str) -> str:
    folded = _SEPARATORS.sub("", key).lower()
    return _TYPOS.get(folded, folded)


def fold(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is given under folded keys: no null, no empty string, the first of two spellings.

    A folded key holds no underscore, so names with one are free for what we add ourselves.
    """
    folded: dict[str, Any] = {}
    names = _folded_all(tuple(said)) if _is_ordinary(said) else map(fold_key, said)
    for name, value in islice(zip(names, said.values(), strict=True), MOST_KEYS):
        if value is not None and value != "" and name not in folded:
            folded[name] = value
    return folded


def _is_ordinary(said: Mapping[str, Any]) -> bool:
    return len(said) <= _KEYS_OF_A_SHAPE and max(map(len, said), default=0) <= _KEY_CHARACTERS


@lru_cache(maxsize=512)
def _folded_all(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Fold the keys of an object: the platform sends few shapes, again and again."""
    return tuple(map(fold_key, keys))
