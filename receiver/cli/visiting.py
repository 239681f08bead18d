"""Going the way that the platform goes to a hook, step by step, and saying what fails."""

import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, ClassVar, Final
from urllib.parse import SplitResult

from msgspec import Struct
from msgspec.structs import replace

from receiver.platform import checks

#: The platform waits so long, and counts what is later as failed.
PATIENCE_SECONDS: Final = 10.0
SLOW_SECONDS: Final = 5.0
#: A certificate that ends sooner is worth a word.
FEW_DAYS: Final = 21
DAY_SECONDS: Final = 86_400
MEBIBYTE: Final = 1024 * 1024
_MOST_BYTES: Final = 65_536


class State(StrEnum):
    """How a step went."""

    OK = "ok"
    DOUBTFUL = "doubtful"
    FAILED = "failed"
    SKIPPED = "skipped"


class Step(Struct, frozen=True, kw_only=True):
    """One step, what was seen, and what that means where it is not as it should be."""

    step: str
    state: State = State.OK
    seen: str = ""
    meaning: str = ""
    ms: int | None = None
    ends: bool = False
    """Whether nothing behind it can be tried."""


#: What it means that a hook answers so, for whoever has to mend it.
_ANSWERS: Final[Mapping[int, str]] = {
    301: "the platform follows no redirect, and gives the notification up: answer at this address",
    400: "the platform gives up what is answered so, for good: something in front of us refuses it",
    401: "the signature is not what the point wants: is the hub secret the same on both sides?",
    403: "the address that calls is not among the point's allow_ips, or a proxy refuses it",
    404: "no point has this token, or a proxy sends it elsewhere: the platform gives up for good",
    405: "something in front of us refuses the method: the platform gives up for good",
    413: "something in front of us takes no body so large: raise its limit (client_max_body_size)",
    502: "the proxy reaches no service: the platform comes again three times, then gives up",
    503: "nothing can be made durable: receiver status on that host says why",
    504: "the proxy waits in vain for the service: receiver status on that host says why",
}
_LIKE: Final = {302: 301, 303: 301, 307: 301, 308: 301}


