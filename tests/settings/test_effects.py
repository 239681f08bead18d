"""What each setting does: shown here, or by the test that the table names."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench.process_tree import tree
from receiver.inbox.spool.depth import depth
from receiver.settings import Settings
from receiver.web.rooms import rooms_of
from tests.cli import processes
from tests.cli.processes import ROOT, eventually, free_port
from tests.conftest import MakeDatabase
from tests.gateway.upstream import queued, upstream
from tests.sandbox.playing import MESSAGING, Called, Hook, Played, hooked, make_request
from tests.settings.variables import VARIABLES
from tests.web.pointing import PATH
from tests.web.service import (
    Service,
    ago,
    make_caller,
    make_domain,
    make_point,
    make_transid,
    message,
    receipt,
    running,
)

HERE = "settings/test_effects.py"
SANDBOX = f"{HERE}::test_the_sandbox_listens_repeats_notifies_and_signs_as_it_is_told"
#: The test that would fail if the setting did nothing, under tests/.
SHOWN = {
    "DATABASE_URL": "cli/test_run.py::test_database_url_is_used",
    "PORT": "cli/test_procfile.py::test_serve_starts_without_a_schema_and_names_the_cure",
    "WEB_CONCURRENCY": f"{HERE}::test_so_many_workers_serve_and_log_no_more_than_they_should",
    "RECEIVER_HOST": "web/test_reloads.py::test_it_listens_on_ipv6",
    "RECEIVER_KEEP": f"{HERE}::test_the_worker_removes_what_is_past_its_time",
    "RECEIVER_LOG_LEVEL": f"{HERE}::test_so_many_workers_serve_and_log_no_more_than_they_should",
    "RECEIVER_MAX_BODY_BYTES": f"{HERE}::test_a_body_over_the_cap_is_413",
    "RECEIVER_OPERATIONS": (
        "web/test_operations_listener.py::test_the_operations_listener_answers_whoever_reaches_it"
    ),
    "RECEIVER_PATIENCE": "cli/test_reconciling.py::test_from_the_command_to_the_ledger",
    "RECEIVER_PLATFORM_DEADLINE": (
        "gateway/test_troubles.py::test_whatever_it_does_the_caller_is_told_in_time"
    ),
    "RECEIVER_PLATFORM_PRIVATE": (
        "gateway/test_troubles.py::test_no_private_address_is_called_by_default"
    ),
    "RECEIVER_PLATFORM_URL": f"{HERE}::test_points_that_name_no_platform_have_the_setting_s",
    "RECEIVER_PUBLIC_URL": "cli/test_administration.py::test_points_are_added_once_and_listed",
    "RECEIVER_RECONCILE": "cli/test_reconciling.py::test_it_is_off_unless_it_is_asked_for",
    "RECEIVER_REGION": "web/test_search.py::test_a_number_is_found_in_every_spelling",
    "RECEIVER_REPLY_WINDOW": f"{HERE}::test_an_answer_after_the_window_is_no_reply",
    "RECEIVER_ROLES": (
        "cli/test_honcho.py"
        "::test_with_roles_split_each_does_its_part_and_sends_nobody_away_for_good"
    ),
    "RECEIVER_SANDBOX_HOST": SANDBOX,
    "RECEIVER_SANDBOX_NOTIFY_URL": SANDBOX,
    "RECEIVER_SANDBOX_PORT": SANDBOX,
    "RECEIVER_SANDBOX_PUBLIC": f"{HERE}::test_the_sandbox_calls_public_addresses_where_it_may",
    "RECEIVER_SANDBOX_RETRY": SANDBOX,
    "RECEIVER_SANDBOX_SECRET": SANDBOX,
    "RECEIVER_SECRET_KEYS": (
        "cli/test_points.py::test_what_is_sealed_is_sealed_anew_with_the_first_key"
    ),
    "RECEIVER_SILENCE": "web/test_vitals.py::test_a_send_without_a_receipt_is_a_silence",
    "RECEIVER_SPOOL": f"{HERE}::test_past_its_budget_a_notification_goes_to_the_spool",
    "RECEIVER_SPOOL_KEPT": f"{HERE}::test_what_was_brought_in_is_kept_for_so_long",
    "RECEIVER_SPOOL_MAX_BYTES": "monitoring/test_scraped.py::test_a_full_disk",
    "RECEIVER_STORE_BUDGET": f"{HERE}::test_past_its_budget_a_notification_goes_to_the_spool",
    "RECEIVER_STORE_DEADLINE": f"{HERE}::test_without_a_spool_it_is_503_at_the_deadline",
    "RECEIVER_TRUSTED_PROXIES": "web/test_admission.py::test_behind_a_proxy_its_word_counts",
    "RECEIVER_VAR": "cli/test_embedded.py::test_is_durable_private_and_finds_its_data",
    "RECEIVER_WORKER_OPERATIONS": (
        "cli/test_worker.py::test_of_two_workers_one_works_and_both_say_so"
    ),
}
NEAR = timedelta(seconds=0.3)
FAR = timedelta(seconds=20)


def test_a_test_shows_what_each_setting_does() -> None:
    assert SHOWN.keys() == VARIABLES.keys()
    for place in SHOWN.values():
        file, _, name = place.partition("::")
        assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text(), place


@contextmanager
def standing_still(url: str) -> Iterator[None]:
    """Let nobody write to the ledger as long as the context lasts."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE sends IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def timed(service: Service) -> tuple[int, float]:
    """Post a receipt while nobody can write; return the answer's status and its seconds."""
    point = make_point(service)
    with standing_still(service.url):
        began = time.monotonic()
        status = service.hook(point, receipt(make_transid(), "Delivered")).status_code
        seconds = time.monotonic() - began
    eventually(lambda: rooms_of(service.app).inbox._writer.is_open)  # it has a line again
    return status, seconds


