"""What is handed over of a patient: their numbers by the clock across recordings, and a shift in sums."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.tasks import lookup
from cloud_service.clinic.context import ClinicPart, Viewer
from cloud_service.clinic.patients import Kept, Stay, recordings_of
from cloud_service.clinic.quantities import decimals_of, label_of, unit_of
from cloud_service.clinic.verdicts import agreed, counts
from cloud_service.database.clinic_tables import VerdictRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import FindingRow, LossRow, SeriesRow

router = APIRouter(tags=["patients"])
MOST_HOURS = 7 * 24
MOST_POINTS = 50_000
Hours = Annotated[float, Query(gt=0, le=MOST_HOURS)]
RANK = {"high": 0, "medium": 1, "low": 2}
Key = tuple[str, tuple[str, ...], str]
"""Task, leads, quantity."""


class Course(BaseModel):
    """A quantity over hours by the clock, across recordings: seconds of the epoch and values, null where a break is."""

    task: str
    leads: list[str]
    quantity: str
    name: str
    unit: str
    decimals: int
    times: list[float]
    values: list[float | None]


class Courses(BaseModel):
    """All quantities of the hours asked for; `left_off`: there were more numbers than are shown."""

    courses: list[Course]
    left_off: bool


class KindFound(BaseModel):
    """Findings of one kind in the hours asked for; `by_verdict` counts what readers said of them."""

    kind: str
    label: str
    priority: str
    count: int
    first: datetime
    last: datetime
    by_verdict: dict[str, int]


class Measured(BaseModel):
    """A quantity in the hours asked for; `share` is the part of its steps in which it was measured."""

    task: str
    leads: list[str]
    quantity: str
    name: str
    unit: str
    decimals: int
    least: float
    mean: float
    most: float
    share: float


class Shift(BaseModel):
    """What is handed over: how long was recorded and lost, what was found, what was measured."""

    subject: str
    since: datetime
    until: datetime
    recorded_s: float
    lost_s: float
    found: list[KindFound]
    measured: list[Measured]


@router.get("/patients/{subject}/courses")
def courses(subject: str, _login: Viewer, clinic: ClinicPart, hours: Hours = 24.0) -> Courses:
    """Show what was measured in the last hours, across all recordings of a patient."""
    since = utc_now() - timedelta(hours=hours)
    made: dict[Key, Course] = {}
    numbers = 0
    with clinic.database.read() as session:
        for kept in recordings_of(session, subject):
            for row in _series(session, kept, since):
                if numbers > MOST_POINTS:
                    return Courses(courses=list(made.values()), left_off=True)
                numbers += _append(made, kept, row, since)
    return Courses(courses=list(made.values()), left_off=False)


@router.get("/patients/{subject}/shift")
def shift(subject: str, _login: Viewer, clinic: ClinicPart, hours: Hours = 12.0) -> Shift:
    """Sum up the last hours of a patient, for whoever takes over."""
    until = utc_now()
    since = until - timedelta(hours=hours)
    with clinic.database.read() as session:
        kept = recordings_of(session, subject)
        return Shift(
            subject=subject,
            since=since,
            until=until,
            recorded_s=sum(_overlap_s(one.stay, since, until) for one in kept),
            lost_s=sum(_lost_s(session, one, since) for one in kept),
            found=_found(session, kept, since),
            measured=_measured(session, kept, since),
        )


def _series(session: Session, kept: Kept, since: datetime) -> Iterator[SeriesRow]:
    first = (since - kept.stay.began).total_seconds()
    mine = (SeriesRow.device == kept.row.device, SeriesRow.recording == kept.row.id)
    for row in session.scalars(select(SeriesRow).where(*mine).order_by(SeriesRow.start, SeriesRow.id)):
        if row.end / (row.fs_hz or kept.row.fs_hz) > first:
            yield row


def _steps(
    kept: Kept, row: SeriesRow, values: Sequence[float | None], since: datetime
) -> Iterator[tuple[float, float | None]]:
    fs_hz = row.fs_hz or kept.row.fs_hz
    for number, value in enumerate(values):
        moment = kept.time_of((row.start + (number + 0.5) * row.step) / fs_hz)
        if moment >= since:
            yield moment.timestamp(), value


def _append(made: dict[Key, Course], kept: Kept, row: SeriesRow, since: datetime) -> int:
    numbers = 0
    for column in row.columns:
        quantity, leads = str(column.get("quantity")), tuple(row.leads)
        key = (row.task, leads, quantity)
        if key not in made:
            made[key] = _course(*key)
        for at, value in _steps(kept, row, column.get("values", ()), since):
            _join(made[key], at, value, break_s=2.5 * row.step / (row.fs_hz or kept.row.fs_hz))
            numbers += 1
    return numbers


def _course(task: str, leads: tuple[str, ...], quantity: str) -> Course:
    return Course(
        task=task,
        leads=list(leads),
        quantity=quantity,
        name=label_of(quantity),
        unit=unit_of(quantity),
        decimals=decimals_of(quantity),
        times=[],
        values=[],
    )


def _join(course: Course, at: float, value: float | None, *, break_s: float) -> None:
    """Add a number behind the last; where too much time lies between, the line breaks."""
    if course.times and at <= course.times[-1]:
        return  # another recording of the same minutes
    if course.times and at - course.times[-1] > break_s:
        course.times.append(course.times[-1] + break_s / 2)
        course.values.append(None)
    course.times.append(at)
    course.values.append(value)


def _overlap_s(stay: Stay, since: datetime, until: datetime) -> float:
    return max(0.0, (min(stay.ended or until, until) - max(stay.began, since)).total_seconds())


def _lost_s(session: Session, kept: Kept, since: datetime) -> float:
    mine = select(LossRow).where(LossRow.device == kept.row.device, LossRow.recording == kept.row.id)
    return sum(
        max(0, row.length) / kept.row.fs_hz
        for row in session.scalars(mine)
        if kept.time_of(row.start / kept.row.fs_hz) >= since
    )


def _found(session: Session, kept: Sequence[Kept], since: datetime) -> list[KindFound]:
    made: dict[tuple[str, str], KindFound] = {}
    for one in kept:
        mine = (FindingRow.device == one.row.device, FindingRow.recording == one.row.id, FindingRow.stream == "live")
        rows = list(session.scalars(select(FindingRow).where(*mine).order_by(FindingRow.onset)))
        verdicts = _verdicts(session, [row.id for row in rows])
        for row in rows:
            at = one.time_of(row.onset / one.row.fs_hz)
            if at < since:
                continue
            key = (row.kind, row.priority)
            if key not in made:
                label = lookup.finding_kind(row.kind).label
                made[key] = KindFound(
                    kind=row.kind, label=label, priority=row.priority, count=0, first=at, last=at, by_verdict={}
                )
            found = made[key]
            found.count, found.last = found.count + 1, at
            word = verdicts.get(row.id)
            if word is not None:
                found.by_verdict[word] = found.by_verdict.get(word, 0) + 1
    return sorted(made.values(), key=lambda one: (RANK.get(one.priority, 3), -one.count))


def _verdicts(session: Session, findings: Sequence[str]) -> dict[str, str]:
    by_finding: dict[str, list[str]] = defaultdict(list)
    for first in range(0, len(findings), 500):
        wanted = select(VerdictRow).where(VerdictRow.finding.in_(findings[first : first + 500]))
        for row in session.scalars(wanted):
            if counts(row):
                by_finding[row.finding].append(row.verdict)
    return {finding: word for finding, words in by_finding.items() if (word := agreed(words)) is not None}


def _measured(session: Session, kept: Sequence[Kept], since: datetime) -> list[Measured]:
    steps: dict[Key, int] = defaultdict(int)
    values: dict[Key, list[float]] = defaultdict(list)
    for one in kept:
        for row in _series(session, one, since):
            for column in row.columns:
                key = (row.task, tuple(row.leads), str(column.get("quantity")))
                for _, value in _steps(one, row, column.get("values", ()), since):
                    steps[key] += 1
                    values[key] += [value] if value is not None else []
    return [_summed(key, steps[key], here) for key, here in values.items() if here]


def _summed(key: Key, steps: int, values: Iterable[float]) -> Measured:
    task, leads, quantity = key
    here = list(values)
    return Measured(
        task=task,
        leads=list(leads),
        quantity=quantity,
        name=label_of(quantity),
        unit=unit_of(quantity),
        decimals=decimals_of(quantity),
        least=min(here),
        mean=sum(here) / len(here),
        most=max(here),
        share=len(here) / steps,
    )
