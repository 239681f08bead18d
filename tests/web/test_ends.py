"""How the service ends and reloads under load: who was heard is answered."""

import http.client
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from receiver.store.database import connect
from tests.cli.processes import Running, eventually, free_port, running
from tests.web.service import receipt
from tests.web.test_away import Known, known, up

__all__ = ["known"]  # fixtures
SENDERS = 32
#: A request that crosses with the end of an idle line, or of a listener, gets no answer: one for
#: each end of a worker.
WORKERS = 2


class Platform:
    """Posts over connections that are kept alive; what got no 200 is posted again."""

    def __init__(self, port: int, token: str) -> None:
        self.port = port
        self.path = f"/hooks/{token}"
        self.taken: set[str] = set()
        self.outcomes: Counter[str] = Counter()
        self.slowest = 0.0
        self.ending = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def sending(self) -> Iterator[None]:
        with ThreadPoolExecutor(SENDERS) as pool:
            done = [pool.submit(self._send, sender) for sender in range(SENDERS)]
            try:
                yield
            finally:
                self.ending.set()
        for each in done:
            each.result()

    def _send(self, sender: int) -> None:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        number = 0
        while not self.ending.is_set():
            transid = f"{sender}-{number}"
            outcome = self._post(line, transid)
            with self._lock:
                self.outcomes[outcome] += 1
                if outcome == "200":
                    self.taken.add(transid)
            number += outcome == "200"
            if outcome not in ("200", "503"):
                line.close()
                time.sleep(0.05)
        line.close()

    def _post(self, line: http.client.HTTPConnection, transid: str) -> str:
        began = time.monotonic()
        try:
            line.request("POST", self.path, json.dumps(receipt(transid, "Delivered")))
            answer = line.getresponse()
            answer.read()
        except ConnectionRefusedError:
            return "refused"
        except (OSError, http.client.HTTPException):
            return "unanswered"
        self.slowest = max(self.slowest, time.monotonic() - began)
        return str(answer.status)


def idle_line(port: int) -> http.client.HTTPConnection:
    """Return a connection on which nothing more will be asked."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    line.request("GET", "/health/live")
    line.getresponse().read()
    return line


def stored(url: str) -> set[str]:
    with connect(url) as connection:
        return {transid for (transid,) in connection.execute("SELECT transid FROM deliveries")}


def begin(service: Running, port: int, known: Known) -> Platform:
    up(service, port)
    return Platform(port, known.token)


def test_who_was_heard_is_answered_at_a_reload_and_at_the_end(known: Known, var: Path) -> None:
    port = free_port()
    more = {"PORT": str(port), "DATABASE_URL": known.url, "WEB_CONCURRENCY": str(WORKERS)}
    with running("serve", var=var, **more) as service:
        platform = begin(service, port, known)
        idle = idle_line(port)  # which holds nothing up
        with platform.sending():
            eventually(lambda: len(platform.taken) > 300)
            service.process.send_signal(signal.SIGHUP)
            eventually(lambda: service.output.count("Worker exiting") == 2)
            before = len(platform.taken)
            eventually(lambda: len(platform.taken) > before + 300)
            assert platform.outcomes["refused"] == 0
            began = time.monotonic()
            assert service.stop() == 0
            assert time.monotonic() - began < 6
        idle.close()

    assert platform.outcomes["unanswered"] <= 2 * WORKERS, platform.outcomes
    assert platform.outcomes["503"] == 0
    assert platform.taken <= stored(known.url)


def test_it_ends_in_time_while_postgres_is_silent(known: Known, var: Path) -> None:
    port = free_port()
    more = {"PORT": str(port), "DATABASE_URL": known.line_url, "WEB_CONCURRENCY": str(WORKERS)}
    with running("serve", var=var, **more) as service:
        platform = begin(service, port, known)
        with platform.sending():
            eventually(lambda: len(platform.taken) > 300)
            with known.line.silent():
                time.sleep(0.2)
                began = time.monotonic()
                assert service.stop() == 0
                took = time.monotonic() - began
    assert took < 10.5
    assert platform.outcomes["unanswered"] <= WORKERS, platform.outcomes
    assert platform.slowest < 10

    with running("serve", var=var, **more) as service:  # which brings in what the spool holds
        up(service, port)
        eventually(lambda: platform.taken <= stored(known.url), 20)
