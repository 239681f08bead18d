"""What goes wrong rings its bell: the alert rules on what a real service answered."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.cli.processes import eventually
from tests.conftest import MakeDatabase
from tests.monitoring.promtool import check_one, needs_promtool
from tests.web.service import (
    Service,
    ago,
    make_caller,
    make_point,
    make_transid,
    receipt,
    running,
)

pytestmark = needs_promtool

Scrape = Mapping[str, str]
MINUTES = 70


@pytest.fixture
def url(make_database: MakeDatabase) -> str:
    return make_database()


@pytest.fixture
def service(url: str) -> Iterator[Service]:
    with running(url) as service:
        yield service


def scraper(service: Service) -> Callable[[], Scrape]:
    headers = {"Authorization": f"Bearer {make_caller(service).secret}"}

    def scrape() -> Scrape:
        answer = service.client.get("/metrics", headers=headers)
        assert answer.status_code == 200
        lines = [line for line in answer.text.split("\n") if line and line[0] != "#"]
        return {name: value for name, _, value in (line.rpartition(" ") for line in lines)}

    return scrape


def rings(alert: str, well: Scrape, ill: Scrape, folder: Path) -> bool:
    """Tell whether an alert fires after some time of what was scraped last, and not before."""

    def values(name: str) -> str:
        before, after = (f"{each.get(name, '_')}x{MINUTES}" for each in (well, ill))
        return f"{before} {after}"

    series = {name: values(name) for name in well.keys() | ill.keys()}
    quiet, loud = f"{MINUTES - 1}m", f"{MINUTES + 12}m"
    return check_one(alert, series, {quiet: False, loud: True}, folder) == ""


def test_another_secret(service: Service, tmp_path: Path) -> None:
    scrape, point = scraper(service), make_point(service, signature="required")
    well = scrape()
    service.hook(point, receipt(make_transid(), "Read"), headers={"X-Hub-Signature": "sha256=00"})

    assert rings("ReceiverSignaturesFail", well, scrape(), tmp_path)


def test_what_nobody_understands(service: Service, tmp_path: Path) -> None:
    scrape, point = scraper(service), make_point(service)
    well = scrape()
    for _ in range(6):
        service.hook(point, b"{")
    service.hook(point, receipt(make_transid(), "Beamed up"))
    ill = scrape()

    assert rings("ReceiverQuarantineGrows", well, ill, tmp_path)
    assert rings("ReceiverUnknownStatuses", well, ill, tmp_path)


def test_failures_with_one_code(url: str, service: Service, tmp_path: Path) -> None:
    well, point = scraper(service)(), make_point(service)
    for _ in range(25):
        service.hook(point, receipt(make_transid(), "Failed", code="7107"))

    with running(url) as again:  # which has asked nothing yet
        assert rings("ReceiverFailures", well, scraper(again)(), tmp_path)


def test_receipts_that_are_lost(url: str, service: Service, tmp_path: Path) -> None:
    well, caller = scraper(service)(), make_caller(service)
    caller.record(transid=make_transid(), destinations=["447700900123"], requested_at=ago(hours=1))

    with running(url, silence=timedelta(0)) as again:
        assert rings("ReceiverSilence", well, scraper(again)(), tmp_path)


def test_a_full_disk(url: str, tmp_path: Path) -> None:
    spool = str(tmp_path / "spool")
    with running(url, spool=spool) as service, running(url, spool=spool, spool_max_bytes=1) as full:
        well, ill = scraper(service)(), scraper(full)()

    assert rings("ReceiverSpoolUnusable", well, ill, tmp_path)


def test_a_database_that_is_stopped(
    url: str, postgres_url: str, service: Service, tmp_path: Path
) -> None:
    scrape = scraper(service)
    well = scrape()
    stop(postgres_url, str(conninfo_to_dict(url)["dbname"]))
    eventually(lambda: service.client.get("/health/ready").json["status"] == "unready")

    ill = scrape()

    assert rings("ReceiverStoreAway", well, ill, tmp_path)
    assert rings("ReceiverTakesNothing", well, ill, tmp_path)


def stop(server: str, name: str) -> None:
    """Let nobody into a database any more."""
    with psycopg.connect(server, autocommit=True) as connection:
        shut = "ALTER DATABASE {} ALLOW_CONNECTIONS false"
        connection.execute(sql.SQL(shut).format(sql.Identifier(name)))
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
