"""A picture of a run, as SVG: requests a second, and the ratios that count."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from bench.figures import Spread
from bench.ingest import OURS, Outcome

_WIDTH: Final = 780
_LEFT: Final = 225
_RIGHT: Final = 150
_ROW: Final = 34
_BAR: Final = 18
_HEAD: Final = 44
_OURS_COLOUR: Final = "#1f6f5c"
_OTHERS_COLOUR: Final = "#8a94a0"
_INK: Final = "#20262c"
_RULE: Final = "#c9d0d6"


@dataclass(frozen=True)
class _Row:
    label: str
    spread: Spread
    shown: str
    colour: str


def picture(outcome: Outcome) -> str:
    """Return the whole picture."""
    titles = {each.name: each.title for each in outcome.contenders}
    rates = [
        _Row(title, spread, spread.shown(0), _OURS_COLOUR if name == OURS else _OTHERS_COLOUR)
        for name, title in titles.items()
        for spread in [outcome.spread(name, "requests_per_second")]
    ]
    ratios = [
        _Row(f"/ {titles[name]}", spread, spread.shown(2), _OURS_COLOUR)
        for name, spread in outcome.ratios().items()
    ]
    below = _height(rates)
    height = below + _height(ratios) + 14
    parts = [
        *_panel("Requests a second: median of the rounds, and their range", rates, top=0),
        *_panel("Receiver's rate over another's, in the same round", ratios, top=below, mark=1.0),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="13"'
        f' fill="{_INK}">\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _height(rows: Sequence[_Row]) -> int:
    return _HEAD + _ROW * len(rows)


def _panel(
    title: str, rows: Sequence[_Row], *, top: int, mark: float | None = None
) -> Iterator[str]:
    """Draw one bar a row on a scale from 0; `mark` is a value to compare with."""
    scale = (_WIDTH - _LEFT - _RIGHT) / max(mark or 0.0, *(row.spread.most for row in rows))
    bottom = top + _height(rows)
    yield f'<text x="16" y="{top + 28}" font-weight="bold">{escape(title)}</text>'
    for number, row in enumerate(rows):
        # What stands beside a bar stands clear of the mark too.
        reach = max(row.spread.most, mark or 0.0)
        yield from _bar(row, top + _HEAD + _ROW * number, scale, reach)
    yield _line((_LEFT, top + _HEAD - 4), (_LEFT, bottom - 6), _RULE)
    if mark is not None:
        at = _LEFT + mark * scale
        yield _line((at, top + _HEAD - 4), (at, bottom - 6), _INK, ' stroke-dasharray="4 3"')


def _bar(row: _Row, top: int, scale: float, reach: float) -> Iterator[str]:
    middle = top + _BAR / 2
    least, most = (_LEFT + value * scale for value in (row.spread.least, row.spread.most))
    yield (
        f'<text x="{_LEFT - 10}" y="{middle + 4}" text-anchor="end">{escape(row.label)}</text>'
        f'<rect x="{_LEFT}" y="{top}" width="{row.spread.median * scale:.1f}" height="{_BAR}"'
        f' fill="{row.colour}"/>'
    )
    yield _line((least, middle), (most, middle), _INK)
    for end in (least, most):
        yield _line((end, middle - 5), (end, middle + 5), _INK)
    yield f'<text x="{_LEFT + reach * scale + 10:.1f}" y="{middle + 4}">{escape(row.shown)}</text>'


def _line(start: tuple[float, float], end: tuple[float, float], colour: str, more: str = "") -> str:
    (x1, y1), (x2, y2) = start, end
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"'
        f' stroke-width="1.5"{more}/>'
    )
