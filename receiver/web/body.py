"""Bodies off the wire: capped, in time, and unzipped."""

import time
import zlib
from typing import TYPE_CHECKING, Final

import gevent
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wsgi import get_content_length, get_input_stream

from receiver.domain.errors import PayloadError, SlowBodyError, StoreAwayError, TooLargeError

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

DEADLINE_SECONDS: Final = 5.0
LONG_DEADLINE_SECONDS: Final = 7.0
#: Past this a body has the long deadline.
LONG_BYTES: Final = 256 * 1024
#: Parts of one gzip body; whoever compresses one notification makes one.
MOST_MEMBERS: Final = 100
#: What is kept of a body over its cap.
HEAD_BYTES: Final = 64 * 1024
_PIECE_BYTES: Final = 64 * 1024
#: So long a body waits for others to be done with; a caller hears from us within ten seconds.
ROOM_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.05

_GZIP: Final = 16 + zlib.MAX_WBITS
_GZIP_MAGIC: Final = b"\x1f\x8b"


class Intake:
    """Reads bodies; those of all requests together take a bounded space."""

    def __init__(self, most_bytes: int) -> None:
        self._left_bytes = most_bytes

    def body(self, environ: "WSGIEnvironment", *, cap_bytes: int) -> "Body":
        """Return what gives the body of a request; its bytes count until its block ends.

        It waits for room before it is read, and for no more than what most need: a long one
        takes its room as it comes, so that none can keep others out by what it says that it is.
        Its block raises: TooLargeError, SlowBodyError, StoreAwayError where there is no room.
        """
        return Body(self, environ, cap_bytes)

    def hold(self, size_bytes: int) -> None:
        """Take room, or wait for it a while. Raises: StoreAwayError where there is none."""
        until = None
        while size_bytes > self._left_bytes:
            until = until or time.monotonic() + ROOM_SECONDS
            if time.monotonic() > until:
                raise StoreAwayError("too many bodies at once")
            gevent.sleep(_LOOK_SECONDS)
        self._left_bytes -= size_bytes

    def hold_more(self, size_bytes: int) -> None:
        """Take room at once. Raises: StoreAwayError where there is none."""
        if size_bytes > self._left_bytes:
            raise StoreAwayError("too many bodies at once")
        self._left_bytes -= size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Return room that was taken."""
        self._left_bytes += size_bytes


class Body:
    """The body of one request, for as long as a block lasts."""

    __slots__ = ("_cap_bytes", "_environ", "_held_bytes", "_intake", "_length")

    def __init__(self, intake: Intake, environ: "WSGIEnvironment", cap_bytes: int) -> None:
        self._intake = intake
        self._environ = environ
        self._cap_bytes = cap_bytes
        self._length = get_content_length(environ)
        self._held_bytes = min(self._length or 0, cap_bytes, LONG_BYTES)

    def __enter__(self) -> bytes:
        self._intake.hold(self._held_bytes)
        try:
            return self._read()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        self._intake.give_back(self._held_bytes)

    def _read(self) -> bytes:
        """Return the body.

        Raises: TooLargeError once the rest was read and dropped, as a caller that sends hears
        nothing.
        """
        stream = self._environ["wsgi.input"]
        if not self._environ.get("wsgi.input_terminated"):
            stream = get_input_stream(self._environ)
        deadline = _Deadline()
        pieces: list[bytes] = []
        size, head = 0, b""
        try:
            while size != self._length and (piece := stream.read(_PIECE_BYTES)):
                size += len(piece)
                head = head or piece[:HEAD_BYTES]
                if size > LONG_BYTES:
                    deadline.extend()
                if size <= self._cap_bytes:
                    self._hold(size)
                    pieces.append(piece)
        except _LateError:
            if size <= self._cap_bytes:
                raise SlowBodyError("the body did not arrive in time") from None
        except (OSError, ClientDisconnected, ParseException) as error:
            raise SlowBodyError("the body broke off") from error
        finally:
            deadline.close()
        if size > self._cap_bytes:
            raise TooLargeError(self._cap_bytes, head=head)
        if size < (self._length or 0):
            raise SlowBodyError("the body broke off")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _hold(self, size_bytes: int) -> None:
        if size_bytes > self._held_bytes:
            self._intake.hold_more(size_bytes - self._held_bytes)
            self._held_bytes = size_bytes


class _LateError(Exception):
    """The bytes are not here in time."""


class _Deadline:
    """Ends a wait for bytes that takes too long, by _LateError; gevent.Timeout costs thrice."""

    __slots__ = ("_began", "_is_long", "_timer")

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._is_long = False
        self._start(DEADLINE_SECONDS)

    def extend(self) -> None:
        """Give the time that a large body has."""
        if not self._is_long:
            self._is_long = True
            self.close()
            self._start(max(LONG_DEADLINE_SECONDS - (time.monotonic() - self._began), 0))

    def close(self) -> None:
        """Stop the clock."""
        self._timer.close()

    def _start(self, seconds: float) -> None:
        self._timer = gevent.get_hub().loop.timer(seconds)
        self._timer.start(gevent.getcurrent().throw, _LateError, update=True)


def decoded(raw: bytes, encoding: str, *, cap_bytes: int) -> bytes:
    """Return a body without its Content-Encoding.

    Gzip is known by its first bytes too, as no JSON begins like it; a body that plainly isn't
    what the header claims is taken as it is, and so is an encoding that we don't know.
    Raises: PayloadError for broken gzip, TooLargeError if it decodes to more than the cap.
    """
    if raw.startswith(_GZIP_MAGIC):
        return _inflated(raw, _GZIP, cap_bytes)
    if encoding.strip().lower() == "deflate":
        for window in (zlib.MAX_WBITS, -zlib.MAX_WBITS):  # with zlib's head as written, or bare
            try:
                return _inflated(raw, window, cap_bytes)
            except PayloadError:
                continue
    return raw


def _inflated(raw: bytes, window: int, cap_bytes: int) -> bytes:
    """Return what one or more zlib streams hold."""
    whole = b""
    rest = raw
    members = 0
    while rest:
        members += 1
        if members > MOST_MEMBERS:  # each costs a copy of the rest
            raise PayloadError("not_json", "the body has too many gzip members")
        stream = zlib.decompressobj(window)
        try:
            whole += stream.decompress(rest, cap_bytes + 1 - len(whole))
        except zlib.error as error:
            raise PayloadError("not_json", "the body can't be unzipped") from error
        if len(whole) > cap_bytes:
            raise TooLargeError(cap_bytes, head=raw[:HEAD_BYTES])
        if not stream.eof:
            raise PayloadError("not_json", "the body is cut off within its gzip")
        rest = stream.unused_data.lstrip(b"\0")
    return whole
