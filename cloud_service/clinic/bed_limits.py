"""Limits of a bed: what is in force by the device's own word, what may be set, who changed what, and profiles."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from biosignal.tasks import TASKS
from biosignal.tasks.task import BedsideLimit
from biosignal.wire.topics import checked_name
from cloud_service.access import audit
from cloud_service.clinic.alarms import CommandState, shown_command
from cloud_service.clinic.context import Clinic, ClinicPart, Reviewer, Viewer
from cloud_service.database.clinic_tables import DeviceRow, LimitProfileRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import CommandRow

router = APIRouter(tags=["devices"])
VALID_S = 60.0
MOST_CHANGES = 20
COMMAND = "set-limits"
Values = dict[str, dict[str, float]]
"""By task and name."""


class Limit(BaseModel):
    """A limit that is set for a patient; `value` is in force there, null where the device is too old to say."""

    task: str
    name: str
    label: str
    unit: str
    least: float
    most: float
    step: float
    usual: float
    value: float | None


class BedLimits(BaseModel):
    """Limits of a bed, the newest changes first. `others` are limits of engineers, not the declared ones."""

    limits: list[Limit]
    others: dict[str, float]
    changes: list[CommandState]


class NewLimits(BaseModel):
    """Limits by task and name; those that are left out stay as they are."""

    values: Annotated[Values, Field(max_length=64)]


class Profile(BaseModel):
    """Limits under a name."""

    name: str
    values: Values
    made_by: str
    at: datetime


class Profiles(BaseModel):
    """All profiles by name."""

    profiles: list[Profile]


@router.get("/devices/{name}/limits")
def limits(name: str, _login: Viewer, clinic: ClinicPart) -> BedLimits:
    """Show the limits of a bed."""
    with clinic.database.read() as session:
        device = _device(session, name)
        newest = select(CommandRow).where(CommandRow.device == name, CommandRow.name == COMMAND)
        rows = session.scalars(newest.order_by(CommandRow.requested.desc()).limit(MOST_CHANGES))
        changes = [shown_command(row) for row in rows]
    said = _said(device)
    here = [_shown(task, one, said) for task, one in _bedside().values()]
    known = {(task, one.name) for task, one in _bedside().values()}
    others = {f"{task} {name}": value for (task, name), value in (said or {}).items() if (task, name) not in known}
    return BedLimits(limits=here, others=others, changes=changes)


@router.post("/devices/{name}/limits", status_code=202)
def set_limits(name: str, new: NewLimits, login: Reviewer, clinic: ClinicPart) -> list[CommandState]:
    """Ask a device to take other limits for the patient who lies there: one command a task."""
    checked = _checked(new.values)
    with clinic.database.read() as session:
        _device(session, name)
    return [_ask(clinic, name, login.name, task, values) for task, values in checked.items()]


@router.get("/limit-profiles")
def profiles(_login: Viewer, clinic: ClinicPart) -> Profiles:
    """List the profiles."""
    with clinic.database.read() as session:
        rows = session.scalars(select(LimitProfileRow).order_by(LimitProfileRow.name))
        return Profiles(profiles=[Profile.model_validate(row, from_attributes=True) for row in rows])


@router.put("/limit-profiles/{profile}", status_code=204)
def keep_profile(profile: str, new: NewLimits, login: Reviewer, clinic: ClinicPart) -> None:
    """Keep limits under a name; one of that name takes their place."""
    name, values = checked_name(profile, "a profile"), _checked(new.values)
    with clinic.database.write() as session:
        session.merge(LimitProfileRow(name=name, values=values, made_by=login.name, at=utc_now()))
        audit.record(session, actor=login.name, action="limits.profile", subject=name, values=values)


@router.delete("/limit-profiles/{profile}", status_code=204)
def drop_profile(profile: str, login: Reviewer, clinic: ClinicPart) -> None:
    """Let a profile go; beds that have its limits keep them."""
    with clinic.database.write() as session:
        row = session.get(LimitProfileRow, profile)
        if row is None:
            raise HTTPException(404, "no such profile")
        session.delete(row)
        audit.record(session, actor=login.name, action="limits.profile.drop", subject=profile, values=row.values)


def _bedside() -> dict[tuple[str, str], tuple[str, BedsideLimit]]:
    return {(task.name, one.name): (task.name, one) for task in TASKS.values() for one in task.bedside}


def _shown(task: str, one: BedsideLimit, said: dict[tuple[str, str], float] | None) -> Limit:
    declared = TASKS[task].limits
    usual = float(getattr(declared(), one.name)) if declared is not None else 0.0
    value = None if said is None else said.get((task, one.name), usual)
    facts = {name: getattr(one, name) for name in ("name", "label", "unit", "least", "most", "step")}
    return Limit(task=task, usual=usual, value=value, **facts)


def _said(device: DeviceRow) -> dict[tuple[str, str], float] | None:
    """What a device last said of its limits; None where it said nothing, or what it said cannot be read."""
    listed: Any = device.status.get("limits") if isinstance(device.status, dict) else None
    if listed is None:
        return None
    try:
        return {(str(one["task"]), str(one["name"])): float(one["value"]) for one in listed}
    except (TypeError, KeyError, ValueError):
        return None


def _checked(values: Values) -> Values:
    """Take limits that may be set for a patient, each in its range.

    Raises
    ------
    BadInput : one that may not, one out of its range, or none at all.
    """
    known = _bedside()
    for task, named in values.items():
        for name, value in named.items():
            if (task, name) not in known:
                raise BadInput("this limit is not set at the bed", task=task[:64], limit=name[:64])
            _, one = known[task, name]
            if not one.least <= value <= one.most:
                raise BadInput(f"{one.label}: out of its range", value=value, least=one.least, most=one.most)
    if not any(values.values()):
        raise BadInput("there is no limit to set")
    return {task: named for task, named in values.items() if named}


def _ask(clinic: Clinic, device: str, issuer: str, task: str, values: dict[str, float]) -> CommandState:
    arguments = {"task": task, **{name: f"{value:g}" for name, value in values.items()}}
    row = clinic.commands.send(
        device=device, name=COMMAND, issuer=issuer, arguments=arguments, about=f"limits:{device}", valid_s=VALID_S
    )
    if row.state == "unsent":
        raise HTTPException(503, "the broker cannot be reached; nothing was asked")
    return shown_command(row)


def _device(session: Session, name: str) -> DeviceRow:
    row = session.get(DeviceRow, name)
    if row is None:
        raise HTTPException(404, "no such device")
    return row
