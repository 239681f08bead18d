"""Every link of the pages leads somewhere, and every page is led to."""

import re
from pathlib import Path

import pytest

from tests.cli.processes import ROOT
from tests.pages.pages import PAGES, anchors, links, name

MENTION = re.compile(r"docs/([a-z-]+\.md)(?:#([a-z-]+))?")
ELSEWHERE = ("receiver", "config", "bench", "migrations", "Makefile", "pyproject.toml")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_has_an_end(page: Path) -> None:
    for link in links(page):
        file, _, anchor = link.partition("#")
        end = (page.parent / file).resolve() if file else page
        assert end.exists(), link
        assert not anchor or anchor in anchors(end), link


def test_every_page_can_be_found_from_the_readme() -> None:
    linked = {(ROOT / link).resolve() for link in links(ROOT / "README.md")}

    assert [name(page) for page in PAGES[1:] if page not in linked] == []


def test_what_the_code_says_of_pages_is_so() -> None:
    places = [ROOT / each for each in ELSEWHERE]
    files = [file for place in places for file in (place, *place.rglob("*")) if file.is_file()]
    texts = [file.read_text() for file in files if file.suffix in {".py", ".toml", ".env", ".conf"}]
    texts += [(ROOT / each).read_text() for each in ("Makefile", "config/Procfile.roles")]
    texts += [file.read_text() for file in (ROOT / "config").glob("*.yml")]
    mentions = {found for text in texts for found in MENTION.findall(text)}

    assert len(mentions) > 3
    for page, anchor in mentions:
        assert not anchor or anchor in anchors(ROOT / "docs" / page), (page, anchor)
        assert (ROOT / "docs" / page).exists(), page
