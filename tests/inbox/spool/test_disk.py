"""Waiting for the disk in another thread, where the event loop is patched."""

import subprocess
import sys
from typing import Final

PATCHED: Final = """
from gevent import monkey
monkey.patch_all()
import threading
from receiver.inbox.spool.disk import offload

def fail():
    raise OSError(28, "no room", threading.get_native_id())

here = threading.get_native_id()
try:
    offload(fail)
except OSError as error:
    print(error.errno, error.filename != here)
print(offload(divmod, 7, 2))
"""


def test_what_fails_in_the_other_thread_is_raised_here_and_printed_nowhere() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PATCHED], capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.stdout, done.stderr) == ("28 True\n(3, 1)\n", "")
