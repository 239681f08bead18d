"""Encryption of what lies on disk: AES-256-GCM under the first of our keys.

A key that is no longer the first goes on opening what it sealed, so keys can be changed while
there still is such a thing.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from receiver.domain.errors import SealedError, SetupError

KEY_BYTES: Final = 32
FILE: Final = "secret.key"
_NAME_BYTES: Final = 4
_NONCE_BYTES: Final = 12
_FOR_FINGERPRINTS: Final = b"receiver: fingerprints"


class Sealer:
    """Seals and opens. What is sealed is as long as what is not, and 32 bytes more."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = {_name_of(key): AESGCM(key) for key in keys}
        self._first = _name_of(keys[0])
        self._fingerprinting = [
            (_name_of(key), hmac.digest(key, _FOR_FINGERPRINTS, hashlib.sha256)) for key in keys
        ]

    @classmethod
    def of(cls, secret_keys: Sequence[str], var: Path, *, disk_lasts: bool = True) -> Self:
        """Return one with the keys given, else with those of `<var>/secret.key`, made if need be.

        Raises: SetupError where the file can't be made or read, or would be lost with its disk.
        """
        file = var / FILE
        if not (secret_keys or disk_lasts):
            raise SetupError(
                "the key to what is sealed would be lost with this disk, and all secrets with it: "
                "set RECEIVER_SECRET_KEYS to the output of `openssl rand -base64 32`"
            )
        try:
            lines = secret_keys or (_read(file) if file.exists() else _made(file))
            return cls([key_from(line) for line in lines])
        except OSError as error:
            raise SetupError(f"{file} can't be read or made: {error.strerror}") from error
        except ValueError as error:
            raise SetupError(f"{file} must hold keys of 32 bytes in base64, one a line") from error

    @classmethod
    def known(cls, secret_keys: Sequence[str], var: Path) -> Self | None:
        """Return one as `of` does, and None where it would have to make a key."""
        return cls.of(secret_keys, var) if secret_keys or (var / FILE).exists() else None

    def fingerprints(self, content: bytes) -> Sequence[bytes]:
        """Return what only who has a key can tell to be of `content`: by each key, the first first.

        Each begins with the name of its key, as what is sealed does.
        """
        return [
            name + hmac.digest(key, content, hashlib.sha256) for name, key in self._fingerprinting
        ]

    def knows(self, sealed: bytes) -> bool:
        """Tell whether the key is ours under which something was sealed, or a fingerprint made."""
        return sealed[:_NAME_BYTES] in self._ciphers

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        """Return `plain` encrypted; only who names the same `context` can open it."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._first + nonce + self._ciphers[self._first].encrypt(nonce, plain, context)

    def is_newest(self, sealed: bytes) -> bool:
        """Tell whether it is sealed with the first of our keys."""
        return sealed[:_NAME_BYTES] == self._first

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Return what was sealed. Raises SealedError for another key, context or content."""
        name, rest = sealed[:_NAME_BYTES], sealed[_NAME_BYTES:]
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise SealedError("it is sealed with a key that we don't have")
        try:
            return cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise SealedError("it is damaged, or was sealed for something else") from error


def key_from(text: str) -> bytes:
    """Return the key that `text` spells in base64. Raises ValueError for anything else."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise ValueError("no base64") from error
    if len(key) != KEY_BYTES:
        raise ValueError("not 32 bytes")
    return key


def _name_of(key: bytes) -> bytes:
    """Return what tells our keys apart, and tells nothing of the key."""
    return hashlib.sha256(b"name of\0" + key).digest()[:_NAME_BYTES]


def _read(file: Path) -> Sequence[str]:
    lines = [line for line in file.read_text("ascii").splitlines() if line.strip()]
    if not lines:
        raise ValueError("no key")
    return lines


def _made(file: Path) -> Sequence[str]:
    """Make a file with one key; of several processes one wins, and all use its key."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(base64.b64encode(os.urandom(KEY_BYTES)).decode() + "\n")
        opened.flush()
        os.fsync(opened.fileno())
    try:
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    _fsync_folder(file.parent)
    return _read(file)


def _fsync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
