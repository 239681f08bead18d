"""The page of the API as people see it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from receiver.web.openapi import DOCUMENT
from tests.browser.conftest import Visit, visiting

OPERATIONS = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]


@pytest.fixture
def visit(browser: Browser, base_url: str) -> Iterator[Visit]:
    with visiting(browser, base_url, "/api/docs") as visit:
        expect(visit.page.locator("article")).to_have_count(len(OPERATIONS))
        yield visit


def test_every_operation_is_shown_with_its_scope_and_statuses(visit: Visit) -> None:
    for operation in OPERATIONS:
        article = visit.page.locator(f"#{operation['operationId']}")
        text = article.inner_text()
        assert operation["summary"].replace("`", "") in text
        assert all(status in text for status in operation["responses"])
        assert ("Needs a key with the scope" in text) == bool(operation["security"])


def test_examples_and_the_meaning_of_parameters_are_shown(visit: Visit) -> None:
    record, show = visit.page.locator("#recordSends"), visit.page.locator("#getSend")

    requests = record.locator("pre.request")
    body = record.locator("h4", has_text="Body").locator("+ details")
    assert body.locator("summary").first.inner_text() == "Send"
    assert requests.count() == 3
    assert "Your table is booked" in requests.first.inner_text()
    assert "Authorization: Bearer $KEY" in requests.first.inner_text()
    assert '"status": "delivered"' in show.locator("pre.response").first.inner_text()
    listed = visit.page.locator("#listSends").inner_text()
    assert "A recipient, in any spelling." in listed
    assert "1 to 1000" in listed


def test_the_filter_leaves_what_fits(visit: Visit) -> None:
    visit.page.get_by_role("searchbox").fill("metrics")

    expect(visit.page.locator("article:visible")).to_have_count(1)
    expect(visit.page.locator("nav li:visible")).to_have_count(1)


def test_it_asks_nobody_else_and_complains_of_nothing(visit: Visit) -> None:
    for summary in visit.page.locator("details:not([open]) > summary").all()[:20]:
        if summary.is_visible():
            summary.click()

    assert visit.hosts == {visit.host}
    assert visit.complaints == []


def test_a_link_to_an_operation_leads_there(browser: Browser, base_url: str) -> None:
    with visiting(browser, base_url, "/api/docs#getSend") as visit:
        expect(visit.page.locator("#getSend h3")).to_be_in_viewport()


def test_nothing_is_wider_than_a_phone(browser: Browser, base_url: str) -> None:
    with visiting(browser, base_url, "/api/docs", width=390) as visit:
        expect(visit.page.locator("article")).to_have_count(len(OPERATIONS))
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
