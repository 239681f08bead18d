"""A real browser, and the service that it looks at."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.server import serving

CHROMIUM: Final = os.environ.get("RECEIVER_TEST_CHROMIUM", "/usr/bin/chromium")
#: As root it has no sandbox; what it would ask its makers for is off.
FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass
class Visit:
    """One page in the browser, and what it did that nobody asked for."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)
    """What the console and the policy say."""
    hosts: set[str] = field(default_factory=set)
    """Whom it asked anything."""

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a screen; its event loop is in nobody's way once the module is done."""
    if not Path(CHROMIUM).exists():
        pytest.skip(f"NO BROWSER: there is no {CHROMIUM}; RECEIVER_TEST_CHROMIUM names another")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def base_url(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real server."""
    with serving(database_url, tmp_path_factory.mktemp("browser") / "log") as server:
        yield f"http://127.0.0.1:{server.port}"


@contextmanager
def visiting(browser: Browser, base_url: str, path: str, *, width: int = 1280) -> Iterator[Visit]:
    """Look at a page in a window of a width in pixels."""
    context = browser.new_context(viewport={"width": width, "height": 850})
    visit = Visit(context.new_page(), base_url)
    visit.page.goto(f"{base_url}{path}")
    yield visit
    context.close()
