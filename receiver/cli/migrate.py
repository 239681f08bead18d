"""`receiver migrate`: the release step."""

import click

from receiver import embedded
from receiver.cli.database import bring_up_to_date
from receiver.settings import Settings
from receiver.signals import heeded


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date, and make the partitions soon needed."""
    settings = Settings.from_environ()
    with heeded(task=True), embedded.running(settings, announce=click.echo) as url:
        made = bring_up_to_date(url)
    click.echo(f"the schema is up to date; partitions made: {made}")
