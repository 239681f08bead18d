"""The schema's versions: bringing a database to the newest, and telling where it stands."""

from typing import Final

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy.exc import DBAPIError, OperationalError

from receiver.domain.errors import SetupError, StoreAwayError
from receiver.store import (
    admin_tables,
    claims,
    derived_tables,
    fitness,
    job_tables,
    question_tables,
    tables,
)
from receiver.store.database import describe
from receiver.store.fitness import MIGRATIONS

#: Every table there is, in whichever module it is written down.
METADATA: Final = tables.Base.metadata
_WRITTEN_IN: Final = (tables, admin_tables, derived_tables, job_tables, question_tables, claims)


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
    """Make sure that the schema is what this code was written for, or newer.

    Raises: SetupError where it isn't, StoreAwayError where nobody can say.
    """
    try:
        fitness.check(url, fitness.check_current)
    except StoreAwayError as error:
        raise StoreAwayError(f"the database {describe(url)} can't be reached") from error
