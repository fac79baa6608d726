"""What could not be read or stored: kept, shown, and tried again when a person asks."""

import hashlib
import logging

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import DeadLetterRow
from cloud_service.database.upsert import insert_or_keep
from cloud_service.ingest.arrival import Message

log = logging.getLogger("bedside.ingest")
MOST_BYTES = 64 << 10
"""How much of a message is kept. A longer one is cut, and its reason says so: it cannot be tried again."""
MOST_OF_A_DEVICE = 2000
"""How many letters a topic may have. Where one more comes, the oldest goes."""
CUT = "only the beginning is kept"
CONFLICT = "same id and revision with other content; the first was kept"


def bury(session: Session, message: Message, reason: str) -> None:
    """Keep a message with the reason; the same message again only counts up.

    Of a long message the beginning is kept, with its length and the hash of the whole; of a topic the newest letters.
    """
    now = utc_now()
    digest = hashlib.sha256(message.payload).hexdigest()
    length = len(message.payload)
    cut = f"; {CUT}: {MOST_BYTES} of {length} bytes" if length > MOST_BYTES else ""
    row = {
        "topic": _storable(message.topic)[:400],
        "payload": message.payload[:MOST_BYTES],
        "payload_sha256": digest,
        "reason": _storable(reason) + cut,
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
    else:
        _make_place(session, str(row["topic"]))


def _make_place(session: Session, topic: str) -> None:
    """Let the oldest letters of a topic go, those that were replayed first, and say so."""
    of_topic = DeadLetterRow.topic == topic
    over = (session.scalar(select(func.count()).where(of_topic)) or 0) - MOST_OF_A_DEVICE
    if over <= 0:
        return
    oldest = select(DeadLetterRow.row).where(of_topic).order_by(DeadLetterRow.replayed.is_(None), DeadLetterRow.row)
    # A tenth at a time, so that a device that sends nothing else does not have them counted out for every message.
    gone = list(session.scalars(oldest.limit(over + MOST_OF_A_DEVICE // 10)))
    session.execute(delete(DeadLetterRow).where(DeadLetterRow.row.in_(gone)))
    log.warning("ingest.dead_letters.dropped", extra={"topic": topic, "rows": len(gone), "most": MOST_OF_A_DEVICE})


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
