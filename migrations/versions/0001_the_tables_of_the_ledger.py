"""The tables of the ledger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("prefix", sa.Text(collation="C"), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("point_ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        sa.UniqueConstraint("prefix"),
    )
    op.create_table(
        "deliveries",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("transid", sa.Text(collation="C"), nullable=False),
        sa.Column("destination_key", sa.Text(collation="C"), nullable=False),
        sa.Column("destination", sa.Text(collation="C"), nullable=False),
        sa.Column("destination_type", sa.Text(collation="C"), nullable=False),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.Column("reported", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("raw_status", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(collation="C"), nullable=False),
        sa.Column("additional_info", sa.Text(collation="C"), nullable=False),
        sa.Column("provider_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_at_raw", sa.Text(collation="C"), nullable=False),
        sa.Column("zone_assumed", sa.Boolean(), nullable=False),
        sa.Column("decided_digest", sa.LargeBinary(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("also", sa.Text(collation="C"), nullable=False),
        sa.Column("also_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("also_digest", sa.LargeBinary(), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("missed", sa.Boolean(), nullable=False),
        sa.Column("carrier", sa.Text(collation="C"), nullable=False),
        sa.Column("segments", sa.SmallInteger(), nullable=True),
        sa.Column("correlationid", sa.Text(collation="C"), nullable=False),
        sa.Column("first_receipt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "deliveries_correlationid",
        "deliveries",
        ["correlationid", "domain"],
        unique=False,
        postgresql_where=sa.text("correlationid <> ''"),
    )
    op.create_index(
        "deliveries_destination", "deliveries", ["destination_key", "domain", "seq"], unique=False
    )
    op.create_index("deliveries_transid", "deliveries", ["transid", "domain", "seq"], unique=False)
    op.create_table(
        "integration_points",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("type", sa.Text(collation="C"), nullable=False),
        sa.Column("token_local", sa.Text(collation="C"), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "opts", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index(
        "integration_points_code",
        "integration_points",
        ["domain", "code"],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "messages",
        sa.Column("sender_key", sa.Text(collation="C"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("tid", sa.Text(collation="C"), nullable=False),
        sa.Column("channel", sa.Text(collation="C"), nullable=False),
        sa.Column("sender", sa.Text(collation="C"), nullable=False),
        sa.Column("recipient", sa.Text(collation="C"), nullable=False),
        sa.Column("recipient_key", sa.Text(collation="C"), nullable=False),
        sa.Column("text", sa.Text(collation="C"), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("attachments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("transid", sa.Text(collation="C"), nullable=False),
        sa.Column("correlationid", sa.Text(collation="C"), nullable=False),
        sa.Column("quoted", sa.Text(collation="C"), nullable=False),
        sa.Column("provider_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_at_raw", sa.Text(collation="C"), nullable=False),
        sa.Column("zone_assumed", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("point_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sender_key", "digest", "day"),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index(
        "messages_accepted_at", "messages", ["accepted_at"], unique=False, postgresql_using="brin"
    )
    op.create_index(
        "messages_correlationid",
        "messages",
        ["correlationid"],
        unique=False,
        postgresql_where=sa.text("correlationid <> ''"),
    )
    op.create_index(
        "messages_quoted",
        "messages",
        ["quoted"],
        unique=False,
        postgresql_where=sa.text("quoted <> ''"),
    )
    op.create_index("messages_tid", "messages", ["tid"], unique=False)
    op.create_index(
        "messages_transid",
        "messages",
        ["transid"],
        unique=False,
        postgresql_where=sa.text("transid <> ''"),
    )
    op.create_table(
        "platform_events",
        sa.Column("sender_key", sa.Text(collation="C"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(collation="C"), nullable=False),
        sa.Column("tid", sa.Text(collation="C"), nullable=False),
        sa.Column("channel", sa.Text(collation="C"), nullable=False),
        sa.Column("sender", sa.Text(collation="C"), nullable=False),
        sa.Column("recipient", sa.Text(collation="C"), nullable=False),
        sa.Column("recipient_key", sa.Text(collation="C"), nullable=False),
        sa.Column("text", sa.Text(collation="C"), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("attachments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("transid", sa.Text(collation="C"), nullable=False),
        sa.Column("correlationid", sa.Text(collation="C"), nullable=False),
        sa.Column("quoted", sa.Text(collation="C"), nullable=False),
        sa.Column("provider_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_at_raw", sa.Text(collation="C"), nullable=False),
        sa.Column("zone_assumed", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("point_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sender_key", "digest", "day"),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index(
        "platform_events_accepted_at",
        "platform_events",
        ["accepted_at"],
        unique=False,
        postgresql_using="brin",
    )
    op.create_index(
        "platform_events_correlationid",
        "platform_events",
        ["correlationid"],
        unique=False,
        postgresql_where=sa.text("correlationid <> ''"),
    )
    op.create_index(
        "platform_events_quoted",
        "platform_events",
        ["quoted"],
        unique=False,
        postgresql_where=sa.text("quoted <> ''"),
    )
    op.create_index("platform_events_tid", "platform_events", ["tid"], unique=False)
    op.create_index(
        "platform_events_transid",
        "platform_events",
        ["transid"],
        unique=False,
        postgresql_where=sa.text("transid <> ''"),
    )
    op.create_table(
        "quarantine",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("reason", sa.Text(collation="C"), nullable=False),
        sa.Column("message", sa.Text(collation="C"), nullable=False),
        sa.Column("errors", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("path", sa.Text(collation="C"), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("truncated", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("point_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "day"),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index(
        "quarantine_accepted_at",
        "quarantine",
        ["accepted_at"],
        unique=False,
        postgresql_using="brin",
    )
    op.create_table(
        "receipts",
        sa.Column("transid", sa.Text(collation="C"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("alias", sa.Text(collation="C"), nullable=False),
        sa.Column("destination", sa.Text(collation="C"), nullable=False),
        sa.Column("destination_type", sa.Text(collation="C"), nullable=False),
        sa.Column("channel", sa.Text(collation="C"), nullable=False),
        sa.Column("raw_status", sa.Text(collation="C"), nullable=False),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("description", sa.Text(collation="C"), nullable=False),
        sa.Column("additional_info", sa.Text(collation="C"), nullable=False),
        sa.Column("carrier", sa.Text(collation="C"), nullable=False),
        sa.Column("segments", sa.SmallInteger(), nullable=True),
        sa.Column("correlationid", sa.Text(collation="C"), nullable=False),
        sa.Column("callback_data", sa.Text(collation="C"), nullable=False),
        sa.Column("provider_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_at_raw", sa.Text(collation="C"), nullable=False),
        sa.Column("zone_assumed", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("point_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("transid", "digest", "day"),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index(
        "receipts_accepted_at", "receipts", ["accepted_at"], unique=False, postgresql_using="brin"
    )
    op.create_table(
        "recordings",
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("transid", sa.Text(collation="C"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("point_id", sa.Uuid(), nullable=True),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("registration", sa.Uuid(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "transid", "digest"),
    )
    op.create_index(
        "recordings_registration",
        "recordings",
        ["registration"],
        unique=False,
        postgresql_where=sa.text("registration IS NOT NULL"),
    )
    op.create_table(
        "sends",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("domain", sa.Text(collation="C"), nullable=False),
        sa.Column("transid", sa.Text(collation="C"), nullable=False),
        sa.Column("base", sa.Text(collation="C"), nullable=False),
        sa.Column("family_recorded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("reported", sa.Boolean(), nullable=False),
        sa.Column("aliases", sa.ARRAY(sa.Text(collation="C")), nullable=False),
        sa.Column("reported_point_id", sa.Uuid(), nullable=True),
        sa.Column("reported_channel", sa.Text(collation="C"), nullable=False),
        sa.Column("reported_correlationid", sa.Text(collation="C"), nullable=False),
        sa.Column("reported_callback_data", sa.Text(collation="C"), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("recorded", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("recorded_point_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_channel", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column(
            "recorded_correlationid", sa.Text(collation="C"), server_default="", nullable=False
        ),
        sa.Column(
            "recorded_callback_data", sa.Text(collation="C"), server_default="", nullable=False
        ),
        sa.Column("registration", sa.Uuid(), nullable=True),
        sa.Column("sender", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("sender_key", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("tag", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("text", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column(
            "metadata", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("state", sa.Text(collation="C"), server_default="unrecorded", nullable=False),
        sa.Column("answer_http", sa.Integer(), nullable=True),
        sa.Column("answer_code", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("answer_description", sa.Text(collation="C"), server_default="", nullable=False),
        sa.Column("answer_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "accepted_at",
            sa.DateTime(timezone=True),
            sa.Computed("least(recorded_at, reported_at)", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "point_id",
            sa.Uuid(),
            sa.Computed("coalesce(recorded_point_id, reported_point_id)", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "channel",
            sa.Text(collation="C"),
            sa.Computed(
                "CASE WHEN recorded_channel <> '' THEN recorded_channel ELSE reported_channel END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column(
            "correlationid",
            sa.Text(collation="C"),
            sa.Computed(
                "CASE WHEN recorded_correlationid <> '' THEN recorded_correlationid ELSE reported_correlationid END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.Column(
            "callback_data",
            sa.Text(collation="C"),
            sa.Computed(
                "CASE WHEN recorded_callback_data <> '' THEN recorded_callback_data ELSE reported_callback_data END",
                persisted=True,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("transid", "domain", name="sends_transid"),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index(
        "sends_accepted_at", "sends", ["accepted_at"], unique=False, postgresql_using="brin"
    )
    op.create_index("sends_base", "sends", ["base", "domain"], unique=False)
    op.create_index(
        "sends_correlationid",
        "sends",
        ["correlationid", "domain", "seq"],
        unique=False,
        postgresql_where=sa.text("correlationid <> ''"),
    )
    op.create_index(
        "sends_newest",
        "sends",
        ["domain", "seq"],
        unique=False,
        postgresql_where=sa.text("recorded OR reported"),
    )
    op.create_index(
        "sends_tag",
        "sends",
        ["domain", "tag", "seq"],
        unique=False,
        postgresql_where=sa.text("tag <> ''"),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_index("sends_tag", table_name="sends", postgresql_where=sa.text("tag <> ''"))
    op.drop_index(
        "sends_newest", table_name="sends", postgresql_where=sa.text("recorded OR reported")
    )
    op.drop_index(
        "sends_correlationid", table_name="sends", postgresql_where=sa.text("correlationid <> ''")
    )
    op.drop_index("sends_base", table_name="sends")
    op.drop_index("sends_accepted_at", table_name="sends", postgresql_using="brin")
    op.drop_table("sends")
    op.drop_index(
        "recordings_registration",
        table_name="recordings",
        postgresql_where=sa.text("registration IS NOT NULL"),
    )
    op.drop_table("recordings")
    op.drop_index("receipts_accepted_at", table_name="receipts", postgresql_using="brin")
    op.drop_table("receipts")
    op.drop_index("quarantine_accepted_at", table_name="quarantine", postgresql_using="brin")
    op.drop_table("quarantine")
    op.drop_index(
        "platform_events_transid",
        table_name="platform_events",
        postgresql_where=sa.text("transid <> ''"),
    )
    op.drop_index("platform_events_tid", table_name="platform_events")
    op.drop_index(
        "platform_events_quoted",
        table_name="platform_events",
        postgresql_where=sa.text("quoted <> ''"),
    )
    op.drop_index(
        "platform_events_correlationid",
        table_name="platform_events",
        postgresql_where=sa.text("correlationid <> ''"),
    )
    op.drop_index(
        "platform_events_accepted_at", table_name="platform_events", postgresql_using="brin"
    )
    op.drop_table("platform_events")
    op.drop_index(
        "messages_transid", table_name="messages", postgresql_where=sa.text("transid <> ''")
    )
    op.drop_index("messages_tid", table_name="messages")
    op.drop_index(
        "messages_quoted", table_name="messages", postgresql_where=sa.text("quoted <> ''")
    )
    op.drop_index(
        "messages_correlationid",
        table_name="messages",
        postgresql_where=sa.text("correlationid <> ''"),
    )
    op.drop_index("messages_accepted_at", table_name="messages", postgresql_using="brin")
    op.drop_table("messages")
    op.drop_index(
        "integration_points_code",
        table_name="integration_points",
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.drop_table("integration_points")
    op.drop_index("deliveries_transid", table_name="deliveries")
    op.drop_index("deliveries_destination", table_name="deliveries")
    op.drop_index(
        "deliveries_correlationid",
        table_name="deliveries",
        postgresql_where=sa.text("correlationid <> ''"),
    )
    op.drop_table("deliveries")
    op.drop_table("api_keys")
