"""Devices, their recordings, and who gets in."""

from datetime import datetime

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select

from cloud_service.access import devices as registry
from cloud_service.clinic.context import Admin, ClinicPart, Viewer
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import (
    LossRow,
    ModelReportRow,
    RecordingEndRow,
    RecordingRow,
    SubjectRow,
    TrendRow,
)

router = APIRouter(tags=["devices"])
STALE_AFTER_S = 15.0


class Device(BaseModel):
    """A device as it last said it was. `online` also needs a sign of life in the last 15 s.

    Everything from `recording` on is null until the device has sent a status; when not online, it is of the past.
    """

    name: str
    site: str
    has_credentials: bool
    revoked: bool
    online: bool
    last_seen: datetime | None
    last_seen_age_s: float | None
    recording: str | None = None
    sample: int | None = None
    lead: str | None = None
    fs_hz: float | None = None
    bpm: float | None = None
    quality: str | None = None
    alarm: str | None = None
    alarm_kind: str | None = None
    rung: str | None = None
    rung_reason: str | None = None
    bundles: dict[str, str] | None = None
    outbox: int | None = None
    explainer: str | None = None
    version: str | None = None


class Devices(BaseModel):
    """All devices."""

    devices: list[Device]


class Recording(BaseModel):
    """A recording; `end` and `closed_reason` are null while it runs."""

    id: str
    device: str
    source: str
    leads: list[str]
    unit: str
    fs_hz: float
    started_utc: str | None
    subject: str | None
    previous: str | None
    received: datetime
    end: int | None
    closed_reason: str | None


class Recordings(BaseModel):
    """Recordings, newest first."""

    recordings: list[Recording]


class TrendPoint(BaseModel):
    """A minute in numbers."""

    lead: str
    start: int
    end: int
    beats: int
    bpm_mean: float | None
    v_beats: int
    usable_fraction: float


class Loss(BaseModel):
    """Samples that do not exist."""

    start: int
    length: int
    reason: str


class Course(BaseModel):
    """How a recording went."""

    recording: Recording
    trends: list[TrendPoint]
    losses: list[Loss]


class ModelReport(BaseModel):
    """What a device did with a model."""

    id: str
    device: str
    task: str
    bundle: str
    previous: str | None
    step: str
    reason: str
    rung: str
    recording: str | None
    at: int
    windows_missed: int
    received: datetime


class ModelReports(BaseModel):
    """Model reports, newest first."""

    reports: list[ModelReport]


class NewDevice(BaseModel):
    """A device to register."""

    name: str = Field(max_length=64)
    site: str = Field(max_length=64)


class Credentials(BaseModel):
    """What the device needs for the broker; the password is shown this once."""

    site: str
    device: str
    username: str
    password: str


@router.get("/devices")
def devices(_login: Viewer, clinic: ClinicPart) -> Devices:
    """List all devices."""
    now = utc_now()
    with clinic.database.read() as session:
        return Devices(devices=[_device(row, now) for row in registry.devices(session)])


@router.get("/devices/{name}")
def device(name: str, _login: Viewer, clinic: ClinicPart) -> Device:
    """Show one device."""
    with clinic.database.read() as session:
        row = session.get(DeviceRow, name)
    if row is None:
        raise HTTPException(404, "no such device")
    return _device(row, utc_now())


@router.post("/devices", status_code=201)
def add_device(new: NewDevice, login: Admin, clinic: ClinicPart) -> Credentials:
    """Register a device and make its credentials."""
    made = registry.add_device(clinic.database, name=new.name, site=new.site, by=login.name)
    clinic.on_devices_changed()
    return Credentials(site=made.site, device=made.device, username=made.username, password=made.password)


@router.post("/devices/{name}/revoke", status_code=204)
def revoke_device(name: str, login: Admin, clinic: ClinicPart) -> None:
    """Shut a device out."""
    registry.revoke_device(clinic.database, name=name, by=login.name)
    clinic.on_devices_changed()


