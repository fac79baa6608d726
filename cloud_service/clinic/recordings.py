"""Recordings: the list, how one went in numbers and losses, and the marks on any stretch of it."""

from datetime import datetime, timezone
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from cloud_service.clinic.context import ClinicPart, Viewer
from cloud_service.clinic.quantities import decimals_of, label_of, unit_of
from cloud_service.clinic.status import Lead
from cloud_service.clinic.unshowable import shown
from cloud_service.database.event_tables import (
    LossRow,
    MarkPackRow,
    RecordingEndRow,
    RecordingRow,
    SeriesRow,
    SubjectRow,
)

router = APIRouter(tags=["recordings"])
LAST_SAMPLE = 2**63 - 1
LAST_YEAR = 9000
"""A clock that says a later one is wrong, and the length of no recording may lead beyond what a date can say."""
Sample = Annotated[int, Query(ge=0, le=LAST_SAMPLE)]


class Recording(BaseModel):
    """A recording; `end` and `closed_reason` are null while it runs."""

    id: str
    device: str
    source: str
    leads: list[Lead]
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


class Column(BaseModel):
    """The values of one quantity, one for each step; null where nothing was measured."""

    quantity: str
    name: str
    unit: str
    decimals: int
    values: list[float | None]


class Series(BaseModel):
    """Quantities over time: value i of each column is of samples [start + i * step, start + (i + 1) * step)."""

    task: str
    leads: list[str]
    fs_hz: float
    start: int
    end: int
    step: int
    columns: list[Column]


class Loss(BaseModel):
    """Samples that do not exist."""

    start: int
    length: int
    reason: str


class Course(BaseModel):
    """How a recording went."""

    recording: Recording
    series: list[Series]
    losses: list[Loss]


class MarkTrack(BaseModel):
    """Marks of one kind on the same leads, in order: entry i of each list is of mark i.

    A mark that is a point ends where it starts. `labels` and `origins` say what each was called, and by which bundle
    and rung, or why by none.
    """

    task: str
    kind: str
    leads: list[str]
    fs_hz: float
    starts: list[int]
    ends: list[int]
    labels: list[str]
    origins: list[str]


class MarkTracks(BaseModel):
    """The marks on a stretch."""

    marks: list[MarkTrack]


@router.get("/recordings")
def recordings(_login: Viewer, clinic: ClinicPart, device: str | None = None, limit: int = 100) -> Recordings:
    """List recordings."""
    wanted = select(RecordingRow).order_by(RecordingRow.received.desc()).limit(max(1, min(limit, 500)))
    if device is not None:
        wanted = wanted.where(RecordingRow.device == device)
    with clinic.database.read() as session:
        return Recordings(recordings=_recordings(session, list(session.scalars(wanted))))


@router.get("/devices/{name}/recordings/{recording}")
def course(name: str, recording: str, _login: Viewer, clinic: ClinicPart) -> Course:
    """Show one recording with its series and its losses."""
    with clinic.database.read() as session:
        row = found(session, name, recording)
        mine = (SeriesRow.device == name, SeriesRow.recording == recording)
        series = session.scalars(select(SeriesRow).where(*mine).order_by(SeriesRow.start, SeriesRow.id))
        lost = (LossRow.device == name, LossRow.recording == recording)
        losses = session.scalars(select(LossRow).where(*lost).order_by(LossRow.start))
        by_rate = partial(_series, fs_hz=row.fs_hz)
        return Course(
            recording=_recordings(session, [row])[0],
            series=[made for one in series if (made := shown(one, by_rate, lambda _: None)) is not None],
            losses=[Loss.model_validate(one, from_attributes=True) for one in losses],
        )


@router.get("/devices/{name}/recordings/{recording}/marks")
def marks(
    name: str,
    recording: str,
    _login: Viewer,
    clinic: ClinicPart,
    start: Sample = 0,
    end: Sample = LAST_SAMPLE,
    task: str | None = None,
    kind: str | None = None,
) -> MarkTracks:
    """Show the confirmed marks that touch samples [start, end), as far as the device has packed them."""
    with clinic.database.read() as session:
        row = found(session, name, recording)
        return MarkTracks(marks=tracks_on(session, row, start, end, task=task, kind=kind))


def tracks_on(
    session: Session, row: RecordingRow, start: int, end: int, *, task: str | None = None, kind: str | None = None
) -> list[MarkTrack]:
    """Give the confirmed marks that touch samples [start, end) of a recording, as far as they were packed."""
    wanted = select(MarkPackRow).where(
        MarkPackRow.device == row.device,
        MarkPackRow.recording == row.id,
        MarkPackRow.start < end,
        MarkPackRow.end >= start,
    )
    if task is not None:
        wanted = wanted.where(MarkPackRow.task == task)
    if kind is not None:
        wanted = wanted.where(MarkPackRow.kind == kind)
    packs = list(session.scalars(wanted.order_by(MarkPackRow.start, MarkPackRow.id)))
    return _tracks(packs, row.fs_hz, start, end)


