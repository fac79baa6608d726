"""The audit log: a chain in which each entry's hash covers the one before, with its heads anchored elsewhere."""

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from cloud_service.access.anchors import Acceptance, Anchors, Kept
from cloud_service.access.errors import AnchorsUnreadable, AuditBroken
from cloud_service.database.clinic_tables import AuditRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database

log = logging.getLogger("bedside.audit")
GENESIS = "0" * 64
ANCHORS = "audit.anchors"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditHead:
    """The last entry, up to which entry the log is anchored outside of the database, and what was accepted as lost."""

    entries: int
    hash: str
    anchored: int = 0
    accepted: tuple[Acceptance, ...] = ()


def keep_anchors(database: Database, file: Path) -> None:
    """Keep the head of the log in `file` after every commit from now on, and the one there is.

    A file that cannot be read stops no service: that is logged, and said by `verify`.
    """
    anchors = Anchors(file)
    database.info[ANCHORS] = anchors
    with database.read() as session:
        last = _last(session)
    try:
        kept = anchors.read()
    except AnchorsUnreadable as error:
        log.error("%s; %s", error, error.advice)
        return
    if last is not None and last.hash not in kept.hashes.get(last.number, ()):
        anchors.add(last.number, last.hash)


def record(session: Session, *, actor: str, action: str, subject: str, **detail: object) -> None:
    """Append an entry in the running transaction, so that a deed and its entry are committed together or not at all."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(7251002)"))  # SQLite writers are one at a time anyway
    last = _last(session)
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
    anchors: Anchors | None = session.info.get(ANCHORS)
    if anchors is not None:
        head = (entry.number, entry.hash)
        event.listen(session, "after_commit", lambda _: anchors.add(*head), once=True)


def verify(session: Session) -> AuditHead:
    """Recompute the whole chain and hold it against its anchors.

    Raises
    ------
    AuditBroken : an entry was changed, removed or put between, the chain was computed anew, or its end was cut off;
    names the first such entry. AnchorsUnreadable : the anchors cannot be read.
    """
    anchors: Anchors | None = session.info.get(ANCHORS)
    return _verified(session, anchors.read() if anchors is not None else Kept())


def _verified(session: Session, kept: Kept) -> AuditHead:
    previous, number = GENESIS, 0
    for entry in _entries(session):
        number += 1
        if entry.number != number or entry.previous != previous or entry.hash != entry_hash(entry):
            raise AuditBroken("the audit log does not hold", entry=number)
        if not kept.agrees(number, entry.hash):
            raise AuditBroken(
                "the audit log was replaced: an entry has another hash than it was kept with", entry=number
            )
        previous = entry.hash
    if kept.last > number:
        raise AuditBroken("the end of the audit log was cut off", entries=number, anchored=kept.last)
    return AuditHead(entries=number, hash=previous, anchored=kept.last, accepted=tuple(kept.accepted))


def accept(database: Database, *, reason: str, by: str) -> Acceptance:
    """Let the log go on though anchored entries are gone or replaced, as after a restore; that is kept as well.

    Raises
    ------
    BadInput : no anchored entry is missing. AuditBroken : the chain itself does not hold, which nobody can accept.
    """
    anchors: Anchors = database.info[ANCHORS]
    kept = anchors.read()
    with database.read() as session:
        entries = _verified(session, Kept()).entries
        there = {entry.number: entry.hash for entry in _entries(session) if entry.number in kept.hashes}
    strange = [number for number in kept.hashes if number > entries or not kept.agrees(number, there[number])]
    if not strange:
        raise BadInput("the audit log holds, there is nothing to accept")
    held, until = min(strange) - 1, kept.last
    anchors.accept(held=held, until=until, reason=reason)
    with database.write() as session:
        record(session, actor=by, action="audit.accept", subject="", held=held, until=until, reason=reason)
    return anchors.read().accepted[-1]


def count(session: Session) -> int:
    """Count the entries."""
    return session.scalar(select(func.count()).select_from(AuditRow)) or 0


def entry_hash(entry: AuditRow) -> str:
    """Hash one entry together with the hash before it."""
    fields = [entry.number, entry.at, entry.actor, entry.action, entry.subject, entry.detail, entry.previous]
    return hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()


def _last(session: Session) -> AuditRow | None:
    return session.scalars(select(AuditRow).order_by(AuditRow.number.desc()).limit(1)).first()


def _entries(session: Session) -> Iterable[AuditRow]:
    return session.scalars(select(AuditRow).order_by(AuditRow.number).execution_options(yield_per=1000))
