"""Who answers for which bed, and what was told to whom of alarms that nobody answered."""

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from biosignal.tasks import lookup
from cloud_service.access import audit
from cloud_service.access.devices import devices
from cloud_service.access.roles import Role
from cloud_service.clinic.conditions import CLINIC_ALARMS
from cloud_service.clinic.context import ClinicPart, Reviewer, Viewer
from cloud_service.clinic.escalation import Step, Turn, concerns, is_shown, sentence
from cloud_service.clinic.escalator import Answering, step_of, steps_of
from cloud_service.database.clinic_tables import (
    BED,
    GROUP,
    BedGroupRow,
    DeviceRow,
    DutyRow,
    EscalationRow,
    TokenRow,
    UserRow,
)
from cloud_service.database.columns import utc_now
from cloud_service.settings import EscalationSettings

router = APIRouter(tags=["alarms"])
MOST_PEOPLE = 3
MOST = 500
NAME = r"^[^\W_][\w .-]{0,63}$"


class Of(str, Enum):
    """What somebody answers for."""

    BED = BED
    GROUP = GROUP


class Person(BaseModel):
    """Somebody who may be named; `on_page`: they have a page open now."""

    name: str
    role: Role
    on_page: bool


class Group(BaseModel):
    """A group of beds, and who answers for those that have nobody of their own."""

    name: str
    people: list[str]


class Bed(BaseModel):
    """A bed: who was named for it, and who is told of its alarms, in this order; then everybody."""

    device: str
    group: str | None
    people: list[str]
    answering: list[str]


class Duties(BaseModel):
    """Who answers for what, and how many seconds each has; 0: nobody is told."""

    high_s: float
    medium_s: float
    remind_s: float
    still_there_s: float

    beds: list[Bed]
    groups: list[Group]
    people: list[Person]


class NewDuty(BaseModel):
    """People in the order in which they are told; nobody: the group's, then everybody."""

    people: list[Annotated[str, Field(max_length=64)]] = Field(max_length=MOST_PEOPLE)


class NewGroup(BaseModel):
    """The group that a bed shall belong to; empty: none."""

    group: Annotated[str, Field(pattern=f"{NAME}|^$")]


class LoggedStep(BaseModel):
    """One step: who was told of an alarm (`person`; null: everybody), and how many of those had a page open."""

    alarm: str
    device: str | None
    kind: str
    label: str
    priority: str
    since: datetime
    at: datetime
    turn: Turn
    person: str | None
    pages: int


class Escalation(BaseModel):
    """An alarm of which somebody was told and that nobody has answered; the last step in words as `said`.

    `mine`: whoever asks was told. `turn` is "still-there" where it was acknowledged, and is there.
    """

    alarm: str
    device: str | None
    kind: str
    label: str
    priority: str
    since: datetime
    at: datetime
    turn: Turn
    said: str
    mine: bool


class Escalations(BaseModel):
    """Those that stand, the oldest first."""

    escalations: list[Escalation]


class EscalationLog(BaseModel):
    """Steps, the newest first."""

    steps: list[LoggedStep]


@router.get("/duties")
def duties(_login: Viewer, clinic: ClinicPart) -> Duties:
    """List beds and groups with those who answer for them."""
    with clinic.database.read() as session:
        beds = [row for row in devices(session) if row.revoked is None]
        group_of = {row.device: row.name for row in session.scalars(select(BedGroupRow))}
        named = _named(session)
        answering = Answering(session, [row.name for row in beds])
        people = _people(session)
    rules = {name: getattr(clinic.settings.escalation, name) for name in EscalationSettings.__dataclass_fields__}
    return Duties(
        **rules,
        beds=[
            Bed(
                device=row.name,
                group=group_of.get(row.name),
                people=named.get((BED, row.name), []),
                answering=list(answering.of(row.name)),
            )
            for row in beds
        ],
        groups=[Group(name=name, people=named.get((GROUP, name), [])) for name in sorted(set(group_of.values()))],
        people=[Person(name=one.name, role=Role(one.role), on_page=one.name in clinic.feed.on_page) for one in people],
    )


@router.put("/duties/{of}/{name}", status_code=204)
def set_duty(
    of: Of, name: Annotated[str, Path(max_length=64)], new: NewDuty, login: Reviewer, clinic: ClinicPart
) -> None:
    """Name who answers for a bed or a group, at most three, in the order in which they are told."""
    with clinic.database.write() as session:
        _require(session, of, name)
        _check_people(session, new.people)
        session.execute(delete(DutyRow).where(DutyRow.of == of.value, DutyRow.name == name))
        session.add_all(
            DutyRow(of=of.value, name=name, place=place, person=person) for place, person in enumerate(new.people)
        )
        audit.record(session, actor=login.name, action="duty.set", subject=name, of=of.value, people=new.people)


