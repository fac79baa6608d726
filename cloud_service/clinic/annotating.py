"""What readers mark on recordings: marks added, moved, relabelled, removed. Each change is a row, each undo too."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.events import mark_id
from biosignal.tasks import TASKS
from biosignal.tasks.task import ReviewUnit
from cloud_service.access import audit
from cloud_service.access.people import Login
from cloud_service.access.roles import Role
from cloud_service.clinic.context import Clinic, ClinicPart, Reviewer, Viewer
from cloud_service.clinic.in_sight import BESIDE_S, has_waves
from cloud_service.clinic.recordings import found, rates_of, tracks_on
from cloud_service.database.clinic_tables import AnnotationRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import RecordingRow

router = APIRouter(tags=["review"])
LONGEST_S = 24 * 3600.0
LOOKED_AT_S = 30.0
"""Of a long stretch so much of its beginning must be at the clinic."""
Place = Annotated[int, Field(ge=0, le=2**53)]
Names = Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=64)]


class NewAnnotation(BaseModel):
    """One change. Samples count at the rate of the leads.

    `add` makes a mark of [start, end] on `leads`. `change` and `remove` are about a mark of the device, which
    `origin` (where it starts) and `leads` name, or about one of one's own, which `item` names; `change` says how it
    is now. A mark of fixed length is put where such stretches lie.
    """

    act: Literal["add", "change", "remove"]
    task: str
    kind: str
    leads: Names
    item: str | None = Field(default=None, max_length=64)
    origin: Place | None = None
    start: Place
    end: Place
    label: str | None = None
    comment: str = Field(default="", max_length=1000)


class Annotation(BaseModel):
    """A change as it is stored. `device_label` is what the device had called the mark; null for one that was added."""

    row: int
    item: str
    act: str
    task: str
    kind: str
    leads: list[str]
    fs_hz: float
    start: int
    end: int
    label: str | None
    origin: int | None
    device_label: str | None
    comment: str
    reader: str
    at: datetime
    undoes: int | None


class Annotations(BaseModel):
    """How a reader left a recording: one entry for each mark that was touched; `readers` are all who touched any."""

    reader: str
    annotations: list[Annotation]
    readers: list[str]


@router.get("/devices/{name}/recordings/{recording}/annotations")
def annotations(
    name: str,
    recording: str,
    login: Viewer,
    clinic: ClinicPart,
    reader: Annotated[str | None, Query(max_length=64)] = None,
    history: bool = False,
) -> Annotations:
    """Show what one reader, oneself where none is named, marked on a recording; with `history`, every row.

    Who may annotate sees the marks of another only once both have marked something, so that nobody leads anybody.
    """
    with clinic.database.read() as session:
        row = found(session, name, recording)
        spoken = readers_of(session, row)
        wanted = reader or login.name
        if not _may_see(login, wanted, spoken):
            raise HTTPException(403, "you see what others marked once you have marked something here yourself")
        rows = rows_of(session, row, wanted)
    listed = rows if history else standing(rows)
    return Annotations(reader=wanted, annotations=[_shown(one) for one in listed], readers=spoken)


@router.post("/devices/{name}/recordings/{recording}/annotations", status_code=201)
def annotate(name: str, recording: str, new: NewAnnotation, login: Reviewer, clinic: ClinicPart) -> Annotation:
    """Add, change or remove a mark in one's own reading of a recording.

    Refused with 409 while the clinic has no waves there: nobody can have seen it.
    """
    unit = _unit(new)
    with clinic.database.write() as session:
        about = found(session, name, recording)
        made = _made(session, about, unit, new, login.name)
        _see(clinic, made)
        session.add(made)
        session.flush()
        _note(session, made, login.name)
        return _shown(made)


@router.post("/devices/{name}/recordings/{recording}/annotations/undo", status_code=201)
def undo(name: str, recording: str, login: Reviewer, clinic: ClinicPart) -> Annotation:
    """Take back one's own last change of a recording that stands, whenever it was made."""
    with clinic.database.write() as session:
        mine = in_force(rows_of(session, found(session, name, recording), login.name))
        if not mine:
            raise HTTPException(409, "there is nothing of yours to undo on this recording")
        facts = {one: getattr(mine[-1], one) for one in Annotation.model_fields if one not in ("row", "act", "at")}
        device = {"device": name, "recording": recording}
        made = AnnotationRow(**device, **{**facts, "undoes": mine[-1].row, "comment": ""}, act="undo", at=utc_now())
        session.add(made)
        session.flush()
        _note(session, made, login.name)
        return _shown(made)


def rows_of(session: Session, row: RecordingRow, reader: str) -> list[AnnotationRow]:
    """Every change that a reader made on a recording, oldest first."""
    mine = (AnnotationRow.device == row.device, AnnotationRow.recording == row.id, AnnotationRow.reader == reader)
    return list(session.scalars(select(AnnotationRow).where(*mine).order_by(AnnotationRow.row)))


def readers_of(session: Session, row: RecordingRow) -> list[str]:
    """Who has marked something on a recording that stands, by name."""
    mine = (AnnotationRow.device == row.device, AnnotationRow.recording == row.id)
    names = session.scalars(select(AnnotationRow.reader).where(*mine).distinct().order_by(AnnotationRow.reader))
    return [name for name in names if in_force(rows_of(session, row, name))]


def readable(session: Session, row: RecordingRow, login: Login) -> list[str]:
    """Whose marks on a recording somebody may see, by name."""
    spoken = readers_of(session, row)
    return [name for name in spoken if _may_see(login, name, spoken)]


