"""Alarms as the devices hold them, and what was asked about them."""

from datetime import datetime

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.events import AlarmState, Priority
from biosignal.tasks import lookup
from biosignal.urgency import urgency
from cloud_service.clinic.command_desk import latest_about, shown_state
from cloud_service.clinic.conditions import CLINIC_ALARMS
from cloud_service.clinic.context import Clinic, ClinicPart, Engineer, Reviewer, Viewer
from cloud_service.clinic.own_alarms import OwnAlarm, alarm_of
from cloud_service.clinic.unshowable import WORDS, shown
from cloud_service.database.clinic_tables import ClinicAlarmRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import AlarmRow, CommandRow

router = APIRouter(tags=["alarms"])
MOST = 200


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
    """An alarm in the state that its owner gave it, its kind in words as `label`.

    `origin` is device or clinic: who raised it and owns it. One of the clinic's own has no recording, finding and
    sample, and no `device` where it is about the clinic; `why` says what it rests on, `ended` when it was over.
    `request` is the newest command about it, null when there was none.
    """

    origin: str
    id: str
    rev: int
    device: str | None
    recording: str | None
    finding: str | None
    kind: str
    label: str
    leads: list[str]
    priority: str
    state: str
    at: int | None
    by: str
    device_utc: str
    received: datetime
    why: str
    ended: datetime | None
    request: CommandState | None


class Alarms(BaseModel):
    """Alarms by state (active, latched, silenced, acknowledged), then by priority, then the newest first."""

    alarms: list[Alarm]


class Pause(BaseModel):
    """How long the sound shall be off."""

    seconds: int = Field(default=120, ge=10, le=600)


class Order(BaseModel):
    """A command for a device."""

    name: str = Field(pattern="^(new-model|assign-subject|discharge-subject|set-limits)$")
    arguments: dict[str, str] = Field(default_factory=dict, max_length=16)


class CommandLog(BaseModel):
    """Commands, newest first."""

    commands: list[CommandState]


@router.get("/alarms")
def alarms(_login: Viewer, clinic: ClinicPart, device: str | None = None, resolved: bool = False) -> Alarms:
    """List the alarms that are not resolved; with `resolved`, the last 200 of any state."""
    wanted = select(AlarmRow).order_by(AlarmRow.received.desc()).limit(MOST)
    if not resolved:
        wanted = wanted.where(AlarmRow.state != "resolved")
    if device is not None:
        wanted = wanted.where(AlarmRow.device == device)
    with clinic.database.read() as session:
        rows = list(session.scalars(wanted))
        newest = latest_about(session, [row.id for row in rows])
        past = own_past(session, device) if resolved else []
    own = [one for one in clinic.lookout.alarms.standing if device is None or one.device == device]
    listed = [shown_alarm(row, newest.get(row.id)) for row in rows]
    listed += [shown_own(one) for one in (*own, *past)]
    now = utc_now()
    return Alarms(alarms=sorted(listed, key=lambda one: _urgency(one, now)))


@router.post("/alarms/{alarm}/acknowledge", status_code=202)
def acknowledge(alarm: str, login: Reviewer, clinic: ClinicPart) -> Alarm:
    """Ask the device to acknowledge; the alarm changes when the device says so. The clinic's own changes at once."""
    own = clinic.lookout.alarms.acknowledge(alarm, login.name)
    if own is not None:
        return shown_own(own)
    return _ask(clinic, alarm, "acknowledge", login.name, {"alarm": alarm})


@router.post("/alarms/{alarm}/pause", status_code=202)
def pause(alarm: str, body: Pause, login: Reviewer, clinic: ClinicPart) -> Alarm:
    """Ask the device to pause the sound of an alarm; an alarm of the clinic's own has none."""
    if any(one.id == alarm for one in clinic.lookout.alarms.standing):
        raise HTTPException(409, "an alarm of the clinic's own has no sound at the bed; acknowledge it instead")
    return _ask(clinic, alarm, "pause-audio", login.name, {"alarm": alarm, "seconds": str(body.seconds)})


@router.get("/commands")
def commands(_login: Viewer, clinic: ClinicPart, device: str | None = None, limit: int = 100) -> CommandLog:
    """List what was asked of devices and what became of it."""
    wanted = select(CommandRow).order_by(CommandRow.requested.desc()).limit(max(1, min(limit, 500)))
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
    facts.update(origin="device", why="", ended=None)
    facts["request"] = shown_command(request) if request else None
    return shown(
        row,
        lambda _: Alarm(**facts, label=label),
        lambda _: Alarm(**{**facts, "leads": [], "label": f"{label}, its leads {WORDS}"}),
    )


def shown_own(alarm: OwnAlarm) -> Alarm:
    """Turn an alarm of the clinic's own into what pages read."""
    return Alarm(
        origin="clinic",
        id=alarm.id,
        rev=0,
        device=alarm.device or None,
        recording=None,
        finding=None,
        kind=alarm.kind,
        label=alarm.what.label,
        leads=[],
        priority=alarm.priority,
        state=alarm.state.value,
        at=None,
        by=alarm.by,
        device_utc=alarm.since.isoformat(),
        received=alarm.ended or alarm.acknowledged or alarm.since,
        why=alarm.why,
        ended=alarm.ended,
        request=None,
    )


def own_past(session: Session, device: str | None) -> list[OwnAlarm]:
    """Alarms of the clinic's own that are over, the newest first."""
    wanted = select(ClinicAlarmRow).where(ClinicAlarmRow.ended.is_not(None)).order_by(ClinicAlarmRow.since.desc())
    if device is not None:
        wanted = wanted.where(ClinicAlarmRow.device == device)
    return [alarm_of(row) for row in session.scalars(wanted.limit(MOST)) if row.kind in CLINIC_ALARMS]


def _urgency(alarm: Alarm, now: datetime) -> tuple[int, int, float]:
    age_s = (now - alarm.received).total_seconds()
    return urgency(AlarmState(alarm.state), Priority(alarm.priority), age_s)


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
