"""Findings: the list to work through, and one with all it rests on."""

from datetime import datetime, timezone
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel
from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from biosignal.tasks import lookup
from cloud_service.clinic.alarms import Alarm, shown_alarm
from cloud_service.clinic.blindness import visible
from cloud_service.clinic.command_desk import latest_about
from cloud_service.clinic.context import ClinicPart, Viewer
from cloud_service.clinic.evidence import NO_EVIDENCE, Evidence, mark_sets, shown_evidence
from cloud_service.clinic.reviews import Review, standing
from cloud_service.clinic.unshowable import WORDS, shown
from cloud_service.clinic.waves import Wave, strip_wave
from cloud_service.database.clinic_tables import ReviewRow
from cloud_service.database.event_tables import AlarmRow, ExplanationRow, FindingRow, RecordingRow, StripRow, SubjectRow

router = APIRouter(tags=["findings"])
MOST = 200


class Explanation(BaseModel):
    """A finding in plain words, and who wrote them."""

    id: str
    rev: int
    finding_rev: int
    text: str
    made_by: str
    model_sha256: str | None
    checked: str
    refused: int


class FindingSummary(BaseModel):
    """A finding in the list. `outcome` is ``{"type": "Prediction" | "Abstained" | "Unavailable", ...}``.

    `onset`, `end`, `decided_at` are sample indices at `fs_hz`. `kind_label` is the kind in words. `marks` counts the
    marks it rests on, also those it does not name. `reviewed` counts the reviews in force.
    """

    id: str
    rev: int
    device: str
    recording: str
    stream: str
    task: str
    kind: str
    kind_label: str
    state: str
    priority: str
    onset: int
    end: int
    decided_at: int
    fs_hz: float
    leads: list[str]
    outcome: dict[str, Any] | None
    at: str
    received: datetime
    explanation: str | None
    explanation_by: str | None
    alarm_state: str | None
    marks: int
    reviewed: int


class Findings(BaseModel):
    """Findings, newest first; `next` goes into `before` for the next page, null at the end."""

    findings: list[FindingSummary]
    next: str | None


class Strip(Wave):
    """The samples behind a finding; `kind` is that of the lead."""

    kind: str


class FindingDetail(FindingSummary):
    """A finding with evidence, strips, text, alarm and the reviews in force.

    On a blind read everything that gives the model's answer away is null or empty.
    """

    blind: bool
    evidence: Evidence
    strips: list[Strip]
    explained: Explanation | None
    alarm: Alarm | None
    reviews: list[Review]


