"""What to review next: the findings whose marks teach most, by what is stored of them, and who is reading which."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.tasks import TASKS, lookup
from cloud_service.clinic.blindness import ADJUDICATE, counts, disputed
from cloud_service.clinic.context import ClinicPart, Reviewer
from cloud_service.clinic.evidence import NamedMark, named_marks
from cloud_service.clinic.reviews import Review
from cloud_service.clinic.reviews import shown as shown_review
from cloud_service.clinic.unshowable import shown
from cloud_service.database.clinic_tables import ClaimRow, ReviewRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import FindingRow, MarkRow

router = APIRouter(tags=["review"])
LOOKED_AT = 400
"""The newest findings that fit: the queue is the best of these."""
MOST_MARKS = 50
CLAIM_S = 600.0
"""So long a finding is somebody's who does not ask for it again; a page does with every word said of it."""
DIFFER = "readers differ"
UNSURE = "the model was unsure"
UNANSWERED = "no model answered"
READ = "as it came"
State = Literal["unread", "second", "disputed", "mine"]


class Claim(BaseModel):
    """Who reads a finding, and until when, unless more is said of it."""

    finding: str
    reader: str
    until: datetime
    mine: bool


class Waiting(BaseModel):
    """A finding that waits for a reader; what it was called is not told, as that is the answer.

    `teaches`, 0 to 2, is how unsure the model was of the mark that it was least sure of (one less the distance of its
    two best labels, or of a statement's probability from even chances), and one more where readers differ; `why` says
    it in words. `readers` counts who has said something of it.
    """

    finding: str
    device: str
    recording: str
    received: datetime
    teaches: float
    why: str
    readers: int
    claim: Claim | None


class ReviewQueue(BaseModel):
    """What waits, what teaches most first; what others are reading comes last. `left_off`: older ones were left out."""

    waiting: list[Waiting]
    left_off: bool


class MyReviews(BaseModel):
    """One's own words that stand, the newest first."""

    reviews: list[Review]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    row: FindingRow
    marks: list[NamedMark]
    words: list[ReviewRow]


@router.get("/review-queue")
def queue(
    login: Reviewer,
    clinic: ClinicPart,
    task: str | None = None,
    kind: str | None = None,
    device: str | None = None,
    since: Annotated[str | None, Query(max_length=40)] = None,
    state: State = "unread",
) -> ReviewQueue:
    """List what waits for a review.

    `state`: what nobody has read ("unread"), what one has and not oneself ("second"), where two differ and oneself may
    decide ("disputed"), or all that one has not read oneself ("mine"). `task` is that of the marks, `since` an ISO
    time.
    """
    fitting = [FindingRow.stream == "live"]
    fitting += [FindingRow.kind == kind] if kind else []
    fitting += [FindingRow.device == device] if device else []
    fitting += [FindingRow.received >= _moment(since)] if since else []
    wanted = select(FindingRow).where(*fitting).order_by(FindingRow.received.desc(), FindingRow.id.desc())
    with clinic.database.read() as session:
        rows = list(session.scalars(wanted.limit(LOOKED_AT + 1)))
        found = [one for one in _candidates(session, rows[:LOOKED_AT], task) if _fits(one, login.name, state)]
        marks = _arrived(session, found)
        claims = _claims(session, [one.row.id for one in found], login.name)
    waiting = [_waiting(one, marks, claims.get(one.row.id)) for one in found]
    waiting.sort(key=lambda one: (one.claim is not None and not one.claim.mine, -one.teaches))
    return ReviewQueue(waiting=waiting, left_off=len(rows) > LOOKED_AT)


@router.post("/findings/{finding}/claim")
def claim(finding: str, login: Reviewer, clinic: ClinicPart) -> Claim:
    """Say that one is reading a finding; gives whose it is, which may be another's until it ends. It blocks nobody."""
    with clinic.database.write() as session:
        if session.get(FindingRow, finding) is None:
            raise HTTPException(404, "no such finding")
        row = _standing_claim(session, finding)
        if row is None:
            row = ClaimRow(finding=finding, reader=login.name, at=utc_now(), until=utc_now())
            session.add(row)
        if row.reader == login.name:
            row.until = utc_now() + timedelta(seconds=CLAIM_S)
        session.flush()
        return _shown_claim(row, login.name)


@router.post("/findings/{finding}/release", status_code=204)
def release(finding: str, login: Reviewer, clinic: ClinicPart) -> None:
    """Give up one's claim on a finding, where there is one."""
    with clinic.database.write() as session:
        row = _standing_claim(session, finding)
        if row is not None and row.reader == login.name:
            row.until = utc_now()


