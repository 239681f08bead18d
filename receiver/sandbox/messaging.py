"""Requests to send: each is validated and answered, and its receipts are planned.

Source: CONTRACT.md 5 (messaging v1, transaction status).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.structs import replace

from receiver.domain.errors import BadInputError
from receiver.domain.facts import Destination
from receiver.platform.keys import fold
from receiver.platform.requests import parse_requests
from receiver.sandbox.answers import MESSAGING, Entry, entry, new_transid, transid_at
from receiver.sandbox.book import Entry as Line
from receiver.sandbox.book import Kind, Outcome
from receiver.sandbox.fates import fate_of
from receiver.sandbox.notifications import receipt
from receiver.sandbox.posting import Notification
from receiver.sandbox.schemas import MOST, Fault, MessagingSchema, load
from receiver.sandbox.state import Sandbox
from receiver.sandbox.transactions import Transaction

#: How long an answer waits for receipts that are to come before it.
EARLY_SECONDS: Final = 3.0
_REQUEST: Final = MessagingSchema()
_QUEUED: Final = "1001"
_EXPIRED: Final = "7005"

Part = Transaction | Fault


def send(sandbox: Sandbox, said: Any) -> Sequence[Entry]:
    """Answer a request, or an array of them, with one entry each.

    Raises: Fault, where the whole is refused.
    """
    requests = said if isinstance(said, list) and said else [said]
    base = new_transid()
    parts = [_read(each, transid_at(base, index)) for index, each in enumerate(requests)]
    taken = [part for part in parts if isinstance(part, Transaction)]
    _check(sandbox, taken)
    return [_answer(sandbox, *each) for each in zip(requests, parts, strict=True)]


def status(sandbox: Sandbox, transid: str) -> Sequence[Mapping[str, Any]]:
    """Return the status of a transaction, by recipient. Raises: Fault, where it isn't known."""
    found = sandbox.transactions.find(transid)
    if found is None:
        raise Fault("7600", transid=transid)
    return found.statuses(datetime.now(UTC))


def _read(request: Any, transid: str) -> Part:
    """Return what a request comes to; a fault as a value, since its neighbours may be good."""
    try:
        load(_REQUEST, request)
        (parsed,) = parse_requests(request)
        transaction = Transaction(send=replace(parsed, transid=transid), at=datetime.now(UTC))
        _check_time(transaction)
    except Fault as fault:
        return Fault(fault.code, fault.description, transid=transid)
    except BadInputError:
        return Fault("7004", "invalid value for param request", transid=transid)
    return transaction


def _check_time(transaction: Transaction) -> None:
    """Refuse what is past its expiry, where that counts: the platform's own examples are."""
    expires_at = transaction.send.expires_at
    if expires_at and expires_at < transaction.at and _EXPIRED in _codes(transaction):
        raise Fault(_EXPIRED)


def _check(sandbox: Sandbox, taken: Sequence[Transaction]) -> None:
    """Refuse the whole. Raises: Fault."""
    if sum(len(each.send.destinations) for each in taken) > MOST:
        raise Fault("7009")
    if not sandbox.poster.has_room(sum(each.receipt_count() for each in taken)):
        raise Fault("7020")
    for each in taken:
        for code in _codes(each):
            if code != _EXPIRED:
                raise Fault(code, transid=each.send.transid)


def _codes(transaction: Transaction) -> Sequence[str]:
    fates = [fate_of(each.value) for each in transaction.send.destinations]
    return [fate.code for fate in fates if fate.code]


def _answer(sandbox: Sandbox, request: Any, part: Part) -> Entry:
    """Return the entry for one request, and do what it says."""
    if isinstance(part, Transaction):
        send_ = part.send
        answer = entry(_QUEUED, MESSAGING[_QUEUED], send_.transid, send_.correlationid)
        sandbox.note(answer, accepted=True)
        _take(sandbox, part, sandbox.url_of(request))
        return answer
    said = fold(request).get("correlationid") if isinstance(request, Mapping) else None
    correlationid = said if isinstance(said, str) else ""
    text = part.description or MESSAGING[part.code]
    answer = entry(part.code, text, part.transid, correlationid)
    sandbox.note(answer, accepted=False)
    return answer


def _take(sandbox: Sandbox, transaction: Transaction, url: str) -> None:
    """Remember an accepted request, and plan its receipts."""
    recipients = transaction.send.destinations
    sandbox.transactions.keep(transaction.send.transid, transaction, room=len(recipients))
    for recipient in recipients if url else ():
        planned = list(_planned(transaction, recipient, url))
        if fate_of(recipient.value).is_early:
            sandbox.poster.hand_over_first(planned, seconds=EARLY_SECONDS)
        else:
            sandbox.poster.hand_over(planned)


def _planned(transaction: Transaction, recipient: Destination, url: str) -> Iterator[Notification]:
    for step, made_of in transaction.receipts(recipient):
        body = receipt(made_of)
        for _ in range(step.copies):
            line = Line(
                kind=Kind.RECEIPT,
                outcome=Outcome.WAITING,
                transid=made_of.transid,
                correlationid=made_of.correlationid,
                destination=made_of.destination,
                status=made_of.said.status,
                code=made_of.said.code,
            )
            yield Notification(url=url, body=body, entry=line, due_seconds=step.told or 0)
