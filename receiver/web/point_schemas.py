"""What callers and the shell say of an integration point, field by field. Source: CONTRACT.md 8."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate

from receiver.domain.errors import BadInputError
from receiver.domain.handlers import RECEIVING, SENDING
from receiver.platform.calling import checked_key, checked_url
from receiver.settings import IN_FLIGHT_BYTES
from receiver.store.entities import OPTIONS
from receiver.store.moments import stamp
from receiver.web.addresses import network_of
from receiver.web.fields import Text
from receiver.web.times import read_time

MOST_NETWORKS: Final = 1000
_LEAST_BODY: Final = 1024
_LONGEST_URL: Final = 2000
_SIGNATURE: Final = ("off", "optional", "required")
_HOOK_NAME: Final = validate.Regexp(
    r"[A-Za-z0-9_-]{16,128}\Z", error="must be 16 to 128 letters, digits, - or _"
)


class Words(Text):
    """A text that may be empty."""

    def __init__(self, *, most: int, **more: Any) -> None:
        super().__init__(most=most, **more)
        self.validators = [validate.Length(max=most)]

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        return "" if value == "" else super()._deserialize(value, attr, data, **kwargs)


class Checked(Words):
    """A text that a function of ours understands and gives back; it may be empty unless said."""

    def __init__(
        self,
        check: Callable[[str], str],
        *,
        most: int = _LONGEST_URL,
        empty: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(most=most, **more)
        self._check = check
        self._empty = empty

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text and self._empty:
            return text
        try:
            return self._check(text)
        except BadInputError as error:
            raise ValidationError([*chain.from_iterable(error.fields.values())]) from error
        except ValueError as error:
            raise ValidationError(str(error)) from error


class Choice(fields.String):
    """One of a few words."""

    def __init__(self, choices: Sequence[str], **more: Any) -> None:
        said = ", ".join(each or "an empty text" for each in choices)
        one_of = validate.OneOf(choices, error=f"must be one of: {said}")
        super().__init__(validate=one_of, **more)


class Truth(fields.Boolean):
    """True or false as JSON has them, no text."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("must be true or false")
        return value


class WholeNumber(fields.Integer):
    """A number as JSON has it, no text."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValidationError("must be a whole number")
        return value


class HubSecretField(fields.Field[Any]):
    """A secret: a text, or an object with its end. Loads as it is kept."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str | dict[str, str]:
        if isinstance(value, str):
            return _hub_secret(value)
        if not isinstance(value, dict) or value.keys() != {"secret", "until"}:
            raise ValidationError("must be a text, or an object with secret and until")
        try:
            ends = stamp(read_time(str(value["until"])))
        except ValueError as error:
            raise ValidationError({"until": [str(error)]}) from error
        return {"secret": _hub_secret(value["secret"]), "until": ends}


def _hub_secret(value: Any) -> str:
    secret: str = Text(most=1024, line=False).deserialize(value)
    return secret


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be the name of a zone, like Europe/London") from None
    return name


def _network(text: str) -> str:
    try:
        network_of(text)
    except ValueError:
        raise ValueError("must be an address or a network, like 192.0.2.0/24 or ::1") from None
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or "@" in parts.netloc or not text.isascii() or " " in text:
        raise ValueError("must be like https://example.org/path, without user and password")
    return text


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError("must be a UUID") from None


def _networks() -> fields.List[Any]:
    return fields.List(
        Checked(_network, most=100, empty=False),
        validate=validate.Length(max=MOST_NETWORKS),
        allow_none=True,
    )


class KeptToken(Schema):
    """A hook token with its end, as rotation made it."""

    token = fields.String(required=True)
    until = fields.String(required=True, allow_none=True)


class OptsSchema(Schema):
    """Options; null takes one away. What is said of ours is shown once it is set."""

    title = Words(most=500, allow_none=True)
    comment = Words(most=5000, line=False, allow_none=True)
    allow_files_api = Truth(allow_none=True)
    issync = Truth(allow_none=True)
    platform_url = Checked(checked_url, allow_none=True)
    profile_key = Checked(checked_key, most=4096, allow_none=True)
    signature = Choice(_SIGNATURE, allow_none=True)
    signature_secrets = fields.List(HubSecretField(), allow_none=True)
    allow_sha1 = Truth(allow_none=True)
    allow_ips = _networks()
    timezone = Checked(_zone, most=100, allow_none=True)
    max_body = WholeNumber(validate=validate.Range(_LEAST_BODY, IN_FLIGHT_BYTES), allow_none=True)
    notifyurl = Choice(("ours", "keep"), allow_none=True)
    store_text = Choice(("full", "none"), allow_none=True)
    disabled = Truth(allow_none=True)
    tokens = fields.List(fields.Nested(KeptToken), allow_none=True)

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.error_messages["unknown"] = f"is unknown: there are {', '.join(OPTIONS)}"


class ExtSchema(Schema):
    """What the system writes: when a point was made, and last written."""

    ct = Text(most=50)
    lwt = Text(most=50)


class IntegrationPointChange(Schema):
    """What is to change of a point; the whole entity unchanged will do, too."""

    id = Checked(_id, most=50)
    code = Text(most=100)
    type = Text(most=50)
    token_local = fields.String(validate=_HOOK_NAME)
    token_remote = Checked(checked_key, most=4096, allow_none=True)
    token_remote2 = Words(most=1024, line=False, allow_none=True)
    url = Checked(_url)
    recv_svcscriptcode = Choice((*RECEIVING, ""))
    recv_svcscriptcode_ws = Choice((*RECEIVING, ""))
    send_svcscriptcode = Choice((*SENDING, ""))
    send_svcscriptcode_ws = Choice((*SENDING, ""))
    opts = fields.Nested(OptsSchema)
    ext = fields.Nested(ExtSchema)


class IntegrationPointSchema(IntegrationPointChange):
    """A new point. What is not said of it is made up or empty."""

    code = Text(most=100, required=True)
    type = Text(most=50, required=True)


NEW: Final = IntegrationPointSchema()
CHANGE: Final = IntegrationPointChange()
