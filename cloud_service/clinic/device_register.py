"""The register of devices, for engineers: what each is, new passwords, and those that are forgotten."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from cloud_service.access import devices as registry
from cloud_service.clinic.context import Admin, ClinicPart, Engineer
from cloud_service.clinic.devices import Credentials, Device, shown_device
from cloud_service.database.columns import utc_now

router = APIRouter(tags=["devices"])


class Registered(BaseModel):
    """A device, since when it is known, and when and by whom it was given its password, as the audit log says."""

    device: Device
    created: datetime
    password_given: datetime | None
    password_by: str | None


class Register(BaseModel):
    """All devices, those that are shut out as well, and the time at the clinic."""

    now: datetime
    devices: list[Registered]


@router.get("/device-register")
def register(_login: Engineer, clinic: ClinicPart) -> Register:
    """List every device with what it said of itself and of what it is given."""
    now = utc_now()
    with clinic.database.read() as session:
        given = registry.passwords_given(session)
        rows = registry.devices(session)
        shown = [(shown_device(session, row, now), row.created, given.get(row.name)) for row in rows]
    return Register(
        now=now,
        devices=[
            Registered(
                device=device,
                created=created,
                password_given=None if one is None else one.at,
                password_by=None if one is None else one.by,
            )
            for device, created, one in shown
        ],
    )


@router.post("/devices/{name}/renew")
def renew_device(name: str, login: Admin, clinic: ClinicPart) -> Credentials:
    """Give a device a new password, also one that was shut out; the old one ends."""
    made = registry.renew_device(clinic.database, name=name, by=login.name)
    clinic.on_devices_changed()
    return Credentials(site=made.site, device=made.device, username=made.username, password=made.password)


@router.post("/devices/{name}/remove", status_code=204)
def remove_device(name: str, login: Admin, clinic: ClinicPart) -> None:
    """Forget a device of which nothing is stored."""
    registry.remove_device(clinic.database, name=name, by=login.name)
    clinic.on_devices_changed()
