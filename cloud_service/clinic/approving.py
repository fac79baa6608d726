"""Better words on their way to the devices: what a suggestion would say there, and the second person who approves it.

A suggestion is feedback with better words for the text of a finding. What it proposes follows from it by rule, and what
cannot be said is refused with the reason. Nobody approves words of their own, nor a program anything.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.events import Finding
from biosignal.tasks.lookup import finding_kind
from biosignal.wording.in_force import Approved, Phrasing, present, with_approved
from biosignal.wording.knowledge import knowledge
from biosignal.wording.language import first_text
from biosignal.wording.phrasing import PhrasingRefused, faults
from biosignal.wording.turning import turned
from cloud_service.access import audit
from cloud_service.clinic.asking import read_finding
from cloud_service.clinic.context import ClinicPart, Reviewer, ReviewerInPerson, RowNumber
from cloud_service.clinic.feedback import BETTER
from cloud_service.database.clinic_tables import FeedbackRow, TokenRow, WordsVerdictRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import FindingRow

router = APIRouter(prefix="/words", tags=["words"])
MOST = 50
PREVIEWS = 3
APPROVED, WITHDRAWN = "approved", "withdrawn"


class NotApprovable(RefusedForSafety):
    """These words may not be approved, not by this person, or not as they were shown."""

    remedy = "somebody else with the role reviewer approves them, as they are shown now"


class Preview(BaseModel):
    """A finding, its text in the vetted words, and the same with the suggestion in it."""

    finding: str
    now: str
    then: str


class WordsVerdict(BaseModel):
    """What somebody said of a suggestion."""

    says: str
    by: str
    at: datetime


class Suggestion(BaseModel):
    """Better words for the text of a finding, and what they propose.

    `part` and `pattern` are null where they propose nothing that can be said, for `why`. `present` are the vetted
    wordings of the part. `state` is waiting, refused, approved or withdrawn; `mine` are words of who asks.
    """

    row: int
    finding: str
    kind: str
    label: str
    text: str
    words: str
    note: str
    reader: str
    at: datetime
    mine: bool
    state: str
    part: str | None
    pattern: str | None
    present: list[str]
    why: str
    previews: list[Preview]
    verdicts: list[WordsVerdict]


class SuggestionList(BaseModel):
    """Suggestions, newest first; `next` is a row to go on from, null where there are no older ones."""

    suggestions: list[Suggestion]
    next: int | None


class SeenPattern(BaseModel):
    """The pattern that was looked at, so that nothing else is approved."""

    pattern: str = Field(min_length=1, max_length=2000)


@router.get("")
def suggestions(
    login: Reviewer,
    clinic: ClinicPart,
    state: Literal["waiting", "refused", "approved", "withdrawn"] | None = None,
    before: RowNumber | None = None,
) -> SuggestionList:
    """List better words for texts of findings with what they propose; `before` is a row to go on from."""
    wanted = select(FeedbackRow).where(FeedbackRow.says == BETTER, FeedbackRow.finding.is_not(None))
    wanted = wanted.order_by(FeedbackRow.row.desc()).limit(MOST)
    if before is not None:
        wanted = wanted.where(FeedbackRow.row < before)
    with clinic.database.read() as session:
        shown = [_suggestion(session, row, login.name) for row in session.scalars(wanted)]
    further = shown[-1].row if len(shown) == MOST else None
    return SuggestionList(suggestions=[one for one in shown if state is None or one.state == state], next=further)


@router.post("/{row}/approve", status_code=201)
def approve(row: RowNumber, seen: SeenPattern, login: ReviewerInPerson, clinic: ClinicPart) -> Suggestion:
    """Approve the words of somebody else, for the next bundle."""
    with clinic.database.write() as session:
        suggested = _row(session, row)
        phrasing = proposed(session, suggested)
        _check_second(session, suggested, login.name)
        if phrasing.pattern != seen.pattern:
            raise NotApprovable("the words propose another pattern now than was shown", pattern=phrasing.pattern)
        _note(session, suggested, phrasing, APPROVED, login.name)
        return _suggestion(session, suggested, login.name)


@router.post("/{row}/withdraw", status_code=201)
def withdraw(row: RowNumber, login: ReviewerInPerson, clinic: ClinicPart) -> Suggestion:
    """Withdraw words that were approved: the next bundle is without them. Whoever may approve may withdraw, alone."""
    with clinic.database.write() as session:
        suggested, verdict = _row(session, row), _newest(session, row)
        if verdict is None or verdict.says != APPROVED:
            raise NotApprovable("these words are not approved", remedy="there is nothing to withdraw", row=row)
        _note(session, suggested, phrasing_of(verdict), WITHDRAWN, login.name)
        return _suggestion(session, suggested, login.name)


def approved_in_force(session: Session) -> list[WordsVerdictRow]:
    """Every approval that stands, one a pattern; the newest first, as it is the one that is said."""
    newest: dict[int, WordsVerdictRow] = {}
    for verdict in session.scalars(select(WordsVerdictRow).order_by(WordsVerdictRow.row)):
        newest[verdict.feedback] = verdict
    standing = sorted((one for one in newest.values() if one.says == APPROVED), key=lambda one: -one.row)
    return list({phrasing_of(one): one for one in standing}.values())


def phrasing_of(verdict: WordsVerdictRow) -> Phrasing:
    """What a verdict is about."""
    return Phrasing(task=verdict.task, kind=verdict.kind, part=verdict.part, pattern=verdict.pattern)


def stored_of_kind(session: Session, kind: str, most: int) -> Iterable[Finding]:
    """Give the newest findings of a kind that can be read."""
    newest = select(FindingRow).where(FindingRow.kind == kind).order_by(FindingRow.received.desc()).limit(most)
    for row in session.scalars(newest):
        try:
            yield read_finding(row)
        except BadInput:
            continue


def proposed(session: Session, row: FeedbackRow) -> Phrasing:
    """Give what a suggestion proposes.

    Raises
    ------
    PhrasingRefused : it proposes nothing that can be said. NotApprovable : the finding it is about is gone.
    """
    about = session.get(FindingRow, row.finding)
    if about is None:
        raise NotApprovable("the finding of these words is gone", remedy="suggest them again for another finding")
    phrasing = turned(row.words, read_finding(about))
    if found := faults(phrasing):
        raise PhrasingRefused("; ".join(found))
    return phrasing


def _check_second(session: Session, row: FeedbackRow, by: str) -> None:
    if row.reader == by:
        raise NotApprovable("nobody approves words of their own", row=row.row)
    if session.get(TokenRow, row.reader) is not None:
        raise NotApprovable("a program suggested these words", remedy="a person suggests them first", row=row.row)


def _note(session: Session, row: FeedbackRow, phrasing: Phrasing, says: str, by: str) -> None:
    said = {"task": phrasing.task, "kind": phrasing.kind, "part": phrasing.part, "pattern": phrasing.pattern}
    session.add(WordsVerdictRow(feedback=row.row, says=says, by=by, at=utc_now(), **said))
    session.flush()
    audit.record(session, actor=by, action=f"words.{says}", subject=row.finding or "", row=row.row, **said)


def _row(session: Session, row: int) -> FeedbackRow:
    found = session.get(FeedbackRow, row)
    if found is None or found.says != BETTER or found.finding is None:
        raise HTTPException(404, "no such suggestion")
    return found


def _newest(session: Session, row: int) -> WordsVerdictRow | None:
    wanted = select(WordsVerdictRow).where(WordsVerdictRow.feedback == row).order_by(WordsVerdictRow.row.desc())
    return session.scalars(wanted.limit(1)).first()


def _suggestion(session: Session, row: FeedbackRow, asks: str) -> Suggestion:
    wanted = select(WordsVerdictRow).where(WordsVerdictRow.feedback == row.row).order_by(WordsVerdictRow.row)
    verdicts = list(session.scalars(wanted))
    why, phrasing = "", None
    try:
        phrasing = proposed(session, row)
    except RefusedForSafety as error:
        why = str(error)
    except BadInput:
        why = "the finding of these words cannot be read by this release"
    if verdicts:
        phrasing = phrasing_of(verdicts[-1])
    vetted = present(knowledge(), phrasing.task, phrasing.kind, phrasing.part) if phrasing else ()
    return Suggestion(
        row=row.row,
        finding=row.finding or "",
        kind=row.kind,
        label=finding_kind(row.kind).label,
        text=row.text,
        words=row.words,
        note=row.note,
        reader=row.reader,
        at=row.at,
        mine=row.reader == asks,
        state=verdicts[-1].says if verdicts else ("refused" if phrasing is None else "waiting"),
        part=phrasing.part if phrasing else None,
        pattern=phrasing.pattern if phrasing else None,
        present=list(vetted),
        why=why,
        previews=_previews(session, row, phrasing) if phrasing else [],
        verdicts=[WordsVerdict(says=one.says, by=one.by, at=one.at) for one in verdicts],
    )


def _previews(session: Session, row: FeedbackRow, phrasing: Phrasing) -> list[Preview]:
    """This finding and two others of its kind, each before and after."""
    about = session.get(FindingRow, row.finding)
    findings = [read_finding(about)] if about is not None else []
    others = stored_of_kind(session, row.kind, PREVIEWS)
    findings += [one for one in others if one.id != row.finding][: PREVIEWS - len(findings)]
    then = with_approved(knowledge(), Approved(name="preview", phrasings=(phrasing,)))
    return [Preview(finding=one.id, now=first_text(one), then=first_text(one, then)) for one in findings]
