"""Which servers are trusted with facts."""

import pytest
from alembic.script import ScriptDirectory

from receiver.domain.errors import SetupError, StoreAwayError
from receiver.store import fitness, schema
from receiver.store.database import connect
from tests.conftest import MakeDatabase, create_database


def test_what_is_required_is_the_newest_step() -> None:
    script = ScriptDirectory.from_config(schema.config_for(""))
    names = [revision.revision for revision in script.walk_revisions()]

    assert script.get_current_head() == fitness.REQUIRED
    assert sorted(names, reverse=True) == names


def test_facts_are_written_where_the_schema_is_ours_or_newer(make_database: MakeDatabase) -> None:
    url = make_database()
    fitness.connect_for_facts(url).close()
    with connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with fitness.connect_for_facts(url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)


def test_a_schema_behind_is_as_if_the_database_were_away(make_database: MakeDatabase) -> None:
    url = make_database()
    with connect(url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")

    with pytest.raises(StoreAwayError, match="behind the code"):
        fitness.connect_for_facts(url)
    with pytest.raises(SetupError, match="behind the code"):
        schema.require_current(url)


def test_so_is_one_without_tables(postgres_url: str) -> None:
    url = create_database(postgres_url, "without_tables")

    with pytest.raises(StoreAwayError, match="no tables"):
        fitness.connect_for_facts(url)
