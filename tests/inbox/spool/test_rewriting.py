"""What becomes of a segment that is written anew, as when somebody is forgotten."""

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from receiver.inbox.spool.rewriting import rewrite_all
from tests.inbox.spool.spools import SEALER, make_facts, make_spool, put_each, waiting

NOBODY = 65_534


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives files to others")
def test_it_stays_its_owner_s(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    put_each(spool, make_facts(2))
    spool.close()
    (path,) = waiting(tmp_path)
    os.chown(path, NOBODY, NOBODY)

    found = rewrite_all(tmp_path, SEALER, lambda fact: replace(fact, raw=b""), patience_seconds=1)

    assert [changed for _, changed in found] == [2]
    (path,) = waiting(tmp_path)
    assert (path.stat().st_uid, path.stat().st_gid) == (NOBODY, NOBODY)
