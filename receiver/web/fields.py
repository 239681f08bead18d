"""Fields of what callers of our own API send: strict, nothing is coerced."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from receiver.domain.facts import Destination
from receiver.platform.channels import channel_of
from receiver.web.numbers import keys_of
from receiver.web.rooms import rooms
from receiver.web.times import read_time

#: Of one filter.
MOST_VALUES: Final = 100
METADATA_BYTES: Final = 16 * 1024
_DEPTH: Final = 16
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_LARGEST: Final = 10**100


class Text(fields.String):
    """Text of 1 to `most` characters that Postgres can hold; a `line` has no control characters."""

    def __init__(
        self, *, most: int, most_bytes: int | None = None, line: bool = True, **more: Any
    ) -> None:
        super().__init__(validate=validate.Length(1, most), **more)
        self._most_bytes = most_bytes
        self._line = line

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        if not isinstance(value, str):
            raise ValidationError("must be a text")
        if not (value.strip() if self._line else value):
            raise ValidationError("must not be empty")
        if _UNSTORABLE.search(value):
            raise ValidationError("must have neither NUL nor half of a surrogate pair")
        if self._line and not value.isprintable():
            raise ValidationError("must be one line of printable characters")
        if self._most_bytes and len(value.encode()) > self._most_bytes:
            raise ValidationError(f"must have at most {self._most_bytes} bytes in UTF-8")
        return value


class ChannelName(Text):
    """A channel, in any of the platform's spellings."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        return channel_of(super()._deserialize(value, attr, data, **kwargs))


class Many(fields.List[Any]):
    """One or several values, any of which will do: a text, or a list of them.

    A parameter is repeated for them; those that have no commas in them can be parted by commas.
    Loads as a sorted tuple without repetitions.
    """

    def __init__(self, inner: fields.Field[Any], *, commas: bool = False, **more: Any) -> None:
        super().__init__(inner, validate=validate.Length(1, MOST_VALUES), **more)
        self._commas = commas

    def _deserialize(  # type: ignore[override]
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> tuple[Any, ...]:
        given = value if isinstance(value, list) else [value]
        if self._commas:
            given = [part for each in given for part in self._parts(each)]
        if len(given) > MOST_VALUES:
            raise ValidationError(f"must have at most {MOST_VALUES} values")
        return tuple(sorted({loaded for each in given for loaded in self._loaded(each)}))

    def _parts(self, value: Any) -> Sequence[Any]:
        return value.split(",") if isinstance(value, str) else [value]

    def _loaded(self, value: Any) -> Sequence[Any]:
        return [self.inner.deserialize(value)]


class Choices(Many):
    """One or several of a few words; commas may part them."""

    def __init__(self, choices: Sequence[str], **more: Any) -> None:
        one_of = validate.OneOf(choices, error=f"must be one of {', '.join(choices)}")
        super().__init__(fields.String(validate=one_of), commas=True, **more)


class Numbers(Many):
    """Numbers or other addresses, in any spelling. Loads as the keys that they are kept under."""

    def __init__(self, **more: Any) -> None:
        super().__init__(Text(most=2048), **more)

    def _loaded(self, value: Any) -> Sequence[str]:
        return keys_of(self.inner.deserialize(value), rooms().settings.region)


class Flag(fields.Boolean):
    """True or false; parameters are texts, so those two words are flags."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        flags = {"true": True, "false": False}
        if isinstance(value, bool):
            return value
        if not isinstance(value, str) or value not in flags:
            raise ValidationError("must be true or false")
        return flags[value]


class Instant(fields.AwareDateTime):
    """A time with a zone."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> datetime:
        if not isinstance(value, str):
            raise ValidationError("must be a text")
        try:
            return read_time(value)
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Metadata(fields.Dict):
    """A JSON object of the caller's own, at most 16 KiB, at most 16 deep."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("must be an object")
        _check(value, _DEPTH)
        if len(json.dumps(value, ensure_ascii=False).encode()) > METADATA_BYTES:
            raise ValidationError(f"must have at most {METADATA_BYTES} bytes")
        return value


def _check(value: Any, depth: int) -> None:
    """Raise ValidationError for what Postgres could not hold."""
    if not depth:
        raise ValidationError(f"must be at most {_DEPTH} deep")
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise ValidationError("must have neither NUL nor half of a surrogate pair")
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise ValidationError("has a number that is too large")
    parts = [*value, *value.values()] if isinstance(value, dict) else value
    for part in parts if isinstance(parts, list) else ():
        _check(part, depth - 1)


class Recipient(fields.Field[Destination]):
    """A destination: its address alone, or an object with a type and its own correlationid."""

    def __init__(self, schema: type[Schema], **more: Any) -> None:
        super().__init__(**more)
        self._schema = schema()

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> Destination:
        if not isinstance(value, str | dict):
            raise ValidationError("must be a text or an object")
        given = {"value": value} if isinstance(value, str) else value
        try:
            destination: Destination = self._schema.load(given)
        except ValidationError as error:
            if isinstance(value, str) and isinstance(error.messages, dict):
                raise ValidationError(error.messages["value"]) from error
            raise
        return destination
