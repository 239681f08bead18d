"""Every documented notification, over HTTP: taken, of the right kind, kept byte for byte."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from receiver.store.points import Point
from tests.web.service import Service

PAYLOADS = Path(__file__).parents[1] / "payloads"
KINDS = {"dr": "receipt", "mo": "message", "event": "event", "call": "call"}
TABLES = {"receipt": "receipts", "message": "messages"}


def samples() -> Iterator[object]:
    for sample in json.loads((PAYLOADS / "MANIFEST.json").read_text())["samples"]:
        if sample["direction"] == "inbound-webhook":
            yield pytest.param(sample["file"], KINDS[sample["kind"]], id=sample["file"])


def test_there_are_67_samples() -> None:
    assert len(list(samples())) == 67


@pytest.mark.parametrize(("file", "kind"), list(samples()))
def test_a_sample_is_taken(service: Service, point: Point, file: str, kind: str) -> None:
    raw = (PAYLOADS / file).read_bytes()

    response = service.client.post(f"/hooks/{point.token_local}", data=raw)

    answer = response.get_json()
    assert (response.status_code, answer["result"], answer["kind"]) == (200, "accepted", kind)
    table = TABLES.get(kind, "platform_events")
    with service.engine.connect() as connection:
        query = text(f"SELECT raw FROM {table} WHERE id = :id")
        assert connection.execute(query, {"id": answer["id"]}).scalar() == raw
