"""For engineers and administrators: health, metrics, dead letters, audit log."""

from datetime import datetime

from fastapi import APIRouter, HTTPException, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from cloud_service.access import audit
from cloud_service.access.certificate_ends import CertificateWatch
from cloud_service.access.errors import AuditBroken
from cloud_service.access.roles import Role
from cloud_service.clinic.context import Admin, ClinicPart, Engineer, RowNumber, address_of, login_of
from cloud_service.clinic.metrics import exposition
from cloud_service.database.clinic_tables import AuditRow
from cloud_service.database.columns import utc_now
from cloud_service.ingest import dead_letters
from cloud_service.ingest.commit import replay
from cloud_service.pulse import Part
from cloud_service.settings import is_loopback

router = APIRouter(tags=["operations"])
outside_api = APIRouter(tags=["operations"])


class PartState(BaseModel):
    """A thread, task or child process of the clinic. `age_s` since it last came round; beyond `limit_s` it stands."""

    name: str
    age_s: float
    limit_s: float
    restarts: int
    why_still: str


class CertificateState(BaseModel):
    """What a certificate is for, when it ends, and whether it is to be renewed now."""

    name: str
    ends: datetime
    ends_soon: bool


class Health(BaseModel):
    """`ok` when the database answers, events are stored and every part comes round; `why` names what does not.

    `broker` is null where no broker is set, `ingest` where another process stores the events. A certificate that ends
    soon is an alarm, and does not make it not `ok`.
    """

    ok: bool
    why: str
    database: bool
    ingest: bool | None
    ingest_why: str
    broker: bool | None
    broker_why: str
    parts: list[PartState]
    certificates: list[CertificateState]


class DeadLetter(BaseModel):
    """A message that could not be stored; `payload` is its beginning, as text."""

    row: int
    topic: str
    reason: str
    first: datetime
    last: datetime
    times: int
    length: int
    payload: str


class DeadLetters(BaseModel):
    """Those that wait, oldest first."""

    waiting: int
    dead_letters: list[DeadLetter]


class Replayed(BaseModel):
    """How a replay went."""

    stored: int
    still_refused: int


class AuditEntry(BaseModel):
    """One entry of the audit log."""

    number: int
    at: str
    actor: str
    action: str
    subject: str
    detail: str
    hash: str


class AuditLog(BaseModel):
    """Entries, newest first."""

    entries: list[AuditEntry]


class AuditCheck(BaseModel):
    """Whether the log holds, by its chain and by its anchors outside of the database, which reach up to `anchored`.

    `accepted` are sentences about entries that are gone or replaced for a reason that a person has given.
    """

    holds: bool
    entries: int
    head: str
    why: str
    anchored: int = 0
    accepted: list[str] = []


@outside_api.get("/healthz")
def health(clinic: ClinicPart, response: Response) -> Health:
    """Whether the service can do its work."""
    try:
        with clinic.database.read() as session:
            session.execute(text("SELECT 1"))
        database = True
    except SQLAlchemyError:
        database = False
    why_still = clinic.worker.why_still() if clinic.worker else ""
    parts = [_part(part) for part in clinic.lookout.parts]
    why = [*(["the database does not answer"] if not database else []), *([why_still] if why_still else [])]
    why += [part.why_still for part in parts if part.why_still and part.why_still not in why]
    response.status_code = 503 if why else 200
    link = clinic.link
    return Health(
        ok=not why,
        why="; ".join(why),
        database=database,
        ingest=not why_still if clinic.worker else None,
        ingest_why=why_still if clinic.worker else "this process stores no events",
        broker=link.connected if link else None,
        broker_why=link.why_down if link else "no broker is set",
        parts=parts,
        certificates=_certificates(clinic.lookout.certificates),
    )


@outside_api.get("/metrics")
def metrics(request: Request, clinic: ClinicPart) -> Response:
    """Prometheus metrics; from beyond this machine an engineer's login is needed."""
    if not is_loopback(address_of(request)):
        login = login_of(request)
        if login is None or not login.role.covers(Role.ENGINEER):
            raise HTTPException(403, "metrics are for this machine, or for engineers")
    return Response(exposition(clinic), media_type=CONTENT_TYPE_LATEST)


@router.get("/dead-letters")
def letters(_login: Engineer, clinic: ClinicPart) -> DeadLetters:
    """List what could not be stored."""
    with clinic.database.read() as session:
        rows = dead_letters.waiting(session)
        waiting = dead_letters.count(session)
    shown = [
        DeadLetter(
            row=row.row,
            topic=row.topic,
            reason=row.reason,
            first=row.first,
            last=row.last,
            times=row.times,
            length=len(row.payload),
            payload=row.payload[:2000].decode("utf-8", "replace"),
        )
        for row in rows
    ]
    return DeadLetters(waiting=waiting, dead_letters=shown)


@router.post("/dead-letters/replay")
def replay_letters(login: Engineer, clinic: ClinicPart) -> Replayed:
    """Try the dead letters again."""
    done = replay(clinic.database)
    with clinic.database.write() as session:
        audit.record(session, actor=login.name, action="dead-letters.replay", subject="", stored=done.new)
    return Replayed(stored=done.new, still_refused=done.refused)


@router.get("/audit")
def audit_log(_login: Admin, clinic: ClinicPart, before: RowNumber | None = None, limit: int = 100) -> AuditLog:
    """List the audit log."""
    wanted = select(AuditRow).order_by(AuditRow.number.desc()).limit(max(1, min(limit, 500)))
    if before is not None:
        wanted = wanted.where(AuditRow.number < before)
    with clinic.database.read() as session:
        rows = session.scalars(wanted)
        return AuditLog(entries=[AuditEntry.model_validate(row, from_attributes=True) for row in rows])


@router.get("/audit/verify")
def verify_audit(_login: Admin, clinic: ClinicPart) -> AuditCheck:
    """Recompute the chain of the audit log."""
    with clinic.database.read() as session:
        try:
            head = audit.verify(session)
        except AuditBroken as error:
            return AuditCheck(holds=False, entries=audit.count(session), head="", why=str(error))
    accepted = [f"entries {one.held + 1} to {one.until}, at {one.at}: {one.reason}" for one in head.accepted]
    return AuditCheck(
        holds=True, entries=head.entries, head=head.hash, why="", anchored=head.anchored, accepted=accepted
    )


def _certificates(watch: CertificateWatch | None) -> list[CertificateState]:
    now = utc_now()
    ends = watch.ends if watch is not None else ()
    return [CertificateState(name=one.name, ends=one.ends, ends_soon=one.is_soon(now)) for one in ends]


def _part(part: Part) -> PartState:
    return PartState(
        name=part.name,
        age_s=round(part.age_s, 1),
        limit_s=part.limit_s,
        restarts=part.restarts,
        why_still=part.why_still(),
    )
