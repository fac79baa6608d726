"""Tokens for programs, and links that show one finding."""

import sqlalchemy as sa
from alembic import op

from cloud_service.database.event_tables import RowId

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of the tokens and of the links."""
    op.create_table(
        "tokens",
        sa.Column("account", sa.String(64), sa.ForeignKey("users.name"), primary_key=True),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used", sa.DateTime(timezone=True)),
        sa.Column("revoked", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "shares",
        sa.Column("row", RowId, primary_key=True, autoincrement=True),
        sa.Column("finding", sa.String(200), sa.ForeignKey("findings.id"), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("made_by", sa.String(64), sa.ForeignKey("users.name"), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked", sa.DateTime(timezone=True)),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("last_opened", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_shares_finding", "shares", ["finding"])
