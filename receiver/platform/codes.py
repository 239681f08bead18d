"""What the platform's codes mean, and where the trouble that they tell of lies.

Source: CONTRACT.md 2.4; the texts are in codes.toml. They say nothing of a status.
"""

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

from msgspec import Struct

from receiver.domain.blame import Blame


class Code(Struct, frozen=True):
    """What one code means."""

    blame: Blame
    text: str


def _read() -> Mapping[str, Mapping[str, Code]]:
    """Return by channel its codes."""
    written = files("receiver.platform").joinpath("codes.toml").read_text("utf-8")
    return {
        channel: {code: Code(Blame(blame), text) for code, (blame, text) in codes.items()}
        for channel, codes in tomllib.loads(written).items()
    }


_EVERY: Final = "every"
CODES: Final = _read()


def _unambiguous() -> Mapping[str, Code]:
    """Return the codes that have one meaning, whatever the channel."""
    found: dict[str, set[Code]] = defaultdict(set)
    for codes in CODES.values():
        for code, meaning in codes.items():
            found[code].add(meaning)
    return {code: meanings.pop() for code, meanings in found.items() if len(meanings) == 1}


_ANYWHERE: Final = _unambiguous()


def find(channel: str, code: str) -> Code | None:
    """Return what a code means on a channel, None where nobody has said."""
    own = CODES.get(channel, {}).get(code)
    return own or CODES[_EVERY].get(code) or _ANYWHERE.get(code)


def text_of(channel: str, code: str) -> str | None:
    """Return what a code says on a channel, None where nobody has said."""
    found = find(channel, code)
    return found.text if found else None
