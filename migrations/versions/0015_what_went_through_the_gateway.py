"""Where a send is reported to, and which requests of the gateway may not be forwarded again.

No row is written: each default is the same for all.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "gateway_claims",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("gateway_claims_claimed_at", "gateway_claims", ["claimed_at"])
    op.add_column(
        "sends",
        sa.Column("notify_url", sa.Text(collation="C"), server_default="", nullable=False),
    )
    op.add_column(
        "sends",
        sa.Column(
            "reports_elsewhere", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_column("sends", "reports_elsewhere")
    op.drop_column("sends", "notify_url")
    op.drop_table("gateway_claims")
