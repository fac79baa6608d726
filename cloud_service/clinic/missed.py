"""What did not come of live waves: lost by the device itself, kept by the clinic, or asked of the device."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from cloud_service.clinic.context import Clinic, ClinicPart, Viewer
from cloud_service.clinic.devices import is_online
from cloud_service.clinic.disclosure import FETCH_VALID_S, LAST_S, MOST_S
from cloud_service.clinic.waves import Wave, shown_chunk
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import CommandRow, LossRow, RecordingRow

router = APIRouter(tags=["live"])
FETCH = "fetch-waves"
AGAIN = timedelta(seconds=15)
"""However many pages look, a device is asked for a recording's waves once in so long: live pages keep a minute."""
REFUSED_FOR = timedelta(minutes=10)
"""A device that says no, because its owner keeps waves on it, is left alone for so long."""
MOST_LEADS = 64


class Hole(BaseModel):
    """Seconds [start_s, end_s) of a recording of which live waves did not come; `ask`: the device may be asked."""

    recording: str = Field(max_length=200)
    start_s: float = Field(ge=0, le=LAST_S)
    end_s: float = Field(gt=0, le=LAST_S)
    leads: list[str] = Field(max_length=MOST_LEADS)
    ask: bool = False


class Lost(BaseModel):
    """Seconds [start_s, end_s) that the device itself has no samples of, and why."""

    start_s: float
    end_s: float
    reason: str


class Missed(BaseModel):
    """What is known of a hole. `asked` is the state of the last command that asked the device, if there is one."""

    losses: list[Lost]
    pieces: list[Wave]
    asked: str | None


@router.post("/devices/{name}/missed")
def missed(name: str, hole: Hole, login: Viewer, clinic: ClinicPart) -> Missed:
    """Look for what did not come live; of a recording that the clinic has not heard of yet nothing is known."""
    if not 0 < hole.end_s - hole.start_s <= MOST_S:
        raise HTTPException(400, f"ask for a stretch of at most {MOST_S:.0f} s")
    now = utc_now()
    with clinic.database.read() as session:
        device = session.get(DeviceRow, name)
        if device is None:
            raise HTTPException(404, "no such device")
        recording = session.get(RecordingRow, (name, hole.recording))
        if recording is None:
            return Missed(losses=[], pieces=[], asked=None)
        losses, last = _losses(session, recording, hole), _last(session, recording)
        may_ask = hole.ask and is_online(device, now) and _may_ask(last, now)
    pieces = [piece for lead in hole.leads for piece in _pieces(clinic, name, hole, lead)]
    if may_ask:
        last = _ask(clinic, name, hole, login.name)
    return Missed(losses=losses, pieces=pieces, asked=None if last is None else last.state)


def _losses(session: Session, recording: RecordingRow, hole: Hole) -> list[Lost]:
    fs_hz = recording.fs_hz
    wanted = select(LossRow).where(
        LossRow.device == recording.device,
        LossRow.recording == recording.id,
        LossRow.start < hole.end_s * fs_hz,
        LossRow.start + LossRow.length > hole.start_s * fs_hz,
    )
    rows = session.scalars(wanted.order_by(LossRow.start))
    return [Lost(start_s=row.start / fs_hz, end_s=(row.start + row.length) / fs_hz, reason=row.reason) for row in rows]


def _last(session: Session, recording: RecordingRow) -> CommandRow | None:
    wanted = select(CommandRow).where(
        CommandRow.device == recording.device, CommandRow.name == FETCH, CommandRow.about == recording.id
    )
    return session.scalars(wanted.order_by(CommandRow.requested.desc()).limit(1)).first()


def _may_ask(last: CommandRow | None, now: datetime) -> bool:
    if last is None:
        return True
    return now - last.requested >= (REFUSED_FOR if last.state == "refused" else AGAIN)


def _pieces(clinic: Clinic, name: str, hole: Hole, lead: str) -> Iterable[Wave]:
    return (shown_chunk(chunk) for chunk in clinic.archive.read(name, hole.recording, lead, hole.start_s, hole.end_s))


def _ask(clinic: Clinic, name: str, hole: Hole, issuer: str) -> CommandRow:
    return clinic.commands.send(
        device=name,
        name=FETCH,
        issuer=issuer,
        arguments={"recording": hole.recording, "start_s": f"{hole.start_s:g}", "end_s": f"{hole.end_s:g}"},
        about=hole.recording,
        valid_s=FETCH_VALID_S,
    )
