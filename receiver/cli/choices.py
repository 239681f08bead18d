"""Several of a few words on the command line, with commas between them."""

from collections.abc import Sequence

import click


class Choices(click.ParamType[Sequence[str]]):
    """Any of a few words, like code,carrier; each counts once."""

    name = "names"

    def __init__(self, choices: Sequence[str]) -> None:
        self._choices = choices

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Sequence[str]:
        """Return the words."""
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(filter(None, map(str.strip, str(value).split(",")))))
        if not names or not set(names) <= set(self._choices):
            self.fail(f"name some of {', '.join(self._choices)}", param, ctx)
        return names
