"""Lists as CSV: whole, flat, harmless in a spreadsheet, few at once, and out of the way."""

import time
from collections.abc import Iterator
from typing import Any

import gevent
import pytest

from receiver.store.points import Point
from receiver.web.exports import LONGEST_REST_SECONDS, PAGE_ROWS, REST_TIMES, Exports
from tests.web.listing import items, table, window
from tests.web.service import Caller, Service, make_transid, message, receipt

CSV = {"Accept": "text/csv"}
NUMBER = "447700900123"


def test_a_list_of_sends_is_a_table(service: Service, caller: Caller, point: Point) -> None:
    transid = make_transid()
    service.hook(point, receipt(transid, "Delivered"))
    caller.record(transid=transid, tag='with "quotes", commas')
    bare = caller.record(transid=make_transid())["transid"]

    wordy = {"Accept": "text/csv; charset=utf-8, */*;q=0.1"}
    for ask, path, more in (
        (caller.get, "/sends", {"headers": CSV}),
        (caller.get, "/sends", {"headers": wordy}),
        (caller.post, "/sends/search", {"headers": CSV, "json": {}}),
    ):
        answer = ask(path, **more)
        first, second = table(answer)
        assert answer.headers["Receiver-Ledger"].startswith("complete=true")
        assert first["transid"] == bare
        assert (first["point.id"], first["point.code"]) == ("", "")
        assert second == {
            "id": second["id"],
            "transid": transid,
            "correlationid": "",
            "point.id": str(point.id),
            "point.code": point.code,
            "channel": "sms",
            "sender": "",
            "tag": 'with "quotes", commas',
            "state": "accepted",
            "recorded": "true",
            "requested_at": "",
            "accepted_at": second["accepted_at"],
            "summary.deliveries": "1",
            "summary.pending": "0",
            "summary.success": "1",
            "summary.failure": "0",
            "summary.complaint": "0",
        }


def test_what_arrived_is_a_table(service: Service, caller: Caller, point: Point) -> None:
    service.hook(point, [message(text="=1+1", tid=f"t-{n}") for n in range(PAGE_ROWS + 1)])
    service.hook(point, receipt(make_transid(), "Delivered"))

    messages = table(caller.get("/messages", headers=CSV))
    [got] = table(caller.get("/receipts", headers=CSV))

    assert len({row["tid"] for row in messages}) == PAGE_ROWS + 1
    assert {(row["from"], row["text"], row["details"]) for row in messages} == {
        (NUMBER, "'=1+1", "{}")
    }
    assert (got["status"], got["point.code"]) == ("delivered", point.code)
    assert "raw" not in got
    assert table(caller.get("/events", headers=CSV)) == []
    refused = caller.get("/messages?raw=true", headers=CSV)
    assert list(refused.json["errors"]) == ["raw"]


def test_all_rows_of_many_pages_are_in_it_once(caller: Caller) -> None:
    names = [f"{caller.domain}-{number:03d}" for number in range(PAGE_ROWS * 2 + 7)]
    sends = [{"transid": name, "destinations": [NUMBER]} for name in names]
    assert caller.post("/sends", json=sends).status_code == 200

    for path in ("/sends", f"/deliveries?outcome=pending&{window()}"):
        rows = table(caller.get(path, headers=CSV))
        assert [row["transid"] for row in rows] == names[::-1]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_no_cell_is_a_formula(caller: Caller, service: Service, point: Point, start: str) -> None:
    words = f"{start}1+1"
    service.hook(
        point, receipt(make_transid(), "Failed", destination="+447700900123", Description=words)
    )

    [row] = table(caller.get("/deliveries", headers=CSV))

    assert row["description"] == f"'{words}"
    assert row["destination"] == "'+447700900123"


def test_the_form_is_chosen_by_accept(caller: Caller) -> None:
    caller.record(transid=make_transid())

    for accept in ("*/*", "application/json", "text/html", "application/json, text/csv"):
        answer = caller.get("/sends", headers={"Accept": accept})
        assert answer.content_type == "application/json"
        assert len(items(answer)) == 1
        assert answer.headers["Vary"] == "Accept"
    for accept in ("text/csv", "text/csv, application/json;q=0.5"):
        assert len(table(caller.get("/sends", headers={"Accept": accept}))) == 1


@pytest.mark.parametrize("name", ["limit", "cursor"])
def test_a_table_has_no_pages(caller: Caller, name: str) -> None:
    answer = caller.get(f"/sends?{name}=5", headers=CSV)

    assert (answer.status_code, list(answer.json["errors"])) == (400, [name])


def test_two_are_written_at_once_and_no_more(caller: Caller) -> None:
    caller.record(transid=make_transid())
    open_: list[Any] = [caller.get("/sends", headers=CSV) for _ in range(2)]

    refused = caller.get("/deliveries", headers=CSV)

    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert "exports" in refused.json["detail"]
    assert caller.get("/sends").status_code == 200
    open_.pop().close()  # who hangs up gives the place back, read or not
    again = caller.get("/sends", headers=CSV)
    assert len(table(again)) == 1
    for answer in (*open_, again):
        answer.close()


def test_a_bad_question_takes_no_place(caller: Caller) -> None:
    for _ in range(3):
        assert caller.get("/sends?channel=sms", headers=CSV).status_code == 400
        assert table(caller.get("/sends", headers=CSV)) == []


def test_it_rests_after_a_page_while_there_is_live_traffic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(gevent, "sleep", rests.append)
    busy = iter([True, False, True])

    def pages() -> Iterator[int]:
        for number, seconds in enumerate((0.02, 0.0, LONGEST_REST_SECONDS)):
            time.sleep(seconds)
            yield number

    assert list(Exports(1, busy=lambda: next(busy)).paced(pages())) == [0, 1, 2]
    as_long, longest = rests
    assert REST_TIMES * 0.02 <= as_long <= LONGEST_REST_SECONDS
    assert longest == LONGEST_REST_SECONDS
