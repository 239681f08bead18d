"""What came at a point, read as that point has it: at once, or when it is replayed."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace
from werkzeug.http import parse_options_header

from receiver.domain.errors import PayloadError, TooLargeError
from receiver.domain.facts import Fact, Notice, Quarantined, Receipt
from receiver.platform import outlines
from receiver.platform.recognise import Recognised, recognise
from receiver.settings import IN_FLIGHT_BYTES
from receiver.store.apply import Applied, Result
from receiver.store.points import Point, zone_of
from receiver.web.body import decoded

#: A zipped body may become this large, or so many times as large: JSON never shrinks more.
_UNZIPPED_BYTES: Final = 1024 * 1024
_UNZIPPED_TIMES: Final = 50


class Wrapping(Struct, frozen=True):
    """How a body is wrapped, as its headers say."""

    kind: str
    """The Content-Type."""
    encoding: str
    """The Content-Encoding."""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Wrapping":
        """Return what headers say that were kept, by their names in lower case."""
        return cls(headers.get("content-type", ""), headers.get("content-encoding", ""))

    @property
    def charset(self) -> str:
        """The charset that the Content-Type names."""
        if "charset" not in self.kind.lower():
            return ""
        return parse_options_header(self.kind)[1].get("charset", "")


def understood(raw: bytes, wrapping: Wrapping, point: Point, *, cap_bytes: int) -> Recognised:
    """Return the notifications of a body as it came. Raises: PayloadError, TooLargeError."""
    plain = unzipped(raw, wrapping, cap_bytes=cap_bytes)
    return recognise(plain, charset=wrapping.charset, zone=zone_of(point.opts))


def unzipped(raw: bytes, wrapping: Wrapping, *, cap_bytes: int) -> bytes:
    """Return a body without its Content-Encoding. Raises: PayloadError, TooLargeError."""
    most = min(cap_bytes, max(_UNZIPPED_BYTES, _UNZIPPED_TIMES * len(raw)))
    return decoded(raw, wrapping.encoding, cap_bytes=most)


def in_columns(body: Receipt | Notice, point: Point) -> Receipt | Notice:
    """Return what is kept in columns; where a point says so, nothing that customers said."""
    if isinstance(body, Notice) and point.opts.get("store_text") == "none":
        return replace(body, text="", subject="", attachments=(), details={})
    return body


def cap_bytes_of(point: Point, default: int) -> int:
    """Return how large a body may be at a point."""
    cap = point.opts.get("max_body")
    return min(cap, IN_FLIGHT_BYTES) if isinstance(cap, int) and cap > 0 else default


def quarantined(
    error: PayloadError,
    raw: bytes,
    *,
    path: str,
    headers: Mapping[str, str],
    answered: int,
    truncated: bool = False,
) -> Quarantined:
    """Return what is kept of a body that can't be taken as it is, beside the body itself."""
    return Quarantined(
        reason=error.reason,
        message=str(error),
        errors=error.fields,
        path=path,
        headers=headers,
        answered=answered,
        truncated=truncated,
        shape=_outline(raw, Wrapping.of(headers)),
    )


def told(fact: Fact, taken: Applied) -> dict[str, Any]:
    """Return what is said of a notification that was understood."""
    if taken.result is Result.QUARANTINED:
        return {"result": taken.result, "id": taken.id}
    return {"result": taken.result, "kind": fact.body.kind, "id": taken.id}


def told_of_fault(taken: Applied, error: PayloadError) -> dict[str, Any]:
    """Return what is said of one that was not."""
    errors = error.fields or {"body": [str(error)]}
    return {"result": Result.QUARANTINED, "id": taken.id, "errors": errors}


def _outline(raw: bytes, wrapping: Wrapping) -> str:
    try:
        plain = decoded(raw, wrapping.encoding, cap_bytes=outlines.MOST_BYTES)
    except (PayloadError, TooLargeError):
        plain = raw
    return outlines.outline(plain, charset=wrapping.charset)
