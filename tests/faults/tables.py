"""Faults of what Postgres holds: a missing partition, a fact that it refuses; and a wrong clock."""

import http
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from tests.faults.senders import Platform
from tests.faults.stages import Scene

HOUR_SECONDS: Final = 3600
POISONED: Final = 20
_REFUSE: Final = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF starts_with(NEW.transid, 'poison-') THEN
    RAISE EXCEPTION 'poisoned' USING ERRCODE = 'numeric_value_out_of_range';
  END IF;
  RETURN NEW;
END $$
"""


@contextmanager
def partition_missing(scene: Scene) -> Iterator[None]:
    """Take today's partition of the receipts away; what it held is given back in the end."""
    days = [datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (0, 10)]
    names = sorted({f"receipts_{day:%Y%m%d}" for day in days})
    scene.postgres.run(*(f"{_DETACH.format(name)}; {_SET_ASIDE.format(name)}" for name in names))
    yield
    scene.postgres.run(*(_GIVE_BACK.format(name) for name in names))


_DETACH: Final = "ALTER TABLE receipts DETACH PARTITION {0}"
_SET_ASIDE: Final = "ALTER TABLE {0} RENAME TO aside_{0}"
_GIVE_BACK: Final = "INSERT INTO receipts SELECT * FROM aside_{0}; DROP TABLE aside_{0}"


@contextmanager
def poisoned(scene: Scene) -> Iterator[None]:
    """Let Postgres refuse some facts for their own sake: they go to quarantine, whole."""
    refuse = "BEFORE INSERT ON receipts FOR EACH ROW EXECUTE FUNCTION refuse()"
    scene.postgres.run(_REFUSE, f"CREATE TRIGGER refuse {refuse}")
    platform = Platform(scene.hook_url, name=f"poison-{datetime.now(UTC):%H%M%S}")
    ids = [f"{platform.name}-{number}" for number in range(POISONED)]
    try:
        platform.deliver([ids[:10], ids[10:]])
        yield
    finally:
        scene.postgres.run("DROP TRIGGER refuse ON receipts", "DROP FUNCTION refuse")
    assert platform.statuses() == {http.HTTPStatus.OK: POISONED}
    assert _quarantined(scene.postgres.url, platform.name) == POISONED


def _quarantined(url: str, name: str) -> int:
    query = "SELECT count(*) FROM quarantine WHERE position(%s IN raw) > 0"
    with psycopg.connect(url) as connection:
        row = connection.execute(query, [name.encode()]).fetchone()
    assert row is not None
    count: int = row[0]
    return count


@contextmanager
def clock_set_back(scene: Scene) -> Iterator[None]:
    """Set the service's clock back by an hour, and right again."""
    assert scene.clock is not None
    with scene.clock.set_back(HOUR_SECONDS):
        yield
