"""Who is reading which finding."""

import sqlalchemy as sa
from alembic import op

from cloud_service.database.event_tables import RowId

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the claims."""
    op.create_table(
        "review_claims",
        sa.Column("row", RowId, primary_key=True, autoincrement=True),
        sa.Column("finding", sa.String(200), sa.ForeignKey("findings.id"), nullable=False),
        sa.Column("reader", sa.String(64), sa.ForeignKey("users.name"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_review_claims_finding", "review_claims", ["finding"])
