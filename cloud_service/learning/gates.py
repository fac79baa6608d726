"""Judges a candidate against the released model. Every figure says on which set and on how many beats it rests.

A gate passes, fails, or was not measured (with the reason). Golden vectors and the fixed anchor set must be measured;
what could not be measured otherwise is said in the report and does not pass for more than it is.
"""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput, BedsideError
from biosignal.model.admission import NotAdmitted, admit
from biosignal.model.bundle import Bundle
from biosignal.model.npz import read_npz
from biosignal.model.onnx_cpu import OnnxCpuBackend
from cloud_service.learning.dataset import NPZ_BYTES_MAX, DataSet
from cloud_service.learning.refit import anchor_of, head_of, run

Scores: TypeAlias = NDArray[Any]
PASSED, FAILED, NOT_MEASURED = "passed", "failed", "not-measured"
ANCHOR_SET = "anchor gate part (training patients set aside in the bundle)"
ECE_BINS = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class GateMargins:
    """How much worse than the released model a candidate may be.

    `f1`, `se`, `ppv`: fall per class, where the class has at least `min_beats` in the set; a fall within `errors`
    binomial standard errors of the released model's own figure is not told from chance and does not fail. `ece`: rise
    of the expected calibration error. `reviewed`: fall of the agreement with held-out reviewed beats. `size`, `speed`:
    largest ratio.
    """

    f1: float = 0.02
    se: float = 0.03
    ppv: float = 0.03
    min_beats: int = 20
    errors: float = 1.0
    ece: float = 0.02
    reviewed: float = 0.0
    size: float = 1.1
    speed: float = 1.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """One verdict with what it rests on."""

    name: str
    status: str
    why: str
    figures: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class GateReport:
    """All verdicts on one candidate."""

    candidate: str
    candidate_digest: str
    parent: str
    dataset: str
    gates: tuple[Gate, ...]

    @property
    def passed(self) -> bool:
        """Whether no gate failed; gates that must be measured fail where they could not be."""
        return all(gate.status != FAILED for gate in self.gates)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON values."""
        return {**asdict(self), "passed": self.passed}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FixedSet:
    """Labelled beats that no model was fitted on: inputs [n, ...] by tensor name, `label` [n]."""

    name: str
    inputs: Mapping[str, NDArray[np.float32]]
    label: NDArray[np.uint8]


def load_fixed_sets(folder: Path) -> tuple[FixedSet, ...]:
    """Read every ``*.npz`` with `label` and the model's inputs.

    Raises
    ------
    BadInput : a file cannot be read; a gate must not silently judge on less.
    """
    sets = []
    for path in sorted(folder.glob("*.npz")) if folder.is_dir() else []:
        arrays = read_npz(path.read_bytes(), max_bytes=NPZ_BYTES_MAX)
        if "label" not in arrays:
            raise BadInput("a fixed set has no labels", file=path.name)
        label = arrays.pop("label")
        sets.append(FixedSet(name=path.stem, inputs=arrays, label=label))
    return tuple(sets)


def judge(
    parent: Bundle,
    candidate: Bundle,
    dataset: DataSet,
    *,
    fixed: Sequence[FixedSet] = (),
    margins: GateMargins | None = None,
) -> GateReport:
    """Run every gate."""
    margins = margins or GateMargins()
    gates = [_golden(candidate)]
    if gates[0].status == PASSED:
        gates += [
            _encoder(parent, candidate),
            *_anchor(parent, candidate, margins),
            *(_fixed(parent, candidate, one, margins) for one in fixed),
            _reviewed(parent, candidate, dataset, margins),
            _size(parent, candidate, margins),
            _speed(parent, candidate, margins),
        ]
    return GateReport(
        candidate=candidate.identity,
        candidate_digest=candidate.digest,
        parent=parent.identity,
        dataset=dataset.id,
        gates=tuple(gates),
    )


def judge_other(
    parent: Bundle, candidate: Bundle, *, fixed: Sequence[FixedSet] = (), margins: GateMargins | None = None
) -> GateReport:
    """Judge a bundle that was trained elsewhere.

    It has an encoder of its own, so the parent's anchor says nothing about it: only labelled sets with the model's
    inputs do, and without one the comparison by class fails.
    """
    margins = margins or GateMargins()
    gates = [_golden(candidate)]
    if gates[0].status == PASSED:
        gates += [_fixed(parent, candidate, one, margins) for one in fixed]
        if not any(gate.status == PASSED for gate in gates[1:]):
            why = (
                "there is no fixed set with enough beats to compare a newly trained model on (learning.fixed_sets_dir)"
            )
            gates.append(Gate(name="no regression by class", status=FAILED, why=why, figures={}))
        gates += [_size(parent, candidate, margins), _speed(parent, candidate, margins)]
    return GateReport(
        candidate=candidate.identity,
        candidate_digest=candidate.digest,
        parent=parent.identity,
        dataset="",
        gates=tuple(gates),
    )


def _golden(candidate: Bundle) -> Gate:
    try:
        backend = OnnxCpuBackend(candidate)
        report = admit(backend, candidate)
    except BedsideError as error:
        worst = error.facts.get("worst_difference") if isinstance(error, NotAdmitted) else None
        return Gate(name="golden vectors", status=FAILED, why=str(error), figures={"worst_difference": worst})
    return Gate(
        name="golden vectors",
        status=PASSED,
        why="reproduced on ONNX Runtime (CPU)",
        figures={
            "windows": report.windows,
            "worst_difference": report.worst_difference,
            "tolerance": report.tolerance,
        },
    )


def _encoder(parent: Bundle, candidate: Bundle) -> Gate:
    inputs, _, tolerance = parent.golden()
    worst = float(np.abs(run(parent, inputs)[1] - run(candidate, inputs)[1]).max())
    status = PASSED if worst <= tolerance else FAILED
    return Gate(
        name="encoder unchanged",
        status=status,
        why="embeddings of the parent's golden inputs, parent against candidate",
        figures={"worst_difference": worst, "tolerance": tolerance},
    )


def _anchor(parent: Bundle, candidate: Bundle, margins: GateMargins) -> list[Gate]:
    try:
        anchor = anchor_of(parent)
    except BedsideError as error:
        return [Gate(name="no regression by class", status=FAILED, why=str(error), figures={"set": ANCHOR_SET, "n": 0})]
    part = anchor.part == 1
    embedding, label = anchor.embedding[part].astype(np.float32), anchor.label[part]
    before, after = head_of(parent).scores(embedding), head_of(candidate).scores(embedding)
    patients = len(set(anchor.patient[part].tolist()))
    gate = _no_regression(before, after, label, parent.manifest.classes, ANCHOR_SET, margins, {"patients": patients})
    if gate.status == NOT_MEASURED:
        gate = replace(gate, status=FAILED)  # without the anchor nothing would show what was forgotten
    return [gate, _calibration(before, after, label, ANCHOR_SET, margins)]


def _fixed(parent: Bundle, candidate: Bundle, one: FixedSet, margins: GateMargins) -> Gate:
    before, after = run(parent, one.inputs)[0], run(candidate, one.inputs)[0]
    return _no_regression(before, after, one.label, parent.manifest.classes, one.name, margins, {})


def class_figures(
    scores: Scores, label: NDArray[Any], classes: Sequence[str]
) -> dict[str, dict[str, float | int | None]]:
    """Sensitivity, positive predictivity and F1 of each class, with its count; None where nothing is to be counted."""
    said = scores.argmax(axis=1)
    figures: dict[str, dict[str, float | int | None]] = {}
    for index, name in enumerate(classes):
        true, told = label == index, said == index
        hits, n, called = int((true & told).sum()), int(true.sum()), int(told.sum())
        figures[name] = {
            "n": n,
            "called": called,
            "se": round(hits / n, 4) if n else None,
            "ppv": round(hits / called, 4) if called else None,
            "f1": round(2 * hits / (n + called), 4) if n + called else None,
        }
    return figures


def _no_regression(
    before: Scores,
    after: Scores,
    label: NDArray[Any],
    classes: Sequence[str],
    name: str,
    margins: GateMargins,
    more: Mapping[str, Any],
) -> Gate:
    old, new = class_figures(before, label, classes), class_figures(after, label, classes)
    judged = [one for one in classes if (old[one]["n"] or 0) >= margins.min_beats]
    falls = [
        f"{one} {figure} {old[one][figure]} -> {new[one][figure] or 0.0}"
        for one in judged
        for figure, margin in (("f1", margins.f1), ("se", margins.se), ("ppv", margins.ppv))
        if _fall(old[one], new[one], figure) > max(margin, margins.errors * _standard_error(old[one], figure))
    ]
    unjudged = [one for one in classes if one not in judged]
    why = "fell: " + "; ".join(falls) if falls else "no judged class fell by more than the margin"
    if not judged:
        why = "no class has enough beats to be judged"
    if unjudged:
        why += f"; not judged for want of beats: {', '.join(unjudged)}"
    return Gate(
        name="no regression by class",
        status=FAILED if falls else PASSED if judged else NOT_MEASURED,
        why=why,
        figures={"set": name, "n": len(label), **more, "parent": old, "candidate": new, "margins": asdict(margins)},
    )


def _fall(old: Mapping[str, float | int | None], new: Mapping[str, float | int | None], figure: str) -> float:
    return (old[figure] or 0.0) - (new[figure] or 0.0)


def _standard_error(old: Mapping[str, float | int | None], figure: str) -> float:
    """Binomial standard error of a share; of F1, that of a share of its own denominator's half."""
    share = old[figure] or 0.0
    n, called = float(old["n"] or 0), float(old["called"] or 0)
    count = {"se": n, "ppv": called, "f1": (n + called) / 2}[figure]
    return float(np.sqrt(share * (1.0 - share) / count)) if count else 0.0


