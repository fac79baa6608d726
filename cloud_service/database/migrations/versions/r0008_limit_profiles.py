"""Limits under a name."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the profiles."""
    op.create_table(
        "limit_profiles",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("values", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(64), sa.ForeignKey("users.name"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
