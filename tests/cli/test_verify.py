"""`receiver verify` and `receiver refold`: the ledger is the fold of its facts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.cli.exits import Exit
from tests.cli.calling import Call, Desk
from tests.cli.processes import eventually
from tests.web.service import make_transid, receipt, running


@pytest.fixture
def desk(
    call: Call, monkeypatch: pytest.MonkeyPatch, make_database: Any, tmp_path: Path
) -> Iterator[Desk]:
    with running(make_database()) as service:
        yield Desk(call, monkeypatch, service, tmp_path / "spool", "")


def fill(desk: Desk, *, number: int = 3) -> list[str]:
    """Record sends, of which some have further ones, and report on them in the wrong order."""
    transids = [make_transid() for _ in range(number)]
    for transid in transids:
        for name in (transid, f"{transid}_1"):
            desk.service.hook(desk.point, receipt(name, "Delivered"))
            desk.service.hook(desk.point, receipt(f"{transid}_0", "Submitted"))
        desk.caller.record(transid=transid, destinations=["+44 7700 900123", "447700900999"])
    registered = desk.caller.record(destinations=["a@example.org"], metadata={"n": [1, None]})
    desk.caller.patch(f"/sends/{registered['id']}", json={"transid": make_transid()})
    desk.caller.record(destinations=["447700900555"], requested_at="2026-11-22T10:00:00Z")
    return transids


def change(desk: Desk, statement: str, **parameters: Any) -> None:
    with Session(desk.service.engine) as session:
        assert session.execute(text(statement), parameters).rowcount > 0  # type: ignore[attr-defined]
        session.commit()


def test_what_the_service_wrote_is_the_fold_of_its_facts(desk: Desk) -> None:
    fill(desk)

    code, told = desk.json("verify")

    assert (code, told["state"], told["different"]) == (Exit.WELL, "equal", 0)
    assert told["families"] >= 5
    assert told["share"] == 1.0


def test_an_empty_ledger_is_its_fold(desk: Desk) -> None:
    assert desk.run("verify").stdout.startswith("equal: the ledger is the fold of its facts")


def test_what_differs_is_named_and_refold_mends_it(desk: Desk) -> None:
    one, two, three = fill(desk)
    change(desk, "UPDATE deliveries SET code = 'x' WHERE transid = :t", t=one)
    change(desk, "DELETE FROM deliveries WHERE transid = :t", t=two)
    change(desk, "UPDATE sends SET tag = 'x', state = 'refused' WHERE transid = :t", t=three)

    code, told = desk.json("verify")

    assert (code, told["state"]) == (Exit.FAULTY, "different")
    found = {(each["transid"], each["what"], each["how"]) for each in told["differences"]}
    assert found >= {
        (one, "delivery", "code"),
        (two, "delivery", "missing"),
        (three, "send", "tag, state"),
    }
    assert "receiver refold" in desk.run("verify").stdout
    assert desk.run("refold", one, f"{two}_1", "--domain", desk.domain).returncode == Exit.WELL
    assert desk.json("verify")[1]["different"] == 1
    assert desk.run("refold", "--all").returncode == Exit.WELL
    assert desk.run("verify").returncode == Exit.WELL
    log = desk.service.rows("SELECT ids FROM audit_log WHERE verb = 'ledger.refold' ORDER BY seq")
    assert [line["ids"] for line in log] == [[one, f"{two}_1"], []]


def test_only_what_became_known_lately_is_looked_at(desk: Desk) -> None:
    one, *_ = fill(desk)
    broken = "UPDATE deliveries SET code = 'x' WHERE transid = :t"
    change(desk, broken, t=one)
    change(desk, "UPDATE sends SET known_at = known_at - interval '2 days' WHERE base = :t", t=one)

    assert desk.run("verify", "--since", "1d").returncode == Exit.WELL
    assert desk.run("verify", "--since", "7d").returncode == Exit.FAULTY


def test_in_the_background_it_goes_on_and_tells_how_it_ended(desk: Desk, var: Path) -> None:
    one, *_ = fill(desk)
    change(desk, "UPDATE deliveries SET code = 'x' WHERE transid = :t", t=one)
    assert desk.run("verify", "--last").returncode == Exit.US

    begun = desk.run("verify", "--detach")

    assert begun.returncode == Exit.WELL
    assert "verify --last" in begun.stdout
    eventually(lambda: desk.run("verify", "--last").returncode != Exit.OPEN, 20)
    code, told = desk.json("verify", "--last")
    assert (code, told["state"], told["different"] > 0) == (Exit.FAULTY, "different", True)
    assert (var / "verify.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("refold",), Exit.USAGE, "--all"),
        (("refold", "x", "--all"), Exit.USAGE, "--all"),
        (("refold", "nobody-knows"), Exit.NOT_FOUND, "not in the ledger: 1"),
    ],
)
def test_wrong_calls_are_told(
    desk: Desk, arguments: tuple[str, ...], code: Exit, said: str
) -> None:
    done = desk.run(*arguments)

    assert (done.returncode, said in done.stderr) == (code, True)


def test_without_its_database_it_fails_and_says_so(desk: Desk) -> None:
    done = desk.run("verify", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")

    assert (done.returncode, done.stdout) == (Exit.US, "")