def expected_calibration_error(scores: Scores, label: NDArray[Any], bins: int = ECE_BINS) -> float:
    """Mean gap between confidence and accuracy over equal-width bins of confidence, weighted by count."""
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == label
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(float(confidence[place == one].mean()) - float(right[place == one].mean())) * float((place == one).mean())
        for one in range(bins)
        if (place == one).any()
    ]
    return float(sum(gaps))


def _calibration(before: Scores, after: Scores, label: NDArray[Any], name: str, margins: GateMargins) -> Gate:
    old, new = expected_calibration_error(before, label), expected_calibration_error(after, label)
    return Gate(
        name="calibration",
        status=PASSED if new - old <= margins.ece else FAILED,
        why=f"expected calibration error {old:.4f} -> {new:.4f}",
        figures={"set": name, "n": len(label), "parent": round(old, 4), "candidate": round(new, 4), "bins": ECE_BINS},
    )


def _reviewed(parent: Bundle, candidate: Bundle, dataset: DataSet, margins: GateMargins) -> Gate:
    held = dataset.held_out == 1
    name = "agreement with held-out reviewed beats"
    if not held.any():
        figures = {"set": f"data set {dataset.id[:12]}, held out", "n": 0}
        why = "all reviewed beats are of one patient or recording, so none could be held out"
        return Gate(name=name, status=NOT_MEASURED, why=why, figures=figures)
    inputs, label = {key: array[held] for key, array in dataset.inputs.items()}, dataset.label[held]
    old = float((run(parent, inputs)[0].argmax(axis=1) == label).mean())
    new = float((run(candidate, inputs)[0].argmax(axis=1) == label).mean())
    return Gate(
        name=name,
        status=PASSED if old - new <= margins.reviewed else FAILED,
        why=f"agreement {old:.4f} -> {new:.4f}",
        figures={
            "set": f"data set {dataset.id[:12]}, held out",
            "n": int(held.sum()),
            "groups": len(dataset.manifest["held_out_groups"]),
            "parent": round(old, 4),
            "candidate": round(new, 4),
        },
    )


