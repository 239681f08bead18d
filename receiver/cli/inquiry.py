"""What `receiver why` finds out: which sends are meant, and the verdict on each."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, partial
from typing import Final, TypeVar

from msgspec.structs import replace
from sqlalchemy.orm import Session

from receiver.domain.blame import Blame
from receiver.domain.errors import ReceiverError, SlowQueryError
from receiver.domain.facts import Fact, Notice, Receipt, Send, State
from receiver.domain.identity import base_of, destination_key
from receiver.domain.status import Outcome
from receiver.domain.verdicts import Case, Verdict, judge
from receiver.inbox.spool.search import search
from receiver.platform import codes
from receiver.sealing import Sealer
from receiver.settings import Settings
from receiver.store import sends, traces
from receiver.store.admin_tables import IntegrationPoint
from receiver.store.reading import asking
from receiver.store.sends import SoughtSends
from receiver.store.tables import DeliveryRow, SendRow
from receiver.web.numbers import keys_of
from receiver.web.whole_sends import WholeSend

Found = TypeVar("Found")

#: Of several sends that are meant so many are looked at, the newest.
MOST: Final = 10
#: Where it isn't known when something was sent, so far back the quarantine is looked through.
LOOKED_BACK: Final = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody asks about; what came on stdin may be a number or an address, too."""

    name: str = field(repr=False)
    domain: str
    is_private: bool = False

    def keys(self, region: str) -> Sequence[str]:
        """Return the keys of the destination that it can be; none of what can't be any."""
        return keys_of(self.name, region) if self.is_private else ()


@dataclass(kw_only=True)
class Inquiry:
    """One look at the ledger of this moment, and at what lies outside of it on this host."""

    session: Session
    settings: Settings
    wanted: Wanted
    unseen: list[str] = field(default_factory=list)
    """What could not be looked at, in sentences."""

    def find(self) -> Sequence[SendRow]:
        """Return the sends that are meant, the newest first."""
        wanted = self.wanted
        if (named := sends.find(self.session, wanted.name, domain=wanted.domain)) is not None:
            return [named]
        by_name = SoughtSends(correlationid=[wanted.name])
        keys = wanted.keys(self.settings.region)
        by_number = SoughtSends(destination=keys) if keys else None
        for sought in filter(None, (by_name, by_number)):
            rows = sends.newest(self.session, sought, domain=wanted.domain, before=None, limit=MOST)
            if rows:
                found = (self.session.get(SendRow, row.seq) for row in rows)
                return [row for row in found if row]
        return []

    def whole(self, send: SendRow) -> WholeSend:
        """Return a send with what became of it."""
        return WholeSend(session=self.session, send=send, window=self.settings.reply_window)

    def verdicts(self, send: SendRow, deliveries: Sequence[DeliveryRow]) -> Sequence[Verdict]:
        """Return the verdict on each delivery, or the one on a send without any."""
        around = _Around(self, send)
        if not deliveries:
            return [judge(self._case(send, None, around))]
        if not self.wanted.is_private:
            return [judge(self._case(send, row, around)) for row in deliveries]
        keys = self.wanted.keys(self.settings.region)
        own = [row for row in deliveries if row.destination_key in keys] or deliveries
        return [judge(self._case(send, row, around)) for row in own]

    def in_quarantine(self, name: str, *, since: date) -> Sequence[str]:
        """Return what lies in quarantine and names it, in sentences."""
        look = partial(traces.quarantined, name=name, domain=self.wanted.domain, since=since)
        found = self.in_time(look, "the quarantine") or ()
        return [f"in quarantine ({row['reason']}) as {row['id']}" for row in found]

    def in_time(self, look: Callable[[Session], Found], what: str) -> Found | None:
        """Return what a look finds, None where it takes too long: then what else is told stands."""
        try:
            with asking(), self.session.begin_nested():
                return look(self.session)
        except SlowQueryError:
            self.unseen.append(f"{what}: looking through it took too long")
            return None

    def in_spool(self) -> Sequence[str]:
        """Return what waits in the spool of this host and names it, in sentences."""
        return in_spool(self.settings, self.wanted, self.unseen)

    def is_past(self) -> bool:
        """Tell whether it was in the ledger until its time was over."""
        return traces.is_past(self.session, self.wanted.name, domain=self.wanted.domain)

    def _case(self, send: SendRow, row: DeliveryRow | None, around: "_Around") -> Case:
        code = row.code if row and row.reported else send.answer_code
        meaning = codes.find(send.channel, code)
        case = Case(
            state=State(send.state),
            rank=row.rank if row else None,
            reported=bool(row and row.reported),
            overdue=bool(row and row.overdue),
            elsewhere=send.reports_elsewhere,
            raw_status=row.raw_status if row else "",
            code=code,
            code_text=meaning.text if meaning else "",
            code_blame=meaning.blame if meaning else Blame.NONE,
        )
        return around.added_to(case) if case.outcome is Outcome.PENDING else case


