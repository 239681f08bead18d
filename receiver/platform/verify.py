"""Signatures of notifications: whether the platform, which knows the hub secret, wrote a body.

The sandbox, which plays the platform, signs by the same rule.

Source: CONTRACT.md 1.1 (header, algorithms, canonical form), 9.6 (traps).
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Final

HEADER: Final = "x-hub-signature"
_LONGEST: Final = 256
#: Algorithm to the length of its digest in hex.
_LENGTHS: Final[Mapping[str, int]] = {"sha256": 64, "sha512": 128, "sha1": 40}
_BY_LENGTH: Final[Mapping[int, str]] = {length: name for name, length in _LENGTHS.items()}
_HEX = re.compile(r"[0-9a-f]+")


def verify(header: str, body: bytes, *, secrets: Sequence[str], allow_sha1: bool = False) -> bool:
    """Tell whether `header` (x-hub-signature) signs `body`, as received, with one of `secrets`.

    The platform's own sample trims the body first, so its ends are tried without blanks too.
    """
    algorithm, digest = _read(header)
    if not digest or (algorithm == "sha1" and not allow_sha1):
        return False
    stripped = body.strip()
    bodies = (body,) if len(stripped) == len(body) else (body, stripped)
    return any(
        _signs(algorithm, digest, tried, secret) for tried in bodies for secret in secrets if secret
    )


def sign(body: bytes, secret: str, *, algorithm: str = "sha256") -> str:
    """Return the header that signs `body` with `secret`, by sha256 or sha512."""
    return f"{algorithm}={_digest(algorithm, body, secret)}"


def _read(header: str) -> tuple[str, bytes]:
    """Return algorithm and digest; an empty digest for what is no signature."""
    if len(header) > _LONGEST:
        return "", b""
    name, separator, digest = header.strip().lower().partition("=")
    if not separator:
        name, digest = "", name
    digest = digest.strip()
    algorithm = name.strip() if separator else _BY_LENGTH.get(len(digest), "")
    if _LENGTHS.get(algorithm) != len(digest) or not _HEX.fullmatch(digest):
        return "", b""
    return algorithm, digest.encode("ascii")


def _signs(algorithm: str, digest: bytes, body: bytes, secret: str) -> bool:
    return hmac.compare_digest(_digest(algorithm, body, secret).encode("ascii"), digest)


def _digest(algorithm: str, body: bytes, secret: str) -> str:
    return hmac.digest(secret.encode("utf-8", "surrogatepass"), body, algorithm).hex()
