"""Who may come in: all points and API keys as they were at one moment, by their secrets' hashes."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from receiver.domain.errors import StoreAwayError
from receiver.store import tokens
from receiver.store.database import Deadline, connect
from receiver.store.keys import ApiKey
from receiver.store.points import Point, hash_of

QUESTION_SECONDS: Final = 2.0

#: Every change of a row, whoever makes it, gives it another xmin, so the digest of all of them
#: tells one set of rows from another. It has no order, which transactions would not keep to.
_VERSION: Final = """
SELECT pg_is_in_recovery(), p.n, p.digest, k.n, k.digest FROM
  (SELECT count(*) AS n, bit_xor(hashtextextended(id::text, xmin::text::bigint)) AS digest
     FROM integration_points) p,
  (SELECT count(*) AS n, bit_xor(hashtextextended(id::text, xmin::text::bigint)) AS digest
     FROM api_keys) k
"""
#: A deleted one goes on for a while.
_POINTS: Final = f"""
SELECT tokens, deleted_at, id, domain, code, type, token_local, opts, created_at, signature_secrets,
       token_remote, profile_key
  FROM integration_points
 WHERE deleted_at IS NULL OR deleted_at > now() - interval '{tokens.LAST.days} days'
"""
#: Revoked ones too: that a key is no good any more must be known while nobody can be asked.
_KEYS: Final = """
SELECT hash, id, domain, name, prefix, scopes, point_ids, created_at, expires_at, revoked_at
  FROM api_keys
"""

Version = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """Points by the hash of their token, keys by their own."""

    points: Mapping[bytes, Point]
    keys: Mapping[bytes, ApiKey]


EMPTY: Final = Directory({}, {})


class DirectoryReader:
    """Reads the directory over one connection of its own; for one thread at a time."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None

    def read(self, known: Version | None) -> tuple[Version, Directory] | None:
        """Return the directory and its version; None while it is still the one that is known.

        Raises: StoreAwayError where Postgres can't be asked, or can't know the newest.
        """
        try:
            if self._connection is None:
                self._connection = connect(self._url, statement_seconds=QUESTION_SECONDS)
                known = None  # it may be another server than the one that gave us this version
            with Deadline(self._connection, QUESTION_SECONDS):
                return _read(self._connection, known)
        except psycopg.Error as error:
            self.close()
            raise StoreAwayError(f"the database can't be asked ({error.sqlstate})") from error
        except StoreAwayError:
            self.close()
            raise

    def close(self) -> None:
        """Give the connection back; the next question opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                connection.close()


def _read(
    connection: psycopg.Connection[Any], known: Version | None
) -> tuple[Version, Directory] | None:
    if known is not None and _version(connection) == known:
        return None
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        version = _version(connection)
        points, keys = (_rows(connection, query) for query in (_POINTS, _KEYS))
        directory = Directory(
            dict(hook for row in points for hook in _hooks(row)),
            {bytes(row.pop("hash")): ApiKey(**row) for row in keys},
        )
    return version, directory


def _hooks(row: dict[str, Any]) -> Iterator[tuple[bytes, Point]]:
    """Return the point by the hash of each token that still opens it, with that token's end."""
    listed, deleted_at = row.pop("tokens"), row.pop("deleted_at")
    for token in tokens.of(row["token_local"], listed):
        ends = tokens.sooner(token.until, deleted_at + tokens.LAST) if deleted_at else token.until
        if ends is None or ends > datetime.now(UTC):
            yield hash_of(token.token), Point(**row, hook_token=token.token, closes_at=ends)


def _version(connection: psycopg.Connection[Any]) -> Version:
    standby, *version = connection.execute(_VERSION).fetchone() or (True,)
    if standby:
        raise StoreAwayError("the database is a standby: it may not know the newest yet")
    return tuple(version)


def _rows(connection: psycopg.Connection[Any], query: str) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()
