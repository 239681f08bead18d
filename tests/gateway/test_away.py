"""The gateway while Postgres is away: it forwards, and what it forwarded is in the ledger later."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from receiver.sealing import FILE as KEY
from receiver.store.directory import DirectoryReader
from receiver.web.snapshot import Snapshot
from tests.gateway.conftest import DEADLINE, MESSAGING, Client, make_client
from tests.gateway.test_messaging import message, refused
from tests.gateway.upstream import Upstream
from tests.web.service import Service, running

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
def known(service: Service, var: Path, platform: Upstream, tmp_path: Path) -> Client:
    """A client that a snapshot in `tmp_path` knows."""
    client = make_client(service, var, platform.url)
    (tmp_path / KEY).write_bytes((var / KEY).read_bytes())
    with closing(DirectoryReader(service.url)) as reader, closing(Snapshot(tmp_path)) as snapshot:
        read = reader.read(None)
        assert read
        snapshot.keep(read[1])
    return client


@pytest.fixture
def cut_off(known: Client, tmp_path: Path) -> Iterator[Service]:
    """An application that has never seen Postgres."""
    spool = str(tmp_path / "spool")
    with running(
        NOWHERE, var_dir=tmp_path, spool=spool, platform_private=True, platform_deadline=DEADLINE
    ) as service:
        service.app.extensions["receiver"].roster.watch()
        yield service


def through(client: Client, service: Service) -> Client:
    return replace(client, caller=replace(client.caller, service=service))


def test_it_forwards_and_the_send_is_spooled(
    known: Client, cut_off: Service, platform: Upstream, tmp_path: Path
) -> None:
    answer = through(known, cut_off).send(message(), X_Tag="otp")

    assert answer.status_code == 200
    assert platform.last.headers["key"] == "service-key"
    assert platform.last.json["notifyurl"] == known.hook_url
    assert known.sends() == []

    cut_off.app.extensions["receiver"].inbox.close()
    with running(known.caller.service.url, var_dir=tmp_path, spool=str(tmp_path / "spool")) as back:
        drainer = back.app.extensions["receiver"].drainer
        assert drainer.drain()
        drainer._disconnect()
    sent = known.only()
    assert sent["transid"] == answer.json["response"][0]["transid"]
    assert (sent["state"], sent["tag"]) == ("accepted", "otp")


def test_what_must_not_be_sent_twice_is_not_forwarded(
    known: Client, cut_off: Service, platform: Upstream
) -> None:
    answer = through(known, cut_off).send(message(), Idempotency_Key="order-17")

    refused(answer, "7006", http=503)
    assert platform.asked == []


def test_who_is_unknown_hears_that_nobody_can_say(cut_off: Service, platform: Upstream) -> None:
    answer = cut_off.client.post(MESSAGING, json=message(), headers={"key": "rk_nobody"})

    refused(answer, "7006", http=503)


def test_without_a_spool_too_the_caller_gets_the_answer(
    known: Client, platform: Upstream, tmp_path: Path
) -> None:
    with running(NOWHERE, var_dir=tmp_path, platform_private=True) as service:
        service.app.extensions["receiver"].roster.watch()
        began = time.monotonic()

        answer = through(known, service).send(message())

    assert answer.status_code == 200
    assert answer.json["response"][0]["code"] == "1001"
    assert time.monotonic() - began < 3
    assert len(platform.asked) == 1
