"""`receiver sandbox`: a stand-in for the platform, to try everything without an account there."""

import signal
from typing import Final

import click

from receiver.log import configure
from receiver.sandbox.server import Server
from receiver.sandbox.state import PROFILE_KEY, SERVICE_KEY
from receiver.settings import Settings

WELCOME: Final = """
The sandbox is up: {url}

  service key  {service_key}
  profile key  {profile_key}
"""


@click.command()
def sandbox() -> None:
    """Play the platform: take sends, and report what became of them. See docs/sandbox.md."""
    settings = Settings.from_environ()
    configure(settings.log_level)
    server = Server(
        (settings.sandbox_host, settings.sandbox_port or settings.port + 1),
        retry=settings.sandbox_retry,
        notify_url=settings.sandbox_notify_url,
        secret=settings.sandbox_secret,
        public=settings.sandbox_public,
    )
    url = server.start()
    click.echo(WELCOME.format(url=url, service_key=SERVICE_KEY, profile_key=PROFILE_KEY))
    server.serve(until=(signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
