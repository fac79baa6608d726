"""Give every task the same three shapes: marks, findings that name them, series."""

import sqlalchemy as sa
from alembic import op

from cloud_service.database.migrations.lift_version_1 import lift_everything, lift_reviews

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to version 2, then every row of version 1 into them."""
    _add_columns()
    _add_tables()
    lift_everything(op.get_bind())
    _turn_reviews()
    op.drop_table("trends")
    op.drop_column("recordings", "unit")


def _add_columns() -> None:
    # With a default in the database these are added without writing large tables anew.
    op.add_column("events", sa.Column("schema", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("findings", sa.Column("task", sa.String(length=64), nullable=False, server_default=""))
    op.create_index("ix_findings_task", "findings", ["task"])
    op.add_column("alarms", sa.Column("leads", sa.JSON(), nullable=False, server_default="[]"))


def _turn_reviews() -> None:
    with op.batch_alter_table("reviews") as batch_op:
        batch_op.drop_index("ix_reviews_finding_sample")
        batch_op.alter_column("sample", new_column_name="start")
        batch_op.alter_column("label", existing_type=sa.String(length=8), type_=sa.String(length=64))
        batch_op.alter_column("model_label", existing_type=sa.String(length=8), type_=sa.String(length=64))
        batch_op.add_column(sa.Column("task", sa.String(length=64), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("kind", sa.String(length=64), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("leads", sa.JSON(), nullable=False, server_default="[]"))
    op.create_index("ix_reviews_finding_start", "reviews", ["finding", "start"])
    op.create_index("ix_reviews_task", "reviews", ["task"])
    lift_reviews(op.get_bind())


def _add_tables() -> None:
    op.create_table(
        "marks",
        *_of_device(),
        sa.Column("kind", sa.String(length=64), nullable=False),
        *_on_leads(),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("quality", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=True),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.String(length=200), nullable=True),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("device", "id", name=op.f("pk_marks")),
    )
    op.create_table(
        "inputs",
        *_of_device(),
        sa.Column("tensors", sa.JSON(), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("device", "id", name=op.f("pk_inputs")),
    )
    op.create_table(
        "mark_packs",
        *_of_device(),
        sa.Column("kind", sa.String(length=64), nullable=False),
        *_on_leads(),
        sa.Column("fs_hz", sa.Float(), nullable=False),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("starts", "ends", "labels", "label")),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("origins", "origin")),
        sa.PrimaryKeyConstraint("device", "id", name=op.f("pk_mark_packs")),
    )
    op.create_table(
        "series",
        *_of_device(),
        *_on_leads(),
        sa.Column("fs_hz", sa.Float(), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("device", "id", name=op.f("pk_series")),
    )
    for table in ("marks", "mark_packs", "series"):
        op.create_index(f"ix_{table}_recording_start", table, ["recording", "start"])


def _of_device() -> tuple[sa.Column[str], ...]:
    return (
        sa.Column("device", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=200), nullable=False),
        sa.Column("task", sa.String(length=64), nullable=False),
    )


def _on_leads() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("recording", sa.String(length=200), nullable=False),
        sa.Column("leads", sa.JSON(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
    )
