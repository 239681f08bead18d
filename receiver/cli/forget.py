"""`receiver forget`: erasing a person.

Who it is comes from stdin, so that it is in no shell history and no list of processes.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import click
import psycopg

from receiver.cli.database import check, session_on
from receiver.domain.erasure import Erasure, erased
from receiver.domain.errors import ReceiverError, SetupError, StoreAwayError
from receiver.domain.facts import Fact
from receiver.domain.persons import ERASED, Finder, Person
from receiver.embedded import database_url
from receiver.inbox.spool.rewriting import rewrite_all
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import audit, erasures, schema
from receiver.store.audit import Act
from receiver.store.database import connect
from receiver.store.erasure_search import Search
from receiver.store.forgetting import connect_reader
from receiver.store.forgetting import forget as forget_stored
from receiver.web.numbers import keys_of

#: What is counted, as it is said.
_NOUNS: Final[Mapping[str, str]] = {
    "deliveries": "deliveries",
    "recordings": "recorded sends",
    "receipts": "receipts",
    "messages": "messages",
    "platform_events": "events",
    "quarantine": "in quarantine",
    "spooled": "in the spool",
}


@click.command()
@click.option("--domain", default="default", show_default=True)
@click.option("--yes", is_flag=True, help="Don't count and ask first.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option(
    "--wait",
    "patience_seconds",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=10,
    show_default=True,
    help="For files of the spool that running processes have.",
)
def forget(domain: str, *, yes: bool, dry_run: bool, patience_seconds: float) -> None:
    """Erase a person, whose number or address is read from stdin.

    Counts, asks, and erases: from the database and from the spool of this host; what other hosts
    still have to bring in comes out erased. Counts stay. To go on after a fault, do it again.
    """
    settings = Settings.from_environ()
    url = database_url(settings)
    check(url)
    schema.require_current(url)
    with _forgetting(settings, url, domain) as task:
        task.patience_seconds = patience_seconds
        if dry_run or not yes:
            task.count()
            click.echo(f"found: {task.sentence}")
            if dry_run or not _confirmed():
                return
        task.erase()
        click.echo(f"erased: {task.sentence}")
        click.echo(f"pseudonym: {', '.join(task.pseudonyms)}")


@contextmanager
def _forgetting(settings: Settings, url: str, domain: str) -> Iterator["_Task"]:
    """Yield the task of this call. Raises SetupError where it can't be done."""
    sealer = Sealer.known(settings.secret_keys, settings.var_dir)
    if sealer is None:
        cure = "name the one that all hosts have in RECEIVER_SECRET_KEYS"
        raise SetupError(f"there is no secret key by which the erasure would be known: {cure}")
    written = _asked()
    person = Person.known_by(written, keys_of(written, settings.region), settings.region)
    with ExitStack() as stack:
        connection = stack.enter_context(closing(connect(url)))
        reader = stack.enter_context(closing(connect_reader(url)))
        (is_first,) = connection.execute(
            "SELECT pg_try_advisory_lock(%s)", [erasures.LOCK]
        ).fetchone() or (False,)
        if not is_first:
            raise SetupError("another erasure is under way: wait until it is done")
        yield _Task(url, connection, reader, sealer, settings.spool_dir, person, domain)


def _asked() -> str:
    """Return the number or address that stdin gives."""
    written = (
        click.prompt("Number or address", hide_input=True, err=True)
        if sys.stdin.isatty()
        else sys.stdin.readline()
    ).strip()
    if not written:
        raise click.UsageError("give a number or an address on stdin")
    return str(written)


def _confirmed() -> bool:
    """Tell whether it is to be done; where nobody is there to say so, it isn't."""
    try:
        return click.confirm("Erase all of it? It can't be undone", err=True)
    except click.Abort:
        raise SetupError("nothing is erased: confirm on stdin, or say --yes") from None


