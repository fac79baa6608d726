"""Every alarm there was, from its onset to its end, who saw it and what it was worth; and how many a bed has a day.

An alarm is told by its device in revisions, which the event log keeps as they came. Times are those at which they
reached the clinic: they are of one clock, whatever the device's says.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from biosignal.events import AlarmState, Priority
from biosignal.tasks import lookup
from cloud_service.clinic.context import ClinicPart, Viewer
from cloud_service.clinic.unshowable import WORDS, shown
from cloud_service.clinic.verdicts import agreed, counts
from cloud_service.database.clinic_tables import EscalationRow, VerdictRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import EventRow

router = APIRouter(tags=["alarms"])
KIND = "alarm"
MOST = 1000
MOST_DAYS = 92
MOST_COUNTED = 20_000
MOST_AT_A_TIME = 500
"""Ids asked for in one statement."""
UNREAD = "unread"
COLUMNS = (
    "device", "onset", "kind", "label", "priority", "leads", "state", "duration_s", "acknowledged",
    "acknowledged_by", "ended", "verdict", "recording", "finding", "escalated",
)  # fmt: skip


class LoggedAlarm(BaseModel):
    """An alarm from its onset on. `duration_s` is absent while its condition is there; `by` who acknowledged it.

    `escalated` is how often somebody was told of it because nobody answered; the log of escalations says whom.
    `verdict` is what readers agree on, "disputed" where they differ, null where nobody has said anything.
    """

    id: str
    device: str
    recording: str
    finding: str
    kind: str
    label: str
    leads: list[str]
    priority: str
    state: str
    onset: datetime
    ended: datetime | None
    duration_s: float | None
    acknowledged: datetime | None
    acknowledged_by: str | None
    escalated: int
    verdict: str | None


class AlarmLog(BaseModel):
    """Alarms by their onset, the newest first. `left_off`: there are older ones in the time asked for."""

    alarms: list[LoggedAlarm]
    left_off: bool


class BurdenRow(BaseModel):
    """Alarms of a bed that began on a day, UTC: by priority, and by what readers said of them."""

    device: str
    day: date
    by_priority: dict[str, int]
    by_verdict: dict[str, int]
    total: int


class Burden(BaseModel):
    """How many alarms each bed had, a row for each day on which it had any, the newest first.

    `left_off`: there were so many that the oldest ones are not counted.
    """

    days: list[BurdenRow]
    left_off: bool


@router.get("/alarm-log")
def alarm_log(
    _login: Viewer,
    clinic: ClinicPart,
    device: str | None = None,
    kind: str | None = None,
    priority: Priority | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 200,
) -> AlarmLog:
    """List alarms that began in [since, until), at most `limit`, the newest ones."""
    most = max(1, min(limit, MOST))
    wanted = _begun(device, kind, priority, since, until).limit(most + 1)
    with clinic.database.read() as session:
        begun = list(session.scalars(wanted))
        return AlarmLog(alarms=_logged(session, begun[:most]), left_off=len(begun) > most)


@router.get("/alarm-log.csv")
def alarm_log_csv(
    _login: Viewer,
    clinic: ClinicPart,
    device: str | None = None,
    kind: str | None = None,
    priority: Priority | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Response:
    """Give the same as a table, at most a thousand alarms."""
    with clinic.database.read() as session:
        begun = list(session.scalars(_begun(device, kind, priority, since, until).limit(MOST)))
        text = csv_of(_logged(session, begun))
    head = {"Content-Disposition": 'attachment; filename="alarms.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=head)


@router.get("/alarm-burden")
def alarm_burden(_login: Viewer, clinic: ClinicPart, days: int = 7, device: str | None = None) -> Burden:
    """Count the alarms of each bed by the day they began, for the last `days` days."""
    if not 1 <= days <= MOST_DAYS:
        raise HTTPException(400, f"days lies between 1 and {MOST_DAYS}")
    since = datetime.combine(utc_now().date() - timedelta(days=days - 1), datetime.min.time(), utc_now().tzinfo)
    with clinic.database.read() as session:
        begun = list(session.scalars(_begun(device, None, None, since, None).limit(MOST_COUNTED + 1)))
        rows = burden_of(_logged(session, begun[:MOST_COUNTED]))
        return Burden(days=rows, left_off=len(begun) > MOST_COUNTED)


def burden_of(alarms: Iterable[LoggedAlarm]) -> list[BurdenRow]:
    """Count alarms by bed and day."""
    rows: dict[tuple[date, str], BurdenRow] = {}
    for one in alarms:
        key = one.onset.date(), one.device
        row = rows.setdefault(key, BurdenRow(device=key[1], day=key[0], by_priority={}, by_verdict={}, total=0))
        row.total += 1
        row.by_priority[one.priority] = row.by_priority.get(one.priority, 0) + 1
        said = one.verdict or UNREAD
        row.by_verdict[said] = row.by_verdict.get(said, 0) + 1
    return [rows[key] for key in sorted(rows, key=lambda key: (-key[0].toordinal(), key[1]))]


def csv_of(alarms: Sequence[LoggedAlarm]) -> str:
    """Write alarms as a table with a head; a cell that a spreadsheet would take for a formula is made text."""
    held = io.StringIO()
    writer = csv.writer(held)
    writer.writerow(COLUMNS)
    for one in alarms:
        facts = one.model_dump(mode="json") | {"leads": " ".join(one.leads)}
        writer.writerow([_as_text(facts[name]) for name in COLUMNS])
    return held.getvalue()


def _as_text(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _begun(
    device: str | None,
    kind: str | None,
    priority: Priority | None,
    since: datetime | None,
    until: datetime | None,
) -> Select[EventRow]:
    """Ask for the first revisions of alarms, the newest first."""
    wanted = select(EventRow).where(EventRow.kind == KIND, EventRow.rev == 0).order_by(EventRow.row.desc())
    if device is not None:
        wanted = wanted.where(EventRow.device == device)
    if since is not None:
        wanted = wanted.where(EventRow.received >= since)
    if until is not None:
        wanted = wanted.where(EventRow.received < until)
    if kind is not None:
        wanted = wanted.where(EventRow.body["kind"].as_string() == kind)
    if priority is not None:
        wanted = wanted.where(EventRow.body["priority"].as_string() == priority.value)
    return wanted


def _logged(session: Session, begun: Sequence[EventRow]) -> list[LoggedAlarm]:
    revisions = _revisions(session, begun)
    said = _said(
        session, [str(row.body["finding"]) for row in begun if isinstance(row.body, dict) and "finding" in row.body]
    )
    told = _escalated(session, [row.id for row in begun])
    alarms = [_alarm(row, revisions[row.device, row.id], said) for row in begun]
    return [one.model_copy(update={"escalated": told.get(one.id, 0)}) for one in alarms]


def _escalated(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """How often somebody was told, by alarm."""
    found: dict[str, int] = {}
    for first in range(0, len(ids), MOST_AT_A_TIME):
        part = ids[first : first + MOST_AT_A_TIME]
        counted = select(EscalationRow.alarm, func.count()).where(EscalationRow.alarm.in_(part))
        found |= {row[0]: row[1] for row in session.execute(counted.group_by(EscalationRow.alarm))}
    return found


def _revisions(session: Session, begun: Sequence[EventRow]) -> dict[tuple[str, str], list[EventRow]]:
    found: dict[tuple[str, str], list[EventRow]] = {(row.device, row.id): [] for row in begun}
    ids = [row.id for row in begun]
    for first in range(0, len(ids), MOST_AT_A_TIME):
        part = ids[first : first + MOST_AT_A_TIME]
        wanted = select(EventRow).where(EventRow.kind == KIND, EventRow.id.in_(part)).order_by(EventRow.rev)
        for row in session.scalars(wanted):
            if (row.device, row.id) in found:
                found[row.device, row.id].append(row)
    return found


def _said(session: Session, findings: Sequence[str]) -> dict[str, list[str]]:
    """Verdicts in force, by finding."""
    found: dict[str, list[str]] = {}
    for first in range(0, len(findings), MOST_AT_A_TIME):
        part = findings[first : first + MOST_AT_A_TIME]
        for row in session.scalars(select(VerdictRow).where(VerdictRow.finding.in_(part))):
            if counts(row):
                found.setdefault(row.finding, []).append(row.verdict)
    return found


def _alarm(first: EventRow, revisions: Sequence[EventRow], said: dict[str, list[str]]) -> LoggedAlarm:
    """Put an alarm together; one whose body cannot be read says so in the place of its name."""
    return shown(
        first,
        lambda _: _read(first, revisions, said),
        lambda why: LoggedAlarm(
            id=first.id, device=first.device, recording=first.recording or "", finding="", kind=KIND,
            label=f"alarm, {WORDS}: {why}", leads=[], priority=Priority.NONE.value, state="", onset=first.received,
            ended=None, duration_s=None, acknowledged=None, acknowledged_by=None, escalated=0, verdict=None,
        ),
    )  # fmt: skip


def _read(first: EventRow, revisions: Sequence[EventRow], said: dict[str, list[str]]) -> LoggedAlarm:
    body = first.body
    last = revisions[-1].body
    over = (AlarmState.LATCHED.value, AlarmState.RESOLVED.value)
    ended = next((row.received for row in revisions if row.body["state"] in over), None)
    seen = next((row for row in revisions if row.body["state"] == AlarmState.ACKNOWLEDGED.value), None)
    return LoggedAlarm(
        id=first.id,
        device=first.device,
        recording=body["recording"],
        finding=body["finding"],
        kind=body["kind"],
        label=lookup.finding_kind(body["kind"]).label,
        leads=list(body["leads"]),
        priority=last["priority"],
        state=last["state"],
        onset=first.received,
        ended=ended,
        duration_s=None if ended is None else round((ended - first.received).total_seconds(), 1),
        acknowledged=None if seen is None else seen.received,
        acknowledged_by=None if seen is None else seen.body["by"],
        escalated=0,
        verdict=agreed(said.get(body["finding"], ())),
    )
