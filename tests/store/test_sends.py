"""How sends are found: by an index, whatever they are called by."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from receiver.store import sends
from receiver.store.database import connect, make_engine
from tests.conftest import MakeDatabase
from tests.making import UUIDS

_FILL = """
    INSERT INTO sends (id, domain, transid, base, reported, aliases, reported_channel,
                       reported_correlationid, reported_callback_data)
    SELECT gen_random_uuid(), 'default', n, n, true, '{}', '', '', ''
      FROM generate_series(1, 20000) n
    """


@pytest.fixture(scope="module")
def engine(make_database: MakeDatabase) -> Iterator[Engine]:
    """An engine on a database in which a scan of all sends would not pay."""
    url = make_database()
    with connect(url) as connection:
        connection.execute(_FILL)
        connection.execute("ANALYZE sends")
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("name", ["77", "none", UUIDS[0], f"{UUIDS[0]}_0", f"{UUIDS[0]}_3"])
def test_no_name_of_a_send_is_looked_for_in_all_of_them(engine: Engine, name: str) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_: Connection, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    with Session(engine) as session:
        sends.find(session, name, domain="default")
        event.remove(engine, "before_cursor_execute", note)
        plans = "\n".join(
            line
            for statement, parameters in asked
            for (line,) in session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
        )

    assert "sends_id" in plans
    assert "Seq Scan on sends" not in plans
    assert "sends_newest" not in plans