@dataclass(kw_only=True)
class Visit:
    """One visit to a hook. Nothing of what it posts is kept there."""

    url: SplitResult
    secret: str = field(default="", repr=False)
    """What the posts are signed with; empty for not at all."""
    context: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    large_bytes: int = 2 * MEBIBYTE

    def walk(self) -> Iterator[Step]:
        """Yield the steps as they are done; behind one that ends the way all are skipped."""
        ended = False
        for name, go in self.STEPS.items():
            if ended:
                yield Step(step=name, state=State.SKIPPED)
                continue
            began = time.monotonic()
            step = go(self, name)
            ended = step.ends
            yield replace(step, ms=round((time.monotonic() - began) * 1000))

    @property
    def _is_tls(self) -> bool:
        return self.url.scheme == "https"

    @property
    def _place(self) -> tuple[str, int]:
        return self.url.hostname or "", self.url.port or (443 if self._is_tls else 80)

    def _check_address(self, step: str) -> Step:
        if self._is_tls:
            return Step(step=step, seen="https")
        return Step(
            step=step,
            state=State.FAILED,
            seen=self.url.scheme,
            meaning="the platform calls https addresses only",
        )

    def _check_name(self, step: str) -> Step:
        try:
            found = socket.getaddrinfo(*self._place, type=socket.SOCK_STREAM)
        except OSError as error:
            meaning = "nobody finds this name: look at its DNS record"
            return _failed(step, str(error), meaning, ends=True)
        addresses = sorted({str(each[4][0]) for each in found})
        seen = ", ".join(addresses)
        if all(ipaddress.ip_address(each.partition("%")[0]).is_private for each in addresses):
            meaning = "private addresses: the platform can't come here"
            return Step(step=step, state=State.DOUBTFUL, seen=seen, meaning=meaning)
        return Step(step=step, seen=seen)

    def _check_connection(self, step: str) -> Step:
        try:
            socket.create_connection(self._place, timeout=SLOW_SECONDS).close()
        except OSError as error:
            meaning = "nothing listens there, or a firewall is in between"
            return _failed(step, _reason(error), meaning, ends=True)
        return Step(step=step, seen=f"port {self._place[1]}")

    def _check_certificate(self, step: str) -> Step:
        if not self._is_tls:
            return Step(step=step, state=State.SKIPPED, seen="no TLS")
        try:
            with (
                socket.create_connection(self._place, timeout=SLOW_SECONDS) as line,
                self.context.wrap_socket(line, server_hostname=self._place[0]) as secured,
            ):
                certificate = secured.getpeercert() or {}
        except ssl.SSLCertVerificationError as error:
            meaning = "the platform would not speak to us: the certificate, or a link of its chain"
            return _failed(step, error.verify_message, meaning, ends=True)
        except OSError as error:
            meaning = "no TLS is spoken there, or none that is safe"
            return _failed(step, _reason(error), meaning, ends=True)
        return _of_certificate(step, certificate)

    def _check_head(self, step: str) -> Step:
        return self._ask(step, "HEAD", b"")

    def _check_post(self, step: str) -> Step:
        return self._ask(step, "POST", checks.body())

    def _check_large(self, step: str) -> Step:
        if not self.large_bytes:
            return Step(step=step, state=State.SKIPPED)
        return self._ask(step, "POST", checks.body(size_bytes=self.large_bytes))

    def _ask(self, step: str, method: str, body: bytes) -> Step:
        began = time.monotonic()
        try:
            answer, content = self._exchange(method, body)
        except (OSError, http.client.HTTPException) as error:
            meaning = "no answer: the platform comes again three times, then gives up"
            return _failed(step, _reason(error), meaning)
        seconds = time.monotonic() - began
        found = _of_answer(step, method, answer, content)
        if found.state is State.OK and seconds > SLOW_SECONDS:
            meaning = f"the platform waits {PATIENCE_SECONDS:.0f} s and no longer"
            return Step(step=step, state=State.DOUBTFUL, seen=found.seen, meaning=meaning)
        return found

    def _exchange(self, method: str, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        host, port = self._place
        if self._is_tls:
            line: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=PATIENCE_SECONDS, context=self.context
            )
        else:
            line = http.client.HTTPConnection(host, port, timeout=PATIENCE_SECONDS)
        try:
            path = f"{self.url.path or '/'}{'?' if self.url.query else ''}{self.url.query}"
            line.request(method, path, body or None, self._headers(body))
            answer = line.getresponse()
            return answer, answer.read(_MOST_BYTES)
        finally:
            line.close()

    def _headers(self, body: bytes) -> Mapping[str, str]:
        headers = {"User-Agent": "receiver-check"}
        if body:
            headers["Content-Type"] = "application/json"
        if body and self.secret:
            digest = hmac.digest(self.secret.encode(), body, "sha256").hex()
            headers["x-hub-signature"] = f"sha256={digest}"
        return headers

    STEPS: ClassVar[Mapping[str, Callable[["Visit", str], Step]]] = {
        "address": _check_address,
        "name": _check_name,
        "connection": _check_connection,
        "certificate": _check_certificate,
        "HEAD": _check_head,
        "POST": _check_post,
        "large POST": _check_large,
    }


def _of_certificate(step: str, certificate: Mapping[str, Any]) -> Step:
    ends_at = ssl.cert_time_to_seconds(certificate["notAfter"])
    days = int((ends_at - time.time()) // DAY_SECONDS)
    seen = f"good for {days} days, until {certificate['notAfter']}"
    if days < FEW_DAYS:
        meaning = "it ends soon: renew it, then the platform goes on speaking to us"
        return Step(step=step, state=State.DOUBTFUL, seen=seen, meaning=meaning)
    return Step(step=step, seen=seen)


def _of_answer(step: str, method: str, answer: http.client.HTTPResponse, content: bytes) -> Step:
    status = answer.status
    seen = f"{status} {answer.reason}".strip()
    if status != HTTPStatus.OK:
        told = _ANSWERS.get(_LIKE.get(status, status), "the platform expects 200 and nothing else")
        if location := answer.headers.get("Location"):
            seen = f"{seen} to {location.partition('/hooks/')[0]}"
        return _failed(step, seen, told)
    if method == "HEAD":
        return Step(step=step, seen=seen)
    said = _json(content)
    if said.get("result") != checks.CHECKED:
        meaning = "something else than this Receiver answers 200: what is posted there is lost"
        return _failed(step, seen, meaning)
    if errors := said.get("errors"):
        meaning = "what comes goes to quarantine: receiver points set CODE"
        return Step(step=step, state=State.DOUBTFUL, seen=str(errors), meaning=meaning)
    return Step(step=step, seen=seen)


def _failed(step: str, seen: str, meaning: str, *, ends: bool = False) -> Step:
    return Step(step=step, state=State.FAILED, seen=seen, meaning=meaning, ends=ends)


def _json(content: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)
