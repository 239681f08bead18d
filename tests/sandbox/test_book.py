"""The book: whole, paged, bounded, and counted."""

from typing import Any

import pytest

from receiver.sandbox.book import Book, Entry, Kind, Outcome
from receiver.sandbox.memory import Memory
from tests.sandbox.playing import Played


def entry(transid: str) -> Entry:
    return Entry(kind=Kind.RECEIPT, outcome=Outcome.WAITING, transid=transid)


def test_pages_join_to_the_whole(sandbox: Played) -> None:
    transid = sandbox.send("sandbox-duplicate")
    whole = sandbox.lines(transid)

    paged, after = [], 0
    while after is not None:
        page = sandbox.get("/sandbox/book", after=after, limit=4, transid=transid, kind="receipt")
        paged += page["items"]
        after = page["next"]

    assert paged == whole
    assert len(whole) == 6


def test_a_request_stands_in_it_with_its_answer(sandbox: Played) -> None:
    transid = sandbox.send(correlationid="c-1")

    (line,) = sandbox.get("/sandbox/book", transid=transid, kind="request")["items"]

    assert (line["outcome"], line["code"], line["correlationid"]) == ("accepted", "1001", "c-1")


def test_the_oldest_go_and_the_counts_stay() -> None:
    book = Book(most=3)
    entries = [entry(f"t-{number}") for number in range(5)]
    for each in entries:
        book.write(each)
    book.end(entries[0], Outcome.TAKEN)

    found, following = book.page(after=0, limit=2, sought={})
    rest, end = book.page(after=following or 0, limit=2, sought={})

    assert [(number, each.transid) for number, each in [*found, *rest]] == [
        (3, "t-2"),
        (4, "t-3"),
        (5, "t-4"),
    ]
    assert end is None
    assert book.forgotten == 2
    assert book.counts()["receipt"] == {"waiting": 4, "taken": 1}


def test_memory_keeps_the_newest_by_the_room_they_take() -> None:
    memory: Memory[str] = Memory(most=10)
    for name, room in (("a", 4), ("b", 4), ("c", 4), ("d", 10)):
        memory.keep(name, name, room=room)
        assert memory.find(name) == name

    assert [memory.find(name) for name in "abcd"] == [None, None, None, "d"]


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 1001}, {"after": -1}, {"kind": "x"}, {"outcome": "x"}, {"x": 1}],
)
def test_a_bad_query_is_a_problem_that_names_the_parameter(
    query: dict[str, Any], sandbox: Played
) -> None:
    problem = sandbox.get("/sandbox/book", **query)

    assert problem["status"] == 400
    assert problem["errors"].keys() == query.keys()


def test_a_path_that_is_none_is_a_problem(sandbox: Played) -> None:
    assert sandbox.get("/resources/v3/messaging")["status"] == 404
