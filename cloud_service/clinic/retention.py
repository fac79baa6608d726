"""What the clinic lets go of, by the policy of its settings: step by step, beside everything else, and counted.

Of a time past, the series and packed marks go first, then the strips, then findings with all that rests on them. What
somebody reviewed stays with its marks and inputs, as it is what models learn from; what is open or alarms stays, too;
and of recordings, patients, clocks, losses, model reports, commands and the audit log everything stays.

Age counts from the arrival at the clinic, as the clock of a device may be anywhere.
"""

import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select, tuple_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from biosignal.events import AlarmState, FindingState, mark_id
from cloud_service.access import audit
from cloud_service.clinic.evidence import MOST_MARKS, named_marks
from cloud_service.database.clinic_tables import AnnotationRow, ClaimRow, FeedbackRow, ReviewRow, ShareRow, VerdictRow
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.database.event_tables import (
    AlarmRow,
    EventRow,
    ExplanationRow,
    FindingRow,
    InputsRow,
    MarkPackRow,
    MarkRow,
    SeriesRow,
    StripRow,
)
from cloud_service.pulse import Loop
from cloud_service.settings import DatabaseSettings
from cloud_service.waves.archive import WaveArchive

T = TypeVar("T")
log = logging.getLogger("bedside.retention")
STEP_EVENTS = 500
STEP_FINDINGS = 50
"""So many go in one transaction: who stores events waits for it, some tens of milliseconds."""
PAUSE_S = 0.5
ROUND_S = 3600.0
LOOK_S = 1.0
STILL_AFTER_S = 120.0
DRAWN: dict[str, type[SeriesRow] | type[MarkPackRow]] = {"series": SeriesRow, "marks": MarkPackRow}
_OPEN = (FindingState.OPENED.value, FindingState.EXTENDED.value)


