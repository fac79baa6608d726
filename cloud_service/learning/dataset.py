"""Freezes what clinicians said about beats into a data set whose id is the hash of its content."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from biosignal.errors import BadInput
from biosignal.events import BeatEvidence, Evidence
from biosignal.model.bundle import Manifest
from biosignal.model.npz import read_npz, write_npz
from biosignal.wire.codec import from_json
from cloud_service.database.clinic_tables import ReviewRow
from cloud_service.database.event_tables import FindingRow, RecordingRow, SubjectRow
from cloud_service.learning.errors import NothingToLearn

FORMAT = 1
HELD_OUT_FRACTION = 0.2
NPZ_BYTES_MAX = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ReviewedBeat:
    """One beat with a clinician's label and what the classifier saw. `group` is the subject, else the recording."""

    finding: str
    recording: str
    group: str
    sample: int
    label: str
    reviewer: str
    model_label: str | None
    bundle: str | None
    model_seen: bool
    inputs: Mapping[str, NDArray[np.float32]] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DataSet:
    """A frozen data set.

    `inputs` float32 [n, ...] by tensor name, `label` (index into `classes`) and `held_out` [n] uint8; no group is on
    both sides. `manifest` holds everything else, and `id` is the SHA-256 over it, which covers the arrays.
    """

    id: str
    classes: tuple[str, ...]
    inputs: Mapping[str, NDArray[np.float32]]
    label: NDArray[np.uint8]
    held_out: NDArray[np.uint8]
    manifest: Mapping[str, Any]


def collect(session: Session, manifest: Manifest) -> tuple[list[ReviewedBeat], Counter[str]]:
    """Read the reviews that count, and say how many were left out for which reason.

    A review counts when nothing superseded it and it is not an undo.
    """
    beats: list[ReviewedBeat] = []
    left_out: Counter[str] = Counter()
    reviews = session.scalars(
        select(ReviewRow).where(ReviewRow.superseded_by.is_(None), ReviewRow.verdict != "undo").order_by(ReviewRow.row)
    )
    for review in reviews:
        beat = _beat_of(session, review, manifest)
        if isinstance(beat, str):
            left_out[beat] += 1
        else:
            beats.append(beat)
    return beats, left_out


def _beat_of(session: Session, review: ReviewRow, manifest: Manifest) -> ReviewedBeat | str:
    finding = session.get(FindingRow, review.finding)
    if finding is None or review.label not in manifest.classes:
        return "label is not a class of the model" if finding is not None else "finding is gone"
    try:
        evidence = from_json(Evidence, finding.evidence)
    except BadInput:
        return "evidence cannot be read"
    found = next((beat for beat in evidence.beats if beat.sample == review.sample), None)
    if found is None:
        return "beat is no longer in the finding"
    inputs = _inputs_of(found, manifest)
    if inputs is None:
        return "classifier inputs are missing or of another preprocessing"
    return ReviewedBeat(
        finding=finding.id,
        recording=finding.recording,
        group=_group_of(session, finding, review.sample),
        sample=review.sample,
        label=review.label,
        reviewer=review.reviewer,
        model_label=review.model_label,
        bundle=review.bundle,
        model_seen=review.model_seen,
        inputs=inputs,
    )


def _inputs_of(beat: BeatEvidence, manifest: Manifest) -> dict[str, NDArray[np.float32]] | None:
    tensors = {tensor.name: tensor for tensor in beat.inputs}
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


def _group_of(session: Session, finding: FindingRow, sample: int) -> str:
    assigned = session.scalars(
        select(SubjectRow.subject)
        .where(SubjectRow.device == finding.device, SubjectRow.recording == finding.recording, SubjectRow.at <= sample)
        .order_by(SubjectRow.at.desc())
        .limit(1)
    ).first()
    if assigned is not None:
        return f"subject:{assigned}"
    opened = session.get(RecordingRow, (finding.device, finding.recording))
    if opened is not None and opened.subject is not None:
        return f"subject:{opened.subject}"
    return f"recording:{finding.recording}"


