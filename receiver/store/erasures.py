"""Who was erased: so that what was accepted before, and is applied after, comes out erased.

The table knows people by fingerprints alone. A process keeps what it holds, and every apply asks
as its last statement whether that is still all: so none commits who does not know of an erasure,
once those are over that were under way when it was announced.
"""

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, Self

import psycopg

from receiver.domain.erasure import addresses_of, erased, is_erased
from receiver.domain.errors import SealedError, StoreAwayError
from receiver.domain.facts import Fact, Send
from receiver.domain.persons import ERASED, Finder, Person
from receiver.sealing import Sealer
from receiver.store.roundtrip import Asked

#: Held by the one command that erases.
LOCK: Final = 0x5EC_E1E45E
_LETTERS: Final = str.maketrans("0123456789abcdef", "bcdfghjklmnpqrst")  # no digits: no number
_LONGEST_WAIT_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.02
_NEVER: Final = datetime.min.replace(tzinfo=UTC)

_LOAD: Final = "SELECT domain, hash, pseudonym, erased_at, version FROM erasures"
_FIND: Final = "SELECT hash, pseudonym FROM erasures WHERE domain = %s AND hash = ANY(%s)"
_ANNOUNCE: Final = """
    INSERT INTO erasures (domain, hash, pseudonym, erased_at)
    SELECT %s, named.*, at FROM unnest(%s::bytea[], %s::text[]) named, clock_timestamp() at
    ON CONFLICT (domain, hash) DO UPDATE SET erased_at = excluded.erased_at, version = DEFAULT
    RETURNING erased_at
    """
#: Whoever writes facts at this moment, and may not know yet.
_WRITING: Final = """
    SELECT virtualtransaction FROM pg_locks
     WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND pid <> pg_backend_pid()
       AND relation = ANY(ARRAY['sends', 'recordings', 'receipts', 'messages', 'platform_events',
                                'quarantine']::regclass[])
    """


@dataclass(frozen=True, slots=True)
class _Erased:
    pseudonym: str
    until: datetime


@dataclass(frozen=True)
class Known:
    """All erasures there were at one moment."""

    version: int = 0
    by_domain: Mapping[str, Mapping[bytes, _Erased]] = field(default_factory=dict)
    strange_until: Mapping[str, datetime] = field(default_factory=dict)
    """By domain, up to when there are some by keys that we don't have."""
    sealer: Sealer | None = None

    @classmethod
    def load(cls, connection: psycopg.Connection[Any], sealer: Sealer | None) -> Self:
        """Read the table. Raises psycopg.Error."""
        version = 0
        by_domain: dict[str, dict[bytes, _Erased]] = defaultdict(dict)
        strange: dict[str, datetime] = {}
        for domain, hash_, pseudonym, until, each in connection.execute(_LOAD):
            version = max(version, each)
            by_domain[domain][hash_] = _Erased(pseudonym, until)
            if sealer is None or not sealer.knows(hash_):
                strange[domain] = max(until, strange.get(domain, until))
        return cls(version, by_domain, strange, sealer)

    @property
    def check(self) -> Asked:
        """Return the statement that fails, as one to be tried again, if there are others now."""
        return "SELECT require_erasures(%(known)s::bigint)", {"known": str(self.version)}

    def clear(self, facts: Sequence[Fact]) -> "Cleared":
        """Return facts without those who were erased since they were accepted.

        Raises: SealedError where nobody can tell, since a key is missing.
        """
        if not self.by_domain:
            return Cleared(facts, (), self)
        finders = {
            domain: self.finder(domain)
            for domain in {fact.domain for fact in facts}
            if domain in self.by_domain
        }
        related = [
            fact
            for fact in facts
            if fact.domain in finders and self._is_related(fact, finders[fact.domain])
        ]
        return Cleared([self._cleared(fact) for fact in facts], related, self)

    def finder(self, domain: str, *, since: datetime = _NEVER) -> Finder:
        """Return what finds who was erased since a moment."""
        erasures = self.by_domain.get(domain, {})

        def lookup(key: str) -> str | None:
            if self.sealer is None:
                return None
            hashes = self.sealer.fingerprints(_content(domain, key))
            found = next((erasures[each] for each in hashes if each in erasures), None)
            return found.pseudonym if found and found.until >= since else None

        return Finder(lookup)

    def _is_related(self, fact: Fact, find: Finder) -> bool:
        """Tell whether there may be something erased that a fact belongs to, or that is its own."""
        if isinstance(fact.body, Send):
            return True  # it can be for somebody whom only receipts name
        return any(is_erased(each) or find.finds(each) for each in addresses_of(fact.body))

    def _cleared(self, fact: Fact) -> Fact:
        if not self._is_old(fact):
            return fact
        if fact.accepted_at <= self.strange_until.get(fact.domain, _NEVER):
            raise SealedError(
                "somebody was erased under a key that we don't have: RECEIVER_SECRET_KEYS lacks it"
            )
        return erased(fact, self.finder(fact.domain, since=fact.accepted_at))

    def _is_old(self, fact: Fact) -> bool:
        return fact.accepted_at <= self._newest.get(fact.domain, _NEVER)

    @cached_property
    def _newest(self) -> Mapping[str, datetime]:
        return {
            domain: max(each.until for each in found.values())
            for domain, found in self.by_domain.items()
        }


