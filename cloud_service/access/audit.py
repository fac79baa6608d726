"""The audit log: a chain in which each entry's hash covers the one before."""

import hashlib
import json
from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from cloud_service.access.errors import AuditBroken
from cloud_service.database.clinic_tables import AuditRow
from cloud_service.database.columns import utc_now

GENESIS = "0" * 64


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditHead:
    """The last entry. Kept elsewhere, it shows that the log's end was not cut off."""

    entries: int
    hash: str


def record(session: Session, *, actor: str, action: str, subject: str, **detail: object) -> None:
    """Append an entry in the running transaction, so that a deed and its entry are committed together or not at all."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(7251002)"))  # SQLite writers are one at a time anyway
    last = session.scalars(select(AuditRow).order_by(AuditRow.number.desc()).limit(1)).first()
    entry = AuditRow(
        number=last.number + 1 if last else 1,
        at=utc_now().isoformat(timespec="milliseconds"),
        actor=actor,
        action=action,
        subject=subject,
        detail=json.dumps(detail, sort_keys=True, separators=(",", ":"), default=str),
        previous=last.hash if last else GENESIS,
        hash="",
    )
    entry.hash = entry_hash(entry)
    session.add(entry)
    session.flush()


def verify(session: Session) -> AuditHead:
    """Recompute the whole chain.

    Raises
    ------
    AuditBroken : an entry was changed, removed or put between; names the first such entry.
    """
    previous, number = GENESIS, 0
    for entry in session.scalars(select(AuditRow).order_by(AuditRow.number).execution_options(yield_per=1000)):
        number += 1
        if entry.number != number or entry.previous != previous or entry.hash != entry_hash(entry):
            raise AuditBroken("the audit log does not hold", entry=number)
        previous = entry.hash
    return AuditHead(entries=number, hash=previous)


def count(session: Session) -> int:
    """Count the entries."""
    return session.scalar(select(func.count()).select_from(AuditRow)) or 0


def entry_hash(entry: AuditRow) -> str:
    """Hash one entry together with the hash before it."""
    fields = [entry.number, entry.at, entry.actor, entry.action, entry.subject, entry.detail, entry.previous]
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