@dataclass
class _Around:
    """What is so around a send, looked at only if something of it is pending."""

    inquiry: Inquiry
    send: SendRow

    def added_to(self, case: Case) -> Case:
        """Return the case with it."""
        if case.state is State.REFUSED:
            return case
        silent = not case.reported and self._silent
        return replace(case, held=self._held, disabled=self._disabled, silent=silent)

    @property
    def _began(self) -> datetime | None:
        return self.send.requested_at or self.send.accepted_at

    @cached_property
    def _held(self) -> Sequence[str]:
        since = self._began or datetime.now(UTC) - LOOKED_BACK
        found = self.inquiry.in_quarantine(base_of(self.send.transid), since=since.date())
        wanted = Wanted(name=self.send.transid, domain=self.send.domain)
        waiting = in_spool(self.inquiry.settings, wanted, self.inquiry.unseen)
        return [*waiting, *found]

    @cached_property
    def _disabled(self) -> bool:
        if self.send.point_id is None:
            return False
        point = self.inquiry.session.get(IntegrationPoint, self.send.point_id)
        return bool(point and point.opts.get("disabled"))

    @cached_property
    def _silent(self) -> bool:
        if self.send.point_id is None or self._began is None:
            return False
        if self._began > datetime.now(UTC) - self.inquiry.settings.silence:
            return False
        look = partial(traces.came_to, point_id=self.send.point_id, since=self._began)
        return self.inquiry.in_time(look, "what else came to its point") is False


def in_spool(settings: Settings, wanted: Wanted, unseen: list[str]) -> Sequence[str]:
    """Return what waits in the spool of this host and names what is wanted, in sentences."""
    if settings.spool_dir is None or not settings.spool_dir.exists():
        return []
    sealer = Sealer.known(settings.secret_keys, settings.var_dir)
    if sealer is None:
        unseen.append("the spool: there is no secret key here")
        return []
    keys = wanted.keys(settings.region)
    try:
        found = list(search(settings.spool_dir, sealer, lambda fact: _names(fact, wanted, keys)))
    except (ReceiverError, OSError) as error:
        unseen.append(f"the spool, as a whole: {error}")
        return []
    return list(dict.fromkeys(_waiting(fact) for fact in found))  # a family may be large


def _waiting(fact: Fact) -> str:
    body = fact.body
    said = f" {body.raw_status}" if isinstance(body, Receipt) else ""
    return f"in the spool ({body.kind}{said}) since {fact.accepted_at:%Y-%m-%dT%H:%M:%SZ}"


def _names(fact: Fact, wanted: Wanted, keys: Sequence[str]) -> bool:
    """Tell whether a fact that waits is of what is wanted."""
    if fact.domain != wanted.domain:
        return False
    body = fact.body
    if not isinstance(body, Receipt | Notice | Send):
        return wanted.name.encode() in fact.raw
    names = {base_of(body.transid), body.transid, body.correlationid}
    return base_of(wanted.name) in names or any(key in keys for key in _addressed(body))


def _addressed(body: Receipt | Notice | Send) -> Iterator[str]:
    if isinstance(body, Receipt):
        yield destination_key(body.destination)
    elif isinstance(body, Send):
        yield from (destination_key(each.value) for each in body.destinations)
    else:
        yield destination_key(body.sender)
