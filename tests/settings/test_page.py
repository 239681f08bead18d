"""docs/settings.md: every setting with the default and the bounds that the code has."""

import re
from collections.abc import Mapping, Sequence

import pytest

from receiver.settings import EPHEMERAL, Settings
from tests.cli.processes import ROOT
from tests.settings.variables import VARIABLES, shown

PAGE = (ROOT / "docs" / "settings.md").read_text()
EXAMPLE = (ROOT / "config" / "example.env").read_text()


def rows() -> Mapping[str, Sequence[str]]:
    lines = re.findall(r"^\| `([A-Z_]+)` \| (.*) \|$", PAGE, re.MULTILINE)
    return {name: rest.split(" | ") for name, rest in lines}


def test_each_setting_has_its_row_and_nothing_else_has_one() -> None:
    assert rows().keys() == VARIABLES.keys()
    assert all(what and wrong for _, _, what, wrong in rows().values())


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_row_has_the_default_and_the_bounds_of_the_code(name: str) -> None:
    variable = VARIABLES[name]
    default = f"`{shown(variable.default)}`" if shown(variable.default) else "empty"

    assert list(rows()[name][:2]) == [default, variable.allowed]


def test_the_page_names_what_tells_that_the_disk_is_lost() -> None:
    assert all(f"`{name}`" in PAGE for name in EPHEMERAL)


def test_all_of_the_example_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands there as a value is one, and defaults that it shows are the code's."""
    lines = "\n".join(re.findall(r"^#([A-Z_]+=.*)", EXAMPLE, re.MULTILINE))
    for name, value in re.findall(r"^([A-Z_]+)=(.*)$", lines, re.MULTILINE):
        monkeypatch.setenv(name, value)

    settings = Settings.from_environ()

    assert settings.database_url == "postgresql://receiver:secret@db.example.org/receiver"
    different = {
        name for name, each in VARIABLES.items() if getattr(settings, each.field) != each.default
    }
    assert different == {
        "DATABASE_URL",
        "RECEIVER_OPERATIONS",
        "RECEIVER_PLATFORM_URL",
        "RECEIVER_PUBLIC_URL",
        "RECEIVER_RECONCILE",
        "RECEIVER_REGION",
        "RECEIVER_ROLES",
        "RECEIVER_SPOOL",
        "RECEIVER_VAR",
        "RECEIVER_WORKER_OPERATIONS",
    }
