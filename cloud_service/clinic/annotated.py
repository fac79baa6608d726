"""The marks of a recording as readers left them: those of the device, corrected, with what was added."""

from collections.abc import Iterable, Iterator

from sqlalchemy.orm import Session

from biosignal.tasks import TASKS
from cloud_service.clinic.annotating import rows_of, standing
from cloud_service.clinic.recordings import tracks_on
from cloud_service.database.clinic_tables import AnnotationRow
from cloud_service.database.event_tables import RecordingRow
from cloud_service.excerpts.stretch import Reader, Said


def read_by(
    session: Session, row: RecordingRow, readers: Iterable[str], start_s: float, end_s: float
) -> tuple[Reader, ...]:
    """Give what each of the readers made of seconds [start_s, end_s), of the kinds of marks that each touched."""
    return tuple(
        Reader(name=name, said=tuple(sorted(_left(session, row, name, start_s, end_s), key=lambda one: one.at_s)))
        for name in readers
    )


def _left(session: Session, row: RecordingRow, reader: str, start_s: float, end_s: float) -> Iterator[Said]:
    left = standing(rows_of(session, row, reader))
    for one in left:
        at_s, for_s = one.start / one.fs_hz, (one.end - one.start) / one.fs_hz
        if one.label is not None and start_s <= at_s < end_s:
            yield _said(one.task, one.kind, one.label, at_s - start_s, for_s, is_readers=True)
    yield from _untouched(session, row, left, start_s, end_s)


def _untouched(
    session: Session, row: RecordingRow, left: list[AnnotationRow], start_s: float, end_s: float
) -> Iterator[Said]:
    touched = {(one.task, one.kind, tuple(one.leads), one.origin) for one in left}
    for task, kind in sorted({(one.task, one.kind) for one in left}):
        for track in tracks_on(
            session, row, round(start_s * row.fs_hz), round(end_s * row.fs_hz), task=task, kind=kind
        ):
            for first, last, label in zip(track.starts, track.ends, track.labels, strict=True):
                at_s = first / track.fs_hz
                if (task, kind, tuple(track.leads), first) not in touched and start_s <= at_s < end_s:
                    yield _said(task, kind, label, at_s - start_s, (last - first) / track.fs_hz, is_readers=False)


def _said(task: str, kind: str, label: str, at_s: float, for_s: float, *, is_readers: bool) -> Said:
    units = TASKS[task].units if task in TASKS else ()
    words = {one.name: one.wfdb for unit in units if unit.mark == kind for one in unit.labels}
    where = {"at_s": at_s, "for_s": for_s}
    return Said(**where, task=task, kind=kind, label=label, wfdb=words.get(label, ""), is_readers=is_readers)
