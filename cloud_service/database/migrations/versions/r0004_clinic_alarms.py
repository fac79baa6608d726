"""The clinic's own alarms, and when a device said goodbye."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of the clinic's alarms."""
    op.create_table(
        "clinic_alarms",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("device", sa.String(64), nullable=False),
        sa.Column("priority", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended", sa.DateTime(timezone=True)),
        sa.Column("acknowledged", sa.DateTime(timezone=True)),
        sa.Column("by", sa.String(200), nullable=False),
    )
    op.create_index("ix_clinic_alarms_kind_device", "clinic_alarms", ["kind", "device"])
    op.create_index("ix_clinic_alarms_state", "clinic_alarms", ["state"])
    op.add_column("devices", sa.Column("said_goodbye", sa.DateTime(timezone=True)))
