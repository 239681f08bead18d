"""Keys as the platform spells them: one spelling for all.

Source: CONTRACT.md 2.1 (`Description`), 9.15 (`correlationid`), 9.19 (keys vary by case and typo).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

#: No notification has as many; folding millions of them would hold up everyone else.
MOST_KEYS: Final = 1_000

_SEPARATORS = re.compile(r"[\s_-]+")
#: Shapes that are kept: their number and size are bounded, whatever anyone sends.
_MOST_SHAPES: Final = 512
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
    for key, name in fold_keys(said).items():
        value = said[key]
        if value is not None and value != "" and name not in folded:
            folded[name] = value
    return folded


def fold_keys(said: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the keys of an object, as many as a notification has, each with itself folded."""
    return _SHAPES[tuple(said)]


class _Shapes(dict[tuple[str, ...], Mapping[str, str]]):
    """What objects with these keys fold to: the platform sends few shapes, again and again."""

    def __missing__(self, keys: tuple[str, ...]) -> Mapping[str, str]:
        folded = {key: fold_key(key) for key in keys[:MOST_KEYS]}
        if len(keys) <= _KEYS_OF_A_SHAPE and max(map(len, keys), default=0) <= _KEY_CHARACTERS:
            if len(self) >= _MOST_SHAPES:
                self.clear()
            self[keys] = folded
        return folded


_SHAPES: Final = _Shapes()
