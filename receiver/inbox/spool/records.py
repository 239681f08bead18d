"""Facts as bytes and back: MessagePack, by field names, so that versions understand each other.

A field that this code doesn't know is passed over, and one that is missing has its default; so a
field that is added to a fact needs a default, and none may change its meaning.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec.msgpack import Decoder, Encoder, Ext
from msgspec.structs import asdict, replace

from receiver.domain.errors import SpoolError
from receiver.domain.facts import Body, Fact, Notice, Quarantined, Receipt, Send, Source

VERSION: Final = 1
_ARRAY: Final = b"\xdd"  # MessagePack: an array, its length in the 4 bytes that follow
_BIG_NUMBER: Final = 1  # a whole number of any size, in decimal digits


class _Stored(msgspec.Struct, omit_defaults=True):
    """A fact as it is written: its stamps, and its body under the name of its kind."""

    id: UUID
    domain: str
    source: Source
    accepted_at: datetime
    digest: bytes
    raw: bytes
    point_id: UUID | None = None
    receipt: Receipt | None = None
    notice: Notice | None = None
    send: Send | None = None
    quarantined: Quarantined | None = None


_NAMES: Final[Mapping[type[Body], str]] = {
    Receipt: "receipt",
    Notice: "notice",
    Send: "send",
    Quarantined: "quarantined",
}


def encode(facts: Sequence[Fact]) -> bytes:
    """Return facts as bytes. Raises SpoolError for one that can't be written."""
    return join(encode_each(facts))


def encode_each(facts: Iterable[Fact]) -> Sequence[bytes]:
    """Return each fact as bytes, for `join`. Raises SpoolError for one that can't be written."""
    try:
        return [_encode(fact) for fact in facts]
    except (ValueError, TypeError, RecursionError) as error:
        raise SpoolError(f"a fact can't be written: {type(error).__name__}") from error


def join(encoded: Sequence[bytes]) -> bytes:
    """Return what `encode` returns, of facts that are encoded already."""
    return b"".join([bytes([VERSION]), _ARRAY, len(encoded).to_bytes(4), *encoded])


def decode(content: bytes) -> Sequence[Fact]:
    """Return the facts of `encode`. Raises SpoolError where this version can't read them."""
    if content[:1] != bytes([VERSION]):
        raise SpoolError("facts are written in a format that this version doesn't know")
    try:
        return [_fact(stored) for stored in _decode(memoryview(content)[1:])]
    except (msgspec.MsgspecError, ValueError) as error:
        raise SpoolError("facts are written in words that this version doesn't know") from error


def _encode(fact: Fact) -> bytes:
    body = fact.body
    stored = _Stored(
        fact.id, fact.domain, fact.source, fact.accepted_at, fact.digest, fact.raw, fact.point_id
    )
    setattr(stored, _NAMES[type(body)], body)
    try:
        return _to_bytes(stored)
    except OverflowError:  # MessagePack's numbers have 64 bits, those of JSON any number
        rewritten: Any = replace(body, **_spelled(body))
        setattr(stored, _NAMES[type(body)], rewritten)
        return _to_bytes(stored)


def _fact(stored: _Stored) -> Fact:
    body = stored.receipt or _of_tuples(stored.notice or stored.send) or stored.quarantined
    if body is None:
        raise ValueError("a kind of fact that we don't know")
    return Fact(
        id=stored.id,
        domain=stored.domain,
        point_id=stored.point_id,
        source=stored.source,
        accepted_at=stored.accepted_at,
        digest=stored.digest,
        raw=stored.raw,
        body=body,
    )


def _of_tuples(body: Notice | Send | None) -> Notice | Send | None:
    """Return it with tuples where arrays were read, as facts are made."""
    if isinstance(body, Notice):
        return replace(body, attachments=tuple(body.attachments))
    return replace(body, destinations=tuple(body.destinations)) if body else None


def _spelled(body: Body) -> dict[str, Any]:
    values = asdict(body)
    return {name: _spell(value) for name, value in values.items() if _spell(value) != value}


def _spell(value: Any) -> Any:
    """Return a JSON value with big numbers written out."""
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        return Ext(_BIG_NUMBER, str(value).encode())
    if isinstance(value, Mapping):
        return {key: _spell(item) for key, item in value.items()}
    return [_spell(item) for item in value] if isinstance(value, list | tuple) else value


def _read_extension(code: int, content: memoryview) -> Any:
    if code != _BIG_NUMBER:
        raise ValueError("an extension that we don't know")
    return int(bytes(content))


_to_bytes: Final[Callable[[_Stored], bytes]] = Encoder(uuid_format="bytes").encode
_decode: Final = Decoder(list[_Stored], ext_hook=_read_extension).decode
