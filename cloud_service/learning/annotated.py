"""Reads what clinicians marked on recordings, as far as a classifier can learn from it.

A beat that was relabelled where the device had it teaches as a review does, when the clinic has what the classifier
saw of it. What was added, moved or removed has no such inputs: it is kept, counted, and teaches nothing yet.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.tasks import TASKS
from cloud_service.clinic.annotating import standing
from cloud_service.database.clinic_tables import AnnotationRow

Key = tuple[str, str, str]
"""Device, id of the mark, reader."""
ADDED = "added by a reader: no classifier has seen it"
MOVED = "moved by a reader: what a classifier saw lies elsewhere"
REMOVED = "removed by a reader: no class of the model"


def words_on_marks(session: Session, task: str, kind: str) -> tuple[dict[Key, AnnotationRow], Counter[str]]:
    """Give each reader's standing word on a mark of the device that stayed in its place, and what was left out why."""
    words: dict[Key, AnnotationRow] = {}
    left_out: Counter[str] = Counter()
    for row in _standing(session, task, kind):
        why = _why_not(row)
        if why is not None:
            left_out[why] += 1
        else:
            words[row.device, row.item, row.reader] = row
    return words, left_out


def is_newer(word: AnnotationRow | None, than: datetime) -> bool:
    """Whether a reader said something on the recording after he or she said it of the finding."""
    return word is not None and word.at > than


def _why_not(row: AnnotationRow) -> str | None:
    if row.origin is None:
        return ADDED
    if row.label is None:
        return REMOVED
    return MOVED if row.start != row.origin else None


def _standing(session: Session, task: str, kind: str) -> Iterator[AnnotationRow]:
    if task not in TASKS:
        return
    wanted = select(AnnotationRow).where(AnnotationRow.task == task, AnnotationRow.kind == kind)
    by_reading: dict[tuple[str, str, str], list[AnnotationRow]] = {}
    for row in session.scalars(wanted.order_by(AnnotationRow.row)):
        by_reading.setdefault((row.device, row.recording, row.reader), []).append(row)
    for rows in by_reading.values():
        yield from standing(rows)
