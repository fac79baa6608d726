"""Devices, and who gets in."""

from datetime import datetime, timedelta

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from cloud_service.access import devices as registry
from cloud_service.clinic.context import Admin, ClinicPart, Viewer
from cloud_service.clinic.recordings import subject_of
from cloud_service.clinic.status import Status, shown_status
from cloud_service.database.clinic_tables import BedGroupRow, DeviceRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import ModelReportRow, RecordingRow

router = APIRouter(tags=["devices"])
STALE_AFTER_S = 6.0
"""Three statuses that did not come."""


class Device(Status):
    """A device as it last said it was. `online` also needs a sign of life in the last 6 s.

    `subject` is whose the recording is that it says it is at, `group` the ward, say, that it belongs to. It is online
    until `online_until`, if it says nothing more. What the status says is null or empty until the device has sent one.
    """

    name: str
    site: str
    subject: str | None
    group: str | None
    has_credentials: bool
    revoked: bool
    online: bool
    online_until: datetime | None
    last_seen: datetime | None
    last_seen_age_s: float | None
    said_goodbye: datetime | None


class Devices(BaseModel):
    """All devices, and the time at the clinic."""

    now: datetime
    devices: list[Device]


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
        rows = registry.devices(session)
        groups = {one.device: one.name for one in session.scalars(select(BedGroupRow))}
        return Devices(
            now=now, devices=[_device(row, now, _subject(session, row), groups.get(row.name)) for row in rows]
        )


@router.get("/devices/{name}")
def device(name: str, _login: Viewer, clinic: ClinicPart) -> Device:
    """Show one device."""
    with clinic.database.read() as session:
        row = session.get(DeviceRow, name)
        if row is None:
            raise HTTPException(404, "no such device")
        return shown_device(session, row, utc_now())


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


@router.get("/model-reports")
def model_reports(_login: Viewer, clinic: ClinicPart, device: str | None = None, limit: int = 100) -> ModelReports:
    """List what devices did with models."""
    wanted = select(ModelReportRow).order_by(ModelReportRow.received.desc()).limit(max(1, min(limit, 500)))
    if device is not None:
        wanted = wanted.where(ModelReportRow.device == device)
    with clinic.database.read() as session:
        rows = session.scalars(wanted)
        return ModelReports(reports=[ModelReport.model_validate(row, from_attributes=True) for row in rows])


def shown_device(session: Session, row: DeviceRow, now: datetime) -> Device:
    """Give a device as pages may read it at `now`."""
    group = session.get(BedGroupRow, row.name)
    return _device(row, now, _subject(session, row), None if group is None else group.name)


def is_online(row: DeviceRow, now: datetime) -> bool:
    """Whether the device said so, and said so lately."""
    return row.online and row.last_seen is not None and -1 <= (now - row.last_seen).total_seconds() < STALE_AFTER_S


def _subject(session: Session, row: DeviceRow) -> str | None:
    recording = row.status.get("recording") if isinstance(row.status, dict) else None
    opened = session.get(RecordingRow, (row.name, recording)) if isinstance(recording, str) else None
    return None if opened is None else subject_of(session, opened)


def _device(row: DeviceRow, now: datetime, subject: str | None, group: str | None) -> Device:
    return Device(
        **dict(shown_status(row.status, online=row.online, received=row.last_seen, now=now)),
        name=row.name,
        site=row.site,
        subject=subject,
        group=group,
        has_credentials=row.argon2 is not None,
        revoked=row.revoked is not None,
        online=is_online(row, now),
        online_until=row.last_seen + timedelta(seconds=STALE_AFTER_S) if row.last_seen else None,
        last_seen=row.last_seen,
        said_goodbye=row.said_goodbye,
        last_seen_age_s=round((now - row.last_seen).total_seconds(), 1) if row.last_seen else None,
    )