@dataclass
class _Task:
    """One person in one domain, and what was found of them or erased so far."""

    url: str
    connection: psycopg.Connection[Any]
    reader: psycopg.Connection[Any]
    sealer: Sealer
    spool: Path | None
    person: Person
    domain: str
    patience_seconds: float = 0
    counts: Counter[str] = field(default_factory=Counter)
    pseudonyms: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """What was found or erased, in words without anything of the person."""
        said = [f"{self.counts[name]} {noun}" for name, noun in _NOUNS.items() if self.counts[name]]
        return ", ".join(said) or "nothing"

    def count(self) -> None:
        """Find everything, and write nothing. Raises: SetupError."""
        try:
            self._go_through(Erasure(self._finder(), datetime.now(UTC)), write=False)
        except (psycopg.Error, OSError) as error:
            raise SetupError(f"nothing is erased: {_reason(error)}") from error

    def erase(self) -> None:
        """Erase everything, and write the audit log, whatever comes of it.

        Raises: SetupError where something is left; the sentence says what is done.
        """
        self.counts.clear()
        self.troubles.clear()
        try:
            announced = erasures.announce(
                self.connection, self.sealer, self.person, domain=self.domain
            )
            self.pseudonyms = list(dict.fromkeys(announced.pseudonyms.values()))
            find = Finder(announced.pseudonyms.get)
            self._go_through(Erasure(find, announced.until), write=True)
        except (psycopg.Error, OSError, StoreAwayError) as error:
            self.troubles.append(_reason(error))
        except KeyboardInterrupt:
            self.troubles.append(f"interrupted; erased so far: {self.sentence}; do it again")
            raise
        finally:
            self._note()
        if self.troubles:
            raise SetupError(f"erased so far: {self.sentence}; correct this, and do it again")

    def _finder(self) -> Finder:
        return Finder(dict.fromkeys(self.person.forms, ERASED).get)

    def _go_through(self, erasure: Erasure, *, write: bool) -> None:
        search = Search(
            connection=self.reader, domain=self.domain, person=self.person, until=erasure.until
        )
        label = "erasing" if write else "searching"
        with click.progressbar(length=search.size_bytes(), label=label, file=sys.stderr) as bar:
            for found in forget_stored(self.connection, search, erasure, self.counts, write=write):
                bar.update(found.size_bytes)
        self._spool(erasure, write=write)

    def _spool(self, erasure: Erasure, *, write: bool) -> None:
        if self.spool is None:
            return
        change = partial(_changed, self.domain, erasure)
        patience_seconds = self.patience_seconds if write else 0
        segments = rewrite_all(
            self.spool, self.sealer, change, write=write, patience_seconds=patience_seconds
        )
        for file, result in segments:
            if isinstance(result, int):
                self.counts["spooled"] += result
            elif write:
                self.troubles.append(f"{file.path.name}: {_reason(result)}")

    def _note(self) -> None:
        """Say on stderr what went wrong, and in the audit log what was done."""
        for trouble in self.troubles:
            click.echo(f"receiver: {trouble}", err=True)
        after = {"counts": dict(+self.counts), "complete": not self.troubles}
        act = Act(verb="person.forget", kind="person", ids=self.pseudonyms, after=after)
        with session_on(self.url) as session:
            audit.record(session, act, who=audit.by_shell(), domain=self.domain)


def _changed(domain: str, erasure: Erasure, fact: Fact) -> Fact:
    """Return a spooled fact without the person; the apply looks after what came later."""
    is_sought = fact.domain == domain and fact.accepted_at <= erasure.until
    return erased(fact, erasure.find) if is_sought else fact


def _reason(error: Exception) -> str:
    """Return why something failed, without anything that Postgres or a disk may quote."""
    if isinstance(error, ReceiverError):
        return str(error)
    if isinstance(error, OSError):
        return f"it can't be read or written: {error.strerror}"
    return f"the database can't go on: {type(error).__name__}"
