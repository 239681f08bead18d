"""`receiver serve`: the web process of a Procfile."""

import click

from receiver import embedded, supervisor
from receiver.cli import children, port
from receiver.cli.outlook import outlook
from receiver.log import configure
from receiver.settings import Settings
from receiver.signals import heeded


@click.command()
def serve() -> None:
    """Serve hooks and API. SIGTERM ends it gracefully, SIGHUP reloads it.

    The database may be away: the way in needs the local disk alone.
    """
    settings = Settings.from_environ()
    configure(settings.log_level)
    with (
        heeded(hup_reloads=True) as signals,
        port.held(settings),
        embedded.running(settings, announce=click.echo) as url,
    ):
        for sentence in outlook(settings, url):
            click.echo(f"receiver: {sentence}", err=True)
        supervisor.supervise([children.web(settings, url)], signals)
