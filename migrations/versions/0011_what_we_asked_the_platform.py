"""Whether a delivery's status was asked for, and every question that was put to the platform.

No row is written: the default of the new column is the same for all. Questions are kept as long as
their send, whoever deletes it: a trigger sees to that, set by set.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Go forward."""
    words = sa.Text(collation="C")
    op.add_column("integration_points", sa.Column("token_remote", sa.LargeBinary(), nullable=True))
    op.create_table(
        "questions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("send_seq", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_as", words, nullable=False),
        sa.Column("finding", words, nullable=False),
        sa.Column("http", sa.Integer(), nullable=True),
        sa.Column("code", words, server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("questions_send_seq", "questions", ["send_seq"])
    op.create_table(
        "question_counts",
        sa.Column("finding", words, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("finding"),
    )
    op.execute("""
        CREATE FUNCTION forget_questions() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            DELETE FROM questions q USING old_rows s WHERE q.send_seq = s.seq;
            RETURN NULL;
        END $$
        """)
    op.execute(
        "CREATE TRIGGER sends_forget_questions AFTER DELETE ON sends"
        " REFERENCING OLD TABLE AS old_rows"
        " FOR EACH STATEMENT EXECUTE FUNCTION forget_questions()"
    )
    # last: who applies facts locks sends before deliveries, and so do we
    op.add_column(
        "deliveries",
        sa.Column("reconciled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    """Go back."""
    op.execute("DROP TRIGGER sends_forget_questions ON sends")
    op.execute("DROP FUNCTION forget_questions()")
    op.drop_table("question_counts")
    op.drop_table("questions")
    op.drop_column("integration_points", "token_remote")
    op.drop_column("deliveries", "reconciled")
