"""One unique key for each row of the ledger, so that one conflict decides who wrote it first.

Code before this step can't write after it: nothing has been released yet.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

#: What the id of a delivery was: a UUIDv8 of the hash of its names.
_HASH = r"""sha256(convert_to(domain, 'UTF8') || '\x00' || convert_to(transid, 'UTF8')
    || '\x00' || convert_to(destination_key, 'UTF8'))"""
_ID = f"""encode(set_byte(set_byte(substring({_HASH} FOR 16),
    6, (get_byte({_HASH}, 6) & 15) | 128), 8, (get_byte({_HASH}, 8) & 63) | 128), 'hex')::uuid"""


def upgrade() -> None:
    """Go forward."""
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY sends_id ON sends (id)")
        op.execute(
            "CREATE UNIQUE INDEX CONCURRENTLY deliveries_transid_destination_key"
            " ON deliveries (transid, domain, destination_key)"
        )
        # With the domain in it, it looked as good for one delivery as the unique key does, and
        # a number with many deliveries was read as a whole for each.
        op.execute("DROP INDEX CONCURRENTLY deliveries_destination")
        op.execute(
            "CREATE INDEX CONCURRENTLY deliveries_destination ON deliveries (destination_key, seq)"
        )
    op.execute(
        "ALTER TABLE deliveries ADD CONSTRAINT deliveries_transid_destination_key"
        " UNIQUE USING INDEX deliveries_transid_destination_key"
    )
    op.drop_constraint("sends_id_key", "sends")
    op.drop_index("deliveries_transid", "deliveries")
    op.drop_column("deliveries", "id")


def downgrade() -> None:
    """Go back."""
    op.add_column("deliveries", sa.Column("id", sa.Uuid(), nullable=True))
    op.execute(f"UPDATE deliveries SET id = {_ID}")
    op.alter_column("deliveries", "id", nullable=False)
    op.create_unique_constraint("deliveries_id_key", "deliveries", ["id"])
    op.create_index("deliveries_transid", "deliveries", ["transid", "domain", "seq"])
    op.drop_constraint("deliveries_transid_destination_key", "deliveries")
    op.drop_index("deliveries_destination", "deliveries")
    op.create_index("deliveries_destination", "deliveries", ["destination_key", "domain", "seq"])
    op.drop_index("sends_id", "sends")
    op.create_unique_constraint("sends_id_key", "sends", ["id"])
