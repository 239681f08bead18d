"""The `receiver` command.

Foreseeable faults are one line on stderr that names the cure, and exit code 1; wrong usage is
exit code 2. A long-lived command that is asked to stop exits with 0, by Ctrl-C too.
"""

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from receiver.cli.check import check
from receiver.cli.demo import demo
from receiver.cli.forget import forget
from receiver.cli.importing import import_
from receiver.cli.keys import keys
from receiver.cli.migrate import migrate
from receiver.cli.points import points
from receiver.cli.quarantine import quarantine
from receiver.cli.refolding import refold_
from receiver.cli.resealing import secrets
from receiver.cli.run import run
from receiver.cli.sandbox import sandbox
from receiver.cli.serve import serve
from receiver.cli.spool import spool
from receiver.cli.status import status
from receiver.cli.tail import tail
from receiver.cli.top import top
from receiver.cli.verify import verify
from receiver.cli.why import why
from receiver.cli.worker import worker
from receiver.domain.errors import BadInputError, ReceiverError, SlowQueryError, StoreAwayError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="receiver")
def commands() -> None:
    """Take what the messaging platform reports, and tell what became of each send."""


for command in (
    *(run, serve, worker, sandbox, demo, migrate),
    *(points, keys, secrets, quarantine),
    *(spool, forget, import_, verify, refold_),
    *(status, why, top, tail, check),
):
    commands.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that `arguments` name, else those of this process, and exit."""
    try:
        sys.exit(commands.main(arguments, prog_name="receiver", standalone_mode=False))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SlowQueryError as error:
        _fail(str(error))
    except StoreAwayError as error:
        _fail(f"{error}: start it, or correct DATABASE_URL")
    except BadInputError as error:
        _fail(error.sentence)
    except ReceiverError as error:
        _fail(str(error))
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)


def _fail(sentence: str) -> NoReturn:
    click.echo(f"receiver: {sentence}", err=True)
    sys.exit(1)
