"""Questions about a finding, or in general: answered in vetted sentences and measured facts, or refused."""

import time
from typing import Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.asking.answering import ask
from biosignal.asking.reply import Answer, Part, Quoted, Refusal, Reply
from biosignal.asking.tokens import LONGEST
from biosignal.errors import BadInput
from biosignal.events import Finding, FindingState
from biosignal.wire.codec import from_json
from cloud_service.access import audit
from cloud_service.access.errors import TooManyQuestions
from cloud_service.clinic.context import ClinicPart, Viewer
from cloud_service.clinic.unshowable import WORDS
from cloud_service.database.event_tables import FindingRow

router = APIRouter(tags=["ask"])
ALLOWED, WINDOW_S = 60, 60.0
"""Questions of one person in so many seconds."""
_FIELDS = tuple(Finding.__dataclass_fields__)


class Question(BaseModel):
    """A question in English, about `finding` or in general; `template` names the kind of question where it is known."""

    question: str = Field(default="", max_length=LONGEST)
    finding: str | None = Field(default=None, max_length=200)
    template: str | None = Field(default=None, max_length=40)


class Cited(BaseModel):
    """Where a sentence comes from; no DOI and no year where it speaks of this program."""

    cite: str
    doi: str | None
    year: int | None


class SaidPart(BaseModel):
    """A sentence of an answer: a vetted one has a source, a measured one the stretch of its finding to look at."""

    text: str
    source: Cited | None = None
    finding: str | None = None
    start: int | None = None
    end: int | None = None
    fs_hz: float | None = None
    name: str | None = None
    value: float | None = None
    unit: str | None = None


class Answered(BaseModel):
    """An answer, or why there is none.

    Where `reason` is null, `parts` are the answer, of the kind `template` and about `subject`; with `in_general`
    nothing of it is about a finding, and `left_out` counts numbers this version has no words for. Else `why` says in
    words why there is none, and `can` what can be asked.
    """

    template: str | None = None
    subject: str | None = None
    in_general: bool = False
    parts: list[SaidPart] = []
    left_out: int = 0
    reason: str | None = None
    why: str | None = None
    can: list[str] = []


@router.post("/ask")
def answer(new: Question, login: Viewer, clinic: ClinicPart) -> Answered:
    """Answer a question. What was asked is not kept; that something was asked, about which finding, is."""
    wait_s = clinic.questions.take(login.name, time.monotonic())
    if wait_s:
        raise TooManyQuestions(wait_s)
    with clinic.database.read() as session:
        about, before = found(session, new.finding) if new.finding is not None else (None, None)
    reply = ask(new.question, about=about, before=before, template=new.template)
    said = reply.reason.value if isinstance(reply, Refusal) else reply.template
    with clinic.database.write() as session:
        audit.record(session, actor=login.name, action="ask", subject=new.finding or "", said=said)
    return shown_reply(reply)


def found(session: Session, finding: str) -> tuple[Finding, Finding | None]:
    """Look up a finding, and the one of its kind before it in the same recording: another may be of another patient."""
    row = session.get(FindingRow, finding)
    if row is None:
        raise HTTPException(404, "no such finding")
    earlier = (
        select(FindingRow)
        .where(FindingRow.device == row.device, FindingRow.recording == row.recording)
        .where(FindingRow.kind == row.kind, FindingRow.stream == row.stream, FindingRow.onset < row.onset)
        .where(FindingRow.state != FindingState.WITHDRAWN.value)
        .order_by(FindingRow.onset.desc())
        .limit(1)
    )
    last = session.scalars(earlier).first()
    return _read(row), _read(last) if last is not None else None


def read_finding(row: FindingRow) -> Finding:
    """Read a stored finding.

    Raises
    ------
    BadInput : what is stored is damaged or of another release.
    """
    return from_json(Finding, {name: getattr(row, name) for name in _FIELDS})


def _read(row: FindingRow) -> Finding:
    try:
        return read_finding(row)
    except BadInput as error:
        raise HTTPException(409, f"this finding {WORDS}: what is stored is damaged or of another release") from error


def shown_reply(reply: Reply) -> Answered:
    """Show an answer or a refusal as values."""
    if isinstance(reply, Answer):
        return Answered(
            template=reply.template,
            subject=reply.subject,
            in_general=reply.in_general,
            parts=[_part(one) for one in reply.parts],
            left_out=reply.left_out,
        )
    return Answered(reason=reply.reason.value, why=reply.text, can=list(reply.can))


def _part(part: Part) -> SaidPart:
    if isinstance(part, Quoted):
        source = part.source
        return SaidPart(text=part.text, source=Cited(cite=source.cite, doi=source.doi, year=source.year))
    facts: dict[str, Any] = {name: getattr(part, name) for name in type(part).__dataclass_fields__}
    return SaidPart(**facts)
