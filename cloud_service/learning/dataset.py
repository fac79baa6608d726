"""Freezes what clinicians said about a task's marks into a data set whose id is the hash of its content."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.model.bundle import Manifest
from biosignal.model.npz import read_npz, write_npz
from biosignal.tasks.lookup import reviews_statements
from cloud_service.learning.errors import NothingToLearn
from cloud_service.learning.reviewed import ReviewedMark, reviewed_kind
from cloud_service.learning.statements import SaidOf, agreed

FORMAT = 3
READABLE = (1, 2, FORMAT)
"""Format 1 held beats only: it names them so, and knows neither kind nor leads. Format 2 knew no statements."""
HELD_OUT_FRACTION = 0.2
NPZ_BYTES_MAX = 1 << 30


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DataSet:
    """A frozen data set.

    `inputs` float32 [n, ...] by tensor name, `label` (index into `classes`) and `held_out` [n] uint8; no group is on
    both sides. Where labels are statements, `label` is [n, classes]: 1 made, 0 not made, `UNSAID`. `manifest` holds
    everything else, and `id` is the SHA-256 over it, which covers the arrays.
    """

    id: str
    classes: tuple[str, ...]
    inputs: Mapping[str, NDArray[np.float32]]
    label: NDArray[np.uint8]
    held_out: NDArray[np.uint8]
    manifest: Mapping[str, Any]

    @property
    def task(self) -> str:
        """The task whose marks it holds."""
        return str(self.manifest["task"])

    @property
    def marks(self) -> Sequence[Mapping[str, Any]]:
        """What is known of each mark, whatever the format it was frozen in; `start` is its first sample."""
        if self.manifest["format"] == 1:
            return [{**beat, "start": beat["sample"], "leads": []} for beat in self.manifest["beats"]]
        marks: Sequence[Mapping[str, Any]] = self.manifest["marks"]
        return marks


def freeze(marks: Iterable[ReviewedMark], manifest: Manifest, *, left_out: Mapping[str, int]) -> DataSet:
    """Make the data set: the same reviews give the same id, in whatever order they come.

    A mark shown in two findings counts once; one on which reviewers disagree is left out and counted.

    Raises
    ------
    NothingToLearn : no mark is left.
    """
    missing = Counter(left_out)
    has_statements = reviews_statements(manifest.task)
    kept = agreed(marks, manifest.classes, missing) if has_statements else _agreed(marks, missing)
    missing = +missing
    if not kept:
        what = reviewed_kind(manifest.task).label
        raise NothingToLearn(f"no reviewed {what} can be learned from", task=manifest.task, left_out=dict(missing))
    held_groups = split_groups({one.first.group for one in kept})
    names = [spec.name for spec in manifest.inputs]
    arrays: dict[str, NDArray[Any]] = {name: np.stack([one.first.inputs[name] for one in kept]) for name in names}
    arrays["label"] = np.stack([one.row(manifest.classes) for one in kept])
    arrays["held_out"] = np.array([one.first.group in held_groups for one in kept], np.uint8)
    data = write_npz(arrays)
    document = {
        "format": FORMAT,
        "task": manifest.task,
        "classes": list(manifest.classes),
        "preprocessing": manifest.preprocessing,
        "npz_sha256": hashlib.sha256(data).hexdigest(),
        "mark": reviewed_kind(manifest.task).name,
        "marks": [_described(one, one.first.group in held_groups) for one in kept],
        "held_out_groups": sorted(held_groups),
        "left_out": dict(sorted(missing.items())),
    }
    return _opened(document, data)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Labelled:
    """A mark with the label that its readers agree on."""

    first: ReviewedMark
    reviewers: tuple[str, ...]

    def row(self, classes: Sequence[str]) -> NDArray[np.uint8]:
        """Write it as a row of a data set, shape ()."""
        return np.array(classes.index(self.first.label), np.uint8)


def _agreed(marks: Iterable[ReviewedMark], missing: Counter[str]) -> list[Labelled]:
    by_place: dict[tuple[str, tuple[str, ...], int], list[ReviewedMark]] = {}
    for mark in marks:
        by_place.setdefault((mark.recording, mark.leads, mark.start), []).append(mark)
    kept = []
    for place in sorted(by_place):
        said = sorted(by_place[place], key=lambda mark: (mark.finding, mark.reviewer))
        if len({mark.label for mark in said}) > 1:
            missing["reviewers disagree"] += 1
            continue
        kept.append(Labelled(first=said[0], reviewers=tuple(sorted({mark.reviewer for mark in said}))))
    return kept


def split_groups(groups: Iterable[str]) -> frozenset[str]:
    """Choose the groups that are held out: a fifth, at least one where there are two; none where there is one."""
    ordered = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode()).digest())
    if len(ordered) < 2:
        return frozenset()
    return frozenset(ordered[: max(1, int(len(ordered) * HELD_OUT_FRACTION))])


def _described(one: Labelled | SaidOf, held_out: bool) -> dict[str, Any]:
    mark = one.first
    said: dict[str, Any] = {"label": mark.label}
    if isinstance(one, SaidOf):
        said = {"said": one.said, "stated": list(mark.stated)}
    return said | {
        "finding": mark.finding,
        "recording": mark.recording,
        "group": mark.group,
        "leads": list(mark.leads),
        "start": mark.start,
        "reviewers": list(one.reviewers),
        "model_label": mark.model_label,
        "bundle": mark.bundle,
        "model_seen": mark.model_seen,
        "held_out": held_out,
    }


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _opened(document: Mapping[str, Any], data: bytes) -> DataSet:
    if document["format"] not in READABLE:
        raise BadInput("the data set is of a format this version cannot read", format=document["format"])
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
    """Read a data set back, of this format or of an older one.

    Raises
    ------
    BadInput : it is not there, or not the one the id names.
    """
    try:
        document = json.loads((folder / f"{identity}.json").read_bytes())
        data = (folder / f"{identity}.npz").read_bytes()
        dataset = _opened(document, data)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput("the data set cannot be read", dataset=identity) from error
    if dataset.id != identity or hashlib.sha256(data).hexdigest() != document["npz_sha256"]:
        raise BadInput("the data set is not the one that was frozen", dataset=identity)
    return dataset
