"""The ids of facts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from receiver.domain.facts import made_at, new_id, part_id


def test_parts_stand_right_behind_the_whole_every_time() -> None:
    for _ in range(200):
        whole, later = new_id(), UUID(int=new_id().int + (1 << 80))

        parts = [part_id(whole, index) for index in range(5)]

        assert parts == [part_id(whole, index) for index in range(5)]
        assert len(set(parts)) == 5
        assert all(whole < part < later for part in parts)
        assert {(part.version, made_at(part)) for part in parts} == {(7, made_at(whole))}


def test_an_id_says_when_it_was_made() -> None:
    assert abs(made_at(new_id()) - datetime.now(UTC)) < timedelta(seconds=5)
    with pytest.raises(ValueError, match="another kind"):
        made_at(UUID(int=2**128 - 1))
