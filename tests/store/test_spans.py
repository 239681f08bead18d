"""Spans of time as spans of `seq`: they hold all that lies in the time, and little else."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from receiver.store import spans
from receiver.store.database import connect, make_engine
from receiver.store.tables import DeliveryRow, SendRow
from tests.conftest import MakeDatabase

START = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = 10_000
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
#: One row every ten minutes, a gap in `seq` after each, and every hundredth known 36 hours late.
_FILL = f"""
    INSERT INTO sends (seq, id, domain, transid, base, reported, aliases, reported_channel,
                       reported_correlationid, reported_callback_data, reported_at, known_at)
    OVERRIDING SYSTEM VALUE
    SELECT n * 3, gen_random_uuid(), 'default', n, n, true, '{{}}', '', '', '',
           known - interval '1 second' * CASE WHEN n % 100 = 0 THEN 36 * 3600 ELSE 1 END, known
      FROM (SELECT n, timestamptz '{START.isoformat()}' + n * interval '10 minutes' AS known
              FROM generate_series(1, {ROWS}) n) rows;
    INSERT INTO deliveries (seq, domain, transid, destination_key, destination, destination_type,
                            recorded, reported, rank, raw_status, code, description,
                            additional_info, provider_at_raw, zone_assumed, decided_digest,
                            decided_at, also, also_digest, reached, missed, carrier,
                            correlationid, known_at, send_seq)
    OVERRIDING SYSTEM VALUE
    SELECT seq, domain, transid, '', '', '', false, true, 50, '', '', '', '', '', false, '',
           known_at, '', '', false, false, '', '', known_at, seq
      FROM sends;
    ANALYZE sends, deliveries;
    """
WINDOWS = [
    pytest.param(START - DAY, START + DAY, id="first"),
    pytest.param(START + 30 * DAY, START + 31 * DAY, id="middle"),
    pytest.param(START + 30 * DAY, START + 30 * DAY + MINUTE, id="a minute"),
    pytest.param(START + 69 * DAY, START + 99 * DAY, id="last"),
    pytest.param(START + 99 * DAY, START + 100 * DAY, id="after all"),
    pytest.param(START - 9 * DAY, START - 8 * DAY, id="before all"),
    pytest.param(START + 60 * DAY, None, id="since"),
    pytest.param(None, START + 9 * DAY, id="until"),
]


@pytest.fixture(scope="module")
def engine(make_database: MakeDatabase) -> Iterator[Engine]:
    """An engine on a ledger of some months."""
    url = make_database()
    with connect(url) as connection:
        connection.execute(_FILL.encode())
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(("since", "until"), WINDOWS)
def test_a_span_of_sends_holds_its_window(
    engine: Engine, since: datetime | None, until: datetime | None
) -> None:
    within = bounded(SendRow.accepted_at, since, until)
    with Session(engine) as session:
        span = spans.of_sends(session, since, until)
        wanted = count(session, SendRow, *within)

        assert count(session, SendRow, *within, *span) == wanted
        # Rows that came late may lie a day and a half behind the others of their time.
        assert count(session, SendRow, *span) <= wanted + 240


@pytest.mark.parametrize(("since", "until"), WINDOWS)
def test_a_span_of_deliveries_holds_its_window(
    engine: Engine, since: datetime | None, until: datetime | None
) -> None:
    within = bounded(DeliveryRow.known_at, since, until)
    with Session(engine) as session:
        span = spans.of_deliveries(session, since, until)
        wanted = count(session, DeliveryRow, *within)

        assert count(session, DeliveryRow, *within, *span) == wanted
        assert count(session, DeliveryRow, *span) <= wanted + 2


def test_an_empty_ledger_has_spans(make_database: MakeDatabase) -> None:
    engine = make_engine(make_database())
    with Session(engine) as session:
        for of in (spans.of_sends, spans.of_deliveries):
            assert len(of(session, START, START + DAY)) == 2
            assert of(session, None, None) == ()
    engine.dispose()


def test_the_last_late_send_is_not_looked_for_in_all(engine: Engine) -> None:
    asked = {"since": START, "until": START + DAY, "low": START, "high": START + DAY}
    with Session(engine) as session:
        explained = f"EXPLAIN {spans.OF_SENDS.text}"
        plan = "\n".join(session.scalars(text(explained), asked))

    assert "sends_late" in plan
    assert "Seq Scan" not in plan


def bounded(column: Any, since: datetime | None, until: datetime | None) -> list[Any]:
    conditions = [] if since is None else [column >= since]
    return conditions if until is None else [*conditions, column < until]


def count(session: Session, table: Any, *conditions: Any) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*conditions)) or 0
