"""Facts: what arrived and what was recorded, immutable, stamped once.

All times are aware, in UTC. Every text is storable: no NUL, no lone surrogate.
An empty string means that nothing was given. They are structs, since some are made for every
notification, and to make a frozen dataclass takes many times as long.
"""

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from msgspec import Struct, field


class Kind(StrEnum):
    """What a fact is."""

    RECEIPT = "receipt"
    MESSAGE = "message"
    EVENT = "event"
    CALL = "call"
    PROFILE = "profile"
    """What became of a request to create profiles."""
    SEND = "send"
    QUARANTINED = "quarantined"


#: What a notice can be; receipts are the other notifications.
NOTICED: Final = (Kind.MESSAGE, Kind.EVENT, Kind.CALL, Kind.PROFILE)


class Source(StrEnum):
    """The way by which a fact came in."""

    HOOK = "hook"
    GATEWAY = "gateway"
    API = "api"
    RECONCILED = "reconciled"
    IMPORT = "import"
    REPLAY = "replay"


class Origin(StrEnum):
    """Who says what a send was; a later one in ORIGIN_RANKS is believed over an earlier."""

    CLIENT = "client"
    EXCHANGE = "exchange"
    GATEWAY = "gateway"


ORIGIN_RANKS: Final = {Origin.CLIENT: 1, Origin.EXCHANGE: 2, Origin.GATEWAY: 3}


class State(StrEnum):
    """How far a send itself came; UNRECORDED is one of which only receipts are known."""

    REGISTERED = "registered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"
    UNRECORDED = "unrecorded"


class Receipt(Struct, frozen=True, kw_only=True):
    """One delivery-status notification."""

    transid: str
    """As reported, with its suffix if it has one."""
    destination: str
    destination_type: str = ""
    channel: str = ""
    """Canonical (sms, mms, voice, email, whatsapp, rcs, push, rt, ...), else as reported."""
    raw_status: str
    code: str = ""
    description: str = ""
    additional_info: str = ""
    carrier: str = ""
    segments: int | None = None
    correlationid: str = ""
    callback_data: str = ""
    provider_at: datetime | None = None
    provider_at_raw: str = ""
    zone_assumed: bool = False

    @property
    def kind(self) -> Kind:
        """Say what this is."""
        return Kind.RECEIPT


class Notice(Struct, frozen=True, kw_only=True):
    """An inbound message, an event, a call event or a result of profiles: no receipt."""

    kind: Kind
    name: str = ""
    """The platform's `event` value as it came: MO, postback, ANSWERED, ..."""
    tid: str = ""
    """The notice's own transaction (a call's session); an index, not unique."""
    channel: str = ""
    sender: str = ""
    """Who it came from: the customer, for messages."""
    recipient: str = ""
    """Our own address: number, application id, mailbox."""
    text: str = ""
    subject: str = ""
    attachments: Sequence[Any] = ()
    """What the platform lists, without inline content (that stays in the raw body)."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """What else is worth showing without opening the raw body."""
    transid: str = ""
    correlationid: str = ""
    """Of the send that this answers or reports on, where the platform says so."""
    quoted: str = ""
    """The id of the message that this one quotes (context, request or related id)."""
    provider_at: datetime | None = None
    provider_at_raw: str = ""
    zone_assumed: bool = False


class Destination(Struct, frozen=True, kw_only=True):
    """One recipient as the sender named it."""

    value: str
    type: str = ""
    correlationid: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """What the platform said to a request."""

    http: int | None = None
    code: str = ""
    description: str = ""
    at: datetime | None = None


class Send(Struct, frozen=True, kw_only=True):
    """One outbound request as somebody recorded it: a fact, never overwritten."""

    transid: str = ""
    """The platform's id; empty as long as a send is only registered."""
    registration: UUID | None = None
    """Our id of a send that was registered before its transid was known."""
    origin: Origin = Origin.CLIENT
    state: State = State.ACCEPTED
    correlationid: str = ""
    channel: str = ""
    sender: str = ""
    destinations: Sequence[Destination] = ()
    text: str = ""
    callback_data: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tag: str = ""
    requested_at: datetime | None = None
    expires_at: datetime | None = None
    answer: Answer | None = None
    notify_url: str = ""
    """Where the sender wants to hear of it; empty where that is not known."""
    reports_elsewhere: bool = False
    """Whether its receipts go there and not to us, so that it is never missed here."""

    @property
    def kind(self) -> Kind:
        """Say what this is."""
        return Kind.SEND


class Quarantined(Struct, frozen=True, kw_only=True):
    """What was admitted and could not be understood, kept whole, replayable."""

    reason: str
    """not_json, unrecognised, bad_field, too_large, disabled, apply_failed, bad_signature or
    bad_address."""
    message: str = ""
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)
    path: str = ""
    """Behind the token: `/dr`, or empty."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those of an allow-list only."""
    answered: int = 200
    truncated: bool = False
    shape: str = ""
    """How the body is built, without what it says."""

    @property
    def kind(self) -> Kind:
        """Say what this is."""
        return Kind.QUARANTINED


Body = Receipt | Notice | Send | Quarantined


class Fact(Struct, frozen=True, kw_only=True):
    """A body with its stamps. They are given once, and travel with it wherever it goes."""

    id: UUID
    domain: str
    point_id: UUID | None
    source: Source
    accepted_at: datetime
    digest: bytes
    raw: bytes
    body: Body


def stamp(
    body: Body,
    *,
    domain: str,
    point_id: UUID | None,
    source: Source,
    raw: bytes,
    index: int = 0,
    accepted_at: datetime | None = None,
) -> Fact:
    """Make a fact of `body`; `raw` is its own slice of what came, `index` its place in an array."""
    return Fact(
        id=new_id(),
        domain=domain,
        point_id=point_id,
        source=source,
        accepted_at=accepted_at or datetime.now(UTC),
        digest=digest_of(domain, point_id, index, raw),
        raw=raw,
        body=body,
    )


def digest_of(domain: str, point_id: UUID | None, index: int, raw: bytes) -> bytes:
    """Return the SHA-256 that tells a repetition from a second fact."""
    head = f"{domain}\0{point_id or ''}\0{index}\0".encode()
    return hashlib.sha256(head + raw).digest()


def id_from(*names: str) -> UUID:
    """Return the id that follows from names, a UUIDv8: whoever knows them needs not ask."""
    value = int.from_bytes(hashlib.sha256("\0".join(names).encode()).digest()[:16])
    value = value & ~(0xF << 76) | 0x8 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


#: Set in the ids of parts, the highest of the bits that are random.
_PART: Final = 1 << 75


def new_id() -> UUID:
    """Return a UUIDv7: ids made later sort later, to the millisecond."""
    return _uuid7(time.time_ns() // 1_000_000, int.from_bytes(os.urandom(10)) & ~_PART)


def part_id(whole: UUID, index: int) -> UUID:
    """Return the id of a part of what has the id `whole`: the same every time, right behind it."""
    digest = hashlib.sha256(f"{whole}\0{index}".encode()).digest()
    return _uuid7(whole.int >> 80, int.from_bytes(digest[:10]) | _PART)


def made_at(id_: UUID) -> datetime:
    """Return when an id of `new_id` or `part_id` was made. Raises ValueError for other ids."""
    try:
        return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError("an id of another kind") from error


def _uuid7(milliseconds: int, random: int) -> UUID:
    value = (milliseconds & (1 << 48) - 1) << 80 | random & (1 << 80) - 1
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
