"""`receiver status`: whether it is up, and what it holds."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import click
from sqlalchemy.orm import Session

from receiver.cli import entrance
from receiver.cli.database import current_session
from receiver.cli.table import echo_rows, plain
from receiver.domain.errors import ReceiverError
from receiver.settings import Settings
from receiver.store import questions
from receiver.store.overview import Kept, kept, overview

DEPTH: Final = ("facts", "bytes", "oldest_seconds", "damaged")


@click.command()
@click.option("--json", "as_json", is_flag=True)
def status(*, as_json: bool) -> None:
    """Say whether service and database are up, and what is stored. Exit code 1 if one isn't."""
    settings = Settings.from_environ()
    known = entrance.read(settings.var_dir)
    base_url = known.base_url if known else settings.base_url
    service, seen = _service(base_url)
    database, counts, held = _database(settings)
    if as_json:
        facts = {"base_url": base_url, "service": service, "database": database, **seen, **counts}
        facts["kept"] = {what: each._asdict() for what, each in held.items()}
        click.echo(json.dumps(facts, default=plain, indent=2))
    else:
        rows = {"service": f"{service} ({base_url})", "database": database, **seen, **counts}
        rows |= {f"{what}_kept": _sentence(each) for what, each in held.items()}
        echo_rows([{"what": what, "state": state} for what, state in rows.items()], as_json=False)
    if (service, database) != ("up", "up"):
        raise SystemExit(1)


def _service(base_url: str) -> tuple[str, Mapping[str, object]]:
    """Return how the service is, and how it sees the store and its spool."""
    try:
        with urllib.request.urlopen(f"{base_url}/health/ready", timeout=5) as answer:  # noqa: S310
            told = _told(answer.read())
    except urllib.error.HTTPError as error:
        phrase = HTTPStatus(error.code).phrase
        return f"not ready ({error.code} {phrase})", _seen(_told(error.read()))
    except OSError:
        return "not reachable", {}
    return "degraded" if told.get("status") == "degraded" else "up", _seen(told)


def _told(body: bytes) -> Mapping[str, Any]:
    """Return what the service says; an empty mapping where something else answers."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _seen(told: Mapping[str, Any]) -> Mapping[str, object]:
    try:
        database, spool = told["parts"]["database"], told["parts"]["spool"]
        depth = {f"spool_{name}": spool[name] for name in DEPTH}
        return {"store": database["status"], "spool": spool["status"], **depth}
    except (KeyError, TypeError):  # no service of ours
        return {}


def _database(settings: Settings) -> tuple[str, Mapping[str, object], Mapping[str, Kept]]:
    try:
        with current_session() as session:
            counts = {**overview(session), **_reconciliation(session, settings)}
            return "up", counts, kept(session, settings.keep)
    except ReceiverError as error:
        return str(error), {}, {}


def _sentence(found: Kept) -> str:
    length = f"{found.days} days" if found.days else "for ever"
    since = f", from {found.since} on" if found.since else ""
    return f"{length}{since}, about {found.rows} rows"


def _reconciliation(session: Session, settings: Settings) -> Mapping[str, object]:
    """Return what the platform was asked about overdue sends; nothing where it is not to be."""
    if not settings.reconcile:
        return {}
    asked = questions.counts(session)
    findings = {f"questions_{name}": n for name, n in asked.items() if n}
    return {"reconcile_per_minute": settings.reconcile, "questions": sum(asked.values())} | findings
