"""Keys that new rows append to, or share: a notification writes to half as many places in indexes.

A send is unique by its id, which follows from its domain and transid: one index finds it by
either. A delivery is unique by its send's `seq` and its destination: new ones go to the end of
that index, where those by transid went anywhere.

Every delivery is written once, under a lock; meanwhile, and from code that does not know these
keys, notifications go to the spool.
"""

from collections.abc import Iterator
from functools import reduce

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_FUNCTIONS = """
    SELECT proname, pg_get_functiondef(oid) FROM pg_proc
     WHERE pronamespace = current_schema()::regnamespace
       AND proname ~ '^(sends_after_|deliveries_after_|derive_anew$)'
    """
#: How the triggers of revision 0005 find a delivery's send, and how they do now.
_JOINS = (
    ("s.transid = d.transid AND s.domain = d.domain", "s.seq = d.send_seq"),
    ("d.transid = s.transid AND d.domain = s.domain", "d.send_seq = s.seq"),
    ("SELECT domain, transid, ", "SELECT domain, seq, "),
    ("GROUP BY domain, transid, ", "GROUP BY domain, seq, "),
)
_TABLES = ("sends", "deliveries")


def upgrade() -> None:
    """Go forward."""
    op.execute("LOCK TABLE sends, deliveries IN ACCESS EXCLUSIVE MODE")
    op.add_column("deliveries", sa.Column("send_seq", sa.BigInteger(), nullable=True))
    _unseen(
        "UPDATE deliveries d SET send_seq = s.seq FROM sends s"
        " WHERE s.transid = d.transid AND s.domain = d.domain"
    )
    op.alter_column("deliveries", "send_seq", nullable=False)
    op.drop_constraint("deliveries_transid_destination_key", "deliveries")
    op.create_unique_constraint(
        "deliveries_send_destination", "deliveries", ["send_seq", "destination_key"]
    )
    op.drop_index("sends_id", "sends")
    op.drop_constraint("sends_transid", "sends")
    op.create_unique_constraint("sends_id", "sends", ["id"])
    _rewrite()


def downgrade() -> None:
    """Go back."""
    op.execute("LOCK TABLE sends, deliveries IN ACCESS EXCLUSIVE MODE")
    _rewrite(back=True)
    op.drop_constraint("sends_id", "sends")
    op.create_unique_constraint("sends_transid", "sends", ["transid", "domain"])
    op.create_index("sends_id", "sends", ["id"])
    op.create_unique_constraint(
        "deliveries_transid_destination_key",
        "deliveries",
        ["transid", "domain", "destination_key"],
    )
    op.drop_column("deliveries", "send_seq")  # its constraint goes with it


def _unseen(statement: str) -> None:
    """Write rows about which there is nothing to tell anybody."""
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    op.execute(statement)
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def _rewrite(*, back: bool = False) -> None:
    for name, said in op.get_bind().execute(sa.text(_FUNCTIONS)).all():
        pairs = (*_JOINS, *_unless_nothing(name))
        op.execute(
            reduce(
                lambda body, pair: body.replace(*(reversed(pair) if back else pair)), pairs, said
            )
        )


def _unless_nothing(function: str) -> Iterator[tuple[str, str]]:
    """Yield how a trigger begins now: an upsert fires two of them, mostly one for nothing."""
    if "_after_" in function:
        rows = "old_rows" if function.endswith("_delete") else "new_rows"
        guard = f"IF NOT EXISTS (SELECT FROM {rows}) THEN RETURN NULL; END IF; "
        yield "$function$ BEGIN ", f"$function$ BEGIN {guard}"