def _size(parent: Bundle, candidate: Bundle, margins: GateMargins) -> Gate:
    old, new = len(parent.onnx), len(candidate.onnx)
    return Gate(
        name="size",
        status=PASSED if new <= margins.size * old else FAILED,
        why=f"model {old} -> {new} bytes",
        figures={"parent_bytes": old, "candidate_bytes": new, "largest_ratio": margins.size},
    )


def _speed(parent: Bundle, candidate: Bundle, margins: GateMargins) -> Gate:
    """Time both in turns, window by window; the best of several medians shrugs off a busy machine."""
    inputs, _, _ = parent.golden()
    one = {name: array[:1] for name, array in inputs.items()}
    backends = [OnnxCpuBackend(parent), OnnxCpuBackend(candidate)]
    best = [float("inf"), float("inf")]
    for _ in range(7):
        for index, backend in enumerate(backends):
            best[index] = min(best[index], statistics.median(_timed(backend, one) for _ in range(40)))
    ratio = best[1] / best[0]
    return Gate(
        name="speed",
        status=PASSED if ratio <= margins.speed else FAILED,
        why=f"{1e3 * best[0]:.3f} -> {1e3 * best[1]:.3f} ms a window, in turns in one process",
        figures={"parent_ms": 1e3 * best[0], "candidate_ms": 1e3 * best[1], "ratio": ratio, "largest": margins.speed},
    )


def _timed(backend: OnnxCpuBackend, one: Mapping[str, NDArray[np.float32]]) -> float:
    start = time.perf_counter()
    backend.infer(one)
    return time.perf_counter() - start
