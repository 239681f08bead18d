"""Our own service, set up and run as an operator would."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import programs
from bench.rooms import Room
from bench.servers import Server


@dataclass(frozen=True, kw_only=True)
class Service:
    """One that can be served: its database is migrated and has a point and a key."""

    hook_url: str
    api_key: str = field(repr=False)
    database_url: str
    port: int
    surroundings: Mapping[str, str] = field(repr=False)
    log: Path


def prepare(room: Room) -> Service:
    """Migrate a new database, and add a point and a key."""
    port, url = programs.free_port(), room.make_database()
    var = room.postgres.folder / room.name
    var.mkdir()
    surroundings = programs.environment(
        DATABASE_URL=url,
        PORT=str(port),
        RECEIVER_VAR=str(var),
        WEB_CONCURRENCY=str(room.workers),
    )
    programs.run([*programs.RECEIVER, "migrate"], surroundings)
    return Service(
        hook_url=programs.run([*programs.RECEIVER, "points", "add", "bench"], surroundings),
        api_key=programs.run([*programs.RECEIVER, "keys", "add", "bench"], surroundings),
        database_url=url,
        port=port,
        surroundings=surroundings,
        log=room.log,
    )


@contextmanager
def serving(service: Service) -> Iterator[Server]:
    """Serve as long as the context lasts."""
    command = [*programs.RECEIVER, "serve"]
    with programs.serving(command, service.surroundings, port=service.port, log=service.log) as pid:
        yield Server(
            hook_url=service.hook_url,
            pid=pid,
            database_url=service.database_url,
            tables=("receipts", "deliveries"),
        )
