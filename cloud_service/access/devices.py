"""Devices and their credentials for the broker."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from biosignal.wire.topics import checked_name
from cloud_service.access import audit
from cloud_service.access.errors import DeviceHasRecords, NameTaken
from cloud_service.access.passwords import hash_password, mosquitto_hash, new_password
from cloud_service.database.clinic_tables import BED, AuditRow, BedGroupRow, DeviceRow, DutyRow, SiteRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import CommandRow, EventRow, RecordingRow
from cloud_service.database.upsert import insert_or_keep

RESERVED = "clinic"
GIVES = ("device.add", "device.renew")
_BELONGING = (EventRow, RecordingRow, CommandRow)


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceCredentials:
    """What a device needs to reach the broker. The password is shown once and stored as hashes only."""

    site: str
    device: str
    username: str
    password: str


def add_device(database: Database, *, name: str, site: str, by: str, password: str | None = None) -> DeviceCredentials:
    """Register a device, or give one that only ever announced itself its first credentials.

    Raises
    ------
    NameTaken : it has credentials already, or belongs to another site. BadInput : a name cannot stand in a topic.
    """
    checked_name(name, "device name")
    checked_name(site, "site name")
    if name == RESERVED:
        raise NameTaken("that name is the clinic's own at the broker", name=name)
    password = password or new_password()
    with database.write() as session:
        device = known_device(session, name=name, site=site)
        if device.site != site or (device.argon2 and not device.revoked):
            raise NameTaken("there is a device of that name", name=name, site=device.site)
        _give(device, password)
        audit.record(session, actor=by, action="device.add", subject=name, site=site)
    return DeviceCredentials(site=site, device=name, username=name, password=password)


def renew_device(database: Database, *, name: str, by: str) -> DeviceCredentials:
    """Give a device a new password; the old one ends.

    Raises
    ------
    BadInput : there is no such device.
    """
    password = new_password()
    with database.write() as session:
        device = _existing(session, name)
        _give(device, password)
        audit.record(session, actor=by, action="device.renew", subject=name)
        return DeviceCredentials(site=device.site, device=name, username=name, password=password)


def revoke_device(database: Database, *, name: str, by: str) -> None:
    """Shut a device out of the broker; what it sent stays.

    Raises
    ------
    BadInput : there is no such device.
    """
    with database.write() as session:
        _existing(session, name).revoked = utc_now()
        audit.record(session, actor=by, action="device.revoke", subject=name)


def remove_device(database: Database, *, name: str, by: str) -> None:
    """Forget a device of which nothing is stored: one that was registered under a wrong name, say.

    Raises
    ------
    BadInput : there is no such device. DeviceHasRecords : it has sent something or been asked for something.
    """
    with database.write() as session:
        device = _existing(session, name)
        if any(session.scalar(select(exists().where(table.device == name))) for table in _BELONGING):
            raise DeviceHasRecords("what a device has sent or been asked for stays, and so does the device", name=name)
        session.execute(delete(BedGroupRow).where(BedGroupRow.device == name))
        session.execute(delete(DutyRow).where(DutyRow.of == BED, DutyRow.name == name))
        session.delete(device)
        audit.record(session, actor=by, action="device.remove", subject=name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """When a device was given its password, and by whom, as the audit log has it."""

    at: datetime
    by: str


def passwords_given(session: Session) -> dict[str, Given]:
    """When each device was last given a password."""
    wanted = select(AuditRow.subject, AuditRow.at, AuditRow.actor).where(AuditRow.action.in_(GIVES))
    rows = session.execute(wanted.order_by(AuditRow.number))
    return {name: Given(at=datetime.fromisoformat(at), by=by) for name, at, by in rows}


def known_device(session: Session, *, name: str, site: str) -> DeviceRow:
    """Find a device, or note one that the broker let in and we had not heard of."""
    device = session.get(DeviceRow, name)
    if device is not None:
        return device
    now = utc_now()
    insert_or_keep(session, SiteRow, [{"name": site, "created": now}])
    insert_or_keep(session, DeviceRow, [{"name": name, "site": site, "created": now, "online": False}])
    return session.get_one(DeviceRow, name)


def devices(session: Session) -> list[DeviceRow]:
    """All devices by name."""
    return list(session.scalars(select(DeviceRow).order_by(DeviceRow.name)))


def _existing(session: Session, name: str) -> DeviceRow:
    device = session.get(DeviceRow, name)
    if device is None:
        raise BadInput("no such device", name=name, remedy="`cloud-service device list` names them")
    return device


def _give(device: DeviceRow, password: str) -> None:
    device.argon2 = hash_password(password)
    device.pbkdf2 = mosquitto_hash(password)
    device.revoked = None
