"""Fields of the schemas that take notifications: tolerant of type, strict about what is stored.

Source: CONTRACT.md 9.15 (ids), 9.22 (everything is a string).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from marshmallow import ValidationError, fields, missing

from receiver.domain.sends import REGISTERED_PREFIX
from receiver.platform.channels import channel_of
from receiver.platform.storable import SHORT, address_text, bounded, key_text, text_of

_SMALLINT: Final = 32_767
_DIGITS: Final = len(str(_SMALLINT))

Converted = TypeVar("Converted")


class Converting(fields.Field[Converted], ABC):
    """A field to which nothing but the value matters, neither its place nor its neighbours."""

    @abstractmethod
    def convert(self, value: Any) -> Converted:
        """Return what is stored of `value`, which isn't None."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Converted:
        return self.convert(value)


class Verbatim(Converting[str]):
    """A scalar of any type as text; longer than `limit` characters it is cut."""

    def __init__(
        self, *, data_key: str | None = None, required: bool = False, limit: int = SHORT
    ) -> None:
        super().__init__(
            data_key=data_key,
            required=required,
            load_default=missing if required else "",
            error_messages={"required": "is missing"},
        )
        self.limit = limit

    def convert(self, value: Any) -> str:
        """Return the text."""
        text = text_of(value, self.limit)
        if self.required and not text.strip():
            raise ValidationError("is empty")
        return text


class Key(Verbatim):
    """An id as an index can hold it, otherwise as it came."""

    def convert(self, value: Any) -> str:
        """Return the id, or the hash of a longer one."""
        return key_text(value)


class Transaction(Verbatim):
    """An id that the platform made: blanks around it are no part of it."""

    def convert(self, value: Any) -> str:
        """Return the id, or the hash of a longer one."""
        key = key_text(value).strip()
        if self.required and not key:
            raise ValidationError("is empty")
        if key.startswith(REGISTERED_PREFIX):
            raise ValidationError("is none that the platform makes")
        return key


class Address(Verbatim):
    """A number, mail address, token or application id."""

    def convert(self, value: Any) -> str:
        """Return the address."""
        return address_text(value)


class Channel(Verbatim):
    """A channel under its one name."""

    def convert(self, value: Any) -> str:
        """Return the name."""
        return channel_of(value)


class Count(Converting[int | None]):
    """A small whole number, also in a string; None for anything else."""

    def convert(self, value: Any) -> int | None:
        """Return the number."""
        text = text_of(value).strip()
        number = int(text) if len(text) <= _DIGITS and text.isascii() and text.isdigit() else None
        return number if number is None or number <= _SMALLINT else None


class Details(Converting[dict[str, Any]]):
    """A JSON object of which a storable, small copy is kept."""

    def convert(self, value: Any) -> dict[str, Any]:
        """Return the copy, an empty one for what is no object."""
        copy = bounded(value)
        return copy if isinstance(copy, dict) else {}
