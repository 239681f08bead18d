"""`receiver refold`: folding the facts of sends anew, after a change of the rules or in doubt."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, Final

import click
import psycopg

from receiver.cli.database import current_url, session_on
from receiver.cli.exits import Exit
from receiver.domain.errors import StoreAwayError
from receiver.domain.identity import base_of
from receiver.platform.storable import storable
from receiver.settings import Settings
from receiver.signals import heeded
from receiver.store import audit, verifying
from receiver.store.audit import Act
from receiver.store.database import connect
from receiver.store.refold import FamilyKey, present, refold

#: Families that are locked at once.
MOST: Final = 50
#: Transids that the audit log names.
MOST_NAMED: Final = 100
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@click.command("refold")
@click.argument("transids", nargs=-1)
@click.option("--all", "whole", is_flag=True, help="All there are.")
@click.option("--domain", default="default", show_default=True)
def refold_(transids: Sequence[str], domain: str, *, whole: bool) -> None:
    """Fold the facts of the sends with these TRANSIDS anew, and keep what comes out.

    Doing it again is harmless. Exit code 7 where one of them is not in the ledger.
    """
    if bool(transids) == whole:
        raise click.UsageError("give transids, or --all")
    url = current_url(Settings.from_environ())
    done, missing = 0, 0
    try:
        with heeded(task=True), closing(connect(url, statement_seconds=60)) as connection:
            if whole:
                done = _refold_all(connection)
            else:
                asked = {(domain, base_of(storable(transid))) for transid in transids}
                found = present(connection, asked)
                missing = len(asked) - len(found)
                done = _refold(connection, found)
    except psycopg.Error as error:
        raise StoreAwayError(f"the database can't go on ({error.sqlstate}): do it again") from error
    _note(url, domain, transids, done)
    click.echo(f"folded anew: {done} families")
    if missing:
        click.echo(f"not in the ledger: {missing}", err=True)
        raise SystemExit(Exit.NOT_FOUND)


def _refold_all(connection: psycopg.Connection[Any]) -> int:
    span = verifying.span(connection, _EVER)
    done = 0
    length = max(span.until - span.after, 1)
    with click.progressbar(length=length, label="folding", file=sys.stderr) as bar:
        for reached, families in verifying.steps(connection, span):
            done += _refold(connection, families)
            bar.update(reached - span.after - bar.pos)
    return done


def _refold(connection: psycopg.Connection[Any], families: set[FamilyKey]) -> int:
    """Fold families anew, few in each transaction; return how many."""
    for some in _parts(sorted(families)):
        refold(connection, some)
    return len(families)


def _parts(families: Sequence[FamilyKey]) -> Iterator[Sequence[FamilyKey]]:
    for first in range(0, len(families), MOST):
        yield families[first : first + MOST]


def _note(url: str, domain: str, transids: Sequence[str], done: int) -> None:
    act = Act(
        verb="ledger.refold", kind="send", ids=transids[:MOST_NAMED], after={"families": done}
    )
    with session_on(url) as session:
        audit.record(session, act, who=audit.by_shell(), domain=domain)
