"""How the commands print rows: as a table for people, as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import click


def echo_rows(rows: Sequence[Mapping[str, object]], *, as_json: bool) -> None:
    """Print rows that all have the same keys."""
    if as_json:
        click.echo(json.dumps(list(rows), default=plain, indent=2))
        return
    if not rows:
        click.echo("none")
        return
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value)) or "-"
    return plain(value)


def plain(value: object) -> str:
    """Return a value as text; moments are UTC, as everywhere in our answers."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return str(value)
