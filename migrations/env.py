"""How Alembic reaches the database: the URL comes from the caller, else from DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from receiver.store.database import sqlalchemy_url
from receiver.store.schema import METADATA


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Leave out the daily partitions: they are made as days come, not by migrations."""
    return kind != "table" or name in METADATA.tables


url = context.config.attributes.get("url") or os.environ["DATABASE_URL"]
engine = create_engine(sqlalchemy_url(url), poolclass=NullPool)
with engine.connect() as connection:
    connection.exec_driver_sql("SET lock_timeout = '5s'")
    connection.commit()
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_name=is_ours,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
