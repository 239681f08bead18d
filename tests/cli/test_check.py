"""`receiver check`: each step of the way, and what it means where it fails."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from receiver.cli.exits import Exit
from tests.certificates import certified
from tests.cli.calling import KEY, Call, Desk
from tests.web.server import serving
from tests.web.service import make_point, running

SECRET = base64.b64encode(KEY).decode()
CHECKED = {"result": "checked", "kind": "receipt", "id": "x"}


@pytest.fixture
def desk(
    call: Call, monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> Iterator[Desk]:
    with running(database_url, secret_keys=[SECRET]) as service:
        yield Desk(call, monkeypatch, service, tmp_path / "spool", SECRET)


def visit(desk: Desk, url: str, *more: str, piped: str = "") -> tuple[int, dict[str, Any]]:
    code, steps = desk.json("check", url, *more, piped=piped)
    return code, {step["step"]: step for step in steps}


def test_a_real_service_is_found_by_its_point_and_secret(desk: Desk, tmp_path: Path) -> None:
    own = {"RECEIVER_VAR": str(tmp_path), "RECEIVER_SECRET_KEYS": SECRET}
    code = desk.point.code
    secret = ("points", "set", code, "--domain", desk.domain, "--set", "opts.signature=required")
    assert desk.run(*secret, "--secret", "token_remote2", piped="hub").returncode == 0
    disabled = make_point(desk.service, domain=desk.domain, disabled=True)
    with serving(desk.service.url, tmp_path / "log", **own) as server:
        here = {"RECEIVER_PUBLIC_URL": f"http://127.0.0.1:{server.port}"}
        done = desk.run("check", "--point", code, "--domain", desk.domain, **here)
        url = f"{here['RECEIVER_PUBLIC_URL']}/hooks/{desk.point.token_local}"
        wrong = visit(desk, url, "--secret", piped="another")
        missing = visit(desk, f"{here['RECEIVER_PUBLIC_URL']}/hooks/none")
        off = visit(desk, f"{here['RECEIVER_PUBLIC_URL']}/hooks/{disabled.token_local}")

    told = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert done.returncode == Exit.FAULTY  # it is http: all else is well
    assert [step for step, line in told.items() if "  failed" in line] == ["address"]
    assert "200 OK" in told["POST"]
    assert "200 OK" in told["large POST"]
    assert desk.point.token_local not in done.stdout + done.stderr
    assert wrong[1]["HEAD"]["state"] == "ok"
    assert wrong[1]["POST"]["seen"].startswith("401")
    assert "hub secret" in wrong[1]["POST"]["meaning"]
    assert (missing[1]["HEAD"]["state"], missing[1]["POST"]["state"]) == ("failed", "failed")
    assert "no point has this token" in missing[1]["POST"]["meaning"]
    assert off[1]["POST"]["state"] == "doubtful"
    assert "quarantine" in off[1]["POST"]["meaning"]
    assert desk.service.rows(
        "SELECT count(*) AS n FROM quarantine WHERE domain = :domain", domain=desk.domain
    ) == [{"n": 0}]


def test_the_whole_way_over_tls_is_well(desk: Desk, tmp_path: Path) -> None:
    context, file = certified(tmp_path, days=10)
    with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
        server.expect_request("/hooks/t", method="HEAD").respond_with_data("")
        server.expect_request("/hooks/t", method="POST").respond_with_json(CHECKED)
        url = server.url_for("/hooks/t")
        code, steps = visit(desk, "-", "--ca", str(file), piped=f"{url}\n")
        untrusted = visit(desk, url)

    assert code == Exit.WELL
    assert steps["certificate"]["state"] == "doubtful"
    assert "good for 9 days" in steps["certificate"]["seen"]
    assert steps["name"]["meaning"].startswith("private addresses")
    assert untrusted[0] == Exit.FAULTY
    assert untrusted[1]["certificate"]["state"] == "failed"
    assert untrusted[1]["POST"]["state"] == "skipped"


@pytest.mark.parametrize(
    ("answer", "seen", "meaning"),
    [
        pytest.param(
            Response(status=308, headers={"Location": "https://x.example/hooks/secret"}),
            "308 PERMANENT REDIRECT to https://x.example",
            "follows no redirect",
            id="redirect",
        ),
        pytest.param(Response(status=405), "405", "refuses the method", id="method"),
        pytest.param(Response(status=413), "413", "client_max_body_size", id="size"),
        pytest.param(Response(status=503), "503", "nothing can be made durable", id="unready"),
        pytest.param(Response(status=202), "202", "expects 200", id="accepted"),
        pytest.param(Response("<html>"), "200", "something else", id="another"),
    ],
)
def test_what_is_answered_otherwise_has_its_meaning(
    desk: Desk, httpserver: HTTPServer, answer: Response, seen: str, meaning: str
) -> None:
    httpserver.expect_request("/hooks/t").respond_with_response(answer)

    code, steps = visit(desk, httpserver.url_for("/hooks/t"), "--size", "0")

    assert code == Exit.FAULTY
    assert steps["POST"]["seen"].startswith(seen)
    assert meaning in steps["POST"]["meaning"]
    assert steps["large POST"]["state"] == "skipped"
    assert "secret" not in str(steps)


def test_a_port_where_nobody_listens_ends_the_way(desk: Desk) -> None:
    code, steps = visit(desk, "http://127.0.0.1:1/hooks/t")

    assert code == Exit.FAULTY
    assert steps["connection"]["state"] == "failed"
    assert "firewall" in steps["connection"]["meaning"]
    assert {steps[name]["state"] for name in ("certificate", "HEAD", "POST")} == {"skipped"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [((), "--point"), (("ftp://x",), "no address"), (("http://[",), "no address")],
)
def test_what_is_no_address_is_told(desk: Desk, arguments: tuple[str, ...], said: str) -> None:
    done = desk.run("check", *arguments)

    assert (done.returncode, said in done.stderr) == (Exit.USAGE, True)
