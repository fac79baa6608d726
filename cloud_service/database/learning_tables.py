"""What the clinic learns: jobs, and the candidates that came of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cloud_service.database.columns import Table, UtcTime
from cloud_service.database.event_tables import RowId


class LearningJobRow(Table):
    """A job from its request to the release of what it made.

    `state`: queued, running, gated (a candidate is there; `passed` says whether every gate passed), failed, released.
    `attempts` counts claims; a claim whose `lease_until` has passed may be taken over.
    """

    __tablename__ = "learning_jobs"
    __table_args__ = (UniqueConstraint("task", "version"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    kind: Mapped[str] = mapped_column(String(32))
    """refit: made here from reviewed marks. import: a bundle that was brought."""
    task: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16), index=True)
    requested_by: Mapped[str] = mapped_column(String(200))
    requested: Mapped[datetime] = mapped_column(UtcTime)
    worker: Mapped[str | None] = mapped_column(String(200))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    started: Mapped[datetime | None] = mapped_column(UtcTime)
    finished: Mapped[datetime | None] = mapped_column(UtcTime)
    reason: Mapped[str] = mapped_column(Text, default="")
    parent: Mapped[str | None] = mapped_column(String(200))
    dataset: Mapped[str | None] = mapped_column(String(64))
    version: Mapped[str | None] = mapped_column(String(32))
    bundle: Mapped[str | None] = mapped_column(String(200))
    digest: Mapped[str | None] = mapped_column(String(64))
    bundle_bytes: Mapped[int | None] = mapped_column(BigInteger)
    passed: Mapped[bool | None]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    released: Mapped[datetime | None] = mapped_column(UtcTime)
    released_by: Mapped[str | None] = mapped_column(String(200))
