"""`receiver secrets`: the keys that what lies in the database is sealed with."""

import click

from receiver.cli.database import check, session_on
from receiver.domain.errors import SealedError
from receiver.embedded import database_url
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import audit, schema, sealed
from receiver.store.audit import Act
from receiver.store.sealed import Resealed


@click.group()
def secrets() -> None:
    """Look after the secrets that are kept."""


@secrets.command()
def rotate() -> None:
    """Seal all secrets of points with the first key. Doing it again is harmless.

    Afterwards the other keys open nothing in the database any more. Exit code 1 where some secrets
    are sealed with a key that is not there.
    """
    settings = Settings.from_environ()
    sealer, url = settings.sealer(), database_url(settings)
    check(url)
    schema.require_current(url)
    with session_on(url) as session:
        ids = sealed.point_ids(session)
    done: list[Resealed] = []
    with click.progressbar(length=len(ids), label="sealing") as bar:
        for batch in sealed.batches(ids):
            done.append(_reseal(url, batch, sealer))
            bar.update(len(batch))
    _close(done, len(ids))


def _reseal(url: str, batch: sealed.Ids, sealer: Sealer) -> Resealed:
    """Reseal some points in one transaction, with its lines in the audit log."""
    with session_on(url) as session:
        done = sealed.reseal(session, batch, sealer)
        for domain, ids in done.points.items():
            act = Act(verb="secrets.rotate", kind="point", ids=ids)
            audit.record(session, act, who=audit.by_shell(), domain=domain)
    return done


def _close(done: list[Resealed], points: int) -> None:
    fresh = sum(each.secrets for each in done)
    click.echo(f"sealed anew: {fresh} secrets; points with secrets: {points}")
    unreadable = [name for each in done for name in each.unreadable]
    if unreadable:
        raise SealedError(
            f"none of our keys opens {', '.join(unreadable)}: add the key to "
            "RECEIVER_SECRET_KEYS, or set the secrets anew"
        )
