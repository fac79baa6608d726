"""What people say of the texts they are shown."""

import sqlalchemy as sa
from alembic import op

from cloud_service.database.event_tables import RowId

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the feedback."""
    op.create_table(
        "feedback",
        sa.Column("row", RowId, primary_key=True, autoincrement=True),
        sa.Column("finding", sa.String(200), sa.ForeignKey("findings.id")),
        sa.Column("finding_rev", sa.Integer()),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("says", sa.String(16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("reader", sa.String(64), sa.ForeignKey("users.name"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_feedback_finding", "feedback", ["finding"])
