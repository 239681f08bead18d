"""The table that the fault tests print, and leave as JSON and Markdown."""

import json
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from tests.faults.ledger import Account
from tests.faults.senders import Platform

HEADINGS: Final = (
    "fault",
    "lasted (s)",
    "sent",
    "answered 503",
    "unanswered",
    "acknowledged",
    "stored",
    "longest answer (s)",
    "lost",
)


@dataclass(frozen=True)
class Row:
    """One fault. Receipts, but for `refused` and `unanswered`, which are requests."""

    fault: str
    lasted_seconds: float
    sent: int
    refused: int
    unanswered: int
    acknowledged: int
    stored: int
    longest_seconds: float
    lost: int


def row_of(fault: str, lasted_seconds: float, platform: Platform, account: Account) -> Row:
    """Return what happened to all that was sent under one fault."""
    statuses, acknowledged = platform.statuses(), platform.acknowledged()
    return Row(
        fault=fault,
        lasted_seconds=round(lasted_seconds, 1),
        sent=len(platform.answers),
        refused=statuses.get(HTTPStatus.SERVICE_UNAVAILABLE, 0),
        unanswered=statuses.get(0, 0),
        acknowledged=len(acknowledged),
        stored=len(account.stored),
        longest_seconds=round(platform.longest_seconds(), 2),
        lost=len(acknowledged - account.stored),
    )


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a table, readable as it is."""
    cells = [HEADINGS, *([str(cell) for cell in astuple(row)] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    lines = [
        _line([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]) for row in cells
    ]
    rule = _line(
        [
            "-" * width if column == 0 else "-" * (width - 1) + ":"
            for column, width in enumerate(widths)
        ]
    )
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def write(folder: Path, rows: Sequence[Row]) -> None:
    """Leave the rows in `folder`, as faults.json and faults.md."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "faults.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    (folder / "faults.md").write_text(markdown(rows))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
