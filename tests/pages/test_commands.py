"""Every command that a page shows is one: its names and options exist, its targets of make too."""

import re
import shlex
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

import click
import pytest

from receiver.cli import commands
from tests.cli.processes import ROOT
from tests.pages.pages import PAGES, lines_of_code, name

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
#: What stands before our own name where it is called: nothing, a prompt, a variable, a process...
OURS = re.compile(r"(?:^|\$ |; |\(|: |/bin/|run |=\S+ )receiver ([a-z-].*)")
END = {"|", "||", "&&", ";", "<", ">", "2>", "#", "&"}


def words(line: str) -> Sequence[str]:
    """Return a command's words, as far as it is one command."""
    try:
        found = shlex.split(line, comments=True)
    except ValueError:  # a quotation that goes on in the next line
        found = line.split()
    return [*takewhile(lambda word: word not in END, found)]


def ours(page: Path) -> Iterator[Sequence[str]]:
    """Yield the arguments of each call of `receiver`."""
    for line in lines_of_code(page):
        if match := OURS.search(line.strip()):
            yield words(match[1])


def faults(arguments: Sequence[str]) -> Iterator[str]:
    """Yield what is none of a command's names and options."""
    command: click.Command = commands
    for word in arguments:
        if re.match("--?[a-z]", word):
            options = {each for param in command.params for each in param.opts}
            if word.partition("=")[0] not in options | {"-h", "--help"}:
                yield f"{command.name} {word}"
        elif isinstance(command, click.Group):
            if word.rstrip(",;") not in command.commands:
                yield f"{command.name} {word}"
                return
            command = command.commands[word.rstrip(",;")]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_is_one(page: Path) -> None:
    assert [fault for call in ours(page) for fault in faults(call)] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_target_is_one(page: Path) -> None:
    asked = [words(line)[1] for line in lines_of_code(page) if re.match(r"make [a-z]", line)]

    assert [target for target in asked if target not in TARGETS] == []


def test_a_command_that_is_none_would_be_found() -> None:
    assert [*faults(["points", "ad", "x"])] == ["points ad"]
    assert [*faults(["check", "--pint", "x"])] == ["check --pint"]
    assert sum(len([*ours(page)]) for page in PAGES) > 100
