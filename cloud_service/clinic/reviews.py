"""What clinicians say about the marks of a finding, in the labels of the mark's task. Nothing is ever deleted."""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.tasks import TASKS
from biosignal.tasks.lookup import reviews_statements
from biosignal.tasks.task import ReviewUnit
from cloud_service.access import audit
from cloud_service.clinic.blindness import ADJUDICATE, counts, disputed, place_of, visible
from cloud_service.clinic.context import ClinicPart, Reviewer, RowNumber, Viewer
from cloud_service.clinic.evidence import NamedMark, arrived_marks, named_marks
from cloud_service.clinic.in_sight import is_in_sight
from cloud_service.database.clinic_tables import ReviewRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import FindingRow, MarkRow

router = APIRouter(tags=["review"])
NOT_IN_SIGHT = "the clinic has no signal of this mark: wait for its strip, or fetch the waves on the recording's page"


STATEMENTS = ("affirm", "deny", "whole")
"""What is said of marks whose labels are statements, besides what is said of all marks."""


class NewReview(BaseModel):
    """A word on one mark: `confirm` the model's label, or `relabel` with `label`, one of the task's review labels.

    `adjudicate` with a label decides between readers who differ; it is for who is none of them.
    Where the labels are statements, each for itself, several words stand side by side: `affirm` or `deny` the statement
    `label`, and `whole`: of all others what the model states is right, and nothing is missing.
    `leads` is needed only where a finding rests on marks of one kind that start together on different leads.
    `model_seen` says whether the reviewer saw the model's answer first.
    """

    task: str
    kind: str
    start: int
    leads: list[str] | None = None
    verdict: Literal["confirm", "relabel", "adjudicate", "affirm", "deny", "whole"]
    label: str | None = None
    model_seen: bool


class Review(BaseModel):
    """A review. It counts when `superseded_by` is null and `verdict` is not "undo"."""

    row: int
    finding: str
    finding_rev: int
    task: str
    kind: str
    leads: list[str]
    start: int
    verdict: str
    label: str | None
    model_label: str | None
    bundle: str | None
    model_seen: bool
    reviewer: str
    at: datetime
    supersedes: int | None
    superseded_by: int | None
    undoes: int | None


class Reviews(BaseModel):
    """Reviews, oldest first."""

    reviews: list[Review]


@router.get("/findings/{finding}/reviews")
def reviews(finding: str, login: Viewer, clinic: ClinicPart, history: bool = False) -> Reviews:
    """List the reviews that count; with `history`, all there ever were.

    Who may review sees the words of others on a mark once two have spoken of it.
    """
    with clinic.database.read() as session:
        said = visible(standing(session, finding, history=True), login)
    return Reviews(reviews=said if history else [one for one in said if counts(one)])


@router.post("/findings/{finding}/reviews", status_code=201)
def review(finding: str, new: NewReview, login: Reviewer, clinic: ClinicPart) -> Review:
    """Say a word on one mark of a finding, or on one statement of it; the reviewer's former word on it is no longer in
    force.

    Refused with 409 while the clinic has no signal of the mark: nobody can have seen it.
    """
    unit = _unit(new)
    with clinic.database.write() as session:
        about = session.get(FindingRow, finding)
        if about is None:
            raise HTTPException(404, "no such finding")
        named = _named(about, new)
        arrived = arrived_marks(session, about, [named]).get(named.id)
        if not is_in_sight(session, clinic.archive, about, named, end=arrived.end if arrived else None):
            raise HTTPException(409, NOT_IN_SIGHT)
        if new.verdict == ADJUDICATE:
            _check_third(session, about, named, login.name)
        outcome = arrived.outcome if arrived else {}
        row = ReviewRow(
            finding=finding,
            finding_rev=about.rev,
            task=named.task,
            kind=named.kind,
            leads=list(named.leads),
            start=named.start,
            verdict=new.verdict,
            label=_label(unit, new, arrived),
            model_label=outcome.get("label"),
            bundle=outcome.get("bundle"),
            model_seen=new.model_seen,
            reviewer=login.name,
            at=utc_now(),
        )
        _append(session, row, _standing_of(session, row))
        said = {"task": row.task, "kind": row.kind, "start": row.start, "label": row.label, "row": row.row}
        audit.record(session, actor=login.name, action="review", subject=finding, **said)
        return shown(row)


@router.post("/reviews/{row}/undo", status_code=201)
def undo(row: RowNumber, login: Reviewer, clinic: ClinicPart) -> Review:
    """Take back one's own word; what one had said before it is in force again."""
    with clinic.database.write() as session:
        last = session.get(ReviewRow, row)
        if last is None or last.reviewer != login.name:
            raise HTTPException(404, "no such review of yours")
        if last.superseded_by is not None or last.verdict == "undo":
            raise HTTPException(409, "there is nothing to undo here")
        restored = _before(session, last)
        row_back = _taken_back(last, restored)
        _append(session, row_back, last)
        audit.record(session, actor=login.name, action="review.undo", subject=last.finding, row=row_back.row)
        return shown(row_back)


