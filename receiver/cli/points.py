"""`receiver points`: the integration points and their hook URLs."""

import click

from receiver.cli import entrance
from receiver.cli.database import current_session
from receiver.cli.table import echo_rows
from receiver.settings import Settings
from receiver.store import points as store


@click.group()
def points() -> None:
    """Add and list integration points."""


@points.command()
@click.argument("code")
@click.option("--domain", default="default", show_default=True)
@click.option("--type", "type_", default="public", show_default=True)
@click.option("--title", default="")
def add(code: str, domain: str, type_: str, title: str) -> None:
    """Add the point CODE and print its hook URL."""
    settings = Settings.from_environ()
    with current_session() as session:
        point = store.add(session, domain=domain, code=code, type=type_, title=title)
        url = entrance.hook_url(entrance.public_url(settings), point.token_local)
    click.echo(url)


@points.command("list")
@click.option("--domain", default=None)
@click.option("--json", "as_json", is_flag=True)
def list_(domain: str | None, *, as_json: bool) -> None:
    """List the points with their hook URLs."""
    public_url = entrance.public_url(Settings.from_environ())
    with current_session() as session:
        rows = [
            {
                "id": str(point.id),
                "domain": point.domain,
                "code": point.code,
                "type": point.type,
                "created_at": point.created_at,
                "hook_url": entrance.hook_url(public_url, point.token_local),
            }
            for point in store.list_(session, domain=domain)
        ]
    echo_rows(rows, as_json=as_json)