class Retention:
    """Lets go of what is older than the settings say, once an hour.

    Parameters
    ----------
    archive, keep_waves_days : the waves of whole recordings, and how long they are kept; 0: for ever.
    pause_s : between two transactions. now : the time in UTC.
    """

    def __init__(
        self,
        database: Database,
        settings: DatabaseSettings,
        *,
        archive: WaveArchive | None = None,
        keep_waves_days: float = 0.0,
        pause_s: float = PAUSE_S,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database, self._settings, self._pause_s, self._now = database, settings, pause_s, now
        self._archive, self._keep_waves_days = archive, keep_waves_days
        self._stopping = threading.Event()
        self.loop = Loop("retention", self._run, limit_s=STILL_AFTER_S)
        self.removed: Counter[str] = Counter()
        """Events removed since the start, by kind; of the waves, files."""

    @property
    def is_on(self) -> bool:
        """Whether anything is ever let go of."""
        policy = self._settings
        kept = (policy.keep_series_days, policy.keep_strips_days, policy.keep_findings_days, self._keep_waves_days)
        return any(kept)

    def start(self) -> None:
        """Begin, where there is anything to do."""
        if self.is_on:
            self.loop.start()

    def stop(self) -> None:
        """Finish the step in hand and end."""
        self._stopping.set()
        if self.is_on:
            self.loop.join()

    def round(self) -> Counter[str]:
        """Let go of everything that is too old now; gives the events removed, by kind.

        Raises
        ------
        SQLAlchemyError : the database is away; what was removed before stays removed.
        """
        gone: Counter[str] = Counter()
        try:
            self._round(gone)
        finally:
            if gone:
                self._say(gone)
        return gone

    def _say(self, gone: Counter[str]) -> None:
        self.removed += gone
        log.info("retention.removed %s", " ".join(f"{kind}={number}" for kind, number in sorted(gone.items())))
        with contextlib.suppress(SQLAlchemyError), self._database.write() as session:
            audit.record(session, actor="retention", action="retention.remove", subject="", removed=dict(gone))

    def _round(self, gone: Counter[str]) -> None:
        policy = self._settings
        if self._archive is not None and self._keep_waves_days:
            gone.update(waves=self._archive.remove_before(self._before(self._keep_waves_days).timestamp()))
        if policy.keep_series_days:
            self._in_steps(gone, partial(_drawn, before=self._before(policy.keep_series_days)))
        if policy.keep_strips_days:
            self._in_steps(gone, partial(_strips, before=self._before(policy.keep_strips_days)))
        if policy.keep_findings_days:
            before = self._before(policy.keep_findings_days)
            for device, recording in self._recordings(before):
                step = partial(_findings, before=before, device=device, recording=recording)
                while removed := self._step(step):
                    gone.update(removed)

    def _in_steps(self, gone: Counter[str], step: Callable[..., tuple[int, Counter[str]]]) -> None:
        after = 0
        while True:
            last, removed = self._step(partial(step, after=after))
            gone.update(removed)
            if last == after:
                return
            after = last

    def _step(self, work: Callable[[Session], T]) -> T:
        self.loop.beat()
        if self._stopping.wait(self._pause_s):
            raise _Stopped
        with self._database.write() as session:
            return work(session)

    def _before(self, days: float) -> datetime:
        return self._now() - timedelta(days=days)

    def _recordings(self, before: datetime) -> Sequence[tuple[str, str]]:
        with self._database.read() as session:
            found = session.execute(
                select(FindingRow.device, FindingRow.recording).where(*_may_go(before)).distinct()
            ).all()
        return [(device, recording) for device, recording in found]

    def _run(self) -> None:
        waited_s = ROUND_S  # the first round is at the start
        while not self._stopping.wait(LOOK_S):
            self.loop.beat()
            waited_s += LOOK_S
            if waited_s < ROUND_S:
                continue
            waited_s = 0.0
            try:
                self.round()
            except _Stopped:
                return
            except SQLAlchemyError as error:
                log.warning("retention.failed", extra={"why": type(error).__name__})
            except Exception:  # the border of the thread: the next round may go better
                log.exception("retention.failed")


class _Stopped(Exception):
    """The service stops."""


def _old(kinds: Iterable[str], before: datetime, after: int) -> Select[int, str, str, str]:
    """Events of some kinds that arrived before a time. The newest of all stays: its number must not be given again."""
    newest = select(func.max(EventRow.row)).scalar_subquery()
    wanted = select(EventRow.row, EventRow.kind, EventRow.device, EventRow.id).order_by(EventRow.row).limit(STEP_EVENTS)
    return wanted.where(
        EventRow.row > after, EventRow.row < newest, EventRow.kind.in_(list(kinds)), EventRow.received < before
    )


def _drawn(session: Session, before: datetime, after: int) -> tuple[int, Counter[str]]:
    """Remove series and packed marks behind a row of the log; gives the last row looked at, and what was removed."""
    rows = session.execute(_old(DRAWN, before, after)).all()
    for kind, table in DRAWN.items():
        _delete(session, table, [(row.device, row.id) for row in rows if row.kind == kind])
    return _gone(session, after, rows)


def _strips(session: Session, before: datetime, after: int) -> tuple[int, Counter[str]]:
    """Remove strips behind a row of the log, but those of findings that are open or reviewed."""
    stays = or_(FindingRow.state.in_(_OPEN), exists().where(ReviewRow.finding == FindingRow.id))
    of_kept = exists().where(
        StripRow.device == EventRow.device, StripRow.id == EventRow.id, StripRow.finding == FindingRow.id, stays
    )
    rows = session.execute(_old(["strip"], before, after).where(~of_kept)).all()
    _delete(session, StripRow, [(row.device, row.id) for row in rows])
    return _gone(session, after, rows)


def _gone(session: Session, after: int, rows: Sequence[Any]) -> tuple[int, Counter[str]]:
    session.execute(delete(EventRow).where(EventRow.row.in_([row.row for row in rows])))
    return (rows[-1].row if rows else after), Counter(row.kind for row in rows)


def _may_go(before: datetime) -> tuple[ColumnElement[bool], ...]:
    """Which findings may go: old, over, without an alarm that is not, and not reviewed, judged or spoken of."""
    alarms = exists().where(AlarmRow.finding == FindingRow.id, AlarmRow.state != AlarmState.RESOLVED.value)
    reviewed = exists().where(ReviewRow.finding == FindingRow.id)
    judged = exists().where(VerdictRow.finding == FindingRow.id)
    spoken_of = exists().where(FeedbackRow.finding == FindingRow.id)
    return FindingRow.received < before, FindingRow.state.not_in(_OPEN), ~alarms, ~reviewed, ~judged, ~spoken_of


def _findings(session: Session, before: datetime, device: str, recording: str) -> Counter[str]:
    """Remove some findings of a recording with all that rests on them and on nothing else."""
    here = and_(FindingRow.device == device, FindingRow.recording == recording)
    going = list(session.scalars(select(FindingRow).where(here, *_may_go(before)).limit(STEP_FINDINGS)))
    ids = [row.id for row in going]
    staying = session.scalars(select(FindingRow).where(here, FindingRow.id.not_in(ids)))
    needed = {mark.id for row in staying for mark in _named(row)} | _reviewed(session, device, recording)
    marks = {mark.id for row in going for mark in islice(_named(row), MOST_MARKS)} - needed
    seen = select(MarkRow.inputs).where(MarkRow.device == device, MarkRow.id.in_(marks))
    inputs = {one for one in session.scalars(seen) if one is not None}
    about: list[str] = [*ids, *marks]
    for table in (ExplanationRow, StripRow, AlarmRow):
        of_finding = and_(table.device == device, table.finding.in_(ids))
        about += session.scalars(select(table.id).where(of_finding))
        session.execute(delete(table).where(of_finding))
    _delete(session, MarkRow, [(device, mark) for mark in marks])
    in_use = select(MarkRow.inputs).where(MarkRow.device == device, MarkRow.inputs.in_(inputs))
    inputs -= set(session.scalars(in_use))
    _delete(session, InputsRow, [(device, one) for one in inputs])
    session.execute(delete(ShareRow).where(ShareRow.finding.in_(ids)))
    session.execute(delete(ClaimRow).where(ClaimRow.finding.in_(ids)))
    session.execute(delete(FindingRow).where(FindingRow.id.in_(ids)))
    return _forget(session, device, [*about, *inputs])


def _forget(session: Session, device: str, ids: Sequence[str]) -> Counter[str]:
    """Remove all revisions of these from the log, but the newest event of all; counted by kind."""
    newest = session.scalar(select(func.max(EventRow.row)))
    these = and_(EventRow.device == device, EventRow.id.in_(ids), EventRow.row != newest)
    counted = session.execute(select(EventRow.kind, func.count()).where(these).group_by(EventRow.kind)).all()
    session.execute(delete(EventRow).where(these))
    return Counter({row[0]: row[1] for row in counted})


def _named(row: FindingRow) -> list[Any]:
    """The marks that a finding names; one whose evidence cannot be read names none that anybody could find."""
    try:
        return list(named_marks(row))
    except (KeyError, TypeError, AttributeError):
        return []


def _reviewed(session: Session, device: str, recording: str) -> set[str]:
    of_recording = select(ReviewRow).join(FindingRow, FindingRow.id == ReviewRow.finding)
    rows = session.scalars(of_recording.where(FindingRow.device == device, FindingRow.recording == recording))
    annotated = (AnnotationRow.device == device, AnnotationRow.recording == recording)
    return set(session.scalars(select(AnnotationRow.item).where(*annotated))) | {
        mark_id(recording=recording, task=row.task, kind=row.kind, leads=tuple(row.leads), start=row.start)
        for row in rows
    }


def _delete(session: Session, table: Any, keys: Sequence[tuple[str, str]]) -> None:
    if keys:
        session.execute(delete(table).where(tuple_(table.device, table.id).in_(keys)))
