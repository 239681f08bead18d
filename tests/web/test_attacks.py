"""Whatever is sent: no answer that isn't documented, no row, no file, no word in a log.

One server for all attacks; the last tests look at what they have left.
"""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cli.processes import eventually
from tests.conftest import MakeDatabase
from tests.web.attacks import ATTACKS
from tests.web.attacks.form import MESSAGE, Attack, hook
from tests.web.attacks.fortress import INTRUDER, VICTIM, Fortress, besieged
from tests.web.attacks.framing import SLOW

GUESSES = 200
HELD = re.compile('"result":"quarantined","id":"([^"]+)"')
#: What a server keeps beside what it is given.
KEPT = {"var/snapshot.sealed"}


@dataclass(frozen=True)
class Before:
    """What there was before anybody attacked."""

    rows: Counter[tuple[str, str]]
    files: set[str]
    ledger: Any


@pytest.fixture(scope="module")
def fortress(
    make_database: MakeDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fortress]:
    with besieged(make_database(), tmp_path_factory.mktemp("fortress")) as fortress:
        yield fortress


@pytest.fixture(scope="module", autouse=True)
def before(fortress: Fortress) -> Before:
    """Wait until the server has what it keeps in files, and look."""
    fortress.strike(hook("own", body=MESSAGE))
    eventually(lambda: fortress.files() >= KEPT)
    return Before(fortress.rows(), fortress.files(), fortress.ledger())


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_gets_its_answer(fortress: Fortress, attack: Attack) -> None:
    assert fortress.strike(attack.sent).status in attack.expected


def test_who_is_slow_gets_no_more_time_than_others(fortress: Fortress) -> None:
    with ExitStack() as lines:
        open_ = [lines.enter_context(fortress.server.connect()) for _ in SLOW]
        sent = [
            fortress.begin(line, attack.sent)
            for line, attack in zip(open_, SLOW.values(), strict=True)
        ]

        answers = [fortress.read(line, begun) for line, begun in zip(open_, sent, strict=True)]

    expected = {name: attack.expected for name, attack in SLOW.items()}
    told = {name: (answer.status,) for name, answer in zip(SLOW, answers, strict=True)}
    assert told == expected


def test_a_flood_of_guesses_keeps_nobody_out(fortress: Fortress) -> None:
    with ThreadPoolExecutor(16) as threads:
        guesses = threads.map(fortress.strike, [hook("guessed")] * GUESSES)
        known = threads.map(fortress.strike, [hook("own")] * 20)

        assert {answer.status for answer in guesses} == {404}
        assert {answer.status for answer in known} == {200}


def test_no_answer_is_a_failure_but_the_one_that_says_come_again(fortress: Fortress) -> None:
    failures = {answer.status: answer for _, answer in fortress.told if answer.status >= 500}

    assert failures.keys() == {503}
    assert all(answer.headers["retry-after"] for answer in failures.values())


def test_no_answer_tells_what_its_request_did_not(fortress: Fortress) -> None:
    known = "".join(sent for sent, _ in fortress.at("own", "own_walled"))  # and may be asked for
    told = {
        name
        for name, secret in fortress.victim_s.items()
        for sent, answer in fortress.told
        if secret in answer.text and secret not in sent and secret not in known
    }

    assert told == set()


def test_no_row_is_left_but_in_quarantine_and_the_intruder_s_own_domain(
    fortress: Fortress, before: Before
) -> None:
    more = fortress.rows() - before.rows
    answers = [answer for _, answer in fortress.at("open", "signed", "walled")]
    held = {id_ for answer in answers for id_ in HELD.findall(answer.text)}

    assert {place for place in more if place[1] != INTRUDER} == {("quarantine", VICTIM)}
    assert more["quarantine", VICTIM] == len(held)
    assert before.rows - fortress.rows() == Counter()


def test_nothing_of_the_victim_s_has_changed(fortress: Fortress, before: Before) -> None:
    assert fortress.ledger() == before.ledger


def test_no_file_is_left(fortress: Fortress, before: Before) -> None:
    assert fortress.files() == before.files


def test_no_log_and_no_metric_tells_a_secret(fortress: Fortress) -> None:
    written = fortress.written()

    assert "request" in written
    assert {name for name, said in fortress.private.items() if said in written} == set()
    assert not re.search('"level": ?"(error|critical)"', written)
