"""Who was erased, known by keyed hashes, so that what is applied later comes out erased too.

Every apply asks, as the last thing before it commits, whether it knew of all of them. Code before
this step does not ask: let none of it run any more when the first person is erased.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "erasures",
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("pseudonym", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "erased_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.Column("version", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.PrimaryKeyConstraint("domain", "hash"),
        sa.UniqueConstraint("version", name="erasures_version"),
    )
    op.execute("""
        CREATE FUNCTION require_erasures(known bigint) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
            IF known <> (SELECT coalesce(max(version), 0) FROM erasures) THEN
                RAISE 'an erasure has been made meanwhile' USING ERRCODE = 'serialization_failure';
            END IF;
        END $$
        """)


def downgrade() -> None:
    """Go back."""
    op.execute("DROP FUNCTION require_erasures(bigint)")
    op.drop_table("erasures")
