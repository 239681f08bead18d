"""What `receiver serve` says before it starts."""

import stat
from pathlib import Path
from typing import Any

import pytest

from receiver.cli.outlook import outlook
from receiver.settings import Settings
from receiver.store.database import connect
from tests.conftest import MakeDatabase

NOWHERE = "postgresql://me:hunter2@127.0.0.1:1/db"


def said(url: str, var: Path, **more: Any) -> list[str]:
    return list(outlook(Settings(database_url=url, var_dir=var, **more), url))


def test_where_all_is_well_nothing_is_said(database_url: str, var_dir: Path) -> None:
    assert said(database_url, var_dir) == []
    assert stat.S_IMODE((var_dir / "spool").stat().st_mode) == 0o700
    assert list((var_dir / "spool").iterdir()) == []


def test_what_would_be_lost_without_a_spool_is_said_before_it_is_needed(
    database_url: str, var_dir: Path
) -> None:
    var_dir.mkdir()
    (var_dir / "file").touch()

    (off,) = said(database_url, var_dir, spool="off")
    (unwritable,) = said(database_url, var_dir, spool=str(var_dir / "file" / "spool"))

    assert off == (
        "there is no spool (RECEIVER_SPOOL): without the database notifications would be"
        " answered 503"
    )
    assert f"the spool at {var_dir}/file/spool can't be written" in unwritable


def test_a_database_that_is_away_is_named_without_its_password(var_dir: Path) -> None:
    away, way, known = said(NOWHERE, var_dir)

    assert "can't be reached" in away
    assert "hunter2" not in away
    assert way == f"until then notifications go to the spool at {var_dir}/spool"
    assert "no hook token is known" in known


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE alembic_version SET version_num = '0000'", "the schema is behind the code"),
        ("DROP TABLE alembic_version", "the database has no tables yet"),
    ],
)
def test_a_schema_that_is_behind_is_named_with_its_cure(
    make_database: MakeDatabase, var_dir: Path, change: str, fault: str
) -> None:
    url = make_database()
    with connect(url) as connection:
        connection.execute(change.encode())

    assert said(url, var_dir)[0] == f"{fault}: run `receiver migrate`"
