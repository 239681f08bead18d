"""`receiver import`: what the platform could not deliver, from a file of its export."""

import base64
import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.cli.exits import Exit
from receiver.platform import checks
from tests.cli.calling import KEY, Call, Desk
from tests.web.service import make_transid, message, receipt, running

SECRET = base64.b64encode(KEY).decode()


@pytest.fixture(scope="module")
def url(make_database: Any) -> str:
    return str(make_database())


@pytest.fixture
def desk(call: Call, monkeypatch: pytest.MonkeyPatch, url: str, tmp_path: Path) -> Iterator[Desk]:
    with running(url) as service:
        yield Desk(call, monkeypatch, service, tmp_path / "spool", SECRET)


def bring(desk: Desk, file: Path, *more: str) -> tuple[int, Any]:
    options = ("--point", desk.point.code, "--domain", desk.domain)
    return desk.json("import", str(file), *options, *more)


def lines(file: Path, *bodies: Any) -> Path:
    text_ = "\n".join(body if isinstance(body, str) else json.dumps(body) for body in bodies)
    file.write_text(text_)
    return file


def kept(desk: Desk, table: str) -> int:
    count = f"SELECT count(*) AS n FROM {table} WHERE domain = :domain"
    return int(desk.service.rows(count, domain=desk.domain)[0]["n"])


def age(desk: Desk) -> None:
    """Let what is kept have come some days ago."""
    with Session(desk.service.engine) as session:
        for table in ("receipts", "messages"):
            ago = f"UPDATE {table} SET day = day - 1, accepted_at = accepted_at - interval '1 day'"
            session.execute(text(f"{ago} WHERE domain = :domain"), {"domain": desk.domain})
        earlier = "UPDATE sends SET first_day = first_day - 1 WHERE domain = :domain"
        session.execute(text(earlier), {"domain": desk.domain})
        session.commit()


def test_lines_are_brought_in_once_however_often_and_bad_ones_told(
    desk: Desk, tmp_path: Path
) -> None:
    transid, heard = make_transid(), receipt(make_transid(), "Delivered")
    desk.service.hook(desk.point, json.dumps(heard).encode())
    asked = message(text="private words")
    good = (receipt(transid, "Delivered"), asked, heard, checks.body().decode())
    file = lines(tmp_path / "export.jsonl", *good, "{no json", {"x": 1}, receipt(transid, "Sent"))

    code, first = bring(desk, file)
    age(desk)
    again, second = bring(desk, file)

    assert (code, again) == (Exit.FAULTY, Exit.FAULTY)
    assert first["counts"] == {"accepted": 3, "duplicate": 1, "checks": 1, "bad": 2}
    assert second["counts"] == {"duplicate": 4, "checks": 1, "bad": 2}
    assert [each["line"] for each in first["bad"]] == [5, 6]
    assert "private" not in str(first)
    assert (kept(desk, "receipts"), kept(desk, "messages")) == (3, 1)
    shown = desk.caller.send(transid)
    assert [each["source"] for each in shown["timeline"]] == ["import", "import"]
    assert shown["deliveries"][0]["status"] == "delivered"
    log = "SELECT verb, after FROM audit_log WHERE domain = :domain AND verb = 'facts.import'"
    assert len(desk.service.rows(log, domain=desk.domain)) == 2


def test_csv_that_is_zipped_is_brought_in(desk: Desk, tmp_path: Path) -> None:
    transid = make_transid()
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerows([["time", "Payload"], ["now", json.dumps(receipt(transid, "Delivered"))]])
    file = tmp_path / "export.csv.gz"
    file.write_bytes(gzip.compress(table.getvalue().encode()))

    assert bring(desk, file) == (Exit.WELL, {"counts": {"accepted": 1}, "bad": []})
    assert desk.caller.send(transid)["summary"]["success"] == 1


def test_what_is_imported_keeps_no_text_where_its_point_keeps_none(
    desk: Desk, tmp_path: Path
) -> None:
    none = ("points", "set", desk.point.code, "--domain", desk.domain)
    assert desk.run(*none, "--set", "opts.store_text=none").returncode == 0

    assert bring(desk, lines(tmp_path / "e.jsonl", message(text="private words")))[0] == Exit.WELL
    assert [each["text"] for each in desk.caller.get("/messages").json["items"]] == [""]


def test_many_lines_go_in_by_batches(desk: Desk, tmp_path: Path) -> None:
    bodies = [receipt(make_transid(), "Delivered") for _ in range(600)]

    code, told = bring(desk, lines(tmp_path / "export.json", *bodies, *bodies[:50]))

    assert (code, told["counts"]) == (Exit.WELL, {"accepted": 600, "duplicate": 50})
    assert kept(desk, "deliveries") == 600


def test_a_dry_run_only_reads(desk: Desk, tmp_path: Path) -> None:
    file = lines(tmp_path / "export.jsonl", receipt(make_transid(), "Delivered"), "{")

    code, told = bring(desk, file, "--dry-run")

    assert (code, told["counts"]) == (Exit.FAULTY, {"readable": 1, "bad": 1})
    assert kept(desk, "receipts") == 0


def test_who_was_erased_does_not_come_back(desk: Desk, tmp_path: Path) -> None:
    number = "447700900777"
    forget = ("forget", "--yes", "--domain", desk.domain)
    assert desk.run(*forget, piped=f"{number}\n").returncode == 0
    transid = make_transid()
    file = lines(tmp_path / "e.jsonl", receipt(transid, "Delivered", destination=number))

    assert bring(desk, file)[0] == Exit.WELL
    assert number not in str(desk.service.rows("SELECT * FROM receipts"))
    assert desk.caller.send(transid)["deliveries"][0]["destination"].startswith("erased:")


@pytest.mark.parametrize(
    ("content", "options", "code", "said"),
    [
        (b"a,b\n1,2\n", (), Exit.USAGE, "name the column"),
        (b"\x1f\x8b", (), Exit.USAGE, "name the column"),
        (b"{}", ("--point", "none"), Exit.US, "no point none"),
    ],
    ids=["no-column", "binary", "no-point"],
)
def test_what_can_not_begin_is_told(
    desk: Desk, tmp_path: Path, *, content: bytes, options: tuple[str, ...], code: Exit, said: str
) -> None:
    file = tmp_path / "export"
    file.write_bytes(content + b"\nx\n")
    named = ("--point", desk.point.code, "--domain", desk.domain)

    done = desk.run("import", str(file), *named, *options)

    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_file_that_ends_too_early_is_told(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "export.jsonl.gz"
    body = json.dumps(receipt(make_transid(), "Delivered")).encode()
    file.write_bytes(gzip.compress(body + b"\n" + body)[:-12])

    done = desk.run("import", str(file), "--point", desk.point.code, "--domain", desk.domain)

    assert (done.returncode, "can't be read to its end" in done.stderr) == (Exit.US, True)
