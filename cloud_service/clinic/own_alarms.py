"""The alarms that the clinic raises itself: held in memory, so that they stand when the database does not, and kept."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from biosignal.events import AlarmState
from cloud_service.clinic.conditions import CLINIC_ALARMS, ClinicAlarmKind, Condition, Key
from cloud_service.database.clinic_tables import ClinicAlarmRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.database.upsert import renew_all

log = logging.getLogger("bedside.own_alarms")


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnAlarm:
    """An alarm of the clinic's own; `device` is empty where it is about the clinic."""

    id: str
    kind: str
    device: str
    priority: str
    state: AlarmState
    why: str
    since: datetime
    ended: datetime | None = None
    acknowledged: datetime | None = None
    by: str = "clinic"

    @property
    def key(self) -> Key:
        """The condition it is about."""
        return self.kind, self.device

    @property
    def what(self) -> ClinicAlarmKind:
        """Its kind, as people read it."""
        return CLINIC_ALARMS[self.kind]


class OwnAlarms:
    """Opens and closes alarms as conditions come and go. Any thread may ask; `changed` hears of every change."""

    def __init__(self, database: Database, changed: Callable[[OwnAlarm], None] = lambda _: None) -> None:
        self._database = database
        self._changed = changed
        self._standing: dict[Key, OwnAlarm] = {}
        self._unsaved: dict[str, OwnAlarm] = {}
        self._lock = threading.Lock()
        self._saving = threading.Lock()

    def load(self) -> None:
        """Take over what stood when the clinic stopped."""
        with self._database.read() as session:
            rows = session.scalars(select(ClinicAlarmRow).where(ClinicAlarmRow.ended.is_(None)))
            found = [alarm_of(row) for row in rows if row.kind in CLINIC_ALARMS]
        with self._lock:
            self._standing = {one.key: one for one in found}

    @property
    def standing(self) -> tuple[OwnAlarm, ...]:
        """Those whose condition is there."""
        with self._lock:
            return tuple(self._standing.values())

    def hold(self, wanted: Iterable[Condition]) -> None:
        """Open what is new among the conditions and close what is no more; then save."""
        now, by_key = utc_now(), {one.key: one for one in wanted}
        with self._lock:
            over = [one for key, one in self._standing.items() if key not in by_key]
            closed = [replace(one, state=AlarmState.RESOLVED, ended=now) for one in over]
            opened = [_open(one, now) for key, one in by_key.items() if key not in self._standing]
            self._take([*closed, *opened])
        for one in (*closed, *opened):
            log.warning(
                "own_alarm", extra={"alarm": one.kind, "device": one.device, "state": one.state.value, "why": one.why}
            )
            self._changed(one)
        self.save()

    def acknowledge(self, alarm: str, by: str) -> OwnAlarm | None:
        """Note that a person has seen it; None where no such alarm stands."""
        with self._lock:
            found = next((one for one in self._standing.values() if one.id == alarm), None)
            if found is None:
                return None
            if found.state is not AlarmState.ACKNOWLEDGED:
                found = replace(found, state=AlarmState.ACKNOWLEDGED, acknowledged=utc_now(), by=by)
                self._take([found])
        self._changed(found)
        self.save()
        return found

    def save(self) -> None:
        """Write what has changed; while the database is away it waits here."""
        with self._saving:
            with self._lock:
                waiting = dict(self._unsaved)
            if not waiting:
                return
            try:
                with self._database.write() as session:
                    renew_all(session, ClinicAlarmRow, [_row(one) for one in waiting.values()])
            except SQLAlchemyError as error:
                log.warning("own_alarm.not_saved", extra={"why": type(error).__name__, "waiting": len(waiting)})
                return
            with self._lock:
                self._unsaved = {name: one for name, one in self._unsaved.items() if waiting.get(name) is not one}

    def _take(self, alarms: Iterable[OwnAlarm]) -> None:
        for one in alarms:
            self._unsaved[one.id] = one
            if one.ended is None:
                self._standing[one.key] = one
            else:
                del self._standing[one.key]


def alarm_of(row: ClinicAlarmRow) -> OwnAlarm:
    """Turn a row into the alarm."""
    facts = {name: getattr(row, name) for name in OwnAlarm.__dataclass_fields__}
    return OwnAlarm(**{**facts, "state": AlarmState(row.state)})


def _open(condition: Condition, now: datetime) -> OwnAlarm:
    return OwnAlarm(
        id=f"clinic-{uuid4()}",
        kind=condition.kind.name,
        device=condition.device,
        priority=condition.kind.priority.value,
        state=AlarmState.ACTIVE,
        why=condition.why,
        since=now,
    )


def _row(alarm: OwnAlarm) -> dict[str, object]:
    facts = {name: getattr(alarm, name) for name in OwnAlarm.__dataclass_fields__}
    return {**facts, "state": alarm.state.value}
