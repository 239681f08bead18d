"""The sandbox's own server: one process and one loop, for its paths and for its calls.

So its book and its plans need neither locks nor a store. Nothing is patched: all that it waits
for, it waits for by gevent's own means.
"""

import signal
from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import gevent
from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from receiver.domain.errors import SetupError
from receiver.sandbox.application import make_application
from receiver.sandbox.book import Book
from receiver.sandbox.posting import Poster
from receiver.sandbox.state import Sandbox

MOST_CONNECTIONS = 1_000


class Server:
    """A sandbox that listens, in the loop of the thread that made it."""

    def __init__(
        self,
        place: tuple[str, int],
        *,
        retry: timedelta,
        notify_url: str = "",
        secret: str = "",
        public: bool = False,
    ) -> None:
        """Take where to listen, and what `Settings` says of the sandbox."""
        book = Book()
        hosts = {urlsplit(notify_url).hostname} if notify_url else ()
        self._poster = Poster(book, retry=retry, secret=secret, public=public, hosts=hosts)
        self.sandbox = Sandbox(book=book, poster=self._poster, notify_url=notify_url)
        self._listener = WSGIServer(
            place, make_application(self.sandbox), spawn=Pool(MOST_CONNECTIONS), log=None
        )

    def start(self) -> str:
        """Listen, and return the URL. Raises: SetupError."""
        try:
            self._listener.start()
        except OSError as error:
            host, port = self._listener.address[:2]
            raise SetupError(
                f"the sandbox can't listen on {host}:{port} ({error.strerror}): "
                "set RECEIVER_SANDBOX_HOST and RECEIVER_SANDBOX_PORT"
            ) from error
        gevent.spawn(self._poster.run)
        host, port = self._listener.address[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def serve(self, *, until: Sequence[signal.Signals] = ()) -> None:
        """Serve until one of these signals comes."""
        for number in until:  # Python's own handlers would wait until the loop has something to do
            gevent.signal_handler(number, self.stop)
        self._listener.serve_forever()

    def stop(self) -> None:
        """Listen no more, and end `serve`."""
        self._listener.stop()
