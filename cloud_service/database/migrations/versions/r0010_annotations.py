"""What readers mark on recordings."""

import sqlalchemy as sa
from alembic import op

from cloud_service.database.event_tables import RowId

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the annotations."""
    op.create_table(
        "annotations",
        sa.Column("row", RowId, primary_key=True, autoincrement=True),
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("recording", sa.String(200), nullable=False),
        sa.Column("item", sa.String(64), nullable=False),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("task", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("leads", sa.JSON(), nullable=False),
        sa.Column("fs_hz", sa.Float(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(64)),
        sa.Column("origin", sa.BigInteger()),
        sa.Column("device_label", sa.String(200)),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("reader", sa.String(64), sa.ForeignKey("users.name"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undoes", RowId, sa.ForeignKey("annotations.row")),
    )
    op.create_index("ix_annotations_recording", "annotations", ["device", "recording", "reader"])
    op.create_index("ix_annotations_task", "annotations", ["task"])
