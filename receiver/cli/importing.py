"""`receiver import`: what the platform could not deliver, from a file of its export."""

import gzip
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import click
import psycopg

from receiver.cli.database import current_url, session_on
from receiver.cli.exits import Exit
from receiver.domain.erasure import erased
from receiver.domain.errors import PayloadError, SealedError, SetupError, StoreAwayError
from receiver.domain.facts import Fact, Notice, Receipt, Source, stamp
from receiver.inbox.spool.draining import APPLY_SECONDS
from receiver.platform import checks, exported
from receiver.platform.exported import ColumnError, Line
from receiver.platform.recognise import Element, recognise
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import audit, points
from receiver.store.apply import Result, apply
from receiver.store.audit import Act
from receiver.store.database import Deadline, connect
from receiver.store.erasures import Erasures
from receiver.store.kept import kept
from receiver.store.points import Point, zone_of
from receiver.web.understanding import in_columns

#: What is applied in one transaction, as on the way in.
BATCH_FACTS: Final = 256
BATCH_BYTES: Final = 4 * 1024 * 1024
#: Bad lines that are told one by one; the others are counted.
MOST_TOLD: Final = 100
_HEAD_BYTES: Final = 4096
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--point", "code", required=True, help="Whose notifications they are: code or id.")
@click.option("--domain", default="default", show_default=True)
@click.option("--column", default="", help="The column or field that holds the notification.")
@click.option("--dry-run", is_flag=True, help="Only read, and say which lines are bad.")
@click.option("--json", "as_json", is_flag=True)
def import_(
    file: Path, code: str, domain: str, column: str, *, dry_run: bool, as_json: bool
) -> None:
    """Bring in the notifications of FILE: CSV or lines of JSON, also as .gz.

    What is known already stays as it is, so doing it again is harmless. Lines that can't be read
    are told by their numbers, and the others go on. Exit code 8 if there were any.
    """
    settings = Settings.from_environ()
    url = current_url(settings)
    with session_on(url) as session:
        point = points.get(session, domain=domain, code_or_id=code)
    with closing(connect(url)) as connection:
        task = _Task(connection, settings, point, dry_run=dry_run)
        try:
            task.run(file, column)
        except ColumnError as error:
            raise click.UsageError(str(error)) from error
        except psycopg.Error as error:
            raise StoreAwayError(f"the database can't go on: {task.sentence}") from error
        finally:
            task.note(url, file)
    _tell(task, as_json=as_json)
    if task.bad:
        raise SystemExit(Exit.FAULTY)


