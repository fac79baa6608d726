"""Patients by their pseudonyms: which bed they are in, what was found and measured, admission, transfer, discharge.

A patient is whom a device says that its recording belongs to; the clinic keeps no list of its own beside that. So an
admission is a request to a device, and the patient is in the bed when the device has opened a recording of theirs.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from biosignal.events import AlarmState
from biosignal.wire.topics import checked_name
from cloud_service.clinic.alarms import CommandState, shown_command
from cloud_service.clinic.context import Clinic, ClinicPart, Reviewer, Viewer
from cloud_service.clinic.recordings import began_of
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.event_tables import AlarmRow, RecordingEndRow, RecordingRow, SubjectRow

router = APIRouter(tags=["patients"])
VALID_S = 60.0
LONGEST_S = 1e9


class Stay(BaseModel):
    """A recording of a patient; times are of the device's clock, or of arrival where it knew none (`by_arrival`)."""

    device: str
    recording: str
    began: datetime
    by_arrival: bool
    ended: datetime | None
    reason: str | None


class Patient(BaseModel):
    """A patient; `bed` is null for one who lies in none. `alarms` stand there now."""

    subject: str
    bed: str | None
    since: datetime
    last: datetime
    recordings: int
    alarms: int


class Patients(BaseModel):
    """Those in a bed first, then the latest."""

    patients: list[Patient]


class PatientDetail(Patient):
    """A patient with their recordings, the newest first."""

    stays: list[Stay]


class Admission(BaseModel):
    """A pseudonym for the patient who lies in a bed from now on."""

    subject: str = Field(min_length=1, max_length=64)


class Transfer(BaseModel):
    """The bed that a patient goes to."""

    to: str = Field(max_length=64)


@dataclass(frozen=True, slots=True)
class Kept:
    """A recording of a patient, with when it began and ended."""

    row: RecordingRow
    stay: Stay

    def time_of(self, seconds: float) -> datetime:
        """When it was so many seconds into the recording; what a device counts wrong moves by thirty years at most."""
        return self.stay.began + timedelta(seconds=_bounded(seconds))

    def seconds(self, samples: float, fs_hz: float | None = None) -> float:
        """How long so many samples last, at the recording's own rate where none is given; 0 where that is no rate."""
        rate = fs_hz or self.row.fs_hz
        return samples / rate if rate > 0 and math.isfinite(rate) else 0.0


@router.get("/patients")
def patients(_login: Viewer, clinic: ClinicPart) -> Patients:
    """List the patients of whom there are recordings."""
    with clinic.database.read() as session:
        by_subject = _recordings(session)
        listed = [_patient(session, subject, kept) for subject, kept in by_subject.items()]
    return Patients(patients=sorted(listed, key=lambda one: (one.bed is None, -one.last.timestamp())))


@router.get("/patients/{subject}")
def patient(subject: str, _login: Viewer, clinic: ClinicPart) -> PatientDetail:
    """Show one patient."""
    with clinic.database.read() as session:
        kept = recordings_of(session, subject)
        stays = sorted((one.stay for one in kept), key=lambda stay: stay.began, reverse=True)
        return PatientDetail(**_patient(session, subject, kept).model_dump(), stays=stays)


@router.post("/devices/{name}/admit", status_code=202)
def admit(name: str, body: Admission, login: Reviewer, clinic: ClinicPart) -> CommandState:
    """Ask a device to record for a patient from now on; one who lies there is discharged by that.

    Raises
    ------
    BadInput : no pseudonym that can stand in an address.
    """
    return _ask(clinic, name, "assign-subject", login.name, subject=checked_name(body.subject, "a pseudonym"))


@router.post("/devices/{name}/discharge", status_code=202)
def discharge(name: str, login: Reviewer, clinic: ClinicPart) -> CommandState:
    """Ask a device to record for nobody from now on."""
    return _ask(clinic, name, "discharge-subject", login.name)


