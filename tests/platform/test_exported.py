"""Files of notifications that the platform could not deliver."""

import io
import json
from typing import Any

import pytest

from receiver.platform.exported import ColumnError, Line, csv_rows, json_lines, reader_of

DR = {"deliveryInfoNotification": {"deliveryInfo": {"deliveryStatus": "Sent"}, "transid": "t"}}
BODY = json.dumps(DR)


def read(text: str, **more: Any) -> list[Line]:
    raw = text.encode()
    return list(reader_of(raw[:64])(io.BytesIO(raw), **{"most_bytes": 1000, **more}))


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(BODY, id="itself"),
        pytest.param(json.dumps({"transid": "x", "payload": BODY}), id="text-in-a-field"),
        pytest.param(json.dumps({"url": "x", "Request Body": DR}), id="object-in-a-field"),
        pytest.param(json.dumps({"what": BODY}), id="named"),
    ],
)
def test_a_line_of_json_holds_a_notification(line: str) -> None:
    found = read(f"\n{line}\n", column="what" if '"what"' in line else "")

    assert [(each.number, json.loads(each.raw)) for each in found] == [(2, DR)]


def test_the_bytes_of_a_notification_are_those_that_were_posted() -> None:
    odd = '{"deliveryInfoNotification" :  {"x":"\u00e9"}}'

    assert [each.raw for each in read(odd)] == [odd.encode()]
    assert [each.raw for each in read('{"payload": ' + odd + "}")] == [odd.encode()]
    assert [each.raw for each in read(json.dumps({"payload": odd}))] == [odd.encode()]


def test_a_line_that_is_too_long_is_a_fault_and_the_next_goes_on() -> None:
    found = read(f"{'{' + 'x' * 5000}\n{BODY}\n")

    assert [(each.number, bool(each.fault)) for each in found] == [(1, True), (2, False)]


def test_a_field_that_is_no_notification_leaves_the_line_as_it_is() -> None:
    line = json.dumps({"transid": "t", "data": "words"})

    assert [each.raw for each in read(line)] == [line.encode()]


def quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@pytest.mark.parametrize(
    ("head", "row"),
    [
        pytest.param("time,payload", f"now,{quoted(BODY)}", id="by-name"),
        pytest.param("Time,What", f"now,{quoted(BODY)}", id="by-content"),
    ],
)
def test_a_column_of_csv_holds_the_notifications(head: str, row: str) -> None:
    found = read(f"\ufeff{head}\r\n{row}\r\nlater\r\n{row}\r\n")

    assert [each.number for each in found] == [2, 3, 4]
    assert [json.loads(each.raw) for each in found if not each.fault] == [DR, DR]
    assert found[1].fault == "it has too few columns"


def test_rows_over_several_lines_and_over_the_cap() -> None:
    tall = json.dumps(DR, indent=1)
    found = read(f"payload\n{quoted(tall)}\n{quoted('x' * 2000)}\n{quoted(BODY)}\n")

    assert [json.loads(each.raw) for each in found if not each.fault] == [DR, DR]
    assert ["field larger" in each.fault for each in found] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("time,what\nnow,words\n", "", "one of time, what"),
        ("time,what\nnow,{}\n", "body", "no column body: it has time, what"),
        ("time,447700900123\nnow,words\n", "", "one of time, [?]"),
    ],
)
def test_a_column_that_nobody_knows_is_asked_for(text: str, column: str, said: str) -> None:
    with pytest.raises(ColumnError, match=said):
        read(text, column=column)


@pytest.mark.parametrize("reader", [json_lines, csv_rows])
def test_an_empty_file_holds_nothing(reader: Any) -> None:
    assert list(reader(io.BytesIO(b""), most_bytes=10)) == []
