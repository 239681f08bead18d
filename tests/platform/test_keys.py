"""Folded keys: alike whether an object's shape is known or not."""

import pytest

from receiver.platform.keys import MOST_KEYS, fold


@pytest.mark.parametrize("count", [1, 50, 51, MOST_KEYS, MOST_KEYS + 1])
def test_known_and_unknown_shapes_fold_alike(count: int) -> None:
    said = {f"Key_{number}": number for number in range(count)}
    folded = {f"key{number}": number for number in range(min(count, MOST_KEYS))}

    assert fold(said) == folded
    assert fold(said) == folded


def test_many_shapes_fold_one_by_one() -> None:
    assert all(fold({f"Shape_{number}": 1}) == {f"shape{number}": 1} for number in range(2_000))


def test_first_spelling_that_says_something_counts() -> None:
    assert fold({"trans_id": "", "TransId": "a", "transid": "b", "": 0}) == {"transid": "a", "": 0}