def standing(session: Session, finding: str, *, history: bool = False) -> list[Review]:
    """Reviews of a finding that count, or all."""
    wanted = select(ReviewRow).where(ReviewRow.finding == finding).order_by(ReviewRow.row)
    if not history:
        wanted = wanted.where(ReviewRow.superseded_by.is_(None), ReviewRow.verdict != "undo")
    return [shown(row) for row in session.scalars(wanted)]


def shown(row: ReviewRow) -> Review:
    """Turn a row into what pages read."""
    return Review.model_validate(row, from_attributes=True)


def _unit(new: NewReview) -> ReviewUnit:
    """Find what the task lets be reviewed."""
    unit = TASKS[new.task].review if new.task in TASKS else None
    if unit is None or unit.mark != new.kind:
        raise HTTPException(400, "marks of this task and kind are not reviewed")
    if new.verdict == ADJUDICATE and reviews_statements(new.task):
        raise HTTPException(400, "of statements each is judged for itself: affirm or deny those that readers differ on")
    if new.verdict in STATEMENTS and not reviews_statements(new.task):
        raise HTTPException(400, f"marks of this kind have one label; {new.verdict} is said of statements")
    return unit


def _named(finding: FindingRow, new: NewReview) -> NamedMark:
    for mark in named_marks(finding):
        on_leads = new.leads is None or mark.leads == tuple(new.leads)
        if on_leads and (mark.task, mark.kind, mark.start) == (new.task, new.kind, new.start):
            return mark
    raise HTTPException(400, "the finding does not rest on a mark of this kind at this sample")


def _check_third(session: Session, about: FindingRow, named: NamedMark, name: str) -> None:
    """Refuse a decision where readers do not differ, and one by a reader or after another's."""
    said = [
        one for one in words_on(session, about) if place_of(one) == (named.task, named.kind, named.leads, named.start)
    ]
    if any(one.reviewer != name for one in said if one.verdict == ADJUDICATE):
        raise HTTPException(409, "somebody else has decided this mark")
    readers = disputed(one for one in said if one.verdict != ADJUDICATE)
    if not readers:
        raise HTTPException(409, "the readers of this mark do not differ: there is nothing to decide")
    if any(name in labels for labels in readers.values()):
        raise HTTPException(403, "you are one of the readers who differ: a third one decides")


def words_on(session: Session, finding: FindingRow) -> list[ReviewRow]:
    """What counts of all that was said of the marks of a recording, in whichever of its findings, by anybody."""
    here = (FindingRow.device == finding.device, FindingRow.recording == finding.recording)
    wanted = select(ReviewRow).join(FindingRow, FindingRow.id == ReviewRow.finding).where(*here)
    return [row for row in session.scalars(wanted.order_by(ReviewRow.row)) if counts(row)]


def _label(unit: ReviewUnit, new: NewReview, arrived: MarkRow | None) -> str | None:
    if new.verdict == "whole":
        return None
    label = new.label
    if new.verdict == "confirm":
        label = arrived.label if arrived else None
    if label is None:
        nothing = "the mark has no label to confirm" if arrived else "the mark has not arrived yet; relabel it, or wait"
        raise HTTPException(400, nothing if new.verdict == "confirm" else f"{new.verdict} needs a label")
    known = [one.name for one in unit.labels]
    if label not in known:
        raise HTTPException(400, f"{label} is not one of the labels {', '.join(known)}")
    return label


def _standing_of(session: Session, new: ReviewRow) -> ReviewRow | None:
    """What the reviewer said of the same mark, or of the same statement of it, and has not replaced."""
    wanted = select(ReviewRow).where(
        ReviewRow.finding == new.finding,
        ReviewRow.start == new.start,
        ReviewRow.task == new.task,
        ReviewRow.kind == new.kind,
        ReviewRow.reviewer == new.reviewer,
        ReviewRow.superseded_by.is_(None),
    )
    if reviews_statements(new.task):
        wanted = wanted.where(ReviewRow.label.is_not_distinct_from(new.label))
    return next((row for row in session.scalars(wanted) if row.leads == new.leads), None)


def _append(session: Session, row: ReviewRow, before: ReviewRow | None) -> None:
    row.supersedes = before.row if before else None
    session.add(row)
    session.flush()
    if before is not None:
        before.superseded_by = row.row


def _before(session: Session, row: ReviewRow) -> ReviewRow | None:
    """Find what stood before the word that `row` says; an undo says again what an older row said."""
    said = session.get_one(ReviewRow, row.restores) if row.restores is not None else row
    former = session.get_one(ReviewRow, said.supersedes) if said.supersedes is not None else None
    return None if former is None or former.verdict == "undo" else former


def _taken_back(last: ReviewRow, restored: ReviewRow | None) -> ReviewRow:
    source = restored or last
    said = restored.restores or restored.row if restored else None
    about = last.label if reviews_statements(last.task) else None
    return ReviewRow(
        finding=last.finding,
        finding_rev=source.finding_rev,
        task=last.task,
        kind=last.kind,
        leads=last.leads,
        start=last.start,
        verdict=restored.verdict if restored else "undo",
        label=restored.label if restored else about,
        model_label=source.model_label,
        bundle=source.bundle,
        model_seen=source.model_seen,
        reviewer=last.reviewer,
        at=utc_now(),
        undoes=last.row,
        restores=said,
    )
