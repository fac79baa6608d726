"""What clinicians say of whole findings."""

import sqlalchemy as sa
from alembic import op

from cloud_service.database.event_tables import RowId

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the verdicts."""
    op.create_table(
        "verdicts",
        sa.Column("row", RowId, primary_key=True, autoincrement=True),
        sa.Column("finding", sa.String(200), sa.ForeignKey("findings.id"), nullable=False),
        sa.Column("finding_rev", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("reader", sa.String(64), sa.ForeignKey("users.name"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("supersedes", RowId, sa.ForeignKey("verdicts.row")),
        sa.Column("superseded_by", RowId),
    )
    op.create_index("ix_verdicts_finding", "verdicts", ["finding"])
