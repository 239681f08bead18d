"""Facts as tests need them: by hand, and by hypothesis."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from msgspec.structs import replace

from receiver.domain.facts import (
    Answer,
    Destination,
    Fact,
    Origin,
    Receipt,
    Send,
    Source,
    State,
    digest_of,
)

#: An hour before midnight, so that some facts fall on the next day.
START = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
UUIDS = ("5c9d6e3a-0000-4000-8000-000000000001", "5c9d6e3a-0000-4000-8000-000000000002")


def make_fact(
    body: Receipt | Send,
    *,
    domain: str = "default",
    raw: bytes = b"",
    point_id: UUID | None = None,
    at: datetime = START,
    number: int = 0,
    source: Source = Source.HOOK,
) -> Fact:
    raw = raw or repr(body).encode()
    return Fact(
        id=UUID(int=(7 << 76) | number),
        domain=domain,
        point_id=point_id,
        source=source,
        accepted_at=at,
        digest=digest_of(domain, point_id, 0, raw),
        raw=raw,
        body=body,
    )


def make_receipt(
    transid: str, status: str, destination: str = "447700900123", **more: Any
) -> Receipt:
    fields = {"channel": "sms", "destination_type": "msisdn", "code": "7500"} | more
    return Receipt(transid=transid, raw_status=status, destination=destination, **fields)


def make_send(transid: str, *destinations: str, **more: Any) -> Send:
    named = tuple(Destination(value=value) for value in destinations)
    return Send(transid=transid, destinations=named, **more)


TRANSIDS = st.builds(
    "{}{}".format, st.sampled_from(UUIDS), st.sampled_from(["", "", "", "_0", "_1", "_2"])
)
#: Names and addresses of few people, in several spellings.
DESTINATIONS = st.sampled_from(
    [
        ("447700900123", "msisdn"),
        ("+44 7700 900123", "waid"),
        ("447700900999", "msisdn"),
        ("a@example.org", "email"),
        ("b@example.org", "emailid"),
        ("customer-7", "customerid"),
        ("GB.2146020000000001", "bsuid"),
        ("1368000000000001", "psid"),
    ]
)
STATUSES = st.sampled_from(
    [
        "Submitted",
        "Delivered",
        "Un-Delivered",
        "Failed",
        "Bounce",
        "Read",
        "Clicked",
        "Complaint",
        "Queued",
        "DROPPED",
        "Wobbled",
        "Zapped",
    ]
)
TIMES = st.integers(0, 4).map(lambda hours: START + timedelta(minutes=30 * hours))
SOURCES = st.sampled_from([Source.HOOK, Source.HOOK, Source.REPLAY, Source.RECONCILED])
POINTS = st.sampled_from([None, UUID(int=1), UUID(int=2)])


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    destination, kind = draw(DESTINATIONS)
    return Receipt(
        transid=draw(TRANSIDS),
        destination=destination,
        destination_type=draw(st.sampled_from([kind, kind, ""])),
        channel=draw(st.sampled_from(["sms", "voice", "email"])),
        raw_status=draw(STATUSES),
        code=draw(st.sampled_from(["", "7500", "7501"])),
        carrier=draw(st.sampled_from(["", "A", "B"])),
        segments=draw(st.sampled_from([None, 1, 2])),
        correlationid=draw(st.sampled_from(["", "c-1", "c-2"])),
        callback_data=draw(st.sampled_from(["", "data"])),
        provider_at=draw(st.none() | TIMES),
    )


#: A registration is completed by one transid, but for what two completions at once may bring.
REGISTRATIONS = {
    UUID(int=0x7001): (UUIDS[0],),
    UUID(int=0x7002): (f"{UUIDS[1]}_1", UUIDS[0], f"{UUIDS[1]}_1"),
}


@st.composite
def sends(draw: st.DrawFn) -> Send:
    registration = draw(st.none() | st.sampled_from(sorted(REGISTRATIONS)))
    known = REGISTRATIONS.get(registration) if registration else None
    transid = draw(st.sampled_from(known) if known else TRANSIDS)
    named = draw(st.lists(DESTINATIONS, max_size=3))
    answer = draw(st.none() | st.builds(Answer, code=st.sampled_from(["1001", "7003"])))
    return Send(
        transid=transid if registration is None or draw(st.booleans()) else "",
        registration=registration,
        origin=draw(st.sampled_from(Origin)),
        state=draw(st.sampled_from([s for s in State if s is not State.UNRECORDED])),
        correlationid=draw(st.sampled_from(["", "c-1", "c-9"])),
        channel=draw(st.sampled_from(["", "sms"])),
        sender=draw(st.sampled_from(["", "DEMOBK"])),
        destinations=tuple(Destination(value=value, type=kind) for value, kind in named),
        tag=draw(st.sampled_from(["", "otp"])),
        metadata=draw(st.sampled_from([{}, {"order": 7}])),
        requested_at=draw(st.none() | TIMES),
        answer=answer,
        notify_url=draw(st.sampled_from(["", "https://a.example/", "https://b.example/"])),
        reports_elsewhere=draw(st.booleans()),
    )


@st.composite
def histories(draw: st.DrawFn) -> Sequence[Fact]:
    """Facts of a few families: some repeated, at other times, as the platform does."""
    bodies = draw(st.lists(receipts() | receipts() | sends(), min_size=1, max_size=12))
    points = [draw(POINTS) for _ in bodies]
    sources = [draw(SOURCES) for _ in bodies]
    at = draw(st.lists(TIMES, min_size=len(bodies), max_size=len(bodies)))
    facts = [
        make_fact(body, point_id=point, at=when, number=number, source=source)
        for number, (body, point, when, source) in enumerate(
            zip(bodies, points, at, sources, strict=True)
        )
    ]
    again = draw(st.lists(st.tuples(st.sampled_from(facts), TIMES), max_size=4))
    for number, (fact, when) in enumerate(again, start=len(facts)):
        facts.append(replace(fact, id=UUID(int=(7 << 76) | number), accepted_at=when))
    otherwise = draw(st.lists(st.tuples(st.sampled_from(facts), receipts(), TIMES), max_size=3))
    for number, (fact, body, when) in enumerate(otherwise, start=len(facts)):
        if isinstance(fact.body, Receipt):  # the same bytes, read in another way
            id_ = UUID(int=(7 << 76) | number)
            source = draw(SOURCES)
            facts.append(replace(fact, id=id_, accepted_at=when, body=body, source=source))
    return facts
