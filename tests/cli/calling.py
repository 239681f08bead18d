"""The `receiver` command on a service of the test's own, and what it says."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from receiver.domain.facts import Fact
from receiver.store.points import Point
from tests.inbox.spool.spools import KEY, make_spool
from tests.web.service import Caller, Service, make_caller, make_domain, make_point

Call = Callable[..., CompletedProcess[str]]


@dataclass
class Desk:
    """Somebody on call: a service, a domain of its own in it, and the command."""

    call: Call
    patch: pytest.MonkeyPatch
    service: Service
    folder: Path
    secret: str
    domain: str = field(default_factory=make_domain)

    @cached_property
    def caller(self) -> Caller:
        return make_caller(self.service, domain=self.domain)

    @cached_property
    def point(self) -> Point:
        return make_point(self.service, domain=self.domain)

    def run(self, *arguments: str, piped: str = "", **more: str) -> CompletedProcess[str]:
        self.patch.setattr("sys.stdin", io.StringIO(piped))
        own = {
            "DATABASE_URL": self.service.url,
            "RECEIVER_SECRET_KEYS": self.secret,
            "RECEIVER_SPOOL": str(self.folder),
            "RECEIVER_REGION": "GB",
            "PORT": "1",
        }
        done = self.call(*arguments, **{**own, **more})
        assert "Traceback" not in done.stderr
        return done

    def json(self, *arguments: str, **more: str) -> tuple[int, Any]:
        done = self.run(*arguments, "--json", **more)
        return done.returncode, json.loads(done.stdout)

    def spool(self, *facts: Fact) -> None:
        spool = make_spool(self.folder)
        spool.put(facts)
        spool.close()


__all__ = ["KEY", "Call", "Desk"]
