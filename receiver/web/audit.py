"""The audit log, for administrators."""

from typing import Any, Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from receiver.store import audit as log
from receiver.store.admin_tables import AuditRow
from receiver.store.audit import Sought
from receiver.store.reading import reading
from receiver.web.auth import current_key, requires
from receiver.web.fields import Many, Text
from receiver.web.freshness import finish
from receiver.web.queries import ListQuery, read_page
from receiver.web.rooms import rooms
from receiver.web.times import utc


class AuditQuery(ListQuery):
    """What the audit log is searched by."""

    what = Many(Text(most=100), metadata={"description": "Verbs, like raw.read."})
    who = Many(Text(most=200), metadata={"description": "A key's id or prefix, or a user's name."})


AUDIT_QUERY: Final = AuditQuery()

audit = Blueprint("audit", __name__, url_prefix="/api/v1")
audit.after_request(finish)


@audit.get("/audit")
@requires("admin")
def index() -> ResponseReturnValue:
    """Return who did what, the newest first."""
    key = current_key()
    page = read_page(AUDIT_QUERY, key)
    before = page.place(int)
    with reading(rooms().engine) as session:
        rows = log.newest(
            session,
            Sought(**page.sought),
            key=key,
            before=before[0] if before else None,
            limit=page.limit + 1,
        )
        shown = rows[: page.limit]
        items = [_item(row) for row in shown]
        return page.answer(items, [shown[-1].seq] if len(rows) > page.limit else None)


def _item(row: AuditRow) -> dict[str, Any]:
    key_id = str(row.key_id) if row.key_id else None
    return {
        "id": row.seq,
        "at": utc(row.at),
        "what": row.verb,
        "who": {"kind": row.who_kind, "name": row.who, "key_id": key_id},
        "kind": row.kind,
        "ids": row.ids,
        "before": row.before,
        "after": row.after,
    }