@dataclass
class _Task:
    """One file on its way in, and what became of it so far."""

    connection: psycopg.Connection[Any]
    settings: Settings
    point: Point
    dry_run: bool
    counts: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[int, str]] = field(default_factory=list)
    """Lines with what is wrong with them, as many as are told."""

    @property
    def sentence(self) -> str:
        """What was done, in words; it may be said whatever came in between."""
        names = ("accepted", "duplicate", "quarantined", "checks", "bad", "readable")
        said = [f"{self.counts[name]} {name}" for name in names if self.counts[name]]
        return ", ".join(said) or "nothing"

    def run(self, path: Path, column: str) -> None:
        """Bring in all of it. Raises: StoreAwayError, SealedError, ColumnError, psycopg.Error."""
        erasures = self._erasures()
        with path.open("rb") as file:
            length = path.stat().st_size
            with click.progressbar(length=length, label="importing", file=sys.stderr) as bar:
                seen = 0
                for batch in _batches(self._facts(_lines(file, path, column, self.settings))):
                    self._apply([self._cleared(fact, erasures) for fact in batch], erasures)
                    bar.update(file.tell() - seen)
                    seen = file.tell()

    def _erasures(self) -> Erasures:
        known = partial(Sealer.known, self.settings.secret_keys, self.settings.var_dir)
        erasures = Erasures(known)
        erasures.load(self.connection)
        if self.point.domain in erasures.known.strange_until:
            raise SealedError("somebody was erased under a key that RECEIVER_SECRET_KEYS lacks")
        return erasures

    def _cleared(self, fact: Fact, erasures: Erasures) -> Fact:
        """Return a fact without those who were erased since it happened: it came too late."""
        if fact.domain not in erasures.known.by_domain:
            return fact
        at = fact.body.provider_at if isinstance(fact.body, Receipt | Notice) else None
        return erased(fact, erasures.known.finder(fact.domain, since=at or _LONG_AGO))

    def _facts(self, lines: Iterator[Line]) -> Iterator[Fact]:
        for line in lines:
            if line.fault:
                self._note_bad(line.number, line.fault)
            elif checks.is_check_body(line.raw):
                self.counts["checks"] += 1
            else:
                yield from self._of_line(line)

    def _of_line(self, line: Line) -> Iterator[Fact]:
        try:
            elements = recognise(line.raw, zone=zone_of(self.point.opts)).elements
        except PayloadError as error:
            self._note_bad(line.number, str(error))
            return
        for element in elements:
            if isinstance(element.body, PayloadError):
                self._note_bad(line.number, _fault(element, element.body))
            else:
                yield self._stamped(element.body, element)

    def _stamped(self, body: Receipt | Notice, element: Element) -> Fact:
        return stamp(
            in_columns(body, self.point),
            domain=self.point.domain,
            point_id=self.point.id,
            source=Source.IMPORT,
            raw=element.raw,
            index=element.index,
        )

    def _apply(self, facts: Sequence[Fact], erasures: Erasures) -> None:
        if self.dry_run:
            self.counts["readable"] += len(facts)
            return
        known = kept(self.connection, facts)
        fresh = list({fact.digest: fact for fact in facts if fact.digest not in known}.values())
        if len(fresh) < len(facts):
            self.counts[Result.DUPLICATE.value] += len(facts) - len(fresh)
        if fresh:
            with Deadline(self.connection, APPLY_SECONDS):
                applied = apply(self.connection, fresh, erasures)
            self.counts.update(each.result.value for each in applied)

    def _note_bad(self, number: int, fault: str) -> None:
        self.counts["bad"] += 1
        if len(self.bad) < MOST_TOLD:
            self.bad.append((number, fault))

    def note(self, url: str, file: Path) -> None:
        """Write into the audit log what was brought in, whatever came of it."""
        if self.dry_run or not self.counts:
            return
        after = {"counts": dict(self.counts), "file": file.name}
        act = Act(verb="facts.import", kind="point", ids=[str(self.point.id)], after=after)
        with session_on(url) as session:
            audit.record(session, act, who=audit.by_shell(), domain=self.point.domain)


def _lines(file: BinaryIO, path: Path, column: str, settings: Settings) -> Iterator[Line]:
    """Return the notifications of a file; what it holds shows by its beginning."""
    plain = cast("io.BufferedReader", gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file)
    try:
        read = exported.reader_of(plain.peek(_HEAD_BYTES))
        yield from read(plain, column=column, most_bytes=settings.max_body_bytes)
    except (OSError, EOFError) as error:
        raise SetupError(f"{path.name} can't be read to its end: {error}") from error


def _batches(facts: Iterator[Fact]) -> Iterator[Sequence[Fact]]:
    batch: list[Fact] = []
    size = 0
    for fact in facts:
        batch.append(fact)
        size += len(fact.raw)
        if len(batch) >= BATCH_FACTS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _fault(element: Element, error: PayloadError) -> str:
    where = f"element {element.index}: " if element.index else ""
    fields = "; ".join(f"{name}: {', '.join(said)}" for name, said in error.fields.items())
    return f"{where}{error}{f' ({fields})' if fields else ''}"


def _tell(task: _Task, *, as_json: bool) -> None:
    """Print what became of the file; no bad line's content, which may be anybody's."""
    if as_json:
        bad = [{"line": number, "fault": fault} for number, fault in task.bad]
        click.echo(json.dumps({"counts": dict(task.counts), "bad": bad}, indent=2))
        return
    click.echo(f"imported: {task.sentence}")
    for number, fault in task.bad:
        click.echo(f"line {number}: {fault}", err=True)
    if task.counts["bad"] > len(task.bad):
        click.echo(f"and {task.counts['bad'] - len(task.bad)} more bad lines", err=True)
