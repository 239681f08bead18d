"""Sends: recording them, and asking what became of them."""

import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, Unpack
from urllib.parse import parse_qsl, quote, urlsplit
from uuid import uuid4

from receiver.client.filters import SendFields, SendFilters
from receiver.client.lists import items, listed
from receiver.client.results import (
    Delivery,
    Entry,
    Found,
    More,
    Page,
    Recorded,
    RecordedMany,
    Send,
    SendItem,
)
from receiver.client.transport import PREFIX, Call, Transport

T = TypeVar("T")

#: How many sends one request can record or look up.
MOST_SENDS: Final = 1000
_SENDS: Final = f"{PREFIX}/sends"


class Sends:
    """What was sent, and what became of it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def record(self, *, idempotency_key: str = "", **send: Unpack[SendFields]) -> Recorded:
        """Record a send; the same again changes nothing.

        A send without a transid is registered under our `id`. An `idempotency_key` of the
        caller's makes a registration that it repeats the same one; attempts of this call are
        always the same one.

        Raises: BadRequestError naming the fields, other ClientErrors.
        """
        return self._transport.ask(_posted(send, idempotency_key), Recorded)

    def record_many(
        self, sends: Sequence[SendFields], *, idempotency_key: str = ""
    ) -> "builtins.list[Recorded]":
        """Record sends, a thousand a request. A bad one stops no other: see its `status`."""
        key = idempotency_key or _new_key()
        return [
            result
            for number, part in enumerate(_parts(sends))
            for result in self._transport.ask(
                _posted(part, f"{key}-{number}"), RecordedMany
            ).results
        ]

    def record_exchange(
        self,
        request: Mapping[str, Any],
        response: Mapping[str, Any] | None = None,
        *,
        http: int | None = None,
    ) -> "builtins.list[Recorded]":
        """Record what was exchanged with the platform: its own request and answer, as JSON.

        `http` is the status of the answer; without an answer the sends are unconfirmed.
        """
        exchange = {"request": request, "response": response}
        body = exchange if http is None else {**exchange, "http": http}
        # in an array it is answered in one way, however many sends it stands for
        (result,) = self._transport.ask(_posted([body]), RecordedMany).results
        return [*result.results] or [result]

    def complete(self, id_: str, **send: Unpack[SendFields]) -> Recorded:
        """Complete a registered send, by our id, with what the platform answered.

        Raises: ConflictError where it has another transid, other ClientErrors.
        """
        return self._transport.ask(Call(method="PATCH", path=_path(id_), body=send), Recorded)

    def one(self, name: str, *, wait: int | None = None) -> Send:
        """Return a send by transid or id.

        With `wait`, in seconds, the answer comes as soon as the outcome is there, or then.
        Raises: NotFoundError where neither it nor a receipt of it is known, other ClientErrors.
        """
        call = Call(path=_path(name), query={"wait": wait}, wait_seconds=wait or 0)
        return self._transport.ask(call, Send)

    def deliveries(self, name: str) -> Iterator[Delivery]:
        """Yield all deliveries of a send, also past its first hundred."""
        return self._parts(name, lambda send: send.deliveries, lambda more: more.deliveries)

    def timeline(self, name: str) -> Iterator[Entry]:
        """Yield the whole timeline of a send, also past its first hundred lines."""
        return self._parts(name, lambda send: send.timeline, lambda more: more.timeline)

    def list(self, **filters: Unpack[SendFilters]) -> Iterator[SendItem]:
        """Yield sends, the newest first, orphans among them. Raises: ClientError."""
        return items(self._transport, listed("sends", filters), Page[SendItem])

    def search(self, **filters: Unpack[SendFilters]) -> Iterator[SendItem]:
        """Yield sends as `list` does, with the filters in the body: no number is in a URL."""
        call = Call(method="POST", path=f"{_SENDS}/search", body=filters)
        return items(self._transport, call, Page[SendItem])

    def lookup(self, transids: Sequence[str]) -> "builtins.list[SendItem | None]":
        """Return the sends with these transids, in their order, None where none is known."""
        return [
            send
            for part in _parts(transids)
            for send in self._transport.ask(
                Call(method="POST", path=f"{_SENDS}/lookup", body={"transids": part}), Found
            ).items
        ]

    def _parts(
        self,
        name: str,
        part: Callable[[Send], Sequence[T]],
        following: Callable[[More], str | None],
    ) -> Iterator[T]:
        call = Call(path=_path(name))
        while True:
            send = self._transport.ask(call, Send)
            yield from part(send)
            url = following(send.more)
            if url is None:
                return
            place = urlsplit(url)
            call = Call(path=place.path, query=dict(parse_qsl(place.query)))


def _posted(body: object, idempotency_key: str = "") -> Call:
    return Call(
        method="POST",
        path=_SENDS,
        body=body,
        headers={"Idempotency-Key": idempotency_key or _new_key()},
    )


def _path(name: str) -> str:
    return f"{_SENDS}/{quote(name, safe='')}"


def _parts(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    return (whole[start : start + MOST_SENDS] for start in range(0, len(whole), MOST_SENDS))


def _new_key() -> str:
    return uuid4().hex
