"""An index for the sends that are not their family's base: most families have no other.

The base itself is found by its transid, and whoever comes in writes one random index less.
"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Go forward."""
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE INDEX CONCURRENTLY sends_further ON sends (base, domain) WHERE base <> transid"
        )
        op.execute("DROP INDEX CONCURRENTLY sends_base")


def downgrade() -> None:
    """Go back."""
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY sends_base ON sends (base, domain)")
        op.execute("DROP INDEX CONCURRENTLY sends_further")
