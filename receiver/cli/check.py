"""`receiver check`: whether the platform finds the way to a hook."""

import ssl
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import click
from msgspec.structs import asdict

from receiver.cli import entrance
from receiver.cli.database import current_url, reading_session
from receiver.cli.exits import Exit
from receiver.cli.secret_input import read_secret
from receiver.cli.table import echo_rows
from receiver.cli.visiting import MEBIBYTE, State, Step, Visit
from receiver.domain.errors import ReceiverError
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import points, signing
from receiver.store.directory import DirectoryReader
from receiver.store.points import Point, hash_of

_HOOKS: Final = "/hooks/"


@click.command()
@click.argument("url", required=False)
@click.option("--point", "code", default=None, help="The hook of this point: code or id.")
@click.option("--domain", default="default", show_default=True)
@click.option("--secret", "with_secret", is_flag=True, help="Read the hub secret from stdin.")
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust this certificate, too.",
)
@click.option(
    "--size",
    "large_mib",
    type=click.IntRange(0, 64),
    default=2,
    show_default=True,
    help="MiB of the large post; 0 leaves it out.",
)
@click.option("--json", "as_json", is_flag=True)
def check(
    url: str | None,
    code: str | None,
    domain: str,
    *,
    with_secret: bool,
    ca: Path | None,
    large_mib: int,
    as_json: bool,
) -> None:
    """Go the platform's way to the hook at URL, or at `-` the one on stdin, and post a test.

    The test is kept nowhere. It is signed with the secret on stdin, else with the point's own where
    the database and the key to it are here. Run it on another machine than the service's own.
    """
    settings = Settings.from_environ()
    target = _target(settings, url, code, domain)
    secret = read_secret("Hub secret") if with_secret else ""
    known, note = ("", "") if secret else _known(settings, target)
    context = ssl.create_default_context()
    if ca is not None:
        context.load_verify_locations(ca)
    visit = Visit(
        url=target, secret=secret or known, context=context, large_bytes=large_mib * MEBIBYTE
    )
    steps = list(visit.walk())
    _show(target, steps, note, as_json=as_json)
    if any(step.state is State.FAILED for step in steps):
        raise SystemExit(Exit.FAULTY)


def _target(settings: Settings, url: str | None, code: str | None, domain: str) -> SplitResult:
    """Return the address to go to. Raises UsageError, SetupError, StoreAwayError, NotFoundError."""
    if (url is None) == (code is None):
        raise click.UsageError("give the URL of a hook, or --point")
    if code is not None:
        with reading_session(current_url(settings)) as session:
            token = points.get(session, domain=domain, code_or_id=code).token_local
        url = entrance.hook_url(entrance.public_url(settings), token)
    elif url == "-":
        url = sys.stdin.readline().strip()
    try:
        parts = urlsplit(url or "")
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise click.UsageError("that is no address like https://hooks.example.org/hooks/<token>")
    return parts


def _known(settings: Settings, target: SplitResult) -> tuple[str, str]:
    """Return the secret of the point that is gone to, and why it is not known where it isn't."""
    _, found, rest = target.path.partition(_HOOKS)
    if not found:
        return "", "the posts are not signed: the path is none of a hook of ours"
    try:
        point = _point(current_url(settings), rest.partition("/")[0])
        if point is None:
            return "", "the posts are not signed: the database here has no point with this token"
        sealer = Sealer.known(settings.secret_keys, settings.var_dir)
        if point.signature_secrets is None:
            return "", ""
        if sealer is None:
            return "", "the posts are not signed: there is no secret key here"
        secrets = signing.good(signing.opened(point.signature_secrets, point.id, sealer))
    except ReceiverError as error:
        return "", f"the posts are not signed: {error}"
    return (secrets[0].secret if secrets else ""), ""


def _point(url: str, token: str) -> Point | None:
    """Return the point that a token opens, by the database here."""
    with closing(DirectoryReader(url)) as reader:
        read = reader.read(None)
    return read[1].points.get(hash_of(token)) if read else None


def _show(target: SplitResult, steps: Sequence[Step], note: str, *, as_json: bool) -> None:
    rows = [asdict(step) for step in steps]
    for row in rows:
        del row["ends"]
    if not as_json:
        port = f":{target.port}" if target.port else ""
        path = f"{_HOOKS}***" if _HOOKS in target.path else "/***"
        click.echo(f"{target.scheme}://{target.hostname}{port}{path}")
    echo_rows(rows, as_json=as_json)
    if note:
        click.echo(note, err=True)
