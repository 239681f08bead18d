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


HANGING: Final = """
from gevent import monkey
monkey.patch_all()
import threading, time
import gevent
from receiver.inbox.spool.disk import offload

hang = monkey.get_original("time", "sleep")
pool = gevent.get_hub().threadpool
for _ in range(pool.maxsize):
    pool.spawn(hang, 30)  # as the look-up of a host's name does where the network is gone
with gevent.Timeout(5):
    print(offload(divmod, 7, 2), flush=True)
import os
os._exit(0)
"""


def test_names_that_nobody_looks_up_do_not_keep_the_disk_waiting() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.stdout, done.stderr) == ("(3, 1)\n", "")
