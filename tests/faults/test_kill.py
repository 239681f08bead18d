"""kill -9 in the middle of a burst: what was answered 200 is in the ledger."""

import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from receiver.store.database import connect
from tests.cli.processes import eventually, free_port, running, status_of
from tests.conftest import MakeDatabase

BURST = 2000
SENDERS = 16


class Platform:
    """Posts receipts as the platform does, and remembers which were answered 200."""

    def __init__(self, hook_url: str) -> None:
        parts = urlsplit(hook_url)
        self.host, self.path = parts.netloc, parts.path
        self.taken: set[str] = set()
        self.refused = 0
        self._lock = threading.Lock()

    def send(self, transids: Sequence[str]) -> None:
        """Post one receipt each; what gets no 200 is posted again, as the platform would."""
        for transid in transids:
            while not self.post(transid):
                time.sleep(0.05)

    def post(self, transid: str) -> bool:
        connection = http.client.HTTPConnection(self.host, timeout=10)
        try:
            connection.request("POST", self.path, body=receipt(transid))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        with self._lock:
            if status == http.HTTPStatus.OK:
                self.taken.add(transid)
            else:
                self.refused += 1
        return status == http.HTTPStatus.OK


def receipt(transid: str) -> bytes:
    info = {"deliveryChannel": "SMS", "deliveryStatus": "Delivered", "code": "7500"}
    destination = {"destination": "447700900123", "destinationType": "msisdn"}
    notification = {"deliveryInfo": info | destination, "transid": transid}
    return json.dumps({"deliveryInfoNotification": notification}).encode()


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def masters(pid: int) -> list[int]:
    """The gunicorn masters among the children of a process."""
    return [
        each
        for each in children(pid)
        if b"gunicorn" in Path(f"/proc/{each}/cmdline").read_bytes() and children(each)
    ]


@pytest.mark.timeout(120)
def test_every_receipt_answered_200_survives_the_end_of_a_worker_and_of_the_master(
    make_database: MakeDatabase, var_dir: Path
) -> None:
    url, port = make_database(), str(free_port())
    var_dir.mkdir()
    more = {"PORT": port, "DATABASE_URL": url, "WEB_CONCURRENCY": "2"}
    with running("run", var=var_dir, **more) as service:
        service.wait_for("Receiver is up")
        platform = Platform(json.loads((var_dir / "receiver.json").read_text())["hook_url"])
        shares = [[f"{sender}-{n}" for n in range(BURST // SENDERS)] for sender in range(SENDERS)]
        with ThreadPoolExecutor(SENDERS) as pool:
            sending = [pool.submit(platform.send, share) for share in shares]
            (master,) = masters(service.process.pid)

            eventually(lambda: len(platform.taken) > BURST // 4, 60)
            os.kill(children(master)[0], signal.SIGKILL)
            eventually(lambda: len(platform.taken) > BURST // 2, 60)
            os.kill(master, signal.SIGKILL)
            answered = frozenset(platform.taken)

            eventually(lambda: stored(url, answered) == answered, 10)
            for done in sending:
                done.result(timeout=60)
        assert status_of(f"http://127.0.0.1:{port}/health/ready") == http.HTTPStatus.OK

    assert platform.refused > 0, "nothing was in flight when they were killed"
    assert len(platform.taken) == BURST
    assert stored(url, platform.taken) == platform.taken


def stored(url: str, transids: frozenset[str] | set[str]) -> set[str]:
    """Those of `transids` that are in the ledger as delivered, with exactly one receipt."""
    query = """
        SELECT transid FROM deliveries d WHERE transid = ANY(%s) AND rank = 50
           AND (SELECT count(*) FROM receipts r WHERE r.transid = d.transid) = 1
    """
    with connect(url) as connection:
        return {transid for (transid,) in connection.execute(query, [list(transids)])}
