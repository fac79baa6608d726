"""What people say of the texts they are shown: agree, disagree, artefact, other, or better words.

Engineers read it. No text changes by it alone: better words for the text of a finding reach devices only where a second
person approves them (`approving`) and an engineer releases them.
"""

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from biosignal.asking.answering import sentences_about, sentences_in_general
from biosignal.errors import BadInput
from biosignal.notes import fit_notes
from cloud_service.access import audit
from cloud_service.access.errors import TooManyQuestions
from cloud_service.clinic.asking import found
from cloud_service.clinic.context import ClinicPart, Engineer, RowNumber, Viewer
from cloud_service.database.clinic_tables import FeedbackRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import ExplanationRow

router = APIRouter(tags=["feedback"])
MOST = 200
BETTER = "better-words"
CLEAR = ("disagree", "artefact", "agree")
"""What teaches which word a note belongs to; the other words say nothing of whether the text was right."""
ORDER = ("disagree", "artefact", "other", BETTER, "agree")
TAUGHT_EACH, TAUGHT_MOST = 10, 1000
"""A word counts from so many notes on, and so many of the newest notes teach."""
LONGEST_TEXT, LONGEST_WORDS, LONGEST_NOTE = 8000, 1000, 1000


class NewFeedback(BaseModel):
    """A word on `text`, which is an explanation or a sentence of an answer; `finding` null: one in general."""

    text: str = Field(min_length=1, max_length=LONGEST_TEXT)
    finding: str | None = Field(default=None, max_length=200)
    says: Literal["agree", "disagree", "artefact", "other", "better-words"]
    words: str = Field(default="", max_length=LONGEST_WORDS)
    note: str = Field(default="", max_length=LONGEST_NOTE)


class Feedback(BaseModel):
    """What somebody said of a text; `kind` is that of the finding, empty in general.

    `reads_as` is what its note reads as, by the notes of this clinic; null where it has none, or there are too few.
    """

    row: int
    finding: str | None
    finding_rev: int | None
    kind: str
    text: str
    says: str
    words: str
    note: str
    reader: str
    at: datetime
    reads_as: str | None = None


class FeedbackList(BaseModel):
    """Feedback, newest first; `counts` are of all there is, by what it says."""

    feedback: list[Feedback]
    counts: dict[str, int]


@router.post("/feedback", status_code=201)
def give_feedback(new: NewFeedback, login: Viewer, clinic: ClinicPart) -> Feedback:
    """Keep a word on a text that was shown; one that never was is refused, so that what is kept can be looked up."""
    if (new.says == BETTER) != bool(new.words.strip()):
        raise BadInput(
            "better words are words", says=new.says, remedy=f"send `words` with `{BETTER}` and with no other"
        )
    wait_s = clinic.questions.take(login.name, time.monotonic())
    if wait_s:
        raise TooManyQuestions(wait_s)
    with clinic.database.write() as session:
        about, before = found(session, new.finding) if new.finding is not None else (None, None)
        shown = sentences_in_general() if about is None else sentences_about(about, before)
        if new.text not in shown and new.text not in _explanations(session, new.finding):
            raise HTTPException(400, "this text was not shown here")
        row = FeedbackRow(
            finding=new.finding,
            finding_rev=about.rev if about else None,
            kind=about.kind if about else "",
            text=new.text,
            says=new.says,
            words=new.words.strip(),
            note=new.note.strip(),
            reader=login.name,
            at=utc_now(),
        )
        session.add(row)
        session.flush()
        audit.record(
            session, actor=login.name, action="feedback", subject=new.finding or "", says=row.says, row=row.row
        )
        return Feedback.model_validate(row, from_attributes=True)


@router.get("/feedback")
def feedback(
    _login: Engineer,
    clinic: ClinicPart,
    says: str | None = None,
    before: RowNumber | None = None,
    limit: int = 50,
    order: Literal["newest", "doubts"] = "newest",
) -> FeedbackList:
    """List what people said of texts, newest first; `before` is a row to go on from.

    In the order `doubts` those of a page stand first that say, or whose note reads as if somebody said, that a text or
    its signal is wrong.
    """
    wanted = select(FeedbackRow).order_by(FeedbackRow.row.desc()).limit(max(1, min(limit, MOST)))
    if says is not None:
        wanted = wanted.where(FeedbackRow.says == says)
    if before is not None:
        wanted = wanted.where(FeedbackRow.row < before)
    with clinic.database.read() as session:
        listed = [Feedback.model_validate(row, from_attributes=True) for row in session.scalars(wanted)]
        listed = with_readings(session, listed)
        counted = session.execute(select(FeedbackRow.says, func.count()).group_by(FeedbackRow.says))
        in_order = sorted(listed, key=doubt) if order == "doubts" else listed
        return FeedbackList(feedback=in_order, counts={row[0]: row[1] for row in counted})


def with_readings(session: Session, listed: list[Feedback]) -> list[Feedback]:
    """Say of each note what it reads as, by rules that are fitted to the notes people gave with a clear word."""
    wanted = select(FeedbackRow.note, FeedbackRow.says).where(FeedbackRow.note != "", FeedbackRow.says.in_(CLEAR))
    taught = session.execute(wanted.order_by(FeedbackRow.row.desc()).limit(TAUGHT_MOST)).all()
    known = Counter(row.says for row in taught)
    usable = [(row.note, row.says) for row in taught if known[row.says] >= TAUGHT_EACH]
    if len({says for _, says in usable}) < 2:
        return listed
    rules = fit_notes([note for note, _ in usable], [says for _, says in usable])
    noted = [one for one in listed if one.note]
    read = dict(zip((one.row for one in noted), rules.read([one.note for one in noted]), strict=True))
    return [one.model_copy(update={"reads_as": read.get(one.row)}) for one in listed]


def doubt(one: Feedback) -> int:
    """Order by what is said; a word that is not clear counts as its note reads."""
    said = one.says if one.says in CLEAR else (one.reads_as or one.says)
    return ORDER.index(said)


def _explanations(session: Session, finding: str | None) -> Iterable[str]:
    """Every text that was written for a finding."""
    return list(session.scalars(select(ExplanationRow.text).where(ExplanationRow.finding == finding)))
