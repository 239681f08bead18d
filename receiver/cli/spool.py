"""`receiver spool`: what waits on this disk for the database, and bringing it in by hand."""

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import click

from receiver.cli.database import check
from receiver.cli.table import echo_rows, plain
from receiver.domain.errors import SealedError, SetupError, SpoolError
from receiver.domain.facts import Fact
from receiver.embedded import database_url
from receiver.inbox.spool.depth import Depth, Tally, depth
from receiver.inbox.spool.draining import BATCH_FACTS, apply_in_time, claimed
from receiver.inbox.spool.segments import File, State, is_owned, list_
from receiver.sealing import Sealer, key_from
from receiver.settings import MEBIBYTE, Settings
from receiver.store import schema
from receiver.store.database import connect
from receiver.store.erasures import Erasures

_FOLDER = click.argument(
    "folder",
    metavar="[DIR]",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)


@click.group()
def spool() -> None:
    """Look at what waits on disk, and bring it into the database."""


@spool.command()
@_FOLDER
@click.option("--json", "as_json", is_flag=True)
def status(folder: Path | None, *, as_json: bool) -> None:
    """Say what lies in DIR, else in our own spool. Needs neither keys nor a database."""
    folder = folder or _own(Settings.from_environ())
    found = depth(folder)
    rows = [row for file in list_(folder, *State) if (row := _row(file))]
    if as_json:
        click.echo(json.dumps(asdict(found) | {"files": rows}, default=plain, indent=2))
        return
    echo_rows(rows, as_json=False)
    click.echo(_sentence(found))


@spool.command()
@_FOLDER
@click.option("--again", is_flag=True, help="Apply what was applied before, too.")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The secret.key of the host that wrote it.",
)
def drain(folder: Path | None, key_file: Path | None, *, again: bool) -> None:
    """Apply what lies in DIR, else in our own spool. Doing it again is harmless.

    Exit code 1 unless all of it is applied, and nothing is damaged.
    """
    settings = Settings.from_environ()
    folder = folder or _own(settings)
    sealer = _sealer(settings, key_file)
    url = database_url(settings)
    check(url)
    schema.require_current(url)
    files = list_(folder, *(State if again else (State.WAITING,)))
    erasures = Erasures(partial(Sealer.known, settings.secret_keys, settings.var_dir))
    done = _drain_all([file for file in files if file.size_bytes], sealer, url, erasures)
    _close(done, depth(folder).damaged)


@dataclass
class _Done:
    """What became of segments; `left` says of each that is not applied why."""

    facts: int = 0
    segments: int = 0
    left: dict[str, str] = field(default_factory=dict)


def _close(done: _Done, damaged: int) -> None:
    click.echo(f"applied: {done.facts} facts of {done.segments} segments")
    for name, reason in done.left.items():
        click.echo(f"not applied: {name}: {reason}", err=True)
    if damaged:
        click.echo(f"damaged, so kept: {damaged} segments", err=True)
    if done.left or damaged:
        raise SystemExit(1)


def _drain_all(files: Sequence[File], sealer: Sealer, url: str, erasures: Erasures) -> _Done:
    done = _Done()
    length = sum(map(_facts, files))
    with connect(url) as connection, click.progressbar(length=length, label="applying") as bar:
        for file in files:
            try:
                apply = partial(apply_in_time, connection, erasures=erasures)
                facts = _drain(file, sealer, apply, bar.update)
            except (SealedError, SpoolError) as error:
                done.left[file.path.name] = str(error)
            except OSError as error:
                done.left[file.path.name] = f"it can't be read: {error.strerror}"
            else:
                done.facts += facts
                done.segments += 1
    return done


def _drain(
    file: File,
    sealer: Sealer,
    apply: Callable[[Sequence[Fact]], None],
    count: Callable[[int], None],
) -> int:
    """Apply one segment and return how many facts.

    Raises:
        SpoolError: it is in use, or a later version wrote it.
        SealedError: its key is not there, or that of an erasure.

    """
    with claimed(file.path, sealer) as draining:
        if draining is None and not file.path.exists():
            return 0  # drained this moment
        if draining is None:
            raise SpoolError("a running process has it, and brings it in itself")
        while facts := draining.batches.take(BATCH_FACTS):
            apply(facts)
            draining.applied += len(facts)
            count(len(facts))
        if file.state is State.WAITING:
            draining.finish()
        return draining.applied


def _row(file: File) -> dict[str, object] | None:
    """Return what is shown of a segment, None for one that is drained this moment."""
    tally, owned, state = Tally(), None, str(file.state)
    try:
        tally.read_on(file)
        owned = is_owned(file.path)
    except FileNotFoundError:
        return None
    except OSError:
        state = "unreadable"
    return {
        "name": file.path.name,
        "state": State.WRITING if owned and file.state is State.WAITING else state,
        "facts": tally.facts,
        "bytes": file.size_bytes,
        "oldest_at": tally.oldest_at,
        "owner_alive": owned,
    }


def _facts(file: File) -> int:
    tally = Tally()
    with contextlib.suppress(OSError):  # whoever drains it says so
        tally.read_on(file)
    return tally.facts


def _sentence(found: Depth) -> str:
    waiting = f"waiting: {found.facts} facts in {found.segments} segments"
    size = f"{found.bytes / MEBIBYTE:.1f} MiB"
    since = f", the oldest since {plain(found.oldest_at)}" if found.oldest_at else ""
    kept = f"applied and kept: {found.kept_bytes / MEBIBYTE:.1f} MiB"
    return f"{waiting}, {size}{since}; damaged: {found.damaged}; {kept}"


def _own(settings: Settings) -> Path:
    """Return the folder of the settings. Raises SetupError where there is none."""
    if settings.spool_dir is None:
        raise SetupError("the spool is off: name a folder, or set RECEIVER_SPOOL")
    return settings.spool_dir


def _sealer(settings: Settings, key_file: Path | None) -> Sealer:
    """Return what opens with the keys of a file, else with our own. Raises SetupError."""
    if key_file is None:
        return Sealer.of(settings.secret_keys, settings.var_dir)
    try:
        lines = key_file.read_text("ascii").splitlines()
        return Sealer([key_from(line) for line in lines if line.strip()])
    except (OSError, ValueError, IndexError) as error:
        raise SetupError(f"{key_file} must hold keys of 32 bytes in base64, one a line") from error