@router.put("/devices/{name}/group", status_code=204)
def set_group(name: str, new: NewGroup, login: Reviewer, clinic: ClinicPart) -> None:
    """Put a bed into a group; a group that has no bed any more is gone, and so are its duties."""
    with clinic.database.write() as session:
        _require(session, Of.BED, name)
        session.execute(delete(BedGroupRow).where(BedGroupRow.device == name))
        if new.group:
            session.add(BedGroupRow(device=name, name=new.group))
        session.flush()
        kept = select(BedGroupRow.name)
        session.execute(delete(DutyRow).where(DutyRow.of == GROUP, DutyRow.name.not_in(kept)))
        audit.record(session, actor=login.name, action="bed.group", subject=name, group=new.group)


@router.get("/escalations")
def escalations(login: Viewer, clinic: ClinicPart) -> Escalations:
    """List the alarms of which somebody was told and that nobody has answered yet."""
    now = utc_now()
    with clinic.database.read() as session:
        waiting = clinic.escalator.waiting(session)
        told = steps_of(session, waiting)
    found = [(one, told[one.alarm, one.episode]) for one in waiting]
    shown = [
        Escalation(
            alarm=one.alarm,
            device=one.device or None,
            kind=one.kind,
            label=label_of(one.kind),
            priority=one.priority.value,
            since=one.since,
            at=steps[-1].at,
            turn=steps[-1].turn,
            said=sentence(steps),
            mine=concerns(steps, login.name),
        )
        for one, steps in found
        if steps and is_shown(steps[-1], now)
    ]
    return Escalations(escalations=sorted(shown, key=lambda one: one.since))


@router.get("/escalation-log")
def escalation_log(
    _login: Viewer,
    clinic: ClinicPart,
    device: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int = 200,
) -> EscalationLog:
    """List what was told to whom in [since, until), of alarms of devices and of the clinic, the newest ones."""
    wanted = select(EscalationRow).order_by(EscalationRow.at.desc(), EscalationRow.step.desc())
    if device is not None:
        wanted = wanted.where(EscalationRow.device == device)
    if since is not None:
        wanted = wanted.where(EscalationRow.at >= since)
    if until is not None:
        wanted = wanted.where(EscalationRow.at < until)
    with clinic.database.read() as session:
        rows = session.scalars(wanted.limit(max(1, min(limit, MOST))))
        return EscalationLog(steps=[_shown(row, step_of(row)) for row in rows])


def label_of(kind: str) -> str:
    """What people call a kind of alarm, of a device or of the clinic."""
    return CLINIC_ALARMS[kind].label if kind in CLINIC_ALARMS else lookup.finding_kind(kind).label


def _shown(row: EscalationRow, step: Step) -> LoggedStep:
    return LoggedStep(
        alarm=row.alarm,
        device=row.device or None,
        kind=row.kind,
        label=label_of(row.kind),
        priority=row.priority,
        since=row.since,
        at=step.at,
        turn=step.turn,
        person=step.to or None,
        pages=step.pages,
    )


def _named(session: Session) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for row in session.scalars(select(DutyRow).order_by(DutyRow.place)):
        found.setdefault((row.of, row.name), []).append(row.person)
    return found


def _people(session: Session) -> list[UserRow]:
    """Accounts of people that are open and may acknowledge."""
    of_programs = select(TokenRow.account)
    wanted = select(UserRow).where(UserRow.disabled.is_(None), UserRow.name.not_in(of_programs)).order_by(UserRow.name)
    return [row for row in session.scalars(wanted) if Role(row.role).covers(Role.REVIEWER)]


def _require(session: Session, of: Of, name: str) -> None:
    if of is Of.BED and session.get(DeviceRow, name) is None:
        raise HTTPException(404, "no such device")
    if of is Of.GROUP and session.scalar(select(BedGroupRow.device).where(BedGroupRow.name == name).limit(1)) is None:
        raise HTTPException(404, "no bed belongs to such a group")


def _check_people(session: Session, people: Sequence[str]) -> None:
    if len(set(people)) < len(people):
        raise HTTPException(400, "each person is named once")
    unknown = sorted(set(people) - {row.name for row in _people(session)})
    if unknown:
        raise HTTPException(400, f"nobody who may acknowledge has the account {unknown[0]}")
