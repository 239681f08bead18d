"""`receiver serve`: the web process of a Procfile."""

import click

from receiver import embedded, supervisor
from receiver.cli import children, port
from receiver.cli.database import check
from receiver.log import configure
from receiver.settings import Settings
from receiver.signals import heeded
from receiver.store import schema


@click.command()
def serve() -> None:
    """Serve hooks and API. SIGTERM ends it gracefully, SIGHUP reloads it."""
    settings = Settings.from_environ()
    configure(settings.log_level)
    with heeded(hup_reloads=True) as signals:
        port.require_free(settings)
        with embedded.running(settings, announce=click.echo) as url:
            check(url)
            schema.require_current(url)
            supervisor.supervise([children.web(settings, url)], signals)
