"""What goes wrong rings its bell, also where nothing runs as a process: see tests/cli too."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeDatabase
from tests.monitoring.promtool import Scrape, needs_promtool, rings, scraped
from tests.web.service import (
    Service,
    make_caller,
    make_point,
    make_transid,
    receipt,
    running,
)

pytestmark = needs_promtool


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
        return scraped(answer.text)

    return scrape


def test_what_nobody_understands(service: Service, tmp_path: Path) -> None:
    scrape, point = scraper(service), make_point(service)
    well = scrape()
    for _ in range(6):
        service.hook(point, b"{")
    service.hook(point, receipt(make_transid(), "Beamed up"))
    ill = scrape()

    assert rings("ReceiverQuarantineGrows", well, ill, tmp_path)
    assert rings("ReceiverUnknownStatuses", well, ill, tmp_path)


def test_a_full_disk(url: str, tmp_path: Path) -> None:
    spool = str(tmp_path / "spool")
    with running(url, spool=spool) as service, running(url, spool=spool, spool_max_bytes=1) as full:
        well, ill = scraper(service)(), scraper(full)()

    assert rings("ReceiverSpoolUnusable", well, ill, tmp_path)
