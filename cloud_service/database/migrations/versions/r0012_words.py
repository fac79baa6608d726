"""What a second person said of better words."""

import sqlalchemy as sa
from alembic import op

from cloud_service.database.event_tables import RowId

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the verdicts on words."""
    op.create_table(
        "words_verdicts",
        sa.Column("row", RowId, primary_key=True, autoincrement=True),
        sa.Column("feedback", RowId, sa.ForeignKey("feedback.row"), nullable=False),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("part", sa.String(80), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("says", sa.String(16), nullable=False),
        sa.Column("by", sa.String(64), sa.ForeignKey("users.name"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_words_verdicts_feedback", "words_verdicts", ["feedback"])
