"""What a key without `read:pii` sees of private data: numbers by their last digits, no texts."""

import re
from typing import Any, Final

from receiver.web.auth import current_key, may

_NUMBER: Final = re.compile(r"\+?[0-9][0-9() .-]{5,18}[0-9]")
_MAIL: Final = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")
_SHOWN_CHARACTERS: Final = 3
_HIDDEN: Final = "***"


class Clear:
    """Shows everything as it is."""

    def address(self, value: str) -> str:
        """Show a number or another address."""
        return value

    def words(self, value: str) -> str:
        """Show what people wrote."""
        return value

    def remark(self, value: str) -> str:
        """Show what a machine wrote, which may name people."""
        return value

    def structure(self, value: Any) -> Any:
        """Show JSON of unknown content."""
        return value


class Veiled(Clear):
    """Hides who and what; keeps enough to tell one from the other."""

    def address(self, value: str) -> str:
        """Show the last three digits of a number, nothing of another address."""
        if not value or not _NUMBER.fullmatch(value):
            return _HIDDEN if value else ""
        hidden = max(len(value) - _SHOWN_CHARACTERS, 0)
        return "*" * hidden + value[hidden:]

    def words(self, value: str) -> str:
        """Show only that there is something."""
        return _HIDDEN if value else ""

    def remark(self, value: str) -> str:
        """Hide numbers and mail addresses in it."""
        hidden = _MAIL.sub(_HIDDEN, value)
        return _NUMBER.sub(lambda found: self.address(found[0]), hidden)

    def structure(self, value: Any) -> Any:
        """Hide texts and numbers, keep the structure and its names."""
        if isinstance(value, dict):
            return {key: self.structure(part) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.structure(part) for part in value]
        return value if isinstance(value, bool) or value is None else _HIDDEN


CLEAR: Final = Clear()
VEILED: Final = Veiled()


def veil() -> Clear:
    """Return what the key of this request may see through."""
    return CLEAR if may(current_key(), "read:pii") else VEILED
