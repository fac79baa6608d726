"""Groups of beds, who answers for them, what was told to whom; webhooks and their messages."""

import sqlalchemy as sa
from alembic import op

from cloud_service.database.event_tables import RowId

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of groups, duties, escalations, webhooks and deliveries."""
    op.create_table(
        "bed_groups",
        sa.Column("device", sa.String(64), sa.ForeignKey("devices.name"), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
    )
    op.create_index("ix_bed_groups_name", "bed_groups", ["name"])
    op.create_table(
        "duties",
        sa.Column("of", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True),
        sa.Column("person", sa.String(64), sa.ForeignKey("users.name"), nullable=False),
    )
    op.create_index("ix_duties_person", "duties", ["person"])
    op.create_table(
        "escalations",
        sa.Column("alarm", sa.String(200), primary_key=True),
        sa.Column("episode", sa.Integer(), primary_key=True),
        sa.Column("step", sa.Integer(), primary_key=True),
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("turn", sa.String(16), nullable=False),
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_escalations_device", "escalations", ["device"])
    op.create_table(
        "webhooks",
        sa.Column("row", RowId, primary_key=True, autoincrement=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("devices", sa.JSON(), nullable=False),
        sa.Column("priorities", sa.JSON(), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True)),
        sa.Column("after", sa.BigInteger(), nullable=False),
        sa.Column("looked", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("row", RowId, primary_key=True, autoincrement=True),
        sa.Column("webhook", RowId, sa.ForeignKey("webhooks.row"), nullable=False),
        sa.Column("key", sa.String(300), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True)),
        sa.Column("why", sa.Text(), nullable=False),
        sa.UniqueConstraint("webhook", "key"),
    )
    op.create_index("ix_deliveries_waiting", "deliveries", ["webhook", "state", "device", "number"])