@dataclass(frozen=True, slots=True)
class Cleared:
    """Facts as they are to be applied, and what is to be looked after once they are."""

    facts: Sequence[Fact]
    related: Sequence[Fact]
    """Those, as they came, to which others may belong that are erased."""
    known: Known


class Erasures:
    """What a process knows of erasures; its threads share one."""

    def __init__(self, sealer: Callable[[], Sealer | None] = lambda: None) -> None:
        self._sealer = sealer
        self.known = Known()

    def load(self, connection: psycopg.Connection[Any]) -> None:
        """Learn of all that there are now. Raises psycopg.Error."""
        self.known = Known.load(connection, self._sealer())


def _content(domain: str, key: str) -> bytes:
    return f"{domain}\0{key}".encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class Announced:
    """A person whom every apply knows to be erased, and up to when."""

    pseudonyms: Mapping[str, str]
    """By each form of theirs, so that what the ledger takes for two stays two."""
    until: datetime


def announce(
    connection: psycopg.Connection[Any], sealer: Sealer, person: Person, *, domain: str
) -> Announced:
    """Make known that a person is erased; return once nobody writes who does not know it.

    Whoever was erased before has the pseudonym of then. Raises: StoreAwayError where somebody
    goes on writing for too long, psycopg.Error.
    """
    hashes = {form: sealer.fingerprints(_content(domain, form)) for form in person.forms}
    with connection.transaction():
        every = [each for found in hashes.values() for each in found]
        known = dict(connection.execute(_FIND, [domain, every]).fetchall())
        pseudonyms = _named(hashes, known)
        rows = {hashes[form][0]: name for form, name in pseudonyms.items()} | known
        row = connection.execute(_ANNOUNCE, [domain, list(rows), list(rows.values())]).fetchone()
        assert row is not None
    _await_writers(connection)
    return Announced(pseudonyms, row[0])


def _named(hashes: Mapping[str, Sequence[bytes]], known: Mapping[bytes, str]) -> Mapping[str, str]:
    """Return the pseudonym of each form: that by which it is known, or else a new one."""
    before = {
        form: next((known[each] for each in found if each in known), None)
        for form, found in hashes.items()
    }
    taken = {name for name in before.values() if name}
    name = min(taken, key=len) if taken else ERASED + secrets.token_hex(8).translate(_LETTERS)
    fresh = (f"{name}-{number}" if number else name for number in range(len(taken) + len(hashes)))
    free = (each for each in fresh if each not in taken)
    return {form: known_name or next(free) for form, known_name in before.items()}


def _await_writers(connection: psycopg.Connection[Any]) -> None:
    """Wait for the transactions that may have asked before the announcement."""
    waiting = {row[0] for row in connection.execute(_WRITING)}
    until = time.monotonic() + _LONGEST_WAIT_SECONDS
    while waiting:
        if time.monotonic() > until:
            raise StoreAwayError("a transaction that began before goes on and on")
        time.sleep(_LOOK_SECONDS)
        waiting &= {row[0] for row in connection.execute(_WRITING)}
