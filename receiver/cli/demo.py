"""`receiver demo`: a few hundred messages with every fate, on a service that is up."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import click

from receiver.cli import entrance
from receiver.cli.table import echo_rows
from receiver.cli.trial import Counts, Places, Trial
from receiver.client import ClientError
from receiver.domain.errors import SetupError
from receiver.settings import Settings

#: Where nobody watches, a line of progress each so many seconds.
PACE_SECONDS: Final = 5.0
#: What the last column of the table says.
NOTES: Final = {
    "sent": "messages, each to one destination",
    "delivered": "delivered, read or clicked",
    "failed": "failed, undelivered, bounced or complained about",
    "pending": "no outcome yet: that is what some fates are",
    "overdue": "no outcome in time: sent two days ago, and never reported",
    "refused": "by the platform, at once",
    "replies": "of customers",
    "lost": "taken, and not in the ledger",
}


@click.command()
@click.option(
    "--messages", default=300, show_default=True, type=click.IntRange(1, 5000), help="How many."
)
def demo(messages: int) -> None:
    """Send messages with every fate through gateway and sandbox; show what becomes of them.

    It needs `receiver run` going. Exit code 1 if anything was lost.
    """
    settings = Settings.from_environ()
    known = entrance.read(settings.var_dir)
    if known is None or known.sandbox_url is None:
        raise SetupError(f"nothing in {settings.var_dir} runs with a sandbox: start `receiver run`")
    tag = f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    places = Places(base_url=known.base_url, api_key=known.api_key, sandbox_url=known.sandbox_url)
    started_at = time.monotonic()
    try:
        counts = Trial(places, tag=tag, count=messages).run(_progress(started_at))
    except ClientError as error:
        raise SetupError(f"{known.base_url}: {error}") from error
    click.echo(f"\n\nTag {tag}, {time.monotonic() - started_at:.0f} s\n")
    echo_rows(
        [{"what": what, "count": counts[what], "": note} for what, note in NOTES.items()],
        as_json=False,
    )
    if counts["lost"]:
        raise SystemExit(1)


def _progress(started_at: float) -> Callable[[Counts], None]:
    """Return what shows counts: in one line that changes, or in a line every few seconds."""
    is_watched = sys.stdout.isatty()
    said_at = started_at - PACE_SECONDS

    def show(counts: Counts) -> None:
        nonlocal said_at
        now = time.monotonic()
        line = " ".join(f"{what} {count}" for what, count in counts.items())
        if is_watched:
            click.echo(f"\r{line} ({now - started_at:.0f} s) ", nl=False)
        elif now - said_at >= PACE_SECONDS:
            said_at = now
            click.echo(line)

    return show
