"""`receiver status`: whether it is up, and what it holds."""

import json
import urllib.error
import urllib.request
from http import HTTPStatus

import click

from receiver.cli import entrance
from receiver.cli.database import current_session
from receiver.cli.table import echo_rows, plain
from receiver.domain.errors import ReceiverError
from receiver.settings import Settings
from receiver.store.overview import overview


@click.command()
@click.option("--json", "as_json", is_flag=True)
def status(*, as_json: bool) -> None:
    """Say whether service and database are up, and what is stored. Exit code 1 if one isn't."""
    settings = Settings.from_environ()
    known = entrance.read(settings.var_dir)
    base_url = known.base_url if known else settings.base_url
    service = _service(base_url)
    database, counts = _database()
    if as_json:
        facts = {"base_url": base_url, "service": service, "database": database, **counts}
        click.echo(json.dumps(facts, default=plain, indent=2))
    else:
        rows = {"service": f"{service} ({base_url})", "database": database, **counts}
        echo_rows([{"what": what, "state": state} for what, state in rows.items()], as_json=False)
    if (service, database) != ("up", "up"):
        raise SystemExit(1)


def _service(base_url: str) -> str:
    try:
        with urllib.request.urlopen(f"{base_url}/health/ready", timeout=2):  # noqa: S310
            return "up"
    except urllib.error.HTTPError as error:
        return f"not ready ({error.code} {HTTPStatus(error.code).phrase})"
    except OSError:
        return "not reachable"


def _database() -> tuple[str, dict[str, object]]:
    try:
        with current_session() as session:
            return "up", overview(session)
    except ReceiverError as error:
        return str(error), {}
