"""When the ledger learnt of a send or a delivery: it rises with `seq`, so a time leads to a place.

Rows that are there already have the time of this step. The sends that were accepted more than a
minute earlier, these and what a spool brings later, are in an index of their own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Go forward."""
    for table in ("sends", "deliveries"):  # no row is written: the default is the same for all
        op.add_column(
            table,
            sa.Column(
                "known_at",
                sa.DateTime(timezone=True),
                server_default=sa.text("now()"),
                nullable=False,
            ),
        )
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE INDEX CONCURRENTLY sends_late ON sends (accepted_at, seq)"
            " WHERE known_at - accepted_at > '00:01:00'::interval"
        )


def downgrade() -> None:
    """Go back."""
    op.drop_index("sends_late", "sends")
    op.drop_column("deliveries", "known_at")
    op.drop_column("sends", "known_at")
