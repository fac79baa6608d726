"""The thread that looks once a second for alarms that nobody answers, and tells the next person.

Everything it knows is in the database: alarms, who answers for which bed, and each step that was told, so that a clinic
that is started again goes on where it stopped. A step is a row before pages hear of it, and is there once.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from biosignal.events import AlarmState, Priority
from cloud_service.access.roles import Role
from cloud_service.clinic.escalation import Step, Turn, Waiting, next_step
from cloud_service.clinic.own_alarms import OwnAlarm
from cloud_service.database.clinic_tables import BED, GROUP, BedGroupRow, DutyRow, EscalationRow, UserRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import AlarmRow, EventRow
from cloud_service.database.upsert import insert_or_keep
from cloud_service.pulse import Loop
from cloud_service.settings import EscalationSettings

log = logging.getLogger("bedside.escalation")
LOOK_S = 1.0
STILL_AFTER_S = 30.0
MOST = 500
"""So many alarms are looked at; with more of them at a time nobody is told one by one."""
_TOLD = (Priority.HIGH.value, Priority.MEDIUM.value)
_UNANSWERED = (AlarmState.ACTIVE.value, AlarmState.AUDIO_PAUSED.value, AlarmState.LATCHED.value)


class Escalator:
    """Finds the steps that are due and writes them down.

    Parameters
    ----------
    own : the alarms that the clinic raised itself. on_page : who has a page open. on_step : hears of every new step.
    """

    def __init__(
        self,
        database: Database,
        settings: EscalationSettings,
        *,
        own: Callable[[], Iterable[OwnAlarm]],
        on_page: Callable[[], Collection[str]],
        on_step: Callable[[Waiting, Step], None],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database, self._settings, self._now = database, settings, now
        self._own, self._on_page, self._on_step = own, on_page, on_step
        self._stopping = threading.Event()
        self.loop = Loop("escalation", self._run, limit_s=STILL_AFTER_S)

    def start(self) -> None:
        """Begin."""
        self.loop.start()

    def stop(self) -> None:
        """Finish the look in hand and end."""
        self._stopping.set()
        self.loop.join()

    def waiting(self, session: Session) -> list[Waiting]:
        """Alarms of the devices and of the clinic that are not resolved and that somebody may have to be told of."""
        unresolved = select(AlarmRow).where(AlarmRow.state != AlarmState.RESOLVED.value, AlarmRow.priority.in_(_TOLD))
        rows = list(session.scalars(unresolved.order_by(AlarmRow.received.desc()).limit(MOST)))
        return [*_of_devices(session, rows), *(_of_clinic(one) for one in self._own() if one.priority in _TOLD)]

    def look(self) -> None:
        """Tell whatever is due now."""
        with self._database.read() as session:
            waiting = self.waiting(session)
            before = steps_of(session, waiting)
            people = Answering(session, {one.device for one in waiting})
        now, on_page = self._now(), frozenset(self._on_page())
        for one in waiting:
            steps = before[one.alarm, one.episode]
            named = people.of(one.device)
            # Each person whom no page tells is a step of its own, and the next one follows at once.
            while (step := next_step(one, steps, named, on_page, now, self._settings)) is not None:
                if not self._keep(one, len(steps), step):
                    break  # another process of the clinic was quicker
                steps.append(step)

    def _keep(self, one: Waiting, number: int, step: Step) -> bool:
        row = {name: getattr(one, name) for name in ("alarm", "episode", "device", "kind", "since")}
        row |= {"step": number, "priority": one.priority.value, "turn": step.turn.value}
        row |= {"person": step.to, "pages": step.pages, "at": step.at}
        with self._database.write() as session:
            is_new = bool(insert_or_keep(session, EscalationRow, [row], "alarm"))
        if is_new:
            facts = {"alarm": one.kind, "device": one.device, "turn": step.turn.value, "pages": step.pages}
            log.warning("escalation.step", extra=facts)
            self._on_step(one, step)
        return is_new

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            self.loop.beat()
            try:
                self.look()
            except SQLAlchemyError as error:
                log.warning("escalation.look.failed", extra={"why": type(error).__name__})
            except Exception:  # the border of the thread: without it nobody would be told any more
                log.exception("escalation.look.failed")


class Answering:
    """Who answers for each of some beds, in their order: those named for the bed, else for its group.

    Somebody whose account is closed, or may not acknowledge, is left out.
    """

    def __init__(self, session: Session, beds: Collection[str]) -> None:
        groups = select(BedGroupRow).where(BedGroupRow.device.in_(beds))
        self._group_of = {row.device: row.name for row in session.scalars(groups)}
        named = select(DutyRow, UserRow).join(UserRow, UserRow.name == DutyRow.person).order_by(DutyRow.place)
        self._named: dict[tuple[str, str], list[str]] = {}
        for duty, user in session.execute(named):
            people = self._named.setdefault((duty.of, duty.name), [])
            if user.disabled is None and Role(user.role).covers(Role.REVIEWER):
                people.append(user.name)

    def of(self, bed: str) -> Sequence[str]:
        """Give the names for a bed; none for what is about the clinic."""
        return self._named.get((BED, bed)) or self._named.get((GROUP, self._group_of.get(bed, "")), [])


def steps_of(session: Session, waiting: Sequence[Waiting]) -> dict[tuple[str, int], list[Step]]:
    """Give the steps of each episode, in their order."""
    found: dict[tuple[str, int], list[Step]] = {(one.alarm, one.episode): [] for one in waiting}
    wanted = select(EscalationRow).where(EscalationRow.alarm.in_({one.alarm for one in waiting}))
    for row in session.scalars(wanted.order_by(EscalationRow.step)):
        if (row.alarm, row.episode) in found:
            found[row.alarm, row.episode].append(step_of(row))
    return found


def step_of(row: EscalationRow) -> Step:
    """Turn a row into the step."""
    return Step(turn=Turn(row.turn), to=row.person, pages=row.pages, at=row.at)


def _of_clinic(alarm: OwnAlarm) -> Waiting:
    is_seen = alarm.state is AlarmState.ACKNOWLEDGED
    return Waiting(
        alarm=alarm.id,
        episode=int(is_seen),
        device=alarm.device,
        kind=alarm.kind,
        priority=Priority(alarm.priority),
        since=alarm.acknowledged or alarm.since,
        seen_by=alarm.by if is_seen else None,
    )


def _of_devices(session: Session, rows: Sequence[AlarmRow]) -> Iterator[Waiting]:
    keys = [(row.device, row.id) for row in rows]
    revisions: dict[tuple[str, str], list[EventRow]] = {key: [] for key in keys}
    if keys:
        wanted = select(EventRow).where(tuple_(EventRow.device, EventRow.id).in_(keys)).order_by(EventRow.rev)
        for event in session.scalars(wanted):
            revisions[event.device, event.id].append(event)
    for row in rows:
        rev, since = _began(row, revisions[row.device, row.id])
        is_seen = row.state == AlarmState.ACKNOWLEDGED.value
        yield Waiting(
            alarm=row.id,
            episode=rev,
            device=row.device,
            kind=row.kind,
            priority=Priority(row.priority),
            since=since,
            seen_by=row.by if is_seen else None,
        )


def _began(row: AlarmRow, revisions: Sequence[EventRow]) -> tuple[int, datetime]:
    """By which revision an alarm came to be as it is, and when: unanswered or not, of this priority.

    A pause of the sound and the end of the condition are no answer.
    """
    rev, since = row.rev, row.received
    is_unanswered = row.state in _UNANSWERED
    for event in reversed(revisions):
        if not isinstance(event.body, dict) or event.body.get("priority") != row.priority:
            break
        if (event.body.get("state") in _UNANSWERED) is not is_unanswered:
            break
        rev, since = event.rev, event.received
    return rev, since
