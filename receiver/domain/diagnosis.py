"""Whether something is wrong with the flow as a whole, and with whom.

A list of rules over what was measured; each finds its own sentences. What the first of them finds
is what to begin with.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct

from receiver.domain.blame import Blame

#: A share of failures is worth a word from so many on.
FEWEST_FAILURES: Final = 5
#: Of what ended. One that is lower is worth a word where it is so many times what is usual.
MUCH: Final = 0.2
LITTLE: Final = 0.05
TIMES_USUAL: Final = 3
#: Of sends, that the platform refuses; so few are no chance.
MANY_REFUSED: Final = 0.1
FEWEST_REFUSED: Final = 5
#: Of what came, that went to quarantine.
MANY_HELD: Final = 0.01
#: What waits in the spool, or holds the feed back, for longer does not come to an end by itself.
LONG_SECONDS: Final = 60
#: With partitions for fewer days after today somebody should look after the worker.
FEWEST_DAYS_AHEAD: Final = 3
#: Counts that wait for the worker.
MANY_COUNTS: Final = 50_000


class PointPulse(Struct, frozen=True, kw_only=True):
    """What went through one point lately."""

    code: str
    """Empty: of what was sent without naming a point."""
    domain: str
    disabled: bool = False
    elsewhere: bool = False
    """Whether receipts go to the senders' own URLs."""
    last_receipt_at: datetime | None = None
    """None where there was none in a day."""
    receipts_10m: int = 0
    unanswered: int = 0
    """Sends that have waited for RECEIVER_SILENCE, with no receipt of any other for as long."""

    @property
    def is_silent(self) -> bool:
        """Whether it was sent through, and nothing at all was reported since."""
        return self.unanswered > 0 and not (self.disabled or self.elsewhere)


class Failures(Struct, frozen=True, kw_only=True):
    """What failed of a domain in the last hour, and how much that is."""

    domain: str = "default"
    failed: int = 0
    ended: int = 0
    """With any outcome."""
    usual: float = 0
    """The share that failed in the last week."""
    blame: Blame = Blame.NETWORK
    """Of what most of them say."""
    most: str = ""
    """The code that most of them have, with what it means."""

    @property
    def share(self) -> float:
        """How many of those that ended failed."""
        return self.failed / self.ended if self.ended else 0

    @property
    def are_many(self) -> bool:
        """Whether that is worth a word."""
        is_much = self.share >= max(LITTLE, min(MUCH, TIMES_USUAL * self.usual))
        return self.failed >= FEWEST_FAILURES and is_much


