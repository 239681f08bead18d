"""Lengths of time on the command line."""

import re
from datetime import timedelta
from typing import Final

import click

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Duration(click.ParamType[timedelta]):
    """A length of time, like 7d, 12h or 0s."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """Return how long it is."""
        if isinstance(value, timedelta):
            return value
        matched = re.fullmatch(r"([0-9]{1,5})([smhd])", str(value))
        if not matched:
            self.fail("write a length like 7d, 12h, 30m or 0s", param, ctx)
        return timedelta(**{_UNITS[matched[2]]: int(matched[1])})
