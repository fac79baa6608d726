"""The event log as it is: everything devices said, also of kinds that this release does not know."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from biosignal.wire.envelope import KINDS
from cloud_service.clinic.context import ClinicPart, RowNumber, Viewer
from cloud_service.clinic.unshowable import WORDS, shown
from cloud_service.database.event_tables import EventRow

router = APIRouter(tags=["events"])
MOST = 500


class LoggedEvent(BaseModel):
    """An event as it came; `body` is in the words of `schema`. `known` says whether this release knows its kind."""

    row: int
    kind: str
    id: str
    rev: int
    schema_version: int = Field(serialization_alias="schema")
    device: str
    recording: str | None
    at: str
    received: datetime
    known: bool
    body: dict[str, Any]


class EventLog(BaseModel):
    """Events, newest first; the `row` of the last goes into `before` for the next page."""

    events: list[LoggedEvent]


@router.get("/events")
def events(
    _login: Viewer,
    clinic: ClinicPart,
    kind: str | None = None,
    device: str | None = None,
    recording: str | None = None,
    known: bool | None = None,
    before: RowNumber | None = None,
    limit: int = 100,
) -> EventLog:
    """List events; `known` filters by whether this release knows their kind."""
    wanted = select(EventRow).order_by(EventRow.row.desc()).limit(max(1, min(limit, MOST)))
    for column, value in ((EventRow.kind, kind), (EventRow.device, device), (EventRow.recording, recording)):
        if value is not None:
            wanted = wanted.where(column == value)
    if known is not None:
        is_known = EventRow.kind.in_(list(KINDS))
        wanted = wanted.where(is_known if known else ~is_known)
    if before is not None:
        wanted = wanted.where(EventRow.row < before)
    with clinic.database.read() as session:
        return EventLog(events=[_logged_somehow(row) for row in session.scalars(wanted)])


def _logged_somehow(row: EventRow) -> LoggedEvent:
    return shown(row, _logged, lambda why: _logged(row, body={WORDS: why}))


def _logged(row: EventRow, body: dict[str, Any] | None = None) -> LoggedEvent:
    facts = {name: getattr(row, name) for name in LoggedEvent.model_fields if hasattr(row, name)}
    return LoggedEvent(
        **{**facts, "body": row.body if body is None else body}, schema_version=row.schema, known=row.kind in KINDS
    )
