"""Recordings: what was written down about sends, as it was."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from receiver.domain.facts import Fact
from receiver.store import rows

MOST: Final = 5000
_COLUMNS: Final = "domain, transid, digest, id, accepted_at, point_id, source, registration, body"
_BY_TRANSID: Final = text(
    f"SELECT {_COLUMNS} FROM recordings WHERE domain = :domain AND transid = ANY(:transids)"
    " ORDER BY accepted_at, id LIMIT :most"
)
_BY_REGISTRATION: Final = text(
    f"SELECT {_COLUMNS} FROM recordings"
    " WHERE registration = ANY(:registrations) AND domain = :domain"
    " ORDER BY accepted_at, id LIMIT :most"
)


def of_transids(
    session: Session, *, domain: str, transids: Collection[str], most: int = MOST
) -> Sequence[Fact]:
    """Return the recordings kept under `transids`, the oldest first, without their raw bodies."""
    parameters = {"domain": domain, "transids": list(transids), "most": most}
    found = session.execute(_BY_TRANSID, parameters).mappings()
    return [rows.recording_fact(dict(row)) for row in found]


def of_registrations(
    session: Session, *, domain: str, registrations: Collection[UUID], most: int = MOST
) -> Sequence[Fact]:
    """Return the recordings of sends that were registered under our ids, the oldest first."""
    parameters = {"domain": domain, "registrations": list(registrations), "most": most}
    found = session.execute(_BY_REGISTRATION, parameters).mappings()
    return [rows.recording_fact(dict(row)) for row in found]
