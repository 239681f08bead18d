"""`receiver keys`: who may use our API."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from sqlalchemy.orm import Session

from receiver.cli.database import current_session
from receiver.cli.table import echo_rows, plain
from receiver.store import audit
from receiver.store import keys as store
from receiver.store.audit import Act
from receiver.store.keys import ApiKey
from receiver.store.points import get


class Expiry(click.ParamType[datetime]):
    """A day like 2027-01-01 (the key ends as it begins, UTC), or a number of days like 90d."""

    name = "date|days"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the moment when the key ends."""
        if isinstance(value, datetime):
            return value
        now = datetime.now(UTC)
        try:
            days = re.fullmatch(r"(\d{1,5})d", str(value))
            if days:
                return now + timedelta(days=int(days[1]))
            end = datetime.strptime(str(value), "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            self.fail("write a day like 2027-01-01 or a number of days like 90d", param, ctx)
        if end <= now:
            self.fail("that day is past", param, ctx)
        return end


@click.group()
def keys() -> None:
    """Add, list and revoke API keys."""


@keys.command()
@click.argument("name")
@click.option("--domain", default="default", show_default=True)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(store.SCOPES),
    default=("read", "send"),
    show_default=True,
    help="Give it once for each scope.",
)
@click.option("--point", "wanted", multiple=True, help="Narrow it to this point: code or id.")
@click.option("--expires", type=Expiry(), default=None)
def add(
    name: str,
    domain: str,
    scopes: Sequence[str],
    wanted: Sequence[str],
    expires: datetime | None,
) -> None:
    """Make a key called NAME and print it: it can't be shown again."""
    with current_session() as session:
        key, secret = store.add(
            session,
            domain=domain,
            name=name,
            scopes=list(dict.fromkeys(scopes)),
            point_ids=[get(session, domain=domain, code_or_id=text).id for text in wanted],
            expires_at=expires,
        )
        _record(session, "key.create", key, _row(key))
        prefix = key.prefix
    click.echo(secret)
    click.echo(f"shown this once; to end it: receiver keys revoke {prefix}", err=True)


@keys.command("list")
@click.option("--domain", default=None)
@click.option("--json", "as_json", is_flag=True)
def list_(domain: str | None, *, as_json: bool) -> None:
    """List the keys, without their secrets."""
    with current_session() as session:
        rows = [_row(key) for key in store.list_(session, domain=domain)]
    echo_rows(rows, as_json=as_json)


@keys.command()
@click.argument("prefix")
def revoke(prefix: str) -> None:
    """End the key that begins with PREFIX, at once."""
    with current_session() as session:
        key = store.revoke(session, prefix)
        _record(session, "key.revoke", key, {"revoked_at": key.revoked_at})
    click.echo(f"revoked: {prefix} ({key.name})")


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "prefix": key.prefix,
        "domain": key.domain,
        "name": key.name,
        "scopes": list(key.scopes),
        "points": [str(point) for point in key.point_ids],
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _record(session: Session, verb: str, key: ApiKey, after: Mapping[str, Any]) -> None:
    """Write into the audit log what became of a key."""
    told = {
        name: plain(value) if isinstance(value, datetime) else value
        for name, value in after.items()
    }
    act = Act(verb=verb, kind="key", ids=[str(key.id)], after=told)
    audit.record(session, act, who=audit.by_shell(), domain=key.domain)
