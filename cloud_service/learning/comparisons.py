"""Each gate by itself: what it compares, and the verdict. All raise `BedsideError` where they cannot be run."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.model.admission import admit
from biosignal.model.bundle import Bundle
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.lookup import contract_of
from cloud_service.learning.dataset import DataSet
from cloud_service.learning.fixed_sets import FixedSet
from cloud_service.learning.gate import FAILED, NOT_MEASURED, PASSED, Gate, GateMargins
from cloud_service.learning.refit import anchor_of, head_of, run
from cloud_service.learning.reviewed import reviewed_kind

Scores: TypeAlias = NDArray[Any]
NO_REGRESSION = "no regression by class"
ANCHOR_SET = "anchor gate part (training patients set aside in the bundle)"
ECE_BINS = 15


def golden_vectors(candidate: Bundle) -> Gate:
    """Admit the candidate as a device does."""
    report = admit(OnnxCpuBackend(candidate), candidate, contract_of(candidate.manifest.task))
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


def encoder_unchanged(parent: Bundle, candidate: Bundle) -> Gate:
    """Compare embeddings of the parent's golden inputs."""
    inputs, _, tolerance = parent.golden()
    worst = float(np.abs(run(parent, inputs)[1] - run(candidate, inputs)[1]).max())
    status = PASSED if worst <= tolerance else FAILED
    return Gate(
        name="encoder unchanged",
        status=status,
        why="embeddings of the parent's golden inputs, parent against candidate",
        figures={"worst_difference": worst, "tolerance": tolerance},
    )


def no_regression_on_anchor(parent: Bundle, candidate: Bundle, margins: GateMargins) -> Gate:
    """Compare the heads by class on the anchor's gate part."""
    before, after, label, patients = _anchor_scores(parent, candidate)
    gate = _no_regression(before, after, label, parent, ANCHOR_SET, margins, {"patients": patients})
    if gate.status == NOT_MEASURED:
        gate = replace(gate, status=FAILED)  # without the anchor nothing would show what was forgotten
    return gate


def _anchor_scores(parent: Bundle, candidate: Bundle) -> tuple[Scores, Scores, NDArray[Any], int]:
    anchor = anchor_of(parent)
    part = anchor.part == 1
    embedding = anchor.embedding[part].astype(np.float32)
    before, after = head_of(parent).scores(embedding), head_of(candidate).scores(embedding)
    return before, after, anchor.label[part], len(set(anchor.patient[part].tolist()))


def no_regression_on_fixed(parent: Bundle, candidate: Bundle, one: FixedSet, margins: GateMargins) -> Gate:
    """Compare the models by class on a labelled set."""
    before, after = run(parent, one.inputs)[0], run(candidate, one.inputs)[0]
    return _no_regression(before, after, one.label, parent, one.name, margins, {})


def class_figures(
    scores: Scores, label: NDArray[Any], classes: Sequence[str]
) -> dict[str, dict[str, float | int | None]]:
    """Sensitivity, positive predictivity and F1 of each class, with its count; None where nothing is to be counted."""
    said = scores.argmax(axis=1)
    figures: dict[str, dict[str, float | int | None]] = {}
    for index, name in enumerate(classes):
        true, named = label == index, said == index
        hits, n, called = int((true & named).sum()), int(true.sum()), int(named.sum())
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
    parent: Bundle,
    name: str,
    margins: GateMargins,
    more: Mapping[str, Any],
) -> Gate:
    classes, what = parent.manifest.classes, reviewed_kind(parent.manifest.task).plural
    old, new = class_figures(before, label, classes), class_figures(after, label, classes)
    judged = [one for one in classes if (old[one]["n"] or 0) >= margins.min_marks]
    falls = [
        f"{one} {figure} {old[one][figure]} -> {new[one][figure] or 0.0}"
        for one in judged
        for figure, margin in (("f1", margins.f1), ("se", margins.se), ("ppv", margins.ppv))
        if _fall(old[one], new[one], figure) > max(margin, margins.errors * _standard_error(old[one], figure))
    ]
    unjudged = [one for one in classes if one not in judged]
    why = "fell: " + "; ".join(falls) if falls else "no judged class fell by more than the margin"
    if not judged:
        why = f"no class has enough {what} to be judged"
    if unjudged:
        why += f"; not judged for want of {what}: {', '.join(unjudged)}"
    return Gate(
        name=NO_REGRESSION,
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


def calibration(parent: Bundle, candidate: Bundle, margins: GateMargins) -> Gate:
    """Compare the heads' calibration on the anchor's gate part."""
    before, after, label, _ = _anchor_scores(parent, candidate)
    old, new = expected_calibration_error(before, label), expected_calibration_error(after, label)
    return Gate(
        name="calibration",
        status=PASSED if new - old <= margins.ece else FAILED,
        why=f"expected calibration error {old:.4f} -> {new:.4f}",
        figures={
            "set": ANCHOR_SET,
            "n": len(label),
            "parent": round(old, 4),
            "candidate": round(new, 4),
            "bins": ECE_BINS,
        },
    )


def agreement(name: str, parent: Bundle, candidate: Bundle, dataset: DataSet, margins: GateMargins) -> Gate:
    """Compare agreement with the reviewed marks that were held out."""
    held = dataset.held_out == 1
    if not held.any():
        figures = {"set": f"data set {dataset.id[:12]}, held out", "n": 0}
        what = reviewed_kind(dataset.task).plural
        why = f"all reviewed {what} are of one patient or recording, so none could be held out"
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


def size(parent: Bundle, candidate: Bundle, margins: GateMargins) -> Gate:
    """Compare the sizes of the models."""
    old, new = len(parent.onnx), len(candidate.onnx)
    return Gate(
        name="size",
        status=PASSED if new <= margins.size * old else FAILED,
        why=f"model {old} -> {new} bytes",
        figures={"parent_bytes": old, "candidate_bytes": new, "largest_ratio": margins.size},
    )


def speed(parent: Bundle, candidate: Bundle, margins: GateMargins) -> Gate:
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