@router.get("/recordings")
def recordings(_login: Viewer, clinic: ClinicPart, device: str | None = None, limit: int = 100) -> Recordings:
    """List recordings."""
    wanted = select(RecordingRow).order_by(RecordingRow.received.desc()).limit(min(limit, 500))
    if device is not None:
        wanted = wanted.where(RecordingRow.device == device)
    with clinic.database.read() as session:
        rows = list(session.scalars(wanted))
        ids = [row.id for row in rows]
        ends = {
            (row.device, row.recording): row
            for row in session.scalars(select(RecordingEndRow).where(RecordingEndRow.recording.in_(ids)))
        }
        assigned = select(SubjectRow).where(SubjectRow.recording.in_(ids)).order_by(SubjectRow.at)
        subjects = {(row.device, row.recording): row.subject for row in session.scalars(assigned)}
    return Recordings(
        recordings=[_recording(row, ends.get((row.device, row.id)), subjects.get((row.device, row.id))) for row in rows]
    )


@router.get("/devices/{name}/recordings/{recording}")
def course(name: str, recording: str, _login: Viewer, clinic: ClinicPart) -> Course:
    """Show one recording with its minutes and its losses."""
    with clinic.database.read() as session:
        row = session.get(RecordingRow, (name, recording))
        if row is None:
            raise HTTPException(404, "no such recording")
        end = session.get(RecordingEndRow, (name, recording))
        assigned = select(SubjectRow).where(SubjectRow.device == name, SubjectRow.recording == recording)
        subject = session.scalars(assigned.order_by(SubjectRow.at.desc()).limit(1)).first()
        trend_rows = session.scalars(
            select(TrendRow).where(TrendRow.device == name, TrendRow.recording == recording).order_by(TrendRow.start)
        )
        trends = [TrendPoint.model_validate(one, from_attributes=True) for one in trend_rows]
        loss_rows = session.scalars(
            select(LossRow).where(LossRow.device == name, LossRow.recording == recording).order_by(LossRow.start)
        )
        losses = [Loss.model_validate(one, from_attributes=True) for one in loss_rows]
    return Course(recording=_recording(row, end, subject.subject if subject else None), trends=trends, losses=losses)


@router.get("/model-reports")
def model_reports(_login: Viewer, clinic: ClinicPart, device: str | None = None, limit: int = 100) -> ModelReports:
    """List what devices did with models."""
    wanted = select(ModelReportRow).order_by(ModelReportRow.received.desc()).limit(min(limit, 500))
    if device is not None:
        wanted = wanted.where(ModelReportRow.device == device)
    with clinic.database.read() as session:
        rows = session.scalars(wanted)
        return ModelReports(reports=[ModelReport.model_validate(row, from_attributes=True) for row in rows])


def is_online(row: DeviceRow, now: datetime) -> bool:
    """Tell whether the device said so, and said so lately."""
    return row.online and row.last_seen is not None and (now - row.last_seen).total_seconds() < STALE_AFTER_S


def _device(row: DeviceRow, now: datetime) -> Device:
    status = dict(row.status or {})
    said = {name: status.get(name) for name in Device.model_fields if name in status and name != "online"}
    if "bundles" in said:
        said["bundles"] = dict(status["bundles"])
    known = {
        "name": row.name,
        "site": row.site,
        "has_credentials": row.argon2 is not None,
        "revoked": row.revoked is not None,
        "online": is_online(row, now),
        "last_seen": row.last_seen,
        "last_seen_age_s": round((now - row.last_seen).total_seconds(), 1) if row.last_seen else None,
    }
    return Device.model_validate({**said, **known})


def _recording(row: RecordingRow, end: RecordingEndRow | None, subject: str | None) -> Recording:
    facts = {name: getattr(row, name) for name in Recording.model_fields if hasattr(row, name)}
    return Recording(
        **{
            **facts,
            "subject": subject or row.subject,
            "end": end.end if end else None,
            "closed_reason": end.reason if end else None,
        }
    )
