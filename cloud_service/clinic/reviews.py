"""What clinicians say about the beats of a finding. Nothing is ever deleted."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from cloud_service.access import audit
from cloud_service.clinic.context import ClinicPart, Reviewer, Viewer
from cloud_service.database.clinic_tables import ReviewRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import FindingRow

router = APIRouter(tags=["review"])
Label = Literal["N", "S", "V", "F", "Q"]


class NewReview(BaseModel):
    """A word on one beat: `confirm` the model's label, or `relabel` with `label` (AAMI class; Q: cannot be told).

    `model_seen` says whether the reviewer saw the model's answer first.
    """

    sample: int
    verdict: Literal["confirm", "relabel"]
    label: Label | None = None
    model_seen: bool


class Review(BaseModel):
    """A review. It counts when `superseded_by` is null and `verdict` is not "undo"."""

    row: int
    finding: str
    finding_rev: int
    sample: int
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
def reviews(finding: str, _login: Viewer, clinic: ClinicPart, history: bool = False) -> Reviews:
    """List the reviews that count; with `history`, all there ever were."""
    with clinic.database.read() as session:
        return Reviews(reviews=standing(session, finding, history=history))


@router.post("/findings/{finding}/reviews", status_code=201)
def review(finding: str, new: NewReview, login: Reviewer, clinic: ClinicPart) -> Review:
    """Confirm or relabel one beat of a finding; the reviewer's former word on it stands no more."""
    with clinic.database.write() as session:
        about = session.get(FindingRow, finding)
        if about is None:
            raise HTTPException(404, "no such finding")
        outcome = _beat_outcome(about, new.sample)
        model_label = outcome.get("label")
        label = model_label if new.verdict == "confirm" else new.label
        if label is None:
            wanted = "the beat has no label to confirm" if new.verdict == "confirm" else "a relabel needs a label"
            raise HTTPException(400, wanted)
        before = _standing_of(session, finding, new.sample, login.name)
        row = ReviewRow(
            finding=finding,
            finding_rev=about.rev,
            sample=new.sample,
            verdict=new.verdict,
            label=label,
            model_label=model_label,
            bundle=outcome.get("bundle"),
            model_seen=new.model_seen,
            reviewer=login.name,
            at=utc_now(),
        )
        _append(session, row, before)
        audit.record(
            session, actor=login.name, action="review", subject=finding, sample=new.sample, label=label, row=row.row
        )
        return shown(row)


@router.post("/reviews/{row}/undo", status_code=201)
def undo(row: int, login: Reviewer, clinic: ClinicPart) -> Review:
    """Take back one's own word; what one had said before it stands again."""
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


def _beat_outcome(finding: FindingRow, sample: int) -> dict[str, Any]:
    for beat in finding.evidence["beats"]:
        if beat["sample"] == sample:
            outcome: dict[str, Any] = beat["outcome"]
            return outcome
    raise HTTPException(400, "the finding does not rest on a beat at this sample")


def _standing_of(session: Session, finding: str, sample: int, reviewer: str) -> ReviewRow | None:
    mine = (ReviewRow.finding == finding, ReviewRow.sample == sample, ReviewRow.reviewer == reviewer)
    return session.scalars(select(ReviewRow).where(*mine, ReviewRow.superseded_by.is_(None))).first()


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
    return ReviewRow(
        finding=last.finding,
        finding_rev=source.finding_rev,
        sample=last.sample,
        verdict=restored.verdict if restored else "undo",
        label=restored.label if restored else None,
        model_label=source.model_label,
        bundle=source.bundle,
        model_seen=source.model_seen,
        reviewer=last.reviewer,
        at=utc_now(),
        undoes=last.row,
        restores=said,
    )
