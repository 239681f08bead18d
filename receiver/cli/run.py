"""`receiver run`: all of it on one machine; what `make run` starts."""

import fcntl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import click

from receiver import embedded, supervisor
from receiver.cli import children, first, port
from receiver.cli.database import bring_up_to_date
from receiver.cli.entrance import FILE, Entrance
from receiver.domain.errors import SetupError
from receiver.embedded.place import make_var
from receiver.log import configure
from receiver.settings import Settings
from receiver.signals import heeded

WELCOME: Final = """
Receiver is up. Enter this at the platform, as the URL to notify:

  {hook_url}

API key, all scopes (kept in {file}):

  {api_key}

Try it: a receipt, then the send it belongs to, then what became of it:

  curl -s {local_hook} -d '{receipt}'
  curl -s {base_url}/api/v1/sends -H 'Authorization: Bearer {api_key}' -d '{send}'
  curl -s {base_url}/api/v1/sends/try-1 -H 'Authorization: Bearer {api_key}'

The sandbox plays the platform, at {sandbox_url}. Send through the gateway to it:

  curl -s {base_url}/resources/v1/messaging -H 'key: {api_key}' -d '{request}'

or a few hundred of all kinds, in another terminal: {receiver} demo

Ctrl-C stops it all; the data stay.
"""
RECEIPT: Final = (
    '{"deliveryInfoNotification": {"deliveryInfo": {"deliveryStatus": "Delivered", "code": "7500", '
    '"deliveryChannel": "SMS", "destination": "447700900123", "destinationType": "msisdn", '
    '"timeStamp": "2026-01-01T10:00:02Z"}, "transid": "try-1"}}'
)
REQUEST: Final = (
    '{"deliverychannel": "sms", "channels": {"sms": {"text": "Hello", "senderid": "DEMOBK"}}, '
    '"destination": [{"msisdn": ["447700900123"]}]}'
)
SEND: Final = (
    '{"transid": "try-1", "channel": "sms", "destinations": ["447700900123"], "text": "Hello"}'
)
#: The sandbox is on this machine, where a platform never is.
_NEAR: Final = {"RECEIVER_PLATFORM_PRIVATE": "true"}


@click.command()
def run() -> None:
    """Run web, worker and sandbox, on DATABASE_URL or an embedded Postgres, until Ctrl-C."""
    settings = Settings.from_environ()
    configure(settings.log_level)
    with heeded() as signals, port.held(settings):
        make_var(settings.var_dir)
        with _alone(settings), embedded.running(settings, announce=click.echo) as url:
            bring_up_to_date(url)
            sandbox_port = port.beside(settings)
            sandbox_url = f"http://{settings.sandbox_host}:{sandbox_port}"
            known = first.prepare(settings, url, sandbox_url=sandbox_url)
            programs = [
                children.web(settings, url, **_NEAR),
                children.worker(settings, url, **_NEAR),
                children.sandbox(settings, port=sandbox_port, notify_url=known.hook_url),
            ]
            welcome = _once_up(settings, partial(_welcome, settings, known))
            supervisor.supervise(programs, signals, each_look=welcome)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the lock of this var: a second run, on another port, would rewrite receiver.json."""
    with (settings.var_dir / "run.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupError(
                f"it runs already on {settings.var_dir}: stop it, or set another RECEIVER_VAR"
            ) from None
        yield


def _once_up(settings: Settings, greet: Callable[[], None]) -> Callable[[], None]:
    waiting = [greet]

    def look() -> None:
        if waiting and _live(settings.base_url):
            waiting.pop()()

    return look


def _live(base_url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base_url}/health/live", timeout=0.5):  # noqa: S310
            return True
    except (OSError, urllib.error.URLError):
        return False


def _welcome(settings: Settings, entrance: Entrance) -> None:
    text = WELCOME.format(
        hook_url=entrance.hook_url,
        local_hook=entrance.hook_url.replace(settings.public_url, entrance.base_url, 1),
        base_url=entrance.base_url,
        api_key=entrance.api_key,
        file=settings.var_dir / FILE,
        sandbox_url=entrance.sandbox_url,
        receiver=sys.argv[0],
        receipt=RECEIPT,
        request=REQUEST,
        send=SEND,
    )
    click.echo(text)
