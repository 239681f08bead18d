"""What the bench tells the usual way: database and number of threads."""

import os

from sqlalchemy import Engine, create_engine

from receiver.store.database import sqlalchemy_url

DATABASE_URL = "BENCH_DATABASE_URL"
THREADS = "BENCH_THREADS"


def make_engine() -> Engine:
    """Return an engine with a connection for each thread."""
    threads = int(os.environ[THREADS])
    return create_engine(sqlalchemy_url(os.environ[DATABASE_URL]), pool_size=threads)
