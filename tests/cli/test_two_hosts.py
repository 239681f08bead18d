"""Two hosts behind nginx, set up as docs/two-hosts.md says."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.processes import ROOT, Running, eventually, free_port, receiver, running, status_of
from tests.conftest import MakeDatabase
from tests.pages.pages import blocks
from tests.pages.test_surroundings import GOOD, KEY
from tests.web.server import Answer
from tests.web.service import make_transid, receipt
from tests.web.test_proxy import NGINX, Proxy, proxying

SECRET = "hub-secret"

pytestmark = pytest.mark.skipif(NGINX is None, reason="NGINX IS NOT INSTALLED (nginx-light)")


@dataclass(frozen=True)
class Host:
    """One of them: its folder, its settings, and the process once it runs."""

    var: Path
    settings: dict[str, str]
    service: Running

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings['PORT']}"

    def receiver(self, *arguments: str, piped: str = "") -> str:
        done = receiver(*arguments, var=self.var, piped=piped, **self.settings)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def shown(url: str) -> dict[str, str]:
    """Return the settings of the page, but for what is this machine's own."""
    (block,) = blocks(ROOT / "docs" / "two-hosts.md", "env")
    settings = dict(line.split("=", 1) for line in block.splitlines())
    ours = {"DATABASE_URL": url, "RECEIVER_HOST": "127.0.0.1"}
    return {
        name: ours.get(name, GOOD if value == KEY else value)
        for name, value in settings.items()
        if name != "RECEIVER_VAR"
    }


@pytest.fixture
def hosts(var: Path, make_database: MakeDatabase) -> Iterator[list[Host]]:
    url, made = make_database(), []
    with ExitStack() as stack:
        for name in ("a", "b"):
            folder = var / name
            folder.mkdir()
            settings = shown(url) | {"PORT": str(free_port())}
            service = stack.enter_context(running("serve", var=folder, **settings))
            made.append(Host(folder, settings, service))
        eventually(lambda: all(status_of(f"{host.url}/health/ready") == 200 for host in made), 30)
        yield made


def post(proxy: Proxy, path: str) -> Answer:
    body = json.dumps(receipt(make_transid(), "Delivered")).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return proxy.request("POST", path, body, X_Hub_Signature=f"sha256={signature}")


def test_both_open_what_one_sealed_and_one_takes_everything(
    hosts: list[Host], tmp_path: Path
) -> None:
    first, second = hosts
    signed = ("--set", "opts.signature=required", "--secret", "token_remote2")
    url = first.receiver("points", "add", "otp", *signed, piped=SECRET)
    path = url.removeprefix("https://hooks.example.org")

    with proxying(tmp_path, *(int(host.settings["PORT"]) for host in hosts)) as proxy:
        assert {post(proxy, path).status for _ in range(6)} == {200}
        lines = [json.loads(line) for line in (tmp_path / "receiver.log").read_text().splitlines()]
        asked = {line["upstream"] for line in lines}
        assert asked == {host.url.removeprefix("http://") for host in hosts}
        assert first.service.stop() == 0
        assert {post(proxy, path).status for _ in range(6)} == {200}
        assert not second.service.process.poll()
