"""`receiver tail`: what changes, as it does."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from receiver.cli.choices import Choices
from receiver.cli.database import current_url
from receiver.domain.errors import StoreAwayError
from receiver.settings import Settings
from receiver.signals import heeded
from receiver.store import changes, points, sends
from receiver.store.changes import Place, Wanted
from receiver.store.database import make_engine
from receiver.store.reading import reading
from receiver.web.changes import KINDS, data_of
from receiver.web.times import utc
from receiver.web.veil import VEILED

LOOK_SECONDS: Final = 0.5
#: Things that are read at once.
PAGE: Final = 500

Item = Mapping[str, Any]


@click.command()
@click.option("--point", "codes", multiple=True, help="Only of this point: code or id.")
@click.option("--kind", "kinds", type=Choices(KINDS), default=KINDS, help="delivery,message...")
@click.option("--tag", "tags", multiple=True, help="Only deliveries with this tag.")
@click.option("--domain", default="default", show_default=True)
@click.option("--lines", type=click.IntRange(min=1), default=None, help="End after so many.")
@click.option("--start", is_flag=True, help="Begin with everything that is there.")
@click.option("--json", "as_json", is_flag=True)
def tail(
    codes: Sequence[str],
    kinds: Sequence[str],
    tags: Sequence[str],
    domain: str,
    *,
    lines: int | None,
    start: bool,
    as_json: bool,
) -> None:
    """Follow deliveries, messages and events as they change, until Ctrl-C. Numbers are masked."""
    url = current_url(Settings.from_environ())
    engine = make_engine(url)
    with heeded():
        try:
            wanted = _wanted(engine, codes, kinds, tags, domain)
            for number, item in enumerate(_followed(engine, wanted, start=start), start=1):
                click.echo(_line(item, as_json=as_json))
                if number == lines:
                    break
        except BrokenPipeError:  # whoever reads has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        finally:
            engine.dispose()


def _wanted(
    engine: Engine, codes: Sequence[str], kinds: Sequence[str], tags: Sequence[str], domain: str
) -> Wanted:
    with reading(engine) as session:
        found = [points.get(session, domain=domain, code_or_id=code).id for code in codes]
    return Wanted(domain=domain, kinds=kinds, point_ids=found, tags=tags)


def _followed(engine: Engine, wanted: Wanted, *, start: bool) -> Iterator[Item]:
    """Yield what changes, for ever; while the database is away nothing does."""
    follower = _Follower(wanted, from_start=start)
    is_away = False
    while True:
        try:
            with reading(engine) as session:
                found = follower.look(session)
            is_away = False
        except StoreAwayError as error:
            found = []
            if not is_away:
                click.echo(f"receiver: {error}: trying again", err=True)
            is_away = True
        yield from found
        if not found:
            time.sleep(LOOK_SECONDS)


@dataclass
class _Follower:
    """Goes on in the feed, look by look."""

    wanted: Wanted
    from_start: bool
    place: Place | None = None

    def look(self, session: Session) -> Sequence[Item]:
        """Return what changed since the last look."""
        feed = changes.feed(session)
        if self.place is None:
            self.place = feed.start if self.from_start else feed.now
        elif not feed.is_good(self.place):
            click.echo("receiver: the database was restored: the feed begins anew", err=True)
            self.place = feed.now
        page = changes.page(session, self.wanted, self.place, limit=PAGE)
        self.place = page.last
        codes = sends.point_codes(session, {each.row.point_id for each in page.changes if each.row})
        return [
            {
                "committed_at": utc(change.written_at),
                "kind": "deletion" if change.deleted else change.kind,
                "cause": change.cause,
                "data": data_of(change, codes, VEILED),
            }
            for change in page.changes
        ]


def _line(item: Item, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(item, ensure_ascii=False)
    data = item["data"]
    point = (data.get("point") or {}).get("code")
    parts = (
        f"{item['committed_at'][11:19]}",
        f"{item['kind']:8}",
        f"{data.get('channel') or '-':8}",
        f"{data.get('status') or data.get('name') or item['cause']:11}",
        f"{data.get('code') or '-':4}",
        f"{data.get('destination') or data.get('from') or '-'}",
        f"{data.get('transid') or data.get('tid') or data.get('id')}",
        f"{point or '-'}",
        data.get("code_text") or "",
    )
    return "  ".join(parts).rstrip()
