"""An application that sends through the gateway, and customers that answer it."""

import itertools
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final

import requests

from receiver.cli.traffic import SENDER, make_traffic
from receiver.sandbox.fates import FATES
from tests.soak.scene import Scene

SENDERS: Final = 4
#: Requests until a customer writes.
_OFTEN: Final = 5
_SLOW: Final = next(fate.number for fate in FATES if fate.name == "slow")


class Application:
    """Sends at a steady rate; where the service is away it waits, and comes with the next."""

    def __init__(self, scene: Scene, *, per_second: float) -> None:
        self.accepted: set[str] = set()
        """Transids that it was answered."""
        self.unanswered = 0
        self._scene = scene
        self._gap_seconds = SENDERS / per_second
        self._stopped = threading.Event()
        traffic = make_traffic(300)
        bodies = [*traffic.messages, *traffic.refused]
        random.shuffle(bodies)
        bodies.sort(key=lambda body: _SLOW not in json.dumps(body))  # they need a while
        self._bodies = itertools.cycle(bodies)
        self._customers = itertools.cycle(traffic.customers)
        self._numbers = itertools.count(1)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send as long as the context lasts."""
        with ThreadPoolExecutor(SENDERS, "application") as pool:
            sending = [pool.submit(self._send_on) for _ in range(SENDERS)]
            try:
                yield
            finally:
                self._stopped.set()
            for each in sending:
                each.result()

    def _send_on(self) -> None:
        with requests.Session() as session:
            session.headers["key"] = self._scene.entrance.api_key
            while not self._stopped.wait(self._gap_seconds):
                if next(self._numbers) % _OFTEN == 0:
                    self._write()
                self._send(session, next(self._bodies))

    def _send(self, session: requests.Session, body: Any) -> None:
        url = f"{self._scene.entrance.base_url}/resources/v1/messaging"
        try:
            answer = session.post(url, json=body, timeout=15)
        except requests.RequestException:
            self.unanswered += 1
            time.sleep(0.1)
            return
        if answer.status_code != HTTPStatus.OK:
            self.unanswered += 1
            return
        response = answer.json()["response"]
        entries = response if isinstance(response, list) else [response]
        self.accepted.update(each["transid"] for each in entries if each["code"] == "1001")

    def _write(self) -> None:
        said = {"from": next(self._customers), "to": SENDER, "text": "Yes"}
        hook_url = self._scene.entrance.hook_url
        self._scene.sandbox.post("/sandbox/mo", {**said, "notifyurl": hook_url})