def test_past_its_budget_a_notification_goes_to_the_spool(
    database_url: str, tmp_path: Path
) -> None:
    given = {"var_dir": tmp_path, "spool": str(tmp_path / "elsewhere"), "store_deadline": FAR}
    with running(database_url, store_budget=NEAR, **given) as service:
        status, seconds = timed(service)

    assert (status, depth(tmp_path / "elsewhere").facts) == (200, 1)
    assert NEAR.total_seconds() <= seconds < Settings.store_budget.total_seconds()


def test_without_a_spool_it_is_503_at_the_deadline(database_url: str, tmp_path: Path) -> None:
    with running(database_url, var_dir=tmp_path, store_deadline=NEAR, store_budget=FAR) as service:
        status, seconds = timed(service)

    assert status == 503
    assert NEAR.total_seconds() <= seconds < Settings.store_budget.total_seconds()


@pytest.mark.parametrize(("kept", "left"), [("0", 0), ("1h", 1)])
def test_what_was_brought_in_is_kept_for_so_long(
    database_url: str, tmp_path: Path, kept: str, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECEIVER_SPOOL_KEPT", kept)
    spool = tmp_path / "spool"
    given = {"var_dir": tmp_path, "spool": str(spool), "store_budget": NEAR}
    with running(database_url, spool_kept=Settings.from_environ().spool_kept, **given) as service:
        timed(service)
        drainer = rooms_of(service.app).drainer
        assert drainer
        drainer.start()
        eventually(lambda: not depth(spool).facts)
        eventually(lambda: len([*spool.glob("*.applied")]) == left)
        drainer.stop()


def test_a_body_over_the_cap_is_413(database_url: str) -> None:
    with running(database_url, max_body_bytes=2048) as service:
        point = make_point(service)
        sizes = [len(json.dumps(message(text="x" * more))) for more in (1000, 3000)]
        answers = [service.hook(point, message(text="x" * more)) for more in (1000, 3000)]

    assert sizes[0] < 2048 < sizes[1]
    assert [answer.status_code for answer in answers] == [200, 413]


@pytest.mark.parametrize(("hours", "replies"), [(1, 0), (3, 1)])
def test_an_answer_after_the_window_is_no_reply(
    database_url: str, hours: int, replies: int
) -> None:
    with running(database_url, reply_window=timedelta(hours=hours)) as service:
        caller = make_caller(service, domain=make_domain())
        point, transid = make_point(service, domain=caller.domain), make_transid()
        sent = {"sender": "DEMOBK", "destinations": ["447700900123"], "requested_at": ago(hours=2)}
        caller.record(transid=transid, **sent)
        service.hook(point, message())

        assert len(caller.send(transid)["replies"]) == replies


def test_points_that_name_no_platform_have_the_setting_s(database_url: str, tmp_path: Path) -> None:
    with (
        upstream() as platform,
        running(
            database_url, var_dir=tmp_path, platform_url=platform.url, platform_private=True
        ) as service,
    ):
        platform.way = queued
        caller = make_caller(service, domain=make_domain())
        point = make_point(service, domain=caller.domain)
        key = {"Authorization": f"Bearer {caller.secret}"}
        given = {"token_remote": "service-key"}
        service.client.patch(f"{PATH}/{point.id}", json=given, headers=key)

        def send() -> bool:
            answer = service.client.post(MESSAGING, json=make_request(), headers=key)
            return bool(answer.status_code == 200)

        eventually(send)  # what is known of points is a second old at most
        assert [each.path for each in platform.asked] == [MESSAGING]
        assert platform.last.headers["key"] == "service-key"


def test_the_worker_removes_what_is_past_its_time(make_database: MakeDatabase, var: Path) -> None:
    url = make_database()
    line = (
        "INSERT INTO audit_log (at, domain, who_kind, who, verb, kind, ids)"
        " VALUES (%s, 'default', 'shell', 'root', 'test', 'test', '{}')"
    )
    left = partial(_audit_days, url)
    with psycopg.connect(url) as connection:
        for days in (30, 10, 1):
            connection.execute(line, [datetime.now(UTC) - timedelta(days=days)])
    with processes.running("worker", var=var, DATABASE_URL=url, RECEIVER_KEEP="audit=20d"):
        eventually(lambda: left() == [10, 1], 20)


def _audit_days(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT now() - at FROM audit_log ORDER BY at").fetchall()
    return [age.days for (age,) in rows]


def test_so_many_workers_serve_and_log_no_more_than_they_should(
    database_url: str, var: Path
) -> None:
    port = str(free_port())
    more = {"RECEIVER_LOG_LEVEL": "WARNING", "WEB_CONCURRENCY": "3", "PORT": port}
    with processes.running("serve", var=var, DATABASE_URL=database_url, **more) as service:
        url = f"http://127.0.0.1:{port}/api/v1/stats"
        eventually(lambda: processes.status_of(url) == 401, 20)
        at_work = [each for each in tree(service.process.pid) if "gunicorn" in _line_of(each)]
        said = service.output

    assert len(at_work) == 1 + 3  # gunicorn's own among them
    assert '"level": "info"' not in said.replace('":"', '": "')


def _line_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


@contextmanager
def sandbox(var: Path, hook: Hook, **more: str) -> Iterator[Played]:
    """Run `receiver sandbox` as long as the context lasts."""
    port = str(free_port())
    given = {"RECEIVER_SANDBOX_PORT": port, "RECEIVER_SANDBOX_HOST": "::1", **more}
    with processes.running("sandbox", var=var, **given) as command:
        command.wait_for("The sandbox is up")
        yield Played(f"http://[::1]:{port}", hook)


def test_the_sandbox_listens_repeats_notifies_and_signs_as_it_is_told(var: Path) -> None:
    with hooked() as hook:
        url = hook.at(503, 200)
        told = {
            "RECEIVER_SANDBOX_NOTIFY_URL": url,
            "RECEIVER_SANDBOX_RETRY": "200ms",
            "RECEIVER_SANDBOX_SECRET": "hunter2",
        }
        with sandbox(var, hook, **told) as played:
            played.post(MESSAGING, make_request("447700900501"))
            eventually(lambda: len(hook.posted(url)) == 2, 20)
        first, second = hook.posted(url)

    assert first.body == second.body
    assert 0.2 <= second.at - first.at < 5
    assert second.headers["x-hub-signature"].startswith("sha256=")


def test_the_sandbox_calls_public_addresses_where_it_may(var: Path) -> None:
    nowhere = "http://224.0.1.1:9/"  # of a group, which nobody can be connected to
    with hooked() as hook, sandbox(var, hook, RECEIVER_SANDBOX_PUBLIC="true") as played:
        played.send("447700900501", url=nowhere)
        eventually(lambda: _faults(played) - {""})

        assert _faults(played) - {""} != {"the address is a public one"}


def _faults(played: Called) -> set[str]:
    lines: list[dict[str, Any]] = played.get("/sandbox/book", kind="receipt")["items"]
    return {line["fault"] for line in lines}
