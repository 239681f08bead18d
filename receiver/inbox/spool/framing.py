"""Records in a segment: a plain header, then what is sealed.

The header can be read without a key, and says how far the next record is. Whatever is torn or
flipped loses its record only: the reader goes on at the next header that is whole.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from receiver.domain.errors import SpoolError
from receiver.inbox.spool.disk import read_at

VERSION: Final = 1
MARKER: Final = b"\xf5RCVR\r\n\x1a"  # no text has it, and no transfer as text leaves it whole
ID_BYTES: Final = 8
_PLAIN: Final = struct.Struct(">8sB8sIIqI")
_CHECK: Final = struct.Struct(">I")
HEADER_BYTES: Final = _PLAIN.size + _CHECK.size
_CHUNK_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the sealed payload of a record."""

    version: int
    segment_id: bytes
    facts: int
    length_bytes: int
    oldest_ms: int
    """When the oldest of its facts was accepted: milliseconds since 1970, UTC."""
    payload_check: int

    @classmethod
    def of(cls, payload: bytes, *, segment_id: bytes, facts: int, oldest_ms: int) -> Self:
        """Return the header for a payload."""
        return cls(VERSION, segment_id, facts, len(payload), oldest_ms, zlib.crc32(payload))

    @classmethod
    def read(cls, content: bytes, at: int = 0) -> Self | None:
        """Return the header that stands at `at`, None if there is no whole one."""
        if len(content) - at < HEADER_BYTES:
            return None
        marker, *values = _PLAIN.unpack_from(content, at)
        if marker != MARKER:
            return None
        plain = content[at : at + _PLAIN.size]
        (check,) = _CHECK.unpack_from(content, at + _PLAIN.size)
        return cls(*values) if check == zlib.crc32(plain) else None

    def written(self) -> bytes:
        """Return it as it stands in a segment."""
        plain = _PLAIN.pack(
            MARKER,
            self.version,
            self.segment_id,
            self.facts,
            self.length_bytes,
            self.oldest_ms,
            self.payload_check,
        )
        return plain + _CHECK.pack(zlib.crc32(plain))

    def fits(self, payload: bytes) -> bool:
        """Tell whether `payload` is whole.

        Raises:
            SpoolError: it is, and only a later version can read it.

        """
        if len(payload) != self.length_bytes or zlib.crc32(payload) != self.payload_check:
            return False
        if self.version != VERSION:
            raise SpoolError("a record is written in a format that this version doesn't know")
        return True


def context_of(segment_id: bytes, offset: int) -> bytes:
    """Return what a payload is sealed for: its place, so that none can be moved or repeated."""
    return b"spool" + segment_id + offset.to_bytes(8)


def find_header(file: int, offset: int) -> tuple[int, Header] | None:
    """Return the first whole header at or behind `offset`, with its place. Raises OSError."""
    header = Header.read(read_at(file, HEADER_BYTES, offset))
    if header is not None:
        return offset, header
    while content := read_at(file, _CHUNK_BYTES + HEADER_BYTES - 1, offset):
        for at in _markers(content):
            if header := Header.read(content, at):
                return offset + at, header
        offset += _CHUNK_BYTES
    return None


def _markers(content: bytes) -> Iterator[int]:
    at = content.find(MARKER)
    while at >= 0:
        yield at
        at = content.find(MARKER, at + 1)


def size_of(file: int) -> int:
    """Return how long an open file is. Raises OSError."""
    return os.fstat(file).st_size


def headers(file: int, offset: int, size: int) -> Iterator[tuple[int, Header]]:
    """Yield the whole records of an open file from `offset` on: where each ends, and its header.

    Payloads are passed over unread. What is torn at the end may be growing. Raises OSError.
    """
    base, content = offset, b""
    while size - offset >= HEADER_BYTES:
        if offset + HEADER_BYTES > base + len(content):
            base, content = offset, read_at(file, _CHUNK_BYTES, offset)
        header = Header.read(content, offset - base)
        if header is None:
            found = find_header(file, offset)
            if found is None:
                return
            offset, header = found
        offset += HEADER_BYTES + header.length_bytes
        if offset > size:
            return
        yield offset, header
