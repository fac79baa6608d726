"""From a new event to the latest state of the thing it is about; one function per kind."""

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from cloud_service.database.columns import Table
from cloud_service.database.event_tables import (
    AlarmRow,
    ClockRow,
    CommandRow,
    ExplanationRow,
    FindingRow,
    LossRow,
    ModelReportRow,
    RecordingEndRow,
    RecordingRow,
    StripRow,
    SubjectRow,
    TrendRow,
)
from cloud_service.database.upsert import insert_or_keep, insert_or_renew
from cloud_service.ingest.arrival import Accepted

Project = Callable[[Session, Accepted, datetime], None]
WITHOUT_ARRAYS = (str, int, float, bool, bytes, type(None))


def project(session: Session, accepted: Accepted, received: datetime) -> None:
    """Bring the latest state up to this event."""
    KINDS[accepted.envelope.kind](session, accepted, received)


def _plain(accepted: Accepted) -> dict[str, Any]:
    """Give the fields of the body that need no JSON, enums as their values, with the device."""
    body = accepted.envelope.body
    values = {field.name: getattr(body, field.name) for field in fields(body)}
    plain = {name: getattr(value, "value", value) for name, value in values.items()}
    return {"device": accepted.envelope.device, **{k: v for k, v in plain.items() if isinstance(v, WITHOUT_ARRAYS)}}


def _keep(table: type[Table], *, stamped: bool = False) -> Project:
    def write(session: Session, accepted: Accepted, received: datetime) -> None:
        row = _plain(accepted)
        insert_or_keep(session, table, [{**row, "received": received} if stamped else row])

    return write


def _recording(session: Session, accepted: Accepted, received: datetime) -> None:
    row = {**_plain(accepted), "leads": accepted.body["leads"], "received": received}
    insert_or_keep(session, RecordingRow, [row])


def _recording_end(session: Session, accepted: Accepted, received: datetime) -> None:
    insert_or_renew(session, RecordingEndRow, {**_plain(accepted), "received": received})


def _finding(session: Session, accepted: Accepted, received: datetime) -> None:
    body = accepted.body
    arrays = {name: body[name] for name in ("leads", "outcome", "evidence")}
    row = {**_plain(accepted), **arrays, "at": accepted.envelope.at, "received": received}
    insert_or_renew(session, FindingRow, row, newer=True)


def _alarm(session: Session, accepted: Accepted, received: datetime) -> None:
    row = {**_plain(accepted), "device_utc": accepted.envelope.at, "received": received}
    insert_or_renew(session, AlarmRow, row, newer=True)


def _explanation(session: Session, accepted: Accepted, received: datetime) -> None:
    insert_or_renew(session, ExplanationRow, {**_plain(accepted), "received": received}, newer=True)


def _answer(session: Session, accepted: Accepted, received: datetime) -> None:
    body = accepted.body
    session.execute(
        update(CommandRow)
        .where(CommandRow.id == body["command"], CommandRow.device == accepted.envelope.device)
        .values(state=body["outcome"], reason=body["reason"], answered=received)
    )


KINDS: dict[str, Project] = {
    "recording.opened": _recording,
    "recording.closed": _recording_end,
    "subject.assigned": _keep(SubjectRow),
    "loss": _keep(LossRow),
    "clock.anchor": _keep(ClockRow),
    "finding": _finding,
    "strip": _keep(StripRow),
    "alarm": _alarm,
    "explanation": _explanation,
    "trend": _keep(TrendRow),
    "model.report": _keep(ModelReportRow, stamped=True),
    "command.answer": _answer,
}
