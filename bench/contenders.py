"""The servers that are compared, each set up as it would be used."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import create_engine

from bench import programs, service
from bench.rooms import Room
from bench.servers import Server
from bench.usual import settings as usual
from bench.usual.tables import Base
from receiver.store.database import sqlalchemy_url

#: Of gthread in each worker; fewer where many workers would need more connections than there are.
THREADS: Final = 16
_ALL_THREADS: Final = 32

_GUNICORN: Final = (sys.executable, "-m", "gunicorn", "-c")
_TOKEN: Final = "0123456789abcdef0123456789abcdef"  # noqa: S105


@dataclass(frozen=True)
class Contender:
    """A way of taking notifications, and how to have it run for as long as a context lasts."""

    name: str
    title: str
    serving: Callable[[Room], AbstractContextManager[Server]]


@contextmanager
def _flask_200(room: Room) -> Iterator[Server]:
    with _gunicorn(room, "config/gunicorn.conf.py", "bench.flask_200:app", {}) as (url, pid):
        yield Server(hook_url=url, pid=pid)


@contextmanager
def _receiver(room: Room) -> Iterator[Server]:
    with service.serving(service.prepare(room)) as server:
        yield server


def _usual(
    application: str, tables: tuple[str, ...]
) -> Callable[[Room], AbstractContextManager[Server]]:
    @contextmanager
    def serving(room: Room) -> Iterator[Server]:
        database_url = room.make_database()
        engine = create_engine(sqlalchemy_url(database_url))
        Base.metadata.create_all(engine)
        engine.dispose()
        more = {
            usual.DATABASE_URL: database_url,
            usual.THREADS: str(min(THREADS, _ALL_THREADS // room.workers)),
        }
        with _gunicorn(room, "bench/usual/gunicorn_gthread.py", application, more) as (url, pid):
            yield Server(hook_url=url, pid=pid, database_url=database_url, tables=tables)

    return serving


@contextmanager
def _gunicorn(
    room: Room, settings: str, application: str, more: dict[str, str]
) -> Iterator[tuple[str, int]]:
    port = programs.free_port()
    surroundings = programs.environment(PORT=str(port), WEB_CONCURRENCY=str(room.workers), **more)
    command = [*_GUNICORN, settings, application]
    with programs.serving(command, surroundings, port=port, log=room.log) as pid:
        yield f"http://127.0.0.1:{port}/hooks/{_TOKEN}", pid


CONTENDERS: Final = (
    Contender("flask_200", "Flask view that answers 200", _flask_200),
    Contender("receiver", "Receiver", _receiver),
    Contender(
        "usual",
        "usual way, whole job",
        _usual("bench.usual.whole_job:app", ("receipts", "deliveries")),
    ),
    Contender(
        "usual_insert", "usual way, one insert", _usual("bench.usual.one_insert:app", ("receipts",))
    ),
)
