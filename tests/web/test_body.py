"""Bodies off the wire."""

import io
from typing import TYPE_CHECKING

import gevent
import pytest
from werkzeug.test import EnvironBuilder

from receiver.domain.errors import SlowBodyError, StoreAwayError, TooLargeError
from receiver.web.body import LONG_BYTES, Intake

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def make_request(body: bytes, *, declared: int | None = None) -> "WSGIEnvironment":
    builder = EnvironBuilder(method="POST", input_stream=io.BytesIO(body))
    environ = builder.get_environ()
    environ["wsgi.input_terminated"] = True
    if declared is not None:
        environ["CONTENT_LENGTH"] = str(declared)
    return environ


def test_a_body_is_read_whole() -> None:
    body = b"x" * 200_000

    with Intake(1_000_000).body(make_request(body), cap_bytes=200_000) as raw:
        assert raw == body


def test_bodies_together_take_a_bounded_space() -> None:
    intake = Intake(100_000)
    with (
        intake.body(make_request(b"x" * 60_000), cap_bytes=100_000),
        pytest.raises(StoreAwayError),
        intake.body(make_request(b"x" * 60_000), cap_bytes=100_000),
    ):
        pass
    with intake.body(make_request(b"x" * 60_000), cap_bytes=100_000) as raw:
        assert len(raw) == 60_000


def test_who_says_that_much_is_coming_keeps_nobody_out() -> None:
    intake = Intake(2 * LONG_BYTES)
    tall = make_request(b"", declared=100 * LONG_BYTES)
    sizes: list[int] = []

    class Silent(io.RawIOBase):
        def read(self, _: int = -1) -> bytes:
            with intake.body(make_request(b"x" * 300), cap_bytes=1000) as raw:
                sizes.append(len(raw))
            return b""

    tall["wsgi.input"] = Silent()
    with pytest.raises(SlowBodyError), intake.body(tall, cap_bytes=100 * LONG_BYTES):
        pass

    assert sizes == [300]


def test_a_long_body_takes_what_room_there_is() -> None:
    intake = Intake(2 * LONG_BYTES)
    long, longer = b"x" * 2 * LONG_BYTES, b"x" * (2 * LONG_BYTES + 1)

    for _ in range(2):
        with intake.body(make_request(long, declared=len(long)), cap_bytes=len(longer)) as raw:
            assert raw == long
        with (
            pytest.raises(StoreAwayError),
            intake.body(make_request(longer, declared=len(longer)), cap_bytes=len(longer)),
        ):
            pass


def test_what_is_over_the_cap_takes_no_space() -> None:
    intake = Intake(100_000)

    with (
        pytest.raises(TooLargeError) as caught,
        intake.body(make_request(b"y" * 900_000), cap_bytes=50_000),
    ):
        pass

    assert caught.value.head == b"y" * 65_536


def test_a_body_shorter_than_it_says_broke_off() -> None:
    request = make_request(b"{}", declared=9)

    with pytest.raises(SlowBodyError), Intake(1000).body(request, cap_bytes=100):
        pass


def test_a_body_waits_for_the_room_that_another_gives_back() -> None:
    intake = Intake(100)
    order: list[str] = []

    def first() -> None:
        with intake.body(make_request(b"x" * 80, declared=80), cap_bytes=100):
            gevent.sleep(0.2)
            order.append("first")

    def second() -> None:
        with intake.body(make_request(b"y" * 80, declared=80), cap_bytes=100):
            order.append("second")

    gevent.joinall([gevent.spawn(first), gevent.spawn(second)], raise_error=True)

    assert order == ["first", "second"]
