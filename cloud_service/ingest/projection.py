"""From new events to the latest state of what they are about: one line a kind, one table a shape.

An event of a kind without a line here stays in the event log, where pages find it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, Protocol

from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from biosignal.events import (
    AlarmEvent,
    ClockAnchor,
    CommandAnswer,
    Durable,
    Explanation,
    Finding,
    Inputs,
    Loss,
    Mark,
    MarkPack,
    ModelReport,
    Recording,
    RecordingClosed,
    Series,
    Strip,
    SubjectAssigned,
)
from biosignal.wire.codec import to_json
from biosignal.wire.envelope import KINDS, Foreign
from biosignal.wire.v1 import UNKNOWN_FS, with_rate
from cloud_service.database.columns import Table
from cloud_service.database.event_tables import (
    AlarmRow,
    ClockRow,
    CommandRow,
    ExplanationRow,
    FindingRow,
    InputsRow,
    LossRow,
    MarkPackRow,
    MarkRow,
    ModelReportRow,
    RecordingEndRow,
    RecordingRow,
    SeriesRow,
    StripRow,
    SubjectRow,
)
from cloud_service.database.upsert import keep_all, renew_all
from cloud_service.ingest.arrival import Accepted


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """An event on its way into its table; `at` is the device's UTC when it stored the event."""

    device: str
    at: str
    received: datetime
    event: Any


class Projection(Protocol):
    """Brings the latest state up to events of one kind."""

    def write(self, session: Session, arrived: Sequence[Arrived]) -> None:
        """Write them, in order."""


class Rule(Enum):
    """What becomes of a row that is there already."""

    KEEP = "it stays"
    RENEW = "it is overwritten"
    NEWER = "it is overwritten by a higher revision"


@dataclass(frozen=True, kw_only=True, slots=True)
class IntoTable:
    """Writes the fields of an event into the columns of the same names; `more` gives those that are named otherwise."""

    table: type[Table]
    rule: Rule = Rule.KEEP
    more: Callable[[Arrived], Mapping[str, Any]] = lambda _: {}

    def write(self, session: Session, arrived: Sequence[Arrived]) -> None:
        """Write them, in order."""
        rows = [self._row(one) for one in arrived]
        if self.rule is Rule.KEEP:
            keep_all(session, self.table, rows)
        else:
            renew_all(session, self.table, rows, newer=self.rule is Rule.NEWER)

    def _row(self, one: Arrived) -> dict[str, Any]:
        about = {"device": one.device, "at": one.at, "received": one.received}
        known = {**about, **to_json(one.event), **self.more(one)}
        return {name: known[name] for name in self.table.__table__.columns.keys()}  # noqa: SIM118  # it iterates values


class IntoCommand:
    """Writes a device's answer into the command it answers, where that was a command to this device."""

    _statement = (
        update(CommandRow.__table__)  # type: ignore[arg-type]  # the declarative class hides that it is a Table
        .where(CommandRow.id == bindparam("of"), CommandRow.device == bindparam("by"))
        .values(state=bindparam("becomes"), reason=bindparam("why"), answered=bindparam("when"))
    )

    def write(self, session: Session, arrived: Sequence[Arrived]) -> None:
        """Write them, in order."""
        rows = [
            {
                "of": one.event.command,
                "by": one.device,
                "becomes": one.event.outcome,
                "why": one.event.reason,
                "when": one.received,
            }
            for one in arrived
        ]
        session.connection().execute(self._statement, rows)


PROJECTIONS: dict[type[Durable], Projection] = {
    Recording: IntoTable(table=RecordingRow),
    RecordingClosed: IntoTable(table=RecordingEndRow, rule=Rule.RENEW),
    SubjectAssigned: IntoTable(table=SubjectRow),
    Loss: IntoTable(table=LossRow),
    ClockAnchor: IntoTable(table=ClockRow),
    Mark: IntoTable(table=MarkRow, more=lambda one: {"label": one.event.label}),
    Inputs: IntoTable(table=InputsRow),
    MarkPack: IntoTable(table=MarkPackRow),
    Series: IntoTable(table=SeriesRow),
    Finding: IntoTable(table=FindingRow, rule=Rule.NEWER, more=lambda one: {"at": one.at}),
    Strip: IntoTable(table=StripRow, more=lambda one: {"data": one.event.data}),
    AlarmEvent: IntoTable(table=AlarmRow, rule=Rule.NEWER, more=lambda one: {"device_utc": one.at}),
    Explanation: IntoTable(table=ExplanationRow, rule=Rule.NEWER),
    ModelReport: IntoTable(table=ModelReportRow),
    CommandAnswer: IntoCommand(),
}
assert set(PROJECTIONS) == set(KINDS.values()), "every kind of event of this release is projected"


def project(session: Session, accepted: Iterable[Accepted], received: datetime) -> None:
    """Bring the latest state up to these events, in order, with what an older device carried inside them."""
    by_kind: dict[type[Durable], list[Arrived]] = {Recording: []}  # first, as a rate may be looked up in it
    for one in accepted:
        envelope = one.envelope
        for event in (*envelope.carried, envelope.body):
            if not isinstance(event, Foreign) and type(event) in PROJECTIONS:
                arrived = Arrived(device=envelope.device, at=envelope.at, received=received, event=event)
                by_kind.setdefault(type(event), []).append(arrived)
    for kind, of_kind in by_kind.items():
        if of_kind:
            PROJECTIONS[kind].write(session, [_with_rate(session, one) for one in of_kind])


def _with_rate(session: Session, arrived: Arrived) -> Arrived:
    """Fill in the rate that version 1 left out; where its recording is not there yet, whoever reads the row does."""
    if getattr(arrived.event, "fs_hz", None) != UNKNOWN_FS:
        return arrived
    key = (arrived.device, arrived.event.recording)
    recording = session.get(RecordingRow, key)
    return arrived if recording is None else replace(arrived, event=with_rate(arrived.event, recording.fs_hz))
