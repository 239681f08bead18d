"""The rest of what an integration point is made of: handlers, address, further tokens and secrets.

No row is written: each default is the same for all.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"

TEXTS = {
    "url": "",
    "recv_svcscriptcode": "ws_hook",
    "recv_svcscriptcode_ws": "",
    "send_svcscriptcode": "send_to_web",
    "send_svcscriptcode_ws": "",
}


def upgrade() -> None:
    """Go forward."""
    words = sa.Text(collation="C")
    for name, default in TEXTS.items():
        op.add_column(
            "integration_points", sa.Column(name, words, server_default=default, nullable=False)
        )
    op.add_column("integration_points", sa.Column("profile_key", sa.LargeBinary(), nullable=True))
    op.add_column(
        "integration_points",
        sa.Column("tokens", postgresql.JSONB(), server_default="[]", nullable=False),
    )


def downgrade() -> None:
    """Go back."""
    for name in ("tokens", "profile_key", *reversed(TEXTS)):
        op.drop_column("integration_points", name)
