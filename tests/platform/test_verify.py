"""Signatures: the contract's vectors, the spellings that occur, and everything else."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.platform.verify import verify

SECRET = "demo-secret"
BODY = (
    b'{"deliveryInfoNotification":{"deliveryInfo":{"deliveryChannel":"SMS","code":"7500",'
    b'"deliveryStatus":"Delivered"},"transid":"t-1"}}'
)
SHA256 = "24ecfae2661d3d8d394d0745f64ab1f9dc51c7d0223738bafb0f5d9b39e664e8"
SHA512 = (
    "3daa0553e9c8ea1239987957718b06181cd3c6cd07591720b4365146cdec5249"
    "af9983bf8f90d522f1d560e9f9d268b0e2eebd22f6b2a8fcaa429045973e0099"
)
SHA1 = hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(f"sha256={SHA256}", id="sha256"),
        pytest.param(f"sha512={SHA512}", id="sha512"),
        pytest.param(SHA256, id="bare-sha256"),
        pytest.param(SHA512, id="bare-sha512"),
        pytest.param(f"SHA256={SHA256.upper()}", id="upper-case"),
        pytest.param(f"  sha256 = {SHA256} ", id="blanks"),
    ],
)
def test_good_signature_is_accepted(header: str) -> None:
    assert verify(header, BODY, secrets=[SECRET])


def test_any_active_secret_will_do() -> None:
    assert verify(f"sha256={SHA256}", BODY, secrets=["new", "", SECRET])


def test_body_is_tried_without_the_blanks_at_its_ends() -> None:
    assert verify(f"sha256={SHA256}", b"\r\n " + BODY + b"\n", secrets=[SECRET])


def test_blanks_inside_the_body_count() -> None:
    assert not verify(f"sha256={SHA256}", BODY.replace(b",", b", "), secrets=[SECRET])


@pytest.mark.parametrize("header", [f"sha1={SHA1}", SHA1])
def test_sha1_needs_permission(header: str) -> None:
    assert not verify(header, BODY, secrets=[SECRET])
    assert verify(header, BODY, secrets=[SECRET], allow_sha1=True)


@pytest.mark.parametrize(
    "header",
    [
        *("", "=", "sha256=", "sha256", f"sha512={SHA256}", f"md5={SHA256[:32]}", SHA256[:-1]),
        *(f"sha256={SHA256[:-1]}g", f"sha256={SHA256}=", f"sha256=\u0661{SHA256[1:]}", "é" * 64),
        *("\udc80" * 64, "a" * 64, "a" * 1_000_000, f"sha256={SHA256}\0", f"x={SHA256}"),
    ],
)
def test_bad_signature_is_refused(header: str) -> None:
    assert not verify(header, BODY, secrets=[SECRET])


@pytest.mark.parametrize("secrets", [[], [""], ["other"], ["\udc80"]])
def test_wrong_secrets_are_refused(secrets: list[str]) -> None:
    assert not verify(f"sha256={SHA256}", BODY, secrets=secrets)


def test_empty_secret_signs_nothing() -> None:
    forged = hmac.new(b"", BODY, hashlib.sha256).hexdigest()

    assert not verify(forged, BODY, secrets=[""])


@given(st.text(), st.binary(), st.lists(st.text(), max_size=3))
def test_any_header_is_answered(header: str, body: bytes, secrets: list[str]) -> None:
    assert verify(header, body, secrets=secrets) is False
