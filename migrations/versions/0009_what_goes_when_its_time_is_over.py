"""What goes when its time is over: families leave the ledger, and the counts stay.

`past_families` remembers for a while who has left, so that a late receipt makes nobody new of
them. `kept_from` says from which day on everything is there. What is deleted because its time is
over takes nothing from the counts, and `derive_anew()` leaves the counts of days before alone.
"""

from collections.abc import Iterable
from functools import reduce

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_FUNCTIONS = """
    SELECT pg_get_functiondef(oid) FROM pg_proc
     WHERE pronamespace = current_schema()::regnamespace
       AND proname IN ('sends_after_delete', 'deliveries_after_delete', 'derive_anew')
    """
_FROM = """(SELECT coalesce(max(day::timestamp AT TIME ZONE 'UTC'), '-infinity')
             FROM kept_from WHERE what = 'deliveries')"""
_AT = "coalesce(s.requested_at, s.accepted_at)"
_STAYS = "IF current_setting('receiver.cause', true) = 'retention' THEN RETURN NULL; END IF;"
_CLEAR = f"DELETE FROM deltas WHERE minute >= {_FROM}; DELETE FROM rollups WHERE at >= {_FROM};"
#: In the functions of revision 0005, as 0008 left them: in those of DELETE counting comes last.
_DELETING = (("INSERT INTO deltas", f"{_STAYS} INSERT INTO deltas"),)
_DERIVING = (
    ("TRUNCATE feed, changes, deltas, rollups;", f"TRUNCATE feed, changes; {_CLEAR}"),
    (f"WHERE {_AT} IS NOT NULL", f"WHERE {_AT} >= {_FROM}"),
)


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "past_families",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("past_families_until", "past_families", ["until"])
    op.create_table(
        "kept_from",
        sa.Column("what", sa.Text(collation="C"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("what"),
    )
    _rewrite(_DELETING, _DERIVING)


def downgrade() -> None:
    """Go back."""
    _rewrite(*([(new, old) for old, new in pairs] for pairs in (_DELETING, _DERIVING)))
    op.drop_table("kept_from")
    op.drop_table("past_families")


def _rewrite(deleting: Iterable[tuple[str, str]], deriving: Iterable[tuple[str, str]]) -> None:
    for body in op.get_bind().scalars(sa.text(_FUNCTIONS)).all():
        pairs = deriving if "derive_anew" in body else deleting
        op.execute(reduce(lambda said, pair: said.replace(*pair), pairs, body))
