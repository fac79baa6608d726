"""Webhooks: who is sent what, and every message that was, or is to be, sent."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from cloud_service.database.columns import Table, UtcTime
from cloud_service.database.event_tables import RowId


class WebhookRow(Table):
    """An address that is sent messages. Each filter is a list; an empty one lets everything through.

    `after` is the last row of the event log, and `looked` the last time, up to which messages were made. The secret
    signs messages, so that it is kept as it is.
    """

    __tablename__ = "webhooks"

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(String(64))
    topics: Mapped[list[str]] = mapped_column(JSON)
    devices: Mapped[list[str]] = mapped_column(JSON)
    priorities: Mapped[list[str]] = mapped_column(JSON)
    kinds: Mapped[list[str]] = mapped_column(JSON)
    made_by: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime] = mapped_column(UtcTime)
    ended: Mapped[datetime | None] = mapped_column(UtcTime)
    after: Mapped[int] = mapped_column(BigInteger)
    looked: Mapped[datetime] = mapped_column(UtcTime)


class DeliveryRow(Table):
    """A message for a webhook. `state` is waiting, delivered or dead; `key` names what it is about, once a webhook.

    Those of one device go in the order of `number`. `ended` is when it was delivered or given up.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("webhook", "key"),
        Index("ix_deliveries_waiting", "webhook", "state", "device", "number"),
    )

    row: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=True)
    webhook: Mapped[int] = mapped_column(ForeignKey("webhooks.row"))
    key: Mapped[str] = mapped_column(String(300))
    number: Mapped[int] = mapped_column(BigInteger)
    device: Mapped[str] = mapped_column(String(64))
    topic: Mapped[str] = mapped_column(String(16))
    body: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(UtcTime)
    state: Mapped[str] = mapped_column(String(16))
    tries: Mapped[int] = mapped_column(Integer)
    next_try: Mapped[datetime] = mapped_column(UtcTime)
    ended: Mapped[datetime | None] = mapped_column(UtcTime)
    why: Mapped[str] = mapped_column(Text)
