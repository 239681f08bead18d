"""The schema's versions: bringing a database to the newest, and telling where it stands."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from receiver.domain.errors import SetupError, StoreAwayError
from receiver.store.database import CONNECT_TIMEOUT_SECONDS, describe, sqlalchemy_url

MIGRATIONS: Final = Path(__file__).resolve().parents[2] / "migrations"


def config_for(url: str) -> Config:
    """Return Alembic's configuration for the database at `url`."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    return config


def upgrade(url: str) -> None:
    """Bring the schema to the newest version. Raises StoreAwayError, SetupError."""
    try:
        command.upgrade(config_for(url), "head")
    except OperationalError as error:
        raise StoreAwayError(f"the database {describe(url)} can't be reached") from error
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        raise SetupError(f"the database {describe(url)} can't be migrated: {reason}") from error
    except CommandError as error:
        raise SetupError(f"the schema is newer than this code: {error}") from error


def require_current(url: str) -> None:
    """Raise SetupError unless the schema is what this code was written for, or newer."""
    script = ScriptDirectory.from_config(config_for(url))
    connect_args = {"connect_timeout": CONNECT_TIMEOUT_SECONDS}
    engine = create_engine(sqlalchemy_url(url), poolclass=NullPool, connect_args=connect_args)
    try:
        with engine.connect() as connection:
            version = MigrationContext.configure(connection).get_current_revision()
    except OperationalError as error:
        raise StoreAwayError(f"the database {describe(url)} can't be reached") from error
    known = {revision.revision for revision in script.walk_revisions()}
    if version is None:
        raise SetupError("the database has no tables yet: run `receiver migrate`")
    if version in known and version != script.get_current_head():
        raise SetupError("the schema is behind the code: run `receiver migrate`")