def in_force(rows: Iterable[AnnotationRow]) -> list[AnnotationRow]:
    """The changes that were not undone, oldest first."""
    rows = list(rows)
    undone = {row.undoes for row in rows}
    return [row for row in rows if row.undoes is None and row.row not in undone]


def standing(rows: Iterable[AnnotationRow]) -> list[AnnotationRow]:
    """How the rows of one reader left each mark: its last change in force, in the order of their starts.

    A mark of one's own that was removed is gone; one of the device that was removed is told.
    """
    last = {row.item: row for row in in_force(rows)}
    left = [row for row in last.values() if row.act != "remove" or row.origin is not None]
    return sorted(left, key=lambda row: (row.start / row.fs_hz, row.row))


def _may_see(login: Login, reader: str, spoken: list[str]) -> bool:
    return reader == login.name or not login.role.covers(Role.REVIEWER) or login.name in spoken


def _unit(new: NewAnnotation) -> ReviewUnit:
    units = TASKS[new.task].units if new.task in TASKS else ()
    unit = next((one for one in units if one.mark == new.kind), None)
    if unit is None:
        raise HTTPException(400, "marks of this task and kind are not annotated")
    known = [one.name for one in unit.labels]
    if new.act != "remove" and new.label not in known:
        raise HTTPException(400, f"the label is not one of {', '.join(known)}")
    return unit


def _made(session: Session, about: RecordingRow, unit: ReviewUnit, new: NewAnnotation, reader: str) -> AnnotationRow:
    item, origin, device_label, fs_hz = _meant(session, about, new, reader)
    start, end = _placed(unit, new, fs_hz, is_placed=origin is not None and new.start == origin)
    return AnnotationRow(
        device=about.device,
        recording=about.id,
        item=item,
        act=new.act,
        task=new.task,
        kind=new.kind,
        leads=new.leads,
        fs_hz=fs_hz,
        start=start,
        end=end,
        label=None if new.act == "remove" else new.label,
        origin=origin,
        device_label=device_label,
        comment=new.comment,
        reader=reader,
        at=utc_now(),
        undoes=None,
    )


def _meant(
    session: Session, about: RecordingRow, new: NewAnnotation, reader: str
) -> tuple[str, int | None, str | None, float]:
    """Which mark a change is about: its name for the reader, where and as what the device said it, and its rate."""
    if new.act == "add":
        return uuid.uuid4().hex, None, None, _rate(about, new.leads)
    if new.item is not None:
        left = {row.item: row for row in standing(rows_of(session, about, reader))}.get(new.item)
        if left is None or (left.task, left.kind) != (new.task, new.kind):
            raise HTTPException(404, "no such mark of yours")
        return left.item, left.origin, left.device_label, left.fs_hz
    if new.origin is None:
        raise HTTPException(400, "say which mark: `origin` for one of the device, `item` for one of your own")
    return _devices_mark(session, about, new)


def _devices_mark(session: Session, about: RecordingRow, new: NewAnnotation) -> tuple[str, int, str, float]:
    origin = new.origin or 0
    for track in tracks_on(session, about, origin, origin + 1, task=new.task, kind=new.kind):
        if track.leads == new.leads and origin in track.starts:
            of = {"recording": about.id, "task": new.task, "kind": new.kind}
            name = mark_id(**of, leads=tuple(new.leads), start=origin)
            return name, origin, track.labels[track.starts.index(origin)], track.fs_hz
    raise HTTPException(404, "the device has no such mark here, or has not packed it yet")


def _placed(unit: ReviewUnit, new: NewAnnotation, fs_hz: float, *, is_placed: bool) -> tuple[int, int]:
    """Where a mark lies: a moment, a stretch as it was drawn, or the one of fixed length that it begins in."""
    if is_placed and new.act != "add":
        return new.start, max(new.start, new.end)
    if unit.span_s is None:
        return new.start, new.start
    if unit.span_s > 0:
        number = int(new.start / fs_hz / unit.span_s + 1e-6)
        return round(number * unit.span_s * fs_hz), round((number + 1) * unit.span_s * fs_hz)
    if not 0 < new.end - new.start <= LONGEST_S * fs_hz:
        raise HTTPException(400, "the stretch is empty, or longer than a day")
    return new.start, new.end


def _rate(about: RecordingRow, leads: list[str]) -> float:
    known = rates_of(about)
    rates = {known.get(name) for name in leads}
    if len(rates) != 1 or not (rate := rates.pop()):
        raise HTTPException(400, "the recording has no such leads, or they differ in their rate")
    return rate


def _see(clinic: Clinic, made: AnnotationRow) -> None:
    from_s = made.start / made.fs_hz
    to_s = min(made.end / made.fs_hz, from_s + LOOKED_AT_S)
    place = (made.leads, from_s - BESIDE_S, to_s + BESIDE_S)
    if not has_waves(clinic.archive, made.device, made.recording, *place):
        raise HTTPException(409, "the clinic has no waves here: look at the stretch first, which fetches them")


def _note(session: Session, made: AnnotationRow, by: str) -> None:
    said = {"act": made.act, "task": made.task, "kind": made.kind, "start": made.start, "label": made.label}
    audit.record(session, actor=by, action="annotation", subject=made.recording, row=made.row, **said)


def _shown(row: AnnotationRow) -> Annotation:
    return Annotation.model_validate(row, from_attributes=True)
