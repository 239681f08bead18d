"""Which notices name a send, in one table: who asks needn't look into every day.

It takes the place of six indexes in each day. What code before this step writes after it is not
found by the names in it: stop that code first. A step that was cut short, say by a reader that
held an index too long, can be taken again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_PLACES = ("messages", "platform_events")
_NAMES = ("transid", "correlationid", "quoted")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "mentions",
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("how", sa.Text(collation="C"), nullable=False),
        sa.Column("sender_key", sa.Text(collation="C"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("place", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("name", "domain", "how", "sender_key", "day", "digest", "place"),
        if_not_exists=True,
    )
    for place in _PLACES:
        op.execute(f"""
            INSERT INTO mentions (name, domain, how, sender_key, day, digest, place)
            SELECT v.name, n.domain, v.how, n.sender_key, n.day, n.digest, '{place}'
              FROM {place} n CROSS JOIN LATERAL (VALUES
                   ('quoted', quoted), ('transid', transid),
                   ('correlationid', CASE WHEN transid = '' THEN correlationid ELSE '' END)
                   ) v(how, name)
             WHERE v.name <> ''
            ON CONFLICT DO NOTHING
            """)
    op.execute("ANALYZE mentions")
    with op.get_context().autocommit_block():  # one by one: each locks every day
        for place in _PLACES:
            for name in _NAMES:
                op.execute(f"DROP INDEX IF EXISTS {place}_{name}")


def downgrade() -> None:
    """Go back."""
    with op.get_context().autocommit_block():
        for place in _PLACES:
            for name in _NAMES:
                op.execute(
                    f"CREATE INDEX IF NOT EXISTS {place}_{name} ON {place} ({name})"
                    f" WHERE {name} <> ''"
                )
    op.drop_table("mentions")