def freeze(beats: Iterable[ReviewedBeat], manifest: Manifest, *, left_out: Mapping[str, int]) -> DataSet:
    """Make the data set: the same reviews give the same id, in whatever order they come.

    A beat shown in two findings counts once; one on which reviewers disagree is left out and counted.

    Raises
    ------
    NothingToLearn : no beat is left.
    """
    missing = Counter(left_out)
    kept = _agreed(beats, missing)
    if not kept:
        raise NothingToLearn("no reviewed beat can be learned from", left_out=dict(missing))
    held_groups = split_groups({beat.group for beat, _ in kept})
    names = [spec.name for spec in manifest.inputs]
    arrays: dict[str, NDArray[Any]] = {name: np.stack([beat.inputs[name] for beat, _ in kept]) for name in names}
    arrays["label"] = np.array([manifest.classes.index(beat.label) for beat, _ in kept], np.uint8)
    arrays["held_out"] = np.array([beat.group in held_groups for beat, _ in kept], np.uint8)
    data = write_npz(arrays)
    document = {
        "format": FORMAT,
        "task": manifest.task,
        "classes": list(manifest.classes),
        "preprocessing": manifest.preprocessing,
        "npz_sha256": hashlib.sha256(data).hexdigest(),
        "beats": [_described(beat, reviewers, beat.group in held_groups) for beat, reviewers in kept],
        "held_out_groups": sorted(held_groups),
        "left_out": dict(sorted(missing.items())),
    }
    return _opened(document, data)


def _agreed(beats: Iterable[ReviewedBeat], missing: Counter[str]) -> list[tuple[ReviewedBeat, list[str]]]:
    by_place: dict[tuple[str, int], list[ReviewedBeat]] = {}
    for beat in beats:
        by_place.setdefault((beat.recording, beat.sample), []).append(beat)
    kept = []
    for place in sorted(by_place):
        said = sorted(by_place[place], key=lambda beat: (beat.finding, beat.reviewer))
        if len({beat.label for beat in said}) > 1:
            missing["reviewers disagree"] += 1
            continue
        kept.append((said[0], sorted({beat.reviewer for beat in said})))
    return kept


def split_groups(groups: Iterable[str]) -> frozenset[str]:
    """Choose the groups that are held out: a fifth, at least one where there are two; none where there is one."""
    ordered = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode()).digest())
    if len(ordered) < 2:
        return frozenset()
    return frozenset(ordered[: max(1, int(len(ordered) * HELD_OUT_FRACTION))])


def _described(beat: ReviewedBeat, reviewers: Sequence[str], held_out: bool) -> dict[str, Any]:
    return {
        "finding": beat.finding,
        "recording": beat.recording,
        "group": beat.group,
        "sample": beat.sample,
        "label": beat.label,
        "reviewers": list(reviewers),
        "model_label": beat.model_label,
        "bundle": beat.bundle,
        "model_seen": beat.model_seen,
        "held_out": held_out,
    }


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _opened(document: Mapping[str, Any], data: bytes) -> DataSet:
    arrays = read_npz(data, max_bytes=NPZ_BYTES_MAX)
    label, held_out = arrays.pop("label"), arrays.pop("held_out")
    return DataSet(
        id=hashlib.sha256(_canonical(document)).hexdigest(),
        classes=tuple(document["classes"]),
        inputs=arrays,
        label=label,
        held_out=held_out,
        manifest=document,
    )


def save(dataset: DataSet, folder: Path) -> Path:
    """Write ``ID.npz`` and ``ID.json``; the same data set twice is one file."""
    folder.mkdir(parents=True, exist_ok=True)
    data = write_npz({**dataset.inputs, "label": dataset.label, "held_out": dataset.held_out})
    for name, content in ((f"{dataset.id}.npz", data), (f"{dataset.id}.json", _canonical(dataset.manifest))):
        temporary = folder / f".{name}.new"
        temporary.write_bytes(content)
        temporary.replace(folder / name)
    return folder / f"{dataset.id}.json"


def load(folder: Path, identity: str) -> DataSet:
    """Read a data set back.

    Raises
    ------
    BadInput : it is not there, or not the one the id names.
    """
    try:
        document = json.loads((folder / f"{identity}.json").read_bytes())
        data = (folder / f"{identity}.npz").read_bytes()
        dataset = _opened(document, data)
    except (OSError, ValueError, KeyError) as error:
        raise BadInput("the data set cannot be read", dataset=identity) from error
    if dataset.id != identity or hashlib.sha256(data).hexdigest() != document["npz_sha256"]:
        raise BadInput("the data set is not the one that was frozen", dataset=identity)
    return dataset
