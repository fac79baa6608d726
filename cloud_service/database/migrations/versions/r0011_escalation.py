"""Groups of beds, who answers for them, and what was told to whom."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of groups, duties and escalations."""
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
