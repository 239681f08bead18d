"""The quarantine: how bodies are built, what became of each, and the jobs that replay many.

What is there already has no shape; its SHA-256 is computed when it is read. No row is written.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Go forward."""
    words = sa.Text(collation="C")
    instant = sa.DateTime(timezone=True)
    op.add_column("quarantine", sa.Column("shape", words, server_default="", nullable=False))
    op.add_column("quarantine", sa.Column("sha256", sa.LargeBinary(), nullable=True))
    op.create_table(
        "quarantine_states",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("state", words, nullable=False),
        sa.Column("replays", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("written_at", instant, nullable=False),
        sa.PrimaryKeyConstraint("day", "digest"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", words, nullable=False),
        sa.Column("kind", words, nullable=False),
        sa.Column("point_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("who_kind", words, nullable=False),
        sa.Column("who", words, nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("asked", postgresql.JSONB(), nullable=False),
        sa.Column("state", words, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("results", postgresql.JSONB(), nullable=False),
        sa.Column("place", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("error", words, nullable=False),
        sa.Column("created_at", instant, nullable=False),
        sa.Column("started_at", instant, nullable=True),
        sa.Column("ended_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "jobs_open", "jobs", ["created_at"], postgresql_where=sa.text("ended_at IS NULL")
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("jobs")
    op.drop_table("quarantine_states")
    op.drop_column("quarantine", "sha256")
    op.drop_column("quarantine", "shape")
