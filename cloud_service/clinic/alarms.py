"""Alarms as the devices hold them, and what was asked about them."""

from datetime import datetime

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select

from biosignal.tasks import lookup
from cloud_service.clinic.command_desk import latest_about, shown_state
from cloud_service.clinic.context import Clinic, ClinicPart, Engineer, Reviewer, Viewer
from cloud_service.clinic.unshowable import WORDS, shown
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import AlarmRow, CommandRow

router = APIRouter(tags=["alarms"])
PRIORITY_ORDER = {"high": 0, "medium": 1, "low": 2, "none": 3}


class CommandState(BaseModel):
    """A command. `state`: requested, sent (no answer yet), unsent, done, refused, expired."""

    id: str
    device: str
    name: str
    issuer: str
    arguments: dict[str, str]
    about: str | None
    state: str
    requested: datetime
    expires: datetime
    sent: datetime | None
    answered: datetime | None
    reason: str


class Alarm(BaseModel):
    """An alarm in the state its device gave it, its kind in words as `label`.

    `request` is the newest command about it, null when there was none.
    """

    id: str
    rev: int
    device: str
    recording: str
    finding: str
    kind: str
    label: str
    leads: list[str]
    priority: str
    state: str
    at: int
    by: str
    device_utc: str
    received: datetime
    request: CommandState | None


class Alarms(BaseModel):
    """Alarms, the highest priority first, then the newest."""

    alarms: list[Alarm]


class Pause(BaseModel):
    """How long the sound shall be off."""

    seconds: int = Field(default=120, ge=10, le=600)


class Order(BaseModel):
    """A command for a device."""

    name: str = Field(pattern="^(new-model|assign-subject|set-limits)$")
    arguments: dict[str, str] = Field(default_factory=dict, max_length=16)


class CommandLog(BaseModel):
    """Commands, newest first."""

    commands: list[CommandState]


@router.get("/alarms")
def alarms(_login: Viewer, clinic: ClinicPart, device: str | None = None, resolved: bool = False) -> Alarms:
    """List the alarms that are not resolved; with `resolved`, the last 200 of any state."""
    wanted = select(AlarmRow).order_by(AlarmRow.received.desc()).limit(200)
    if not resolved:
        wanted = wanted.where(AlarmRow.state != "resolved")
    if device is not None:
        wanted = wanted.where(AlarmRow.device == device)
    with clinic.database.read() as session:
        rows = list(session.scalars(wanted))
        requests = latest_about(session, [row.id for row in rows])
    rows.sort(key=lambda row: PRIORITY_ORDER.get(row.priority, 9))
    return Alarms(alarms=[shown_alarm(row, requests.get(row.id)) for row in rows])


@router.post("/alarms/{alarm}/acknowledge", status_code=202)
def acknowledge(alarm: str, login: Reviewer, clinic: ClinicPart) -> Alarm:
    """Ask the device to acknowledge; the alarm changes when the device says so."""
    return _ask(clinic, alarm, "acknowledge", login.name, {"alarm": alarm})


@router.post("/alarms/{alarm}/pause", status_code=202)
def pause(alarm: str, body: Pause, login: Reviewer, clinic: ClinicPart) -> Alarm:
    """Ask the device to pause the sound of an alarm."""
    return _ask(clinic, alarm, "pause-audio", login.name, {"alarm": alarm, "seconds": str(body.seconds)})


@router.get("/commands")
def commands(_login: Viewer, clinic: ClinicPart, device: str | None = None, limit: int = 100) -> CommandLog:
    """List what was asked of devices and what became of it."""
    wanted = select(CommandRow).order_by(CommandRow.requested.desc()).limit(min(limit, 500))
    if device is not None:
        wanted = wanted.where(CommandRow.device == device)
    with clinic.database.read() as session:
        return CommandLog(commands=[shown_command(row) for row in session.scalars(wanted)])


@router.post("/devices/{name}/commands", status_code=202)
def order(name: str, body: Order, login: Engineer, clinic: ClinicPart) -> CommandState:
    """Send a device a command of the engineer's."""
    row = clinic.commands.send(
        device=name, name=body.name, issuer=login.name, arguments=body.arguments, valid_s=15 * 60
    )
    if row.state == "unsent":
        raise HTTPException(503, "the broker cannot be reached; nothing was sent")
    return shown_command(row)


def shown_command(row: CommandRow) -> CommandState:
    """Turn a row into what pages read."""
    shown = CommandState.model_validate(row, from_attributes=True)
    return shown.model_copy(update={"state": shown_state(row, utc_now())})


def shown_alarm(row: AlarmRow, request: CommandRow | None) -> Alarm:
    """Turn a row into what pages read."""
    label = lookup.finding_kind(row.kind).label
    facts = {name: getattr(row, name) for name in Alarm.model_fields if hasattr(row, name)}
    facts["request"] = shown_command(request) if request else None
    return shown(
        row,
        lambda _: Alarm(**facts, label=label),
        lambda _: Alarm(**{**facts, "leads": [], "label": f"{label}, its leads {WORDS}"}),
    )


def _ask(clinic: Clinic, alarm: str, name: str, issuer: str, arguments: dict[str, str]) -> Alarm:
    with clinic.database.read() as session:
        row = session.get(AlarmRow, alarm)
    if row is None:
        raise HTTPException(404, "no such alarm")
    if row.state == "resolved":
        raise HTTPException(409, "the alarm is over")
    command = clinic.commands.send(device=row.device, name=name, issuer=issuer, arguments=arguments, about=alarm)
    if command.state == "unsent":
        raise HTTPException(503, "the broker cannot be reached; the alarm stays as it is")
    return shown_alarm(row, command)
