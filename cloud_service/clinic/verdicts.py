"""What clinicians say of whole findings: true, false, artefact or other, with a comment. Nothing is ever deleted."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from cloud_service.access import audit
from cloud_service.clinic.context import ClinicPart, Reviewer, Viewer
from cloud_service.database.clinic_tables import VerdictRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import FindingRow

router = APIRouter(tags=["review"])
WITHDRAWN = "withdrawn"
DISPUTED = "disputed"
"""What a finding is called whose readers differ."""


class NewVerdict(BaseModel):
    """A word on a finding. `withdrawn` takes one's own back."""

    verdict: Literal["true", "false", "artefact", "other", "withdrawn"]
    comment: str = Field(default="", max_length=1000)


class Verdict(BaseModel):
    """A verdict. It counts when `superseded_by` is null and `verdict` is not "withdrawn"."""

    row: int
    finding: str
    finding_rev: int
    verdict: str
    comment: str
    reader: str
    at: datetime
    supersedes: int | None
    superseded_by: int | None


class Verdicts(BaseModel):
    """Verdicts, oldest first, and what they come to: one word, `disputed` where readers differ, null without any."""

    verdicts: list[Verdict]
    agreed: str | None


@router.get("/findings/{finding}/verdicts")
def verdicts(finding: str, _login: Viewer, clinic: ClinicPart, history: bool = False) -> Verdicts:
    """List the verdicts that count, one a reader; with `history`, all there ever were."""
    wanted = select(VerdictRow).where(VerdictRow.finding == finding).order_by(VerdictRow.row)
    with clinic.database.read() as session:
        rows = list(session.scalars(wanted))
    counting = [row for row in rows if counts(row)]
    listed = [_shown(row) for row in (rows if history else counting)]
    return Verdicts(verdicts=listed, agreed=agreed(row.verdict for row in counting))


@router.post("/findings/{finding}/verdicts", status_code=201)
def give_verdict(finding: str, new: NewVerdict, login: Reviewer, clinic: ClinicPart) -> Verdict:
    """Say what a finding was worth; the reader's former word on it is no longer in force."""
    with clinic.database.write() as session:
        about = session.get(FindingRow, finding)
        if about is None:
            raise HTTPException(404, "no such finding")
        before = _standing_of(session, finding, login.name)
        if new.verdict == WITHDRAWN and before is None:
            raise HTTPException(409, "there is no verdict of yours to withdraw")
        row = VerdictRow(
            finding=finding,
            finding_rev=about.rev,
            verdict=new.verdict,
            comment=new.comment,
            reader=login.name,
            at=utc_now(),
            supersedes=before.row if before else None,
        )
        session.add(row)
        session.flush()
        if before is not None:
            before.superseded_by = row.row
        audit.record(session, actor=login.name, action="verdict", subject=finding, verdict=row.verdict, row=row.row)
        return _shown(row)


def counts(row: VerdictRow) -> bool:
    """Whether a verdict is in force."""
    return row.superseded_by is None and row.verdict != WITHDRAWN


def agreed(words: Iterable[str]) -> str | None:
    """Say what the verdicts of all readers come to."""
    different = set(words)
    return None if not different else different.pop() if len(different) == 1 else DISPUTED


def _standing_of(session: Session, finding: str, reader: str) -> VerdictRow | None:
    wanted = select(VerdictRow).where(VerdictRow.finding == finding, VerdictRow.reader == reader)
    return next((row for row in session.scalars(wanted) if counts(row)), None)


def _shown(row: VerdictRow) -> Verdict:
    return Verdict.model_validate(row, from_attributes=True)
