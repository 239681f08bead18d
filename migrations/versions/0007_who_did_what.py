"""A log of what was done by hand, and of what was read in the raw."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "audit_log",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("who_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("who", sa.Text(collation="C"), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("verb", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("ids", sa.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("before", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("after", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("audit_log_domain", "audit_log", ["domain", "seq"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("audit_log")
