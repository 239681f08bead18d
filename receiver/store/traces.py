"""Where else a send left a trace: in quarantine, among what is past, in what came meanwhile."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from receiver.domain.identity import base_of
from receiver.domain.sends import send_id
from receiver.store.pulse import IS_OPEN

#: Of what is found in quarantine so many are shown.
MOST: Final = 5

#: Raw bodies are looked through, as many as came in these days; what came zipped stays hidden.
_IN_QUARANTINE: Final = text(f"""
    SELECT id, accepted_at, reason, message, point_id FROM quarantine q
     WHERE domain = :domain AND day >= :since AND {IS_OPEN}
       AND (id = :id OR position(CAST(:name AS bytea) IN raw) > 0)
     ORDER BY accepted_at DESC LIMIT :most
    """)
_IS_PAST: Final = text("""
    SELECT EXISTS (SELECT FROM past_families p WHERE p.id = :id
                      AND NOT EXISTS (SELECT FROM sends s WHERE s.id = p.id))
    """)
#: Any one will do, so this is quick wherever there are many.
_CAME_TO: Final = text("""
    SELECT EXISTS (SELECT FROM receipts WHERE day >= :day AND accepted_at >= :since
                      AND point_id = :point_id AND source <> 'reconciled')
    """)


def quarantined(session: Session, name: str, *, domain: str, since: date) -> Sequence[RowMapping]:
    """Return what lies open in quarantine with this id, or the name in it, the newest first."""
    parameters = {
        "domain": domain,
        "since": since,
        "id": _id_or_none(name),
        "name": name.encode(),
        "most": MOST,
    }
    return session.execute(_IN_QUARANTINE, parameters).mappings().all()


def is_past(session: Session, transid: str, *, domain: str) -> bool:
    """Tell whether a send was in the ledger until its time was over."""
    return bool(session.scalar(_IS_PAST, {"id": send_id(domain, base_of(transid))}))


def came_to(session: Session, point_id: UUID, since: datetime) -> bool:
    """Tell whether the platform reported anything at a point since a moment."""
    parameters = {"day": since.date(), "since": since, "point_id": point_id}
    return bool(session.scalar(_CAME_TO, parameters))


def _id_or_none(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
