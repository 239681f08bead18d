"""`receiver verify`: whether the ledger is the fold of its facts."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
import psycopg
from msgspec.structs import asdict as struct_asdict

from receiver.cli.database import current_url
from receiver.cli.durations import Duration
from receiver.cli.exits import Exit
from receiver.cli.table import echo_rows, plain
from receiver.domain.errors import NotFoundError, ReceiverError, StoreAwayError
from receiver.embedded.place import write_private
from receiver.settings import Settings
from receiver.signals import heeded
from receiver.store import verifying
from receiver.store.database import connect

FILE: Final = "verify.json"
_PROGRAM: Final = "from receiver.cli import main; main()"
#: Differences that are told one by one; the others are counted.
MOST_TOLD: Final = 100
#: One look at a step; a family of a million facts takes its time.
STATEMENT_SECONDS: Final = 60.0
_NOTE_SECONDS: Final = 1.0
#: In the place of a process that has yet to tell its own number, and how long that may take.
_STARTING: Final = 0
START_SECONDS: Final = 60.0
_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Report:
    """How far the work is, and what it found."""

    state: str = "running"
    """Or `equal`, `different`, `failed`."""
    families: int = 0
    share: float = 0.0
    """Of the way: 1 at its end."""
    different: int = 0
    differences: list[dict[str, Any]] = field(default_factory=list)
    began_at: str = field(default_factory=lambda: plain(datetime.now(UTC)))
    ended_at: str | None = None
    pid: int = field(default_factory=os.getpid)
    fault: str = ""

    @property
    def exit(self) -> Exit:
        """How the command ends that tells of it."""
        return _EXITS[self.state]


_EXITS: Final = {
    "equal": Exit.WELL,
    "different": Exit.FAULTY,
    "failed": Exit.US,
    "running": Exit.OPEN,
}


@click.command()
@click.option("--since", type=Duration(), default=None, help="Only what became known since.")
@click.option("--detach", is_flag=True, help="Go on in the background, and return at once.")
@click.option("--last", is_flag=True, help="Tell how far the last one in the background is.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--noting", type=click.Path(path_type=Path), default=None, hidden=True)
def verify(
    since: timedelta | None, *, detach: bool, last: bool, as_json: bool, noting: Path | None
) -> None:
    """Fold the facts of every send anew, and compare: nothing is written.

    Exit code 0 where the ledger is what comes out, 8 where it differs. With --last 6 while the one
    in the background goes on.
    """
    settings = Settings.from_environ()
    if last:
        report = _read(settings.var_dir / FILE)
    elif detach:
        _detach(settings, since)
        return
    else:
        report = _verified(settings, since, _notes_into(noting) if noting else _notes_nowhere)
    _tell(report, as_json=as_json)
    raise SystemExit(report.exit)


def _verified(
    settings: Settings, since: timedelta | None, note: Callable[[Report], None]
) -> Report:
    """Go through the ledger. Raises: SetupError, StoreAwayError."""
    report = Report()
    note(report)
    try:
        with (
            heeded(task=True),
            closing(connect(current_url(settings), statement_seconds=STATEMENT_SECONDS)) as line,
        ):
            _walk(line, datetime.now(UTC) - since if since else _EVER, report, note)
        report.state = "different" if report.different else "equal"
    except psycopg.Error as error:
        report.state, report.fault = "failed", "the database can't go on"
        raise StoreAwayError(f"the database can't go on ({error.sqlstate})") from error
    except (ReceiverError, SystemExit) as error:
        report.state = "failed"
        report.fault = str(error) if isinstance(error, ReceiverError) else "it was stopped"
        raise
    finally:
        report.ended_at = plain(datetime.now(UTC))
        note(report)
    return report


def _walk(
    connection: psycopg.Connection[Any],
    since: datetime,
    report: Report,
    note: Callable[[Report], None],
) -> None:
    span = verifying.span(connection, since)
    length = max(span.until - span.after, 1)
    with click.progressbar(length=length, label="verifying", file=sys.stderr) as bar:
        for reached, families in verifying.steps(connection, span):
            found = verifying.differences(connection, families)
            report.families += len(families)
            report.different += len(found)
            room = MOST_TOLD - len(report.differences)
            report.differences += [struct_asdict(each) for each in found[:room]]
            bar.update(reached - span.after - bar.pos)
            report.share = round((reached - span.after) / length, 4)
            note(report)
    report.share = 1.0


def _notes_nowhere(_: Report) -> None:
    pass


def _notes_into(file: Path) -> Callable[[Report], None]:
    """Return what keeps a report in a file, at most once a second while it goes on."""
    noted_at = float("-inf")

    def note(report: Report) -> None:
        nonlocal noted_at
        if report.ended_at or time.monotonic() >= noted_at + _NOTE_SECONDS:
            write_private(file, json.dumps(asdict(report), indent=2) + "\n")
            noted_at = time.monotonic()

    return note


def _detach(settings: Settings, since: timedelta | None) -> None:
    """Begin it in a process of its own, which nothing that happens to this one ends."""
    file = settings.var_dir / FILE
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    reach = ["--since", f"{int(since.total_seconds())}s"] if since else []
    command = [sys.executable, "-c", _PROGRAM, "verify", "--noting", str(file), *reach]
    write_private(file, json.dumps(asdict(Report(pid=_STARTING)), indent=2) + "\n")
    nowhere = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)
    silent = [nowhere, (os.POSIX_SPAWN_DUP2, 0, 1), (os.POSIX_SPAWN_DUP2, 0, 2)]
    pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent, setsid=True)
    click.echo(f"verifying in the background (process {pid}): receiver verify --last")


def _read(file: Path) -> Report:
    """Return what the one in the background noted last. Raises NotFoundError."""
    try:
        report = Report(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise NotFoundError("none was begun in the background: receiver verify --detach") from error
    if report.state == "running" and not _is_alive(report.pid, file):
        report.state, report.fault = "failed", "its process is gone"
    return report


def _is_alive(pid: int, file: Path) -> bool:
    if pid == _STARTING:
        return time.time() - file.stat().st_mtime < START_SECONDS
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _tell(report: Report, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
        return
    click.echo(f"{report.state}: {_sentence(report)}")
    if report.differences:
        echo_rows(report.differences, as_json=False)
        _say_cure(report.differences)


def _sentence(report: Report) -> str:
    if report.state == "equal":
        return f"the ledger is the fold of its facts, in all of {report.families} families"
    if report.state == "different":
        return f"{report.different} rows of {report.families} families differ"
    reached = f"{report.families} families, {report.share:.0%}"
    return f"{reached}, {report.different} rows differ so far" if not report.fault else report.fault


def _say_cure(differences: Sequence[dict[str, Any]]) -> None:
    click.echo(f"to fold them anew: receiver refold {differences[0]['transid']} ..., or --all")
