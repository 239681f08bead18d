"""What stands in README.md and docs/: prose, headings, links, commands."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.cli.processes import ROOT

PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SPAN: Final = re.compile(r"`([^`\n]+(?:\n[^`\n]+)?)`")


def name(page: Path) -> str:
    """Return what a test's id says."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, *kinds: str) -> Sequence[str]:
    """Return the fenced blocks of some kinds, or all of them."""
    return [text for kind, text in _FENCED.findall(page.read_text()) if not kinds or kind in kinds]


def links(page: Path) -> Sequence[str]:
    """Return where its links and pictures lead within the repository."""
    found = _LINK.findall(_FENCED.sub("", page.read_text()))
    return [each for each in found if "://" not in each]


def anchors(page: Path) -> set[str]:
    """Return the names of its headings, as a forge makes them."""
    headings = re.findall(r"^#+ (.*)$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {each.replace(" ", "-") for each in kept}


def lines_of_code(page: Path) -> Iterator[str]:
    """Yield what could be a command: lines of blocks, and spans in the text."""
    for block in blocks(page):
        yield from block.replace("\\\n", " ").splitlines()
    for span in _SPAN.findall(_FENCED.sub("", page.read_text())):
        yield " ".join(span.split())
