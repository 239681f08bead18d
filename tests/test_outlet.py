"""Log lines leave the process at once, or not at all."""

import fcntl
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest
import structlog

from receiver.log import _rendered, configure, teller
from receiver.outlet import Outlet

PIPE_BYTES = 4096
LINE = b'{"event":"x"}'


class Pipe:
    """A pipe that holds one page."""

    def __init__(self) -> None:
        self.read_end, written = os.pipe()
        fcntl.fcntl(written, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.stream: TextIO = os.fdopen(written, "w")

    def read(self) -> bytes:
        return os.read(self.read_end, 2 * PIPE_BYTES)


@contextmanager
def counted(stream: TextIO) -> Iterator[tuple[Outlet, list[int]]]:
    """An outlet, and a list that grows with each line that is dropped."""
    dropped: list[int] = []
    outlet = Outlet(stream, dropped=lambda lines: dropped.extend([1] * lines))
    yield outlet, dropped
    outlet.close()
    stream.close()


def test_a_reader_that_stands_still_keeps_nobody_waiting() -> None:
    pipe = Pipe()
    with counted(pipe.stream) as (outlet, dropped):
        for _ in range(PIPE_BYTES // (len(LINE) + 1) + 50):
            outlet.line(LINE)
        assert len(dropped) >= 50
        assert set(pipe.read().splitlines()) == {LINE}

        outlet.line(LINE)

        news, line = pipe.read().splitlines()
    assert json.loads(news)["lines"] == len(dropped)
    assert json.loads(news).keys() == {"event", "lines", "level", "timestamp"}
    assert line == LINE
    assert os.get_blocking(pipe.read_end)
    os.close(pipe.read_end)


def test_gathered_lines_leave_together_in_order_and_in_time() -> None:
    pipe = Pipe()
    with counted(pipe.stream) as (outlet, _):
        outlet.gather()
        for number in range(3):
            outlet.info(b"%d" % number)
        assert pipe.read().splitlines() == [b"0", b"1", b"2"]

        outlet.info(b"3")
        outlet.warning(b"4")  # waits for nothing

        assert pipe.read().splitlines() == [b"3", b"4"]
    os.close(pipe.read_end)


def test_what_is_gathered_never_tears_in_a_pipe() -> None:
    pipe = Pipe()
    with counted(pipe.stream) as (outlet, dropped):
        outlet.gather()
        for _ in range(1000):
            outlet.info(LINE)
        outlet.flush()
        taken = pipe.read()

        assert set(taken.splitlines()) == {LINE}
        assert taken.endswith(b"\n")
        assert len(dropped) + len(taken.splitlines()) == 1000
    os.close(pipe.read_end)


def test_others_who_hold_the_pipe_still_wait_on_it() -> None:
    pipe = Pipe()
    with counted(pipe.stream):
        assert os.get_blocking(pipe.stream.fileno())
    os.close(pipe.read_end)


def test_a_closed_pipe_is_no_error() -> None:
    pipe = Pipe()
    os.close(pipe.read_end)
    with counted(pipe.stream) as (outlet, dropped):
        outlet.line(LINE)
        outlet.line(LINE)
    assert len(dropped) == 2


def test_a_full_disk_is_no_error() -> None:
    with counted(Path("/dev/full").open("w")) as (outlet, dropped):
        outlet.line(LINE)
    assert len(dropped) == 1


def test_a_socket_whose_reader_stands_still_keeps_nobody_waiting() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, counted(os.fdopen(os.dup(ours.fileno()), "w")) as (outlet, dropped):
        while not dropped:
            outlet.line(LINE * 100)
        assert os.get_blocking(ours.fileno())


def test_the_line_after_a_torn_one_begins_a_line(tmp_path: Path) -> None:
    file = (tmp_path / "log").open("w")
    with counted(file) as (outlet, dropped):
        whole = outlet._send
        outlet._send = lambda data: whole(data[:5])
        outlet.line(LINE)
        outlet._send = whole
        outlet.line(LINE)
    torn, news, line = (tmp_path / "log").read_bytes().splitlines()
    assert (torn, line, len(dropped)) == (LINE[:5], LINE, 1)
    assert json.loads(news)["lines"] == 1


def test_what_is_no_utf8_is_a_line_all_the_same() -> None:
    line = _rendered(None, "info", {"event": "a file", "name": os.fsdecode(b"\xff")})

    assert json.loads(line)["name"] == "\udcff"


@pytest.fixture
def logging_anew() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("logging_anew")
def test_who_tells_much_writes_the_lines_that_everybody_writes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("INFO")
    structlog.get_logger().info("request", status=200, way="direct")
    teller()({"status": 200, "way": "direct", "event": "request"})

    usual, told = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert list(told) == list(usual) == ["status", "way", "event", "level", "timestamp"]
    stamps = [line.pop("timestamp") for line in (usual, told)]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", stamp) for stamp in stamps)
    assert told == usual


@pytest.mark.usefixtures("logging_anew")
def test_who_tells_much_is_silent_where_info_is_not_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure("WARNING")
    teller()({"event": "request"})

    assert capsys.readouterr().out == ""
