"""`receiver points`: the integration points, their hook URLs, and how they reach the platform."""

import sys

import click
from sqlalchemy.orm import Session

from receiver.cli import entrance
from receiver.cli.database import current_session
from receiver.cli.table import echo_rows
from receiver.domain.errors import BadInputError
from receiver.platform.calling import checked_key, checked_url
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import audit, upstreams
from receiver.store import points as store
from receiver.store.points import Point


class PlatformUrl(click.ParamType[str]):
    """Where the platform is, like https://api.example.com; nothing takes the address away."""

    name = "url"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the address without a slash at its end."""
        try:
            return checked_url(str(value)) if value else ""
        except BadInputError as error:
            self.fail(str(error), param, ctx)


_URL = click.option(
    "--platform-url",
    type=PlatformUrl(),
    default=None,
    help="Where the platform is asked; empty takes it away.",
)
_KEY = click.option(
    "--platform-key",
    "with_key",
    is_flag=True,
    help="Read the platform's service key from stdin, or ask for it; an empty line takes it away.",
)


@click.group()
def points() -> None:
    """Add, change and list integration points."""


@points.command()
@click.argument("code")
@click.option("--domain", default="default", show_default=True)
@click.option("--type", "type_", default="public", show_default=True)
@click.option("--title", default="")
@_URL
@_KEY
def add(
    code: str, domain: str, type_: str, title: str, platform_url: str | None, *, with_key: bool
) -> None:
    """Add the point CODE and print its hook URL."""
    settings = Settings.from_environ()
    key = _read_key() if with_key else None
    with current_session() as session:
        point = store.add(session, domain=domain, code=code, type=type_, title=title)
        _reach(session, point, platform_url, key)
        url = entrance.hook_url(entrance.public_url(settings), point.token_local)
    click.echo(url)


@points.command("set")
@click.argument("code")
@click.option("--domain", default="default", show_default=True)
@_URL
@_KEY
def set_(code: str, domain: str, platform_url: str | None, *, with_key: bool) -> None:
    """Say how the point CODE (or its id) reaches the platform."""
    if platform_url is None and not with_key:
        raise click.UsageError("name what to set: --platform-url or --platform-key")
    key = _read_key() if with_key else None
    with current_session() as session:
        point = store.get(session, domain=domain, code_or_id=code)
        _reach(session, point, platform_url, key)


@points.command("list")
@click.option("--domain", default=None)
@click.option("--json", "as_json", is_flag=True)
def list_(domain: str | None, *, as_json: bool) -> None:
    """List the points with their hook URLs."""
    public_url = entrance.public_url(Settings.from_environ())
    with current_session() as session:
        with_key = upstreams.with_key(session)
        rows = [
            {
                "id": str(point.id),
                "domain": point.domain,
                "code": point.code,
                "type": point.type,
                "created_at": point.created_at,
                "platform_url": point.opts.get("platform_url"),
                "platform_key": point.id in with_key,
                "hook_url": entrance.hook_url(public_url, point.token_local),
            }
            for point in store.list_(session, domain=domain)
        ]
    echo_rows(rows, as_json=as_json)


def _read_key() -> str:
    """Return the key that somebody types, or that is piped in; empty where there is none."""
    if sys.stdin.isatty():
        typed: str = click.prompt("Key", default="", hide_input=True, show_default=False, err=True)
        return checked_key(typed) if typed else ""
    piped = sys.stdin.readline().strip()
    return checked_key(piped) if piped else ""


def _reach(session: Session, point: Point, platform_url: str | None, key: str | None) -> None:
    """Keep how a point reaches the platform; None leaves a part as it is. The audit log has it."""
    changed: dict[str, str] = {}
    if platform_url is not None:
        upstreams.set_url(session, point.id, platform_url)
        changed["platform_url"] = platform_url
    if key is not None:
        _keep_key(session, point, key)
        changed["token_remote"] = key
    if changed:
        before = {name: point.opts.get(name) for name in changed}
        act = audit.Act(
            verb="point.update", kind="point", ids=[str(point.id)], before=before, after=changed
        )
        audit.record(session, act, who=audit.by_shell(), domain=point.domain)


def _keep_key(session: Session, point: Point, key: str) -> None:
    if not key:
        upstreams.drop_key(session, point.id)
        return
    settings = Settings.from_environ()
    sealer = Sealer.of(settings.secret_keys, settings.var_dir)
    upstreams.set_key(session, point.id, key, sealer)