@router.get("/my-reviews")
def my_reviews(login: Reviewer, clinic: ClinicPart, limit: Annotated[int, Query(ge=1, le=200)] = 50) -> MyReviews:
    """List what one has said last and can take back."""
    mine = (ReviewRow.reviewer == login.name, ReviewRow.superseded_by.is_(None), ReviewRow.verdict != "undo")
    with clinic.database.read() as session:
        rows = session.scalars(select(ReviewRow).where(*mine).order_by(ReviewRow.row.desc()).limit(limit))
        return MyReviews(reviews=[shown_review(row) for row in rows])


def uncertainty(task: str, kind: str, outcome: dict[str, Any] | None) -> float:
    """How little an answer settled, 0 to 1: 1 where the two best labels were as likely, or a statement at even odds."""
    scores = sorted((float(score) for _, score in (outcome or {}).get("scores") or ()), reverse=True)
    if not scores:
        return 0.0
    if lookup.mark_kind(task, kind).states:
        return 1.0 - 2.0 * min(abs(score - 0.5) for score in scores)
    return 1.0 - (scores[0] - (scores[1] if len(scores) > 1 else 0.0))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        raise HTTPException(400, "`since` is no time, such as 2026-05-01T00:00:00Z") from error


def _candidates(session: Session, rows: Sequence[FindingRow], task: str | None) -> Iterable[_Candidate]:
    said: dict[str, list[ReviewRow]] = {}
    for word in session.scalars(select(ReviewRow).where(ReviewRow.finding.in_([row.id for row in rows]))):
        if counts(word):
            said.setdefault(word.finding, []).append(word)
    for row in rows:
        marks = [one for one in shown(row, _asked, lambda _: []) if task is None or one.task == task]
        if marks:
            yield _Candidate(row=row, marks=marks, words=said.get(row.id, []))


def _asked(row: FindingRow) -> list[NamedMark]:
    """The marks of a finding that people are asked to review."""
    units = {name: one.review.mark for name, one in TASKS.items() if one.review is not None}
    return [one for one in named_marks(row) if units.get(one.task) == one.kind][:MOST_MARKS]


def _fits(one: _Candidate, name: str, state: State) -> bool:
    readers = {word.reviewer for word in one.words if word.verdict != ADJUDICATE}
    if state == "unread":
        return not readers
    if state == "second":
        return len(readers) == 1 and name not in readers
    if state == "disputed":
        return any(name not in labels for labels in disputed(one.words).values())
    return name not in readers


def _arrived(session: Session, found: Sequence[_Candidate]) -> dict[tuple[str, str], MarkRow]:
    ids = [mark.id for one in found for mark in one.marks]
    marks: dict[tuple[str, str], MarkRow] = {}
    for first in range(0, len(ids), 5000):  # a database takes so many values at a time
        for row in session.scalars(select(MarkRow).where(MarkRow.id.in_(ids[first : first + 5000]))):
            marks[row.device, row.id] = row
    return marks


def _waiting(one: _Candidate, marks: dict[tuple[str, str], MarkRow], claim: Claim | None) -> Waiting:
    here = [marks[one.row.device, mark.id] for mark in one.marks if (one.row.device, mark.id) in marks]
    unsure = max((shown(row, _uncertainty, lambda _: 0.0) for row in here), default=0.0)
    differ = bool(disputed(one.words))
    return Waiting(
        finding=one.row.id,
        device=one.row.device,
        recording=one.row.recording,
        received=one.row.received,
        teaches=round(min(1.0, max(0.0, unsure)) + differ, 4),
        why=DIFFER if differ else _why(here, unsure),
        readers=len({word.reviewer for word in one.words}),
        claim=claim,
    )


def _uncertainty(row: MarkRow) -> float:
    return uncertainty(row.task, row.kind, row.outcome)


def _why(here: list[MarkRow], unsure: float) -> str:
    if here and all(row.label is None for row in here):
        return UNANSWERED
    return UNSURE if unsure >= 0.5 else READ


def _claims(session: Session, findings: list[str], name: str) -> dict[str, Claim]:
    standing = select(ClaimRow).where(ClaimRow.finding.in_(findings), ClaimRow.until > utc_now())
    rows = session.scalars(standing.order_by(ClaimRow.row.desc()))
    return {row.finding: _shown_claim(row, name) for row in rows}  # of two at once the first holds


def _standing_claim(session: Session, finding: str) -> ClaimRow | None:
    standing = select(ClaimRow).where(ClaimRow.finding == finding, ClaimRow.until > utc_now())
    return session.scalars(standing.order_by(ClaimRow.row).limit(1)).first()


def _shown_claim(row: ClaimRow, name: str) -> Claim:
    return Claim(finding=row.finding, reader=row.reader, until=row.until, mine=row.reader == name)
