"""Who is the same as whom, as tables."""

import pytest

from receiver.domain.identity import (
    base_of,
    destination_key,
    key_of,
    may_pair,
    transid_of,
    type_of,
)

UUID = "f9793c83-f0b7-4200-99d9-20111c507baf"


@pytest.mark.parametrize(
    ("reported", "transid", "base"),
    [
        pytest.param(UUID, UUID, UUID, id="bare"),
        pytest.param(f"{UUID}_0", UUID, UUID, id="zero is bare"),
        pytest.param(f"{UUID}_1", f"{UUID}_1", UUID, id="one is its own"),
        pytest.param(f"{UUID}_12", f"{UUID}_12", UUID, id="two digits"),
        pytest.param(f"{UUID}_01", f"{UUID}_01", f"{UUID}_01", id="no number of ours"),
        pytest.param(f"{UUID}_", f"{UUID}_", f"{UUID}_", id="no number"),
        pytest.param("order_1", "order_1", "order_1", id="no uuid"),
        pytest.param(f"x{UUID}_1", f"x{UUID}_1", f"x{UUID}_1", id="more than a uuid"),
    ],
)
def test_a_transid_stands_for(reported: str, transid: str, base: str) -> None:
    assert transid_of(reported) == transid
    assert base_of(reported) == base


@pytest.mark.parametrize(
    ("value", "key"),
    [
        pytest.param("+44 7700 900123", "447700900123", id="plus and blanks"),
        pytest.param("0044 7700-900123", "447700900123", id="leading 00"),
        pytest.param("(447700) 900.123", "447700900123", id="brackets and dots"),
        pytest.param("447700900123", "447700900123", id="digits"),
        pytest.param("34343", "34343", id="short code"),
        pytest.param("123456789012345678901", "123456789012345678901", id="too long for a number"),
        pytest.param("DEMOBK", "DEMOBK", id="name"),
        pytest.param("A.User@Example.org", "A.User@Example.org", id="mail as it is"),
        pytest.param("urn:mbid:AQ/+=", "urn:mbid:AQ/+=", id="Apple as it is"),
        pytest.param("GB.2146020000000001", "GB.2146020000000001", id="BSUID as it is"),
        pytest.param("-- -- --", "-- -- --", id="no digit at all"),
        pytest.param("٠١٢٣٤٥٦٧٨", "٠١٢٣٤٥٦٧٨", id="other digits"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_destination_is_keyed_by(value: str, key: str) -> None:
    assert destination_key(value) == key


def test_a_key_fits_into_an_index() -> None:
    assert key_of("a" * 512) == "a" * 512
    assert key_of("a" * 513).startswith("sha256:")
    assert key_of("ü" * 300).startswith("sha256:")
    assert key_of("a" * 513) != key_of("a" * 514)


@pytest.mark.parametrize(
    ("recorded", "reported", "paired"),
    [
        pytest.param("customerid", "msisdn", True, id="customer and number"),
        pytest.param("msisdn", "bsuid", True, id="number and BSUID"),
        pytest.param("userid", "email", True, id="user and mail"),
        pytest.param("email", "email", False, id="To and CC"),
        pytest.param("msisdn", "waid", False, id="two numbers"),
        pytest.param("customerid", "userid", False, id="two names"),
        pytest.param("", "msisdn", False, id="who knows"),
    ],
)
def test_a_recorded_and_a_reported_destination_pair(
    recorded: str, reported: str, *, paired: bool
) -> None:
    assert may_pair(recorded, reported) is paired


@pytest.mark.parametrize(
    ("claimed", "value", "found"),
    [
        pytest.param("MSISDN ", "447700900123", "msisdn", id="claimed"),
        pytest.param("emailid", "a@example.org", "email", id="old name"),
        pytest.param("", "+447700900123", "msisdn", id="looks like a number"),
        pytest.param("", "a@example.org", "email", id="looks like mail"),
        pytest.param("", "customer-7", "", id="looks like nothing"),
    ],
)
def test_a_destination_type_is(claimed: str, value: str, found: str) -> None:
    assert type_of(claimed, value) == found
