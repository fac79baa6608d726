"""What could not be read or stored: kept, shown, and tried again when a person asks."""

import hashlib

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import DeadLetterRow
from cloud_service.database.upsert import insert_or_keep
from cloud_service.ingest.arrival import Message

CONFLICT = "same id and revision with other content; the first was kept"


def bury(session: Session, message: Message, reason: str) -> None:
    """Keep a message with the reason; the same message again only counts up."""
    now = utc_now()
    digest = hashlib.sha256(message.payload).hexdigest()
    row = {
        "topic": _storable(message.topic)[:400],
        "payload": message.payload,
        "payload_sha256": digest,
        "reason": _storable(reason),
        "first": now,
        "last": now,
        "times": 1,
    }
    if not insert_or_keep(session, DeadLetterRow, [row]):
        session.execute(
            update(DeadLetterRow)
            .where(DeadLetterRow.topic == row["topic"], DeadLetterRow.payload_sha256 == digest)
            .values(times=DeadLetterRow.times + 1, last=now, reason=row["reason"])
        )


def waiting(session: Session, limit: int = 200) -> list[DeadLetterRow]:
    """Those not yet replayed, oldest first."""
    wanted = select(DeadLetterRow).where(DeadLetterRow.replayed.is_(None)).order_by(DeadLetterRow.row)
    return list(session.scalars(wanted.limit(limit)))


def count(session: Session) -> int:
    """How many wait."""
    return session.scalar(select(func.count()).where(DeadLetterRow.replayed.is_(None))) or 0


def _storable(text: str) -> str:
    """Drop what PostgreSQL and UTF-8 cannot hold: NUL and lone surrogates, both possible in hostile JSON."""
    return text.replace("\x00", "\\0").encode("utf-8", "backslashreplace").decode()[:2000]