class Vitals(Struct, frozen=True, kw_only=True):
    """What was measured; what could not be is at its default, at which no rule finds anything."""

    now: datetime
    database: str = "up"
    """`up`, or a sentence that says why it can't be used."""
    store: str = "ok"
    """How the service finds that the database commits: `ok`, or why it doesn't."""
    service: str = "up"
    """`up`, else how it is; `not reachable` may only mean that it runs elsewhere."""
    spool_oldest_at: datetime | None = None
    spool_facts: int = 0
    spool_damaged: int = 0
    spool_status: str = "ok"
    feed_lag_seconds: float = 0
    counts_waiting: int = 0
    worker: bool = True
    partitions_until: date | None = None
    points: Sequence[PointPulse] = ()
    sends_1h: int = 0
    refused_1h: int = 0
    receipts_10m: int = 0
    arrived_1h: int = 0
    """Whatever the platform brought and we understood."""
    held_1h: Sequence[tuple[str, str, int]] = ()
    """What went to quarantine: the point's code, the reason, how many."""
    failures: Sequence[Failures] = ()


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, and with whom."""

    blame: Blame
    sentence: str


def diagnose(vitals: Vitals) -> Sequence[Finding]:
    """Return what is wrong, what to begin with first; nothing where all is well."""
    return [
        Finding(blame=blame, sentence=sentence)
        for blame, find in _RULES
        for sentence in find(vitals)
    ] + [_failing(each) for each in vitals.failures if each.are_many]


def _no_database(vitals: Vitals) -> Iterator[str]:
    if vitals.database != "up":
        yield f"the database can't be used: {vitals.database}"


def _no_commits(vitals: Vitals) -> Iterator[str]:
    if vitals.database == "up" and vitals.store != "ok":
        cure = STORES.get(vitals.store, "")
        yield f"the database answers, and commits nothing ({vitals.store}){cure}"


def _no_service(vitals: Vitals) -> Iterator[str]:
    if vitals.service == "not reachable":
        if not vitals.receipts_10m:  # else it runs, only not here
            yield "the service can't be reached from here"
    elif vitals.service != "up":
        yield f"the service is {vitals.service}"


def _spool(vitals: Vitals) -> Iterator[str]:
    if vitals.spool_status not in {"ok", "off"}:
        yield f"the spool is {vitals.spool_status}: without the database nothing could be taken"
    if vitals.spool_damaged:
        yield f"{vitals.spool_damaged} files of the spool are damaged: receiver spool status"
    if vitals.spool_facts and vitals.spool_oldest_at:
        waits = vitals.now - vitals.spool_oldest_at
        if waits > timedelta(seconds=LONG_SECONDS):
            minutes = int(waits.total_seconds() // 60)
            yield f"{vitals.spool_facts} facts wait in the spool, the oldest for {minutes} minutes"


def _held(vitals: Vitals) -> Iterator[str]:
    for point, reason, number in vitals.held_1h:
        if number >= MANY_HELD * (vitals.arrived_1h + number):
            cure = HELD.get(reason, "receiver quarantine list --group")
            yield f"{number} notifications of point {point} went to quarantine ({reason}): {cure}"


def _upkeep(vitals: Vitals) -> Iterator[str]:
    if vitals.feed_lag_seconds > LONG_SECONDS:
        seconds = int(vitals.feed_lag_seconds)
        yield f"a transaction has held the change feed back for {seconds} seconds"
    if not vitals.worker and vitals.counts_waiting > MANY_COUNTS:
        yield f"no worker works, and {vitals.counts_waiting} counts wait for it: receiver worker"
    if vitals.partitions_until is not None:
        ahead = (vitals.partitions_until - vitals.now.date()).days
        if ahead < FEWEST_DAYS_AHEAD:
            yield f"partitions end on {vitals.partitions_until}: receiver migrate, receiver worker"


def _refused(vitals: Vitals) -> Iterator[str]:
    if vitals.refused_1h >= max(FEWEST_REFUSED, MANY_REFUSED * vitals.sends_1h):
        yield f"the platform refused {vitals.refused_1h} of {vitals.sends_1h} sends in an hour"


def _silent(vitals: Vitals) -> Iterator[str]:
    for point in vitals.points:
        if point.is_silent:
            last = point.last_receipt_at
            since = f"since {last:%Y-%m-%dT%H:%M:%SZ}" if last else "for a day"
            where = (
                f"to point {point.code} {since}"
                if point.code
                else "of what was sent without naming a point"
            )
            yield (
                f"no receipt came {where}, with {point.unanswered} sends"
                " waiting for one: the platform reports nothing, or doesn't reach us:"
                " receiver check <hook URL>"
            )


def _failing(failures: Failures) -> Finding:
    whose = f"deliveries of domain {failures.domain}"
    said = f"{failures.failed} of {failures.ended} {whose} failed in the last hour"
    most = f", most with {failures.most}" if failures.most else ""
    usual = f" ({failures.share:.0%}, usually {failures.usual:.0%})"
    return Finding(blame=failures.blame, sentence=f"{said}{usual}{most}")


#: By the service's word for how the database is: what to do.
STORES: Final = {
    "full": ": its disk is full: make room there",
    "read_only": ": it is read-only: default_transaction_read_only",
    "behind": ": its schema is behind the code: receiver migrate",
}
#: By the quarantine's word for why: what to do.
HELD: Final = {
    "bad_signature": "the hub secrets here and at the platform differ: receiver points rotate",
    "bad_address": "its address is not among allow_ips: receiver points set",
    "disabled": "the point is disabled: receiver points set CODE --set opts.disabled=false",
    "too_large": "it is larger than max_body: receiver points set",
    "apply_failed": "the database refused it: that is a fault of ours",
}
_RULES: Final[Sequence[tuple[Blame, Callable[[Vitals], Iterator[str]]]]] = (
    (Blame.US, _no_database),
    (Blame.US, _no_commits),
    (Blame.US, _no_service),
    (Blame.US, _spool),
    (Blame.US, _held),
    (Blame.US, _upkeep),
    (Blame.PLATFORM, _silent),
    (Blame.SENDER, _refused),
)
