"""`receiver quarantine`: what was not taken, why, and taking it after all."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import click
from sqlalchemy import Engine

from receiver.cli.database import check
from receiver.cli.replaying import replayer_of
from receiver.cli.table import echo_rows, plain
from receiver.embedded import database_url
from receiver.settings import Settings
from receiver.store import audit, schema, sends
from receiver.store import jobs as stored_jobs
from receiver.store import quarantine as stored
from receiver.store.arrivals import Excerpt
from receiver.store.database import make_engine
from receiver.store.fitness import connect_for_facts
from receiver.store.quarantine import REASONS, Sought, State
from receiver.store.reading import reading
from receiver.store.writing import writing
from receiver.web import jobs, quarantine_acts
from receiver.web.quarantine_acts import DISCARDING, REPLAYING, Actor, Site, group_item, item
from receiver.web.quarantine_queries import Selection

_DOMAIN = click.option("--domain", default="default", show_default=True)
_JSON = click.option("--json", "as_json", is_flag=True)
_REASON = click.option("--reason", "reasons", multiple=True, type=click.Choice(REASONS))
_POINT = click.option("--point", "points", multiple=True, help="Code or id; repeat it for several.")
_LIKE = click.option("--like", type=click.UUID, help="Id of one that they are built like.")
_ID_OR_MANY = click.argument("id_", metavar="[ID]", required=False)
_YES = click.option("--yes", is_flag=True, help="Do not ask before the worker is left many.")
_TRUST = click.option(
    "--trust", is_flag=True, help="Let in what was refused for its address or signature."
)
_STATES: Final = [state.value for state in State]
_OF_JOB: Final = ("id", "created_at", "state", "done", "total", "results")
_LISTED: Final = ("id", "accepted_at", "reason", "point", "answered", "bytes", "state", "shape")


@dataclass(frozen=True, slots=True)
class _Here:
    """The database, and who is at its shell."""

    url: str
    engine: Engine
    actor: Actor


@contextmanager
def _here(domain: str) -> Iterator[_Here]:
    url = database_url(Settings.from_environ())
    check(url)
    schema.require_current(url)
    engine = make_engine(url, pool_size=1)
    try:
        yield _Here(url, engine, Actor(who=audit.by_shell(), domain=domain))
    finally:
        engine.dispose()


@click.group()
def quarantine() -> None:
    """Look at what was not taken, and take it after all."""


@quarantine.command("list")
@_DOMAIN
@_REASON
@_POINT
@_LIKE
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES))
@click.option("--group", is_flag=True, help="Count by reason, point and shape.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@_JSON
def list_(
    domain: str,
    reasons: Sequence[str],
    points: Sequence[str],
    like: UUID | None,
    *,
    states: Sequence[str],
    limit: int,
    group: bool,
    as_json: bool,
) -> None:
    """List the newest, without their bodies."""
    sought = Sought(reason=reasons, state=states, like=like)
    excerpt = Excerpt(domain=domain, points=points, limit=limit)
    ask, shown = (stored.groups, group_item) if group else (stored.newest, item)
    with _here(domain) as here, reading(here.engine) as session:
        found = ask(session, sought, excerpt)
        codes = sends.point_codes(session, {row.point_id for row in found})
        items = [shown(row, codes) for row in found]
    if as_json:
        click.echo(json.dumps(items, indent=2))
    else:
        echo_rows([_row(each) for each in items], as_json=False)


@quarantine.command()
@click.argument("id_", metavar="ID")
@_DOMAIN
def show(id_: str, domain: str) -> None:
    """Show one with its body as it came; the audit log has that you did."""
    with _here(domain) as here:
        with reading(here.engine) as session:
            row = quarantine_acts.get(session, id_, here.actor)
            codes = sends.point_codes(session, {row.point_id})
        _echo(quarantine_acts.opened(here.engine, row, codes, here.actor))


@quarantine.command()
@_ID_OR_MANY
@_DOMAIN
@_REASON
@_POINT
@_LIKE
@_TRUST
@_YES
def replay(id_: str | None, domain: str, *, trust: bool, yes: bool, **chosen: Any) -> None:
    """Replay the one with ID, or have the worker replay all open ones that fit."""
    _check_either(id_, chosen)
    with _here(domain) as here:
        if id_ is None:
            _begin(here, REPLAYING, _selection(trust=trust, **chosen), yes=yes)
        else:
            _echo(_replay(here, id_, trust=trust))


@quarantine.command()
@_ID_OR_MANY
@_DOMAIN
@_REASON
@_POINT
@_LIKE
@_YES
def discard(id_: str | None, domain: str, *, yes: bool, **chosen: Any) -> None:
    """Say that the one with ID needs nothing more, or have the worker say so of many."""
    _check_either(id_, chosen)
    with _here(domain) as here:
        if id_ is None:
            _begin(here, DISCARDING, _selection(**chosen), yes=yes)
            return
        with reading(here.engine) as session:
            row = quarantine_acts.get(session, id_, here.actor)
        quarantine_acts.discard(here.engine, row, here.actor)
        click.echo(f"discarded: {id_}")


@quarantine.command()
@click.argument("id_", metavar="ID")
@_DOMAIN
@click.option("--cancel", is_flag=True, help="Stop it where it is.")
def job(id_: str, domain: str, *, cancel: bool) -> None:
    """Show how far a job is."""
    with _here(domain) as here, writing(here.engine) as session:
        found = jobs.get(session, id_, domain=domain)
        if cancel:
            jobs.stop(session, found, who=here.actor.who)
        _echo(jobs.job_item(found))


@quarantine.command("jobs")
@_DOMAIN
@_JSON
def list_jobs(domain: str, *, as_json: bool) -> None:
    """List the newest jobs."""
    with _here(domain) as here, reading(here.engine) as session:
        rows = stored_jobs.newest(session, (), Excerpt(domain=domain, limit=100))
        shown = [jobs.job_item(row) for row in rows]
    if as_json:
        click.echo(json.dumps(shown, indent=2))
    else:
        echo_rows([{name: job[name] for name in _OF_JOB} for job in shown], as_json=False)


def _check_either(id_: str | None, chosen: Mapping[str, Any]) -> None:
    if id_ is not None and any(chosen.values()):
        raise click.UsageError("name an ID, or what to choose by")


def _selection(
    reasons: Sequence[str], points: Sequence[str], like: UUID | None, *, trust: bool = False
) -> Selection:
    return Selection(
        sought=Sought(reason=reasons, state=[State.OPEN], like=like),
        points=points,
        since=None,
        until=datetime.now(UTC),
        trust=trust,
    )


def _begin(here: _Here, kind: str, selection: Selection, *, yes: bool) -> None:
    """Count, ask, and leave it to the worker."""
    total = quarantine_acts.count(here.engine, kind, selection, here.actor)
    verb = kind.rpartition(".")[2].capitalize()
    if not total or not (yes or click.confirm(f"{verb} {total}?", err=True)):
        click.echo(f"none of {total}")
        return
    with writing(here.engine) as session:
        id_ = quarantine_acts.begin_job(session, kind, selection, total, here.actor).id
    click.echo(id_)
    click.echo(f"the worker does it; to look: receiver quarantine job {id_}", err=True)


def _replay(here: _Here, id_: str, *, trust: bool) -> Mapping[str, Any]:
    with reading(here.engine) as session:
        row = quarantine_acts.get(session, id_, here.actor)
    replayer = replayer_of(Settings.from_environ())
    site = Site(here.engine, replayer, partial(connect_for_facts, here.url))
    return quarantine_acts.replay(site, row, here.actor, trust=trust)


def _row(shown: Mapping[str, Any]) -> Mapping[str, object]:
    names = _LISTED if "id" in shown else [*shown]
    point = shown["point"]
    return {name: shown[name] for name in names} | {"point": point and point["code"]}


def _echo(shown: Mapping[str, Any]) -> None:
    click.echo(json.dumps(shown, default=plain, indent=2))
