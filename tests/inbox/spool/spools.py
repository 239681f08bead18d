"""Spools as tests need them, on real files."""

import uuid
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from receiver.domain.facts import (
    Answer,
    Body,
    Destination,
    Fact,
    Kind,
    Notice,
    Origin,
    Quarantined,
    Receipt,
    Send,
    Source,
    State,
)
from receiver.inbox.spool import Spool
from receiver.inbox.spool.reader import Reader
from receiver.inbox.spool.segments import State as SegmentState
from receiver.inbox.spool.segments import list_
from receiver.sealing import Sealer
from tests.making import TIMES, make_fact, make_receipt, receipts, sends
from tests.store.ledgers import in_domain

KEY = b"k" * 32
SEALER = Sealer([KEY])


def make_spool(
    directory: Path, *, sealer: Sealer = SEALER, max_bytes: int = 1 << 30, **more: Any
) -> Spool:
    return Spool(directory, sealer, max_bytes=max_bytes, **more)


def make_facts(count: int, *, domain: str = "", raw: bytes = b"") -> Sequence[Fact]:
    """Receipts of as many sends, in a domain where no other test has been."""
    domain = domain or uuid.uuid4().hex
    facts = [
        make_fact(
            make_receipt(f"{domain[:40]}-{number}", "Delivered", f"4477{number:08}"),
            number=number,
            raw=raw and raw + str(number).encode(),
        )
        for number in range(count)
    ]
    return in_domain(facts, domain)


def put_each(spool: Spool, facts: Sequence[Fact]) -> None:
    """One record each."""
    for fact in facts:
        spool.put([fact])


def waiting(directory: Path) -> Sequence[Path]:
    return [file.path for file in list_(directory, SegmentState.WAITING)]


def names(directory: Path) -> Sequence[str]:
    return sorted(path.name for path in directory.iterdir())


def read(path: Path, sealer: Sealer = SEALER) -> tuple[list[Fact], int]:
    """The facts of a segment, and how many records of it are damaged."""
    with path.open("rb") as file:
        reader = Reader(file.fileno(), sealer)
        facts: list[Fact] = []
        while (record := reader.next()) is not None:
            facts += record
        return facts, reader.damaged


def read_all(directory: Path) -> list[Fact]:
    return [fact for path in waiting(directory) for fact in read(path)[0]]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NUMBERS = st.integers() | st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
MOMENTS = TIMES | st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(fold=0))
NOTICES = st.builds(
    Notice,
    kind=st.sampled_from([Kind.MESSAGE, Kind.EVENT, Kind.CALL]),
    name=TEXTS,
    text=TEXTS,
    attachments=st.lists(VALUES, max_size=2).map(tuple),
    details=st.dictionaries(TEXTS, VALUES, max_size=3),
    provider_at=st.none() | MOMENTS,
    zone_assumed=st.booleans(),
)
QUARANTINED = st.builds(
    Quarantined,
    reason=st.sampled_from(["not_json", "too_large"]),
    errors=st.dictionaries(TEXTS, st.lists(TEXTS, max_size=2), max_size=2),
    headers=st.dictionaries(TEXTS, TEXTS, max_size=2),
    answered=st.sampled_from([200, 400, 0]),
    truncated=st.booleans(),
)
WHOLE_SENDS = st.builds(
    Send,
    registration=st.none() | st.uuids(),
    origin=st.sampled_from(Origin),
    state=st.sampled_from(State),
    text=TEXTS,
    destinations=st.lists(
        st.builds(Destination, value=TEXTS, type=TEXTS, correlationid=TEXTS), max_size=2
    ).map(tuple),
    metadata=st.dictionaries(TEXTS, VALUES, max_size=3),
    requested_at=st.none() | MOMENTS,
    expires_at=st.none() | MOMENTS,
    answer=st.none()
    | st.builds(Answer, http=st.none() | st.integers(100, 599), code=TEXTS, at=st.none() | MOMENTS),
)
WHOLE_RECEIPTS = st.builds(
    Receipt,
    transid=TEXTS,
    destination=TEXTS,
    raw_status=TEXTS,
    segments=st.none() | st.integers(0, 1 << 31),
    provider_at=st.none() | MOMENTS,
    provider_at_raw=TEXTS,
    zone_assumed=st.booleans(),
)
BODIES: st.SearchStrategy[Body] = (
    receipts() | sends() | WHOLE_RECEIPTS | WHOLE_SENDS | NOTICES | QUARANTINED
)
FACTS = st.builds(
    Fact,
    id=st.uuids(),
    domain=TEXTS,
    point_id=st.none() | st.uuids(),
    source=st.sampled_from(Source),
    accepted_at=MOMENTS,
    digest=st.binary(min_size=32, max_size=32),
    raw=st.binary(max_size=64),
    body=BODIES,
)