@router.get("/findings")
def findings(
    _login: Viewer,
    clinic: ClinicPart,
    device: str | None = None,
    recording: str | None = None,
    subject: str | None = None,
    task: str | None = None,
    kind: str | None = None,
    stream: str = "live",
    state: str | None = None,
    priority: str | None = None,
    reviewed: bool | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Findings:
    """List findings; `stream` "" lists those of shadow models too; `reviewed` filters by reviews in force."""
    limit = max(1, min(limit, MOST))
    exact = {"device": device, "recording": recording, "task": task, "kind": kind, "state": state, "priority": priority}
    wanted: Select[Any] = select(FindingRow).order_by(FindingRow.received.desc(), FindingRow.id.desc()).limit(limit)
    for name, value in {**exact, "stream": stream}.items():
        if value:
            wanted = wanted.where(getattr(FindingRow, name) == value)
    if subject:
        wanted = wanted.where(_is_of(subject))
    if reviewed is not None:
        has_one = select(ReviewRow.row).where(ReviewRow.finding == FindingRow.id, *_stands()).exists()
        wanted = wanted.where(has_one if reviewed else ~has_one)
    if before:
        wanted = _older(wanted, before)
    with clinic.database.read() as session:
        rows = list(session.scalars(wanted))
        listed = _summaries(session, rows)
    last = rows[-1] if len(rows) == limit else None
    return Findings(findings=listed, next=f"{last.received.isoformat()}|{last.id}" if last else None)


@router.get("/findings/{finding}")
def finding(finding: str, login: Viewer, clinic: ClinicPart, blind: bool = False) -> FindingDetail:
    """Show one finding; with `blind`, without the model's answer, for a first read that it does not sway.

    Who may review sees the words of others on a mark once two have spoken of it.
    """
    with clinic.database.read() as session:
        row = session.get(FindingRow, finding)
        if row is None:
            raise HTTPException(404, "no such finding")
        detail = detail_of(session, row, blind=blind)
        said = visible(detail.reviews, login)
    return _blinded(detail) if blind else detail.model_copy(update={"reviews": said})


def detail_of(session: Session, row: FindingRow, *, blind: bool = False) -> FindingDetail:
    """Gather a finding with all it rests on; with `blind`, without what its marks were called."""
    return FindingDetail(
        **_summaries(session, [row])[0].model_dump(),
        blind=blind,
        evidence=shown(row, lambda one: shown_evidence(session, one, blind=blind), lambda _: NO_EVIDENCE),
        strips=_strips(session, row),
        explained=_explained(session, row),
        alarm=_alarm(session, row),
        reviews=standing(session, row.id),
    )


def _is_of(subject: str) -> ColumnElement[bool]:
    """Whether the recording of a finding is a patient's: as it was opened, or as it was assigned."""
    same = (RecordingRow.device == FindingRow.device, RecordingRow.id == FindingRow.recording)
    opened = exists().where(*same, RecordingRow.subject == subject)
    mine = (SubjectRow.device == FindingRow.device, SubjectRow.recording == FindingRow.recording)
    return or_(opened, exists().where(*mine, SubjectRow.subject == subject))


def _stands() -> tuple[Any, Any]:
    return ReviewRow.superseded_by.is_(None), ReviewRow.verdict != "undo"


def _older(wanted: Select[Any], before: str) -> Select[Any]:
    stamp, _, name = before.partition("|")
    try:
        received = datetime.fromisoformat(stamp.replace(" ", "+"))
        if received.tzinfo is None:
            raise ValueError("no zone")
        received = received.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:  # the second: a time that UTC has no year for
        raise HTTPException(400, "`before` is not a page mark") from error
    same = and_(FindingRow.received == received, FindingRow.id < name)
    return wanted.where(or_(FindingRow.received < received, same))


def _summaries(session: Session, rows: list[FindingRow]) -> list[FindingSummary]:
    owners = {row.id: row.device for row in rows}
    texts = _texts(session, owners)
    alarm_rows = session.scalars(select(AlarmRow).where(AlarmRow.finding.in_(owners)).order_by(AlarmRow.received))
    alarms = {row.finding: row.state for row in alarm_rows if row.device == owners[row.finding]}
    counted = select(ReviewRow.finding, func.count()).where(ReviewRow.finding.in_(owners), *_stands())
    reviewed: dict[str, int] = {row[0]: row[1] for row in session.execute(counted.group_by(ReviewRow.finding))}
    return [
        shown(
            row,
            lambda one: _summary(one, texts.get(one.id), alarms.get(one.id), reviewed.get(one.id, 0)),
            lambda why, row=row: _unshowable(row, why),  # type: ignore[misc]  # mypy has no type for a lambda's default
        )
        for row in rows
    ]


def _texts(session: Session, owners: dict[str, str]) -> dict[str, ExplanationRow]:
    """Texts that the finding's own device wrote; the newest of the newest revision."""
    order = (ExplanationRow.finding_rev, ExplanationRow.rev, ExplanationRow.received)
    rows = session.scalars(select(ExplanationRow).where(ExplanationRow.finding.in_(owners)).order_by(*order))
    return {row.finding: row for row in rows if row.device == owners[row.finding]}


def _summary(row: FindingRow, text: ExplanationRow | None, alarm: str | None, reviewed: int) -> FindingSummary:
    facts = {name: getattr(row, name) for name in FindingSummary.model_fields if hasattr(row, name)}
    return FindingSummary(
        **facts,
        kind_label=lookup.finding_kind(row.kind).label,
        fs_hz=row.evidence["fs_hz"],
        explanation=text.text if text else None,
        explanation_by=text.made_by if text else None,
        alarm_state=alarm,
        marks=sum(one["total"] for one in mark_sets(row)),
        reviewed=reviewed,
    )


def _unshowable(row: FindingRow, why: str) -> FindingSummary:
    stored = {name: getattr(row, name) for name in FindingSummary.model_fields if hasattr(row, name)}
    unread: dict[str, Any] = {"leads": [], "outcome": None, "fs_hz": 0.0, "marks": 0, "reviewed": 0}
    said = {"kind_label": f"{row.kind}, {WORDS}", "explanation": f"This finding {why}.", "explanation_by": "clinic"}
    return FindingSummary(**{**stored, **unread, **said, "alarm_state": None})


def _strips(session: Session, row: FindingRow) -> list[Strip]:
    mine = select(StripRow).where(StripRow.finding == row.id, StripRow.device == row.device)
    opened = session.get(RecordingRow, (row.device, row.recording))
    kinds = shown(opened, _lead_kinds, lambda _: {})
    waves = (strip_wave(strip) for strip in session.scalars(mine.order_by(StripRow.start, StripRow.lead)))
    return [Strip(**dict(wave), kind=kinds.get(wave.lead, "unknown")) for wave in waves if wave is not None]


def _lead_kinds(opened: RecordingRow | None) -> dict[str, str]:
    return {str(lead["name"]): str(lead["kind"]) for lead in opened.leads} if opened else {}


def _explained(session: Session, row: FindingRow) -> Explanation | None:
    text = _texts(session, {row.id: row.device}).get(row.id)
    return Explanation.model_validate(text, from_attributes=True) if text else None


def _alarm(session: Session, row: FindingRow) -> Alarm | None:
    mine = select(AlarmRow).where(AlarmRow.finding == row.id, AlarmRow.device == row.device)
    alarm = session.scalars(mine.order_by(AlarmRow.received.desc()).limit(1)).first()
    return shown_alarm(alarm, latest_about(session, [alarm.id]).get(alarm.id)) if alarm else None


def _blinded(detail: FindingDetail) -> FindingDetail:
    """Hide kind, priority and alarm too: the name of a finding is the answer. The evidence is blind already."""
    unsaid: dict[str, Any] = {"outcome": None, "explanation": None, "explanation_by": None, "explained": None}
    unnamed: dict[str, Any] = {"kind": "", "kind_label": "", "priority": "", "alarm": None, "alarm_state": None}
    return detail.model_copy(update={**unsaid, **unnamed, "reviews": []})
