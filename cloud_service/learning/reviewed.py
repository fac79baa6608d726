"""Reads what clinicians said of a task's marks, with what its classifier saw of each."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from biosignal.events import MarkState, Tensor, mark_id
from biosignal.model.bundle import Manifest
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import mark_kind, reviews_statements
from biosignal.tasks.stated import made_in
from biosignal.tasks.task import MarkKind, ReviewUnit
from biosignal.wire.codec import from_json
from cloud_service.clinic.blindness import ADJUDICATE
from cloud_service.database.clinic_tables import AnnotationRow, ReviewRow
from cloud_service.database.event_tables import FindingRow, InputsRow, MarkRow, RecordingRow, SubjectRow
from cloud_service.learning.annotated import is_newer, words_on_marks


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReviewedMark:
    """One mark with a clinician's label and what the classifier saw. `group` is the subject, else the recording.

    `finding` is empty where it was labelled on the recording itself. Where labels are statements it is one word on one
    of them: `verdict` says which, `label` is empty where the word is on the whole, and `stated` are the statements that
    the model made.
    """

    finding: str
    recording: str
    group: str
    leads: tuple[str, ...]
    start: int
    label: str
    reviewer: str
    model_label: str | None
    bundle: str | None
    model_seen: bool
    verdict: str = "relabel"
    stated: tuple[str, ...] = ()
    inputs: Mapping[str, NDArray[np.float32]] = field(repr=False)


WHOLE = "whole"
"""The verdict on all statements of a mark that no word of their own is on."""


def reviewed_kind(task: str) -> MarkKind:
    """Give the kind of mark that is reviewed in a task, for what it is called; a mark where nothing is reviewed."""
    unit = _unit(task)
    return mark_kind(task, unit.mark if unit is not None else "mark")


def _unit(task: str) -> ReviewUnit | None:
    return TASKS[task].review if task in TASKS else None


def collect(session: Session, manifest: Manifest) -> tuple[list[ReviewedMark], Counter[str]]:
    """Read the reviews that count for the model's task, and how many were left out for which reason.

    A review counts when nothing superseded it and it is not an undo. What was relabelled on a recording counts too; of
    two words of one reader on one mark, the newer. Where a third decided between readers, that alone counts.
    """
    marks: list[ReviewedMark] = []
    decided = _decided(session, manifest.task)
    words, left_out = words_on_marks(session, manifest.task, reviewed_kind(manifest.task).name)
    reviews = session.scalars(
        select(ReviewRow)
        .where(
            ReviewRow.superseded_by.is_(None),
            ReviewRow.verdict != "undo",
            ReviewRow.task == manifest.task,
            ReviewRow.kind == reviewed_kind(manifest.task).name,
        )
        .order_by(ReviewRow.row)
    )
    for review in reviews:
        finding = session.get(FindingRow, review.finding)
        key = _key(finding, review)
        if is_newer(words.get(key), review.at) and review.verdict != ADJUDICATE:
            continue
        if key[:2] in decided and review.verdict != ADJUDICATE:
            words.pop(key, None)
            continue
        words.pop(key, None)
        found = _mark_of(session, finding, review) if finding is not None else None
        _sort(_reviewed(session, review, found, review.finding, manifest), marks, left_out)
    for word in words.values():
        if (word.device, word.item) in decided:
            continue
        found = session.get(MarkRow, (word.device, word.item))
        _sort(_reviewed(session, word, found, "", manifest), marks, left_out)
    return marks, left_out


def _decided(session: Session, task: str) -> set[tuple[str, str]]:
    """Marks that a third decided, as device and id: what the readers who differed said of them teaches nothing."""
    wanted = select(ReviewRow).where(
        ReviewRow.superseded_by.is_(None), ReviewRow.verdict == ADJUDICATE, ReviewRow.task == task
    )
    return {_key(session.get(FindingRow, row.finding), row)[:2] for row in session.scalars(wanted)}


def _sort(mark: ReviewedMark | str, marks: list[ReviewedMark], left_out: Counter[str]) -> None:
    if isinstance(mark, str):
        left_out[mark] += 1
    else:
        marks.append(mark)


def _key(finding: FindingRow | None, review: ReviewRow) -> tuple[str, str, str]:
    if finding is None:
        return "", "", review.reviewer
    of = {"recording": finding.recording, "task": review.task, "kind": review.kind, "start": review.start}
    return finding.device, mark_id(**of, leads=tuple(review.leads)), review.reviewer


def _reviewed(
    session: Session, said: ReviewRow | AnnotationRow, mark: MarkRow | None, finding: str, manifest: Manifest
) -> ReviewedMark | str:
    """Give the mark, or the reason why nothing can be learned from what was said of it."""
    unit = _unit(manifest.task)
    if unit is not None and said.label == unit.undecided:
        return "the reviewer could not tell"
    verdict = said.verdict if isinstance(said, ReviewRow) else "relabel"
    if verdict != WHOLE and said.label not in manifest.classes:
        return "the label is not a class of the model"
    if mark is None:
        return "the mark has not arrived"
    if mark.state == MarkState.WITHDRAWN.value:
        return "the mark was withdrawn"
    if reviews_statements(manifest.task) and mark.outcome.get("type") != "Prediction":
        return "the model had stated nothing of it"
    inputs = _inputs_of(session, mark, manifest)
    if inputs is None:
        return "what the classifier saw is missing, or of another preprocessing"
    if isinstance(said, ReviewRow):
        reader, model_label, bundle, model_seen = said.reviewer, said.model_label, said.bundle, said.model_seen
    else:  # on a recording the marks of the device are drawn beside
        reader, model_label, bundle = said.reader, mark.outcome.get("label"), mark.outcome.get("bundle")
        model_seen = True
    return ReviewedMark(
        finding=finding,
        recording=mark.recording,
        group=_group_of(session, mark),
        leads=tuple(said.leads),
        start=mark.start,
        label=said.label or "",
        reviewer=reader,
        model_label=model_label,
        bundle=bundle,
        model_seen=model_seen,
        verdict=verdict,
        stated=made_in(mark.outcome.get("scores") or ()),
        inputs=inputs,
    )


def _mark_of(session: Session, finding: FindingRow, review: ReviewRow) -> MarkRow | None:
    mark = mark_id(
        recording=finding.recording,
        task=review.task,
        kind=review.kind,
        leads=tuple(review.leads),
        start=review.start,
    )
    return session.get(MarkRow, (finding.device, mark))


def _inputs_of(session: Session, mark: MarkRow, manifest: Manifest) -> dict[str, NDArray[np.float32]] | None:
    row = session.get(InputsRow, (mark.device, mark.inputs)) if mark.inputs is not None else None
    if row is None:
        return None
    try:
        tensors = {tensor.name: tensor for tensor in (from_json(Tensor, one) for one in row.tensors)}
    except BadInput:
        return None
    inputs: dict[str, NDArray[np.float32]] = {}
    for spec in manifest.inputs:
        tensor = tensors.get(spec.name)
        if tensor is None or tensor.shape != spec.shape or len(tensor.data) != 4 * int(np.prod(spec.shape)):
            return None
        array = np.frombuffer(tensor.data, "<f4").reshape(spec.shape).astype(np.float32)
        if not np.isfinite(array).all():
            return None
        inputs[spec.name] = array
    return inputs


def _group_of(session: Session, mark: MarkRow) -> str:
    opened = session.get(RecordingRow, (mark.device, mark.recording))
    at = _in_the_recording(opened, mark)
    assigned = session.scalars(
        select(SubjectRow.subject)
        .where(SubjectRow.device == mark.device, SubjectRow.recording == mark.recording, SubjectRow.at <= at)
        .order_by(SubjectRow.at.desc())
        .limit(1)
    ).first()
    if assigned is not None:
        return f"subject:{assigned}"
    if opened is not None and opened.subject is not None:
        return f"subject:{opened.subject}"
    return f"recording:{mark.recording}"


def _in_the_recording(opened: RecordingRow | None, mark: MarkRow) -> int:
    """Count the mark's first sample at the recording's own rate; its leads may have another."""
    if opened is None:
        return mark.start
    rates = {lead["name"]: lead["fs_hz"] for lead in opened.leads}
    rate = next((rates[name] for name in mark.leads if rates.get(name)), None)
    return mark.start if rate is None else round(mark.start * opened.fs_hz / rate)