@router.post("/patients/{subject}/transfer", status_code=202)
def transfer(subject: str, body: Transfer, login: Reviewer, clinic: ClinicPart) -> CommandState:
    """Ask the other bed to record for a patient, then the one where they lay to record for nobody."""
    with clinic.database.read() as session:
        bed = _bed(session, subject, recordings_of(session, subject))
    if bed == body.to:
        raise HTTPException(409, "the patient lies in that bed")
    moved = _ask(clinic, body.to, "assign-subject", login.name, subject=checked_name(subject, "a pseudonym"))
    if bed is not None:
        _ask(clinic, bed, "discharge-subject", login.name)
    return moved


def _ask(clinic: Clinic, device: str, name: str, issuer: str, **arguments: str) -> CommandState:
    about = f"bed:{device}"
    row = clinic.commands.send(
        device=device, name=name, issuer=issuer, arguments=arguments, about=about, valid_s=VALID_S
    )
    if row.state == "unsent":
        raise HTTPException(503, "the broker cannot be reached; nothing was asked")
    return shown_command(row)


def _recordings(session: Session, subject: str | None = None) -> dict[str, list[Kept]]:
    """Recordings by whose they are; of one patient, or of all."""
    assigned = {
        (row.device, row.recording): row.subject for row in session.scalars(select(SubjectRow).order_by(SubjectRow.at))
    }
    ends = {(row.device, row.recording): row for row in session.scalars(select(RecordingEndRow))}
    found: dict[str, list[Kept]] = defaultdict(list)
    for row in session.scalars(select(RecordingRow).order_by(RecordingRow.received)):
        whose = assigned.get((row.device, row.id)) or row.subject
        if whose is not None and subject in (None, whose):
            found[whose].append(Kept(row, _stay(row, ends.get((row.device, row.id)))))
    return found


def recordings_of(session: Session, subject: str) -> list[Kept]:
    """Give the recordings of a patient in the order in which they arrived.

    Raises
    ------
    HTTPException : 404, there are none.
    """
    kept = _recordings(session, subject).get(subject)
    if not kept:
        raise HTTPException(404, "no such patient")
    return kept


def _stay(row: RecordingRow, end: RecordingEndRow | None) -> Stay:
    said = began_of(row)
    began, by_arrival = (row.received, True) if said is None else (said, False)
    lasted_s = _bounded(end.end / row.fs_hz) if end is not None and row.fs_hz > 0 else 0.0
    ended = began + timedelta(seconds=lasted_s) if end is not None else None
    reason = end.reason if end is not None else None
    return Stay(device=row.device, recording=row.id, began=began, by_arrival=by_arrival, ended=ended, reason=reason)


def _bounded(seconds: float) -> float:
    return max(-LONGEST_S, min(seconds, LONGEST_S)) if math.isfinite(seconds) else 0.0


def _bed(session: Session, subject: str, kept: Sequence[Kept]) -> str | None:
    """The bed whose newest recording is this patient's, and not over."""
    last = kept[-1]
    newest = select(func.max(RecordingRow.received)).where(RecordingRow.device == last.row.device)
    is_newest = session.scalar(newest) == last.row.received
    return last.row.device if is_newest and last.stay.ended is None else None


def _patient(session: Session, subject: str, kept: Sequence[Kept]) -> Patient:
    bed = _bed(session, subject, kept)
    standing = select(func.count()).where(
        AlarmRow.recording == kept[-1].row.id, AlarmRow.state != AlarmState.RESOLVED.value
    )
    device = session.get(DeviceRow, bed) if bed is not None else None
    lasts = [one.stay.ended or one.stay.began for one in kept]
    return Patient(
        subject=subject,
        bed=bed,
        since=min(one.stay.began for one in kept),
        last=max([*lasts, *([device.last_seen] if device is not None and device.last_seen is not None else [])]),
        recordings=len(kept),
        alarms=(session.scalar(standing) or 0) if bed is not None else 0,
    )