def found(session: Session, name: str, recording: str) -> RecordingRow:
    """Find a recording.

    Raises
    ------
    HTTPException : 404, there is none.
    """
    row = session.get(RecordingRow, (name, recording))
    if row is None:
        raise HTTPException(404, "no such recording")
    return row


def subject_of(session: Session, row: RecordingRow) -> str | None:
    """Whose a recording is: whom it was assigned to last, else whom it was opened for."""
    assigned = select(SubjectRow.subject).where(SubjectRow.device == row.device, SubjectRow.recording == row.id)
    return session.scalar(assigned.order_by(SubjectRow.at.desc()).limit(1)) or row.subject


def began_of(row: RecordingRow) -> datetime | None:
    """When a recording began by the device's clock, in UTC; None where it knew none, or said what is no time."""
    try:
        said = datetime.fromisoformat((row.started_utc or "").replace("Z", "+00:00"))
        return said.astimezone(timezone.utc) if said.tzinfo is not None and said.year < LAST_YEAR else None
    except (ValueError, OverflowError):  # what a device said of its clock, whatever that was
        return None


def units_of(row: RecordingRow) -> dict[str, str]:
    """Give the units of a recording's leads by name; none where what is stored of them cannot be read."""
    return shown(
        row,
        lambda one: {str(lead["name"]): str(lead.get("unit", "raw")) for lead in one.leads if isinstance(lead, dict)},
        lambda _: {},
    )


def rates_of(row: RecordingRow) -> dict[str, float]:
    """Give the rates of a recording's leads by name, in hertz; none where what is stored of them cannot be read."""
    return shown(
        row,
        lambda one: {
            str(lead["name"]): float(lead.get("fs_hz") or one.fs_hz) for lead in one.leads if isinstance(lead, dict)
        },
        lambda _: {},
    )


def _recordings(session: Session, rows: list[RecordingRow]) -> list[Recording]:
    ids = [row.id for row in rows]
    ended = session.scalars(select(RecordingEndRow).where(RecordingEndRow.recording.in_(ids)))
    ends = {(row.device, row.recording): row for row in ended}
    assigned = session.scalars(select(SubjectRow).where(SubjectRow.recording.in_(ids)).order_by(SubjectRow.at))
    subjects = {(row.device, row.recording): row.subject for row in assigned}

    def show(row: RecordingRow, leads: list[dict[str, Any]] | None = None) -> Recording:
        key = (row.device, row.id)
        return _recording(row, row.leads if leads is None else leads, ends.get(key), subjects.get(key))

    return [shown(row, show, lambda _, row=row: show(row, leads=[])) for row in rows]  # type: ignore[misc]  # a lambda's default has no type


def _recording(
    row: RecordingRow, leads: list[dict[str, Any]], end: RecordingEndRow | None, subject: str | None
) -> Recording:
    facts = {name: getattr(row, name) for name in Recording.model_fields if hasattr(row, name)}
    ended = {"end": end.end if end else None, "closed_reason": end.reason if end else None}
    return Recording(**{**facts, "leads": leads, "subject": subject or row.subject, **ended})


def _series(row: SeriesRow, fs_hz: float) -> Series:
    columns = [
        Column(
            quantity=one["quantity"],
            name=label_of(one["quantity"]),
            unit=unit_of(one["quantity"]),
            decimals=decimals_of(one["quantity"]),
            values=one["values"],
        )
        for one in row.columns
    ]
    facts = {name: getattr(row, name) for name in ("task", "leads", "start", "end", "step")}
    return Series(**facts, fs_hz=row.fs_hz or fs_hz, columns=columns)


def _tracks(packs: list[MarkPackRow], fs_hz: float, start: int, end: int) -> list[MarkTrack]:
    tracks: dict[tuple[str, str, tuple[str, ...], float], MarkTrack] = {}
    for pack in packs:
        for one in shown(pack, lambda pack: [_track(pack, fs_hz, start, end)], lambda _: []):
            key = (one.task, one.kind, tuple(one.leads), one.fs_hz)
            _join(tracks.setdefault(key, one), one)
    return [track for track in tracks.values() if track.starts]


def _track(pack: MarkPackRow, fs_hz: float, start: int, end: int) -> MarkTrack:
    """Show the marks of a pack that touch the stretch; one of unequal lists is read as far as all of them go."""
    columns = zip(pack.starts, pack.ends or pack.starts, pack.label, pack.origin, strict=False)
    touching = [one for one in columns if one[0] < end and (one[1] > start or one[0] >= start)]
    return MarkTrack(
        task=pack.task,
        kind=pack.kind,
        leads=pack.leads,
        fs_hz=pack.fs_hz or fs_hz,
        starts=[first for first, _, _, _ in touching],
        ends=[last for _, last, _, _ in touching],
        labels=[_at(pack.labels, label) for _, _, label, _ in touching],
        origins=[_at(pack.origins, origin) for _, _, _, origin in touching],
    )


def _join(track: MarkTrack, more: MarkTrack) -> None:
    if more is not track:
        track.starts += more.starts
        track.ends += more.ends
        track.labels += more.labels
        track.origins += more.origins


def _at(names: list[str], index: int) -> str:
    return names[index] if 0 <= index < len(names) else ""
