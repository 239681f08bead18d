"""`receiver status`: whether something is wrong, with whom, and what there is."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import click
from msgspec.structs import asdict
from sqlalchemy.orm import Session

from receiver.cli import counted, entrance
from receiver.cli.counted import Counted
from receiver.cli.database import current_url, reading_session
from receiver.cli.exits import EXITS
from receiver.cli.table import echo_rows, plain
from receiver.cli.vitals import Flow, flow, shown_points
from receiver.cli.why_screen import WHO
from receiver.domain.blame import Blame
from receiver.domain.diagnosis import Finding, Vitals, diagnose
from receiver.domain.errors import ReceiverError, SpoolError
from receiver.inbox.spool.depth import Depth, depth
from receiver.settings import Settings
from receiver.store import questions
from receiver.store.overview import Kept, kept, overview

DEPTH: Final = ("facts", "bytes", "oldest_seconds", "damaged")
_WELL: Final = Finding(
    blame=Blame.NONE, sentence="nothing is wrong, as far as can be seen from here"
)


@dataclass(frozen=True)
class _Service:
    """How the running service is, and how it sees the store and its spool."""

    state: str
    seen: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class _Ledger:
    """What the database tells; `state` is `up`, or says why it tells nothing."""

    state: str
    counts: Mapping[str, object] = field(default_factory=dict)
    held: Mapping[str, Kept] = field(default_factory=dict)
    flow: Flow | None = None


@click.command()
@click.option("--json", "as_json", is_flag=True)
def status(*, as_json: bool) -> None:
    """Say whether something is wrong and with whom, what flows, and what is stored.

    Exit code 0 where nothing is, 1 where it is us, 3 the platform, 4 beyond it, 5 whoever sends.
    """
    settings, now = Settings.from_environ(), datetime.now(UTC)
    known = entrance.read(settings.var_dir)
    base_url = known.base_url if known else settings.base_url
    service, ledger = _service(base_url), _ledger(settings, now)
    if not service.seen:
        service = replace(service, seen=_seen_here(settings, now))
    counts = counted.read(settings)
    findings = diagnose(_vitals(settings, service, ledger, counts, now)) or [_WELL]
    refused = counted.shown(counts)
    if as_json:
        told = _told(base_url, service, ledger, findings) | {"refused": refused}
        click.echo(json.dumps(told, default=plain, indent=2))
    else:
        _show(base_url, service, ledger, findings)
        _echo(refused)
    raise SystemExit(EXITS[findings[0].blame])


def _vitals(
    settings: Settings,
    service: _Service,
    ledger: _Ledger,
    counts: Sequence[Counted],
    now: datetime,
) -> Vitals:
    spool, spool_status = _spool(settings)
    measured = ledger.flow.measured if ledger.flow else {}
    return Vitals(
        now=now,
        database=ledger.state,
        service=service.state,
        store=_store(service, counts),
        spool_facts=spool.facts,
        spool_oldest_at=spool.oldest_at,
        spool_damaged=spool.damaged,
        spool_status=str(service.seen.get("spool", spool_status)),
        **measured,
    )


def _store(service: _Service, counts: Sequence[Counted]) -> str:
    """Return how the database commits: the service that was asked is one of several processes."""
    refusals = [each.store_refusal for each in counts if each.store_refusal]
    said = [str(service.seen.get("store", "ok")), *refusals]
    return next((each for each in said if each != "ok"), "ok")


def _spool(settings: Settings) -> tuple[Depth, str]:
    """Return what waits on this disk, and whether that could be told."""
    if settings.spool_dir is None:
        return Depth(), "off"
    try:
        return depth(settings.spool_dir), "ok"
    except SpoolError:
        return Depth(), "unreadable"


def _seen_here(settings: Settings, now: datetime) -> Mapping[str, object]:
    """Return how the spool of this host is, for where no service says it."""
    spool, state = _spool(settings)
    age = (now - spool.oldest_at).total_seconds() if spool.oldest_at else 0
    told = (spool.facts, spool.bytes, round(age, 1), spool.damaged)
    return {"spool": state} | {f"spool_{name}": n for name, n in zip(DEPTH, told, strict=True)}


def _told(
    base_url: str, service: _Service, ledger: _Ledger, findings: Sequence[Finding]
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "blame": findings[0].blame,
        "findings": [asdict(finding) for finding in findings],
        "base_url": base_url,
        "service": service.state,
        "database": ledger.state,
        **service.seen,
        **ledger.counts,
        "kept": {what: each._asdict() for what, each in ledger.held.items()},
    }
    if ledger.flow:
        told |= {
            **ledger.flow.rates,
            "points": list(shown_points(ledger.flow)),
            "quarantined_1h": list(_held(ledger.flow)),
            **_upkeep(ledger.flow),
        }
    return told


def _show(base_url: str, service: _Service, ledger: _Ledger, findings: Sequence[Finding]) -> None:
    first, *others = findings
    click.echo(f"{WHO[first.blame]}: {first.sentence}")
    for each in others:
        click.echo(f"also {WHO[each.blame]}: {each.sentence}")
    rows: dict[str, object] = {"service": f"{service.state} ({base_url})", "database": ledger.state}
    rows |= {**service.seen, **ledger.counts}
    rows |= {f"{what}_kept": _sentence(each) for what, each in ledger.held.items()}
    if ledger.flow:
        rows |= {**ledger.flow.rates, **_upkeep(ledger.flow)}
    _echo([{"what": what, "state": state} for what, state in rows.items()])
    if ledger.flow:
        _echo(list(shown_points(ledger.flow)))
        _echo(list(_held(ledger.flow)))


def _echo(rows: Sequence[Mapping[str, object]]) -> None:
    """Print a table behind an empty line, none of nothing."""
    if rows:
        click.echo()
        echo_rows(rows, as_json=False)


def _held(flow: Flow) -> Iterator[dict[str, object]]:
    for point, reason, number in flow.measured["held_1h"]:
        yield {"point": point, "quarantined_1h": number, "reason": reason}


def _upkeep(flow: Flow) -> Mapping[str, object]:
    measured = flow.measured
    return {
        "feed_lag_seconds": round(measured["feed_lag_seconds"], 1),
        "worker": "works" if measured["worker"] else "none works",
        "counts_waiting": measured["counts_waiting"],
        "partitions_until": measured["partitions_until"],
        "failed_1h": sum(each.failed for each in measured["failures"]),
        "refused_1h": measured["refused_1h"],
    }


def _service(base_url: str) -> _Service:
    try:
        with urllib.request.urlopen(f"{base_url}/health/ready", timeout=5) as answer:  # noqa: S310
            told = _json(answer.read())
    except urllib.error.HTTPError as error:
        phrase = HTTPStatus(error.code).phrase
        return _Service(f"not ready ({error.code} {phrase})", _seen(_json(error.read())))
    except OSError:
        return _Service("not reachable")
    return _Service("degraded" if told.get("status") == "degraded" else "up", _seen(told))


def _json(body: bytes) -> Mapping[str, Any]:
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


def _ledger(settings: Settings, now: datetime) -> _Ledger:
    try:
        with reading_session(current_url(settings)) as session:
            counts = {**overview(session), **_reconciliation(session, settings)}
            return _Ledger("up", counts, kept(session, settings.keep), flow(session, settings, now))
    except ReceiverError as error:
        return _Ledger(str(error))


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
