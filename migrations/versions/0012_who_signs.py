"""The secrets that notifications of a point are signed with, sealed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Go forward."""
    op.add_column(
        "integration_points", sa.Column("signature_secrets", sa.LargeBinary(), nullable=True)
    )


def downgrade() -> None:
    """Go back."""
    op.drop_column("integration_points", "signature_secrets")
