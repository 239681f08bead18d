"""`receiver points`: the integration points, through the same checks as over the API."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, Final

import click
from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from receiver.cli import entrance
from receiver.cli.database import current_session
from receiver.cli.durations import Duration
from receiver.cli.secret_input import read_secret
from receiver.cli.table import echo_rows
from receiver.domain.errors import BadInputError
from receiver.settings import Settings
from receiver.store import audit, entities, upstreams
from receiver.store import points as store
from receiver.store.admin_tables import IntegrationPoint
from receiver.store.administration import Desk
from receiver.store.entities import Entity
from receiver.store.tokens import GRACE
from receiver.web.json_input import load
from receiver.web.point_schemas import CHANGE, NEW, OptsSchema

#: What is read from stdin, and never from a command line that others see.
SECRETS: Final = ("token_remote", "token_remote2", "opts.profile_key", "opts.signature_secrets")
_KEY, *_, _LIST = SECRETS

_CODE = click.argument("code")
_DOMAIN = click.option("--domain", default="default", show_default=True)
_SET = click.option(
    "--set",
    "settings_",
    multiple=True,
    metavar="NAME=VALUE",
    help="A field, like url=https://example.org or opts.disabled=true; what is no text, as JSON.",
)
_SECRET = click.option(
    "--secret",
    "secrets",
    multiple=True,
    type=click.Choice(SECRETS),
    help="Read this one from stdin, a line for each in this order, or ask for it.",
)
_URL = click.option(
    "--platform-url", default=None, help="Where the platform is asked; empty takes it away."
)
_PLATFORM_KEY = click.option(
    "--platform-key",
    "with_key",
    is_flag=True,
    help="Read the platform's service key, like --secret token_remote.",
)
_JSON = click.option("--json", "as_json", is_flag=True)


@click.group()
def points() -> None:
    """Add, change, show, rotate, delete and list integration points."""


@points.command()
@_CODE
@_DOMAIN
@click.option("--type", "type_", default="public", show_default=True)
@click.option("--title", default="")
@_URL
@_SET
@_SECRET
@_PLATFORM_KEY
def add(code: str, *, domain: str, type_: str, title: str, **said: Any) -> None:
    """Add the point CODE and print its hook URL."""
    first = {"code": code, "type": type_} | ({"opts.title": title} if title else {})
    given = load(NEW, entities.nested(first | _said(**said)))
    with _desk() as desk:
        url = _hook_url(desk.create(given, domain=domain).token_local)
    click.echo(url)


@points.command("set")
@_CODE
@_DOMAIN
@_URL
@_SET
@_SECRET
@_PLATFORM_KEY
def set_(code: str, *, domain: str, **said: Any) -> None:
    """Change fields of the point CODE (or its id). What is not named stays."""
    given = load(CHANGE, entities.nested(_said(**said)))
    if not given:
        raise click.UsageError("name what to set: --set, --secret, --platform-url, --platform-key")
    with _desk() as desk:
        desk.change(_row(desk.session, domain, code), given)


@points.command()
@_CODE
@_DOMAIN
@click.option("--secrets", "clear", is_flag=True, help="Show secrets, too.")
def show(code: str, domain: str, *, clear: bool) -> None:
    """Show the point CODE (or its id) as JSON."""
    with _desk() as desk:
        entity = entities.shown(_row(desk.session, domain, code), desk.sealing)
    shown = entity if clear else audit.without_secrets(entity)
    click.echo(json.dumps(shown, indent=2, ensure_ascii=False))


@points.command()
@_CODE
@_DOMAIN
@click.confirmation_option(prompt="Its hook accepts for 7 days more, then never again. Delete it?")
def delete(code: str, domain: str) -> None:
    """Delete the point CODE (or its id)."""
    with _desk() as desk:
        desk.delete(_row(desk.session, domain, code))
    click.echo(f"deleted: {code}")


@points.command()
@_CODE
@_DOMAIN
@click.option("--grace", type=Duration(), default=GRACE, help="How long the old ones go on.  [7d]")
@click.option("--signature", is_flag=True, help="A new hub secret, read from stdin or asked for.")
def rotate(code: str, domain: str, grace: timedelta, *, signature: bool) -> None:
    """Give the point CODE (or its id) another hook token, and print its URL.

    The old one goes on for the grace period; so it is with hub secrets (--signature).
    """
    secret = read_secret("Hub secret") if signature else ""
    if signature:
        load(CHANGE, {"token_remote2": secret})
    with _desk() as desk:
        row = _row(desk.session, domain, code)
        if signature:
            desk.rotate_secret(row, secret, grace=grace)
            said = f"rotated: the secrets of {row.code}"
        else:
            said = _hook_url(desk.rotate_token(row, grace=grace))
    click.echo(said)


@points.command("list")
@click.option("--domain", default=None)
@_JSON
def list_(domain: str | None, *, as_json: bool) -> None:
    """List the points with their hook URLs."""
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
                "hook_url": _hook_url(point.token_local),
            }
            for point in store.list_(session, domain=domain)
        ]
    echo_rows(rows, as_json=as_json)


@contextmanager
def _desk() -> Iterator[Desk]:
    """Yield the desk of whoever has this shell; what was done is committed at the end."""
    sealing = cache(Settings.from_environ().sealer)
    with current_session() as session:
        yield Desk(session=session, who=audit.by_shell(), sealing=sealing)


def _row(session: Session, domain: str, code: str) -> IntegrationPoint:
    """Return the point, locked. Raises NotFoundError."""
    point = store.get(session, domain=domain, code_or_id=code)
    return entities.get(session, point.id, domain=domain, lock=True)


def _hook_url(token: str) -> str:
    return entrance.hook_url(entrance.public_url(Settings.from_environ()), token)


def _said(
    *, settings_: Sequence[str], secrets: Sequence[str], platform_url: str | None, with_key: bool
) -> Entity:
    """Return what is to be set, by dotted names. Raises BadInputError."""
    said = dict(_setting(each) for each in settings_)
    if platform_url is not None:
        said["opts.platform_url"] = platform_url
    for name in (*secrets, *((_KEY,) if with_key else ())):
        secret = read_secret(name)
        if name == _LIST:
            said[name] = [*said.get(name, ()), *filter(None, [secret])]
        else:
            said[name] = secret
    return said


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise click.UsageError("--set takes NAME=VALUE, like opts.timezone=Europe/London")
    if name in SECRETS:
        raise click.UsageError(f"{name} is a secret: give it on stdin, with --secret {name}")
    field = _fields().get(name)
    if isinstance(field, fields.String):
        return name, value
    try:
        return name, json.loads(value)
    except ValueError as error:
        fault = 'is no JSON: write true, 2048 or ["192.0.2.0/24"]'
        raise BadInputError(f"{name} {fault}", fields={name: [fault]}) from error


def _fields() -> Mapping[str, fields.Field[Any]]:
    opts: Schema = OptsSchema()
    return {**CHANGE.fields, **{f"opts.{name}": each for name, each in opts.fields.items()}}
