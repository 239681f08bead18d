"""The schema in steps, and what a command says of a database that is not ready."""

import os
from datetime import date
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import sql
from sqlalchemy import create_engine

from receiver.domain.errors import SetupError, StoreAwayError
from receiver.store import partitions, schema
from receiver.store.apply import apply
from receiver.store.database import check_durable, connect, sqlalchemy_url
from tests.conftest import MakeDatabase, create_database
from tests.making import make_fact, make_receipt
from tests.store.ledgers import stored

_TRIGGERS = """
    SELECT pg_get_functiondef(oid) FROM pg_proc
     WHERE pronamespace = current_schema()::regnamespace ORDER BY proname
    """


def test_tables_need_no_new_migration(database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    names = schema.METADATA.tables
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: kind != "table" or name in names,
            },
        )
        assert compare_metadata(context, schema.METADATA) == []
    engine.dispose()


def test_every_step_goes_down_and_up_again(make_database: MakeDatabase) -> None:
    url = make_database()

    command.downgrade(schema.config_for(url), "base")
    with pytest.raises(SetupError, match="receiver migrate"):
        schema.require_current(url)
    schema.upgrade(url)

    schema.require_current(url)


def test_what_is_there_gets_its_new_keys_and_back(make_database: MakeDatabase) -> None:
    url = make_database()
    first, second = (make_receipt(transid, "Submitted") for transid in ("t-1", "t-2"))
    last = make_fact(make_receipt("t-1", "Delivered"))
    with connect(url) as connection:
        triggers = connection.execute(_TRIGGERS).fetchall()
        apply(connection, [make_fact(first), make_fact(second)])
        ledger = stored(connection, "default")
    command.downgrade(schema.config_for(url), "0007")
    schema.upgrade(url)

    with connect(url) as connection:
        assert connection.execute(_TRIGGERS).fetchall() == triggers
        assert stored(connection, "default") == ledger
        apply(connection, [last])
        statuses = connection.execute("SELECT transid, rank FROM deliveries ORDER BY 1").fetchall()
    assert statuses == [("t-1", 50), ("t-2", 20)]


def test_a_newer_schema_is_left_alone(make_database: MakeDatabase) -> None:
    url = make_database()
    with connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'later'")

    schema.require_current(url)
    with pytest.raises(SetupError, match="newer"):
        schema.upgrade(url)


def test_a_server_that_is_not_there_is_named(make_database: MakeDatabase) -> None:
    for call in (schema.upgrade, schema.require_current):
        with pytest.raises(StoreAwayError, match=r"127\.0\.0\.1/db"):
            call("postgres://user:secret@127.0.0.1:1/db")


def test_partitions_are_made_once(make_database: MakeDatabase) -> None:
    with connect(make_database()) as connection:
        made = partitions.ensure(connection, today=date(2030, 1, 15), days_ahead=1)
        again = partitions.ensure(connection, today=date(2030, 1, 15), days_ahead=1)

    assert (made, again) == (12, 0)


def test_a_partition_is_made_while_a_long_read_holds_its_table(
    make_database: MakeDatabase,
) -> None:
    url = make_database()
    with connect(url) as reader, connect(url) as connection, reader.transaction():
        reader.execute("SELECT count(*) FROM receipts")

        assert partitions.ensure(connection, today=date(2030, 1, 15), days_ahead=0) == 8


def test_a_server_that_forgets_is_refused(postgres_url: str) -> None:
    url = create_database(postgres_url, f"forgetful_{os.getpid()}")
    with connect(url) as connection:
        check_durable(connection)
        with pytest.raises(SetupError, match="synchronous_commit"):
            forget(connection)


def forget(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SET synchronous_commit = off")
    check_durable(connection)


def test_a_reload_of_the_server_loosens_no_session(make_database: MakeDatabase) -> None:
    url = make_database()
    with connect(url) as connection, connect(url) as other:
        name = connection.info.dbname
        other.execute(
            sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name))
        )
        source = "SELECT setting, source FROM pg_settings WHERE name = 'synchronous_commit'"

        assert connection.execute(source).fetchone() == ("on", "session")
    with connect(url) as connection:
        assert connection.execute(source).fetchone() == ("on", "session")


def test_a_database_that_can_t_hold_every_letter_is_refused(postgres_url: str) -> None:
    name = f"latin_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'").format(
                sql.Identifier(name)
            )
        )
    with (
        psycopg.connect(postgres_url, dbname=name) as connection,
        pytest.raises(SetupError, match="UTF8"),
    ):
        check_durable(connection)
