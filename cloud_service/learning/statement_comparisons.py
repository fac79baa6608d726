"""The gates of a model that makes statements: each statement is judged for itself. All raise `BedsideError` where they
cannot be run.

Teaching leaves the order of windows as it was, so what can get worse is how probable a statement is said to be. That is
judged by its log loss. Sensitivity and specificity are told beside it: where one falls the other rises.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.model.bundle import Bundle
from biosignal.model.similar import logits_of
from cloud_service.learning.dataset import DataSet
from cloud_service.learning.fixed_sets import FixedSet
from cloud_service.learning.gate import FAILED, NOT_MEASURED, PASSED, Gate, GateMargins
from cloud_service.learning.refit import run
from cloud_service.learning.reviewed import reviewed_kind
from cloud_service.learning.statement_head import memory_of, statement_head_of
from cloud_service.learning.statements import UNSAID

Floats: TypeAlias = NDArray[Any]
NO_REGRESSION = "no regression by statement"
ANCHOR_SET = "reviewed records that judge (training patients set aside in the bundle)"
SPECIFICITY = 0.95
ECE_BINS = 10
Figures: TypeAlias = dict[str, dict[str, float | int | None]]


def no_regression_on_anchor(parent: Bundle, candidate: Bundle, margins: GateMargins) -> Gate:
    """Compare the heads by statement on the records that judge: by what had not seen them when it was trained."""
    before, after, said = _anchor_scores(parent, candidate)
    return _no_regression(before, after, said, parent, ANCHOR_SET, margins)


def _anchor_scores(parent: Bundle, candidate: Bundle) -> tuple[Floats, Floats, Floats]:
    memory = memory_of(parent)
    held = logits_of(memory.held[memory.grading])
    scores = [statement_head_of(one).scores(held) for one in (parent, candidate)]
    return scores[0], scores[1], memory.stated[memory.grading].astype(np.uint8)


def no_regression_on_fixed(parent: Bundle, candidate: Bundle, one: FixedSet, margins: GateMargins) -> Gate:
    """Compare the models by statement on a labelled set."""
    before, after = run(parent, one.inputs)[0], run(candidate, one.inputs)[0]
    return _no_regression(before, after, one.label, parent, one.name, margins)


def cuts_of(scores: Floats, said: Floats) -> Floats:
    """Give the probability of each statement below which `SPECIFICITY` of those lie that are without it, [classes]."""
    cuts = np.full(said.shape[1], np.nan)
    for place in range(said.shape[1]):
        without = scores[said[:, place] == 0, place]
        if without.size:
            cuts[place] = np.quantile(without, SPECIFICITY)
    return cuts


def figures_of(scores: Floats, said: Floats, cuts: Floats, classes: Sequence[str]) -> Figures:
    """Log loss and calibration error of each statement, sensitivity and specificity at its cut, how many have it or
    have it not.
    """
    found: Figures = {}
    for place, name in enumerate(classes):
        x, is_above = scores[:, place], scores[:, place] > cuts[place]
        made, not_made = said[:, place] == 1, said[:, place] == 0
        n, without, known = int(made.sum()), int(not_made.sum()), made | not_made
        found[name] = {
            "n": n,
            "without": without,
            "se": round(float(is_above[made].mean()), 4) if n else None,
            "sp": round(float((~is_above)[not_made].mean()), 4) if without else None,
            "ece": round(calibration_error(x[known], made[known]), 4) if n + without else None,
            "loss": round(float(_losses(x, said[:, place])[known].mean()), 4) if n + without else None,
        }
    return found


def calibration_error(probability: Floats, is_made: Floats, bins: int = ECE_BINS) -> float:
    """Mean gap between probability and share over bins of equal width, weighted by count."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = [
        abs(float(probability[place == one].mean()) - float(is_made[place == one].mean()))
        * float((place == one).mean())
        for one in range(bins)
        if (place == one).any()
    ]
    return float(sum(gaps))


def _no_regression(
    before: Floats, after: Floats, said: Floats, parent: Bundle, name: str, margins: GateMargins
) -> Gate:
    classes, what = parent.manifest.classes, reviewed_kind(parent.manifest.task).plural
    cuts = cuts_of(before, said)
    old, new = figures_of(before, said, cuts, classes), figures_of(after, said, cuts, classes)
    judged = [one for one in classes if min(old[one]["n"] or 0, old[one]["without"] or 0) >= margins.min_marks]
    rises = [
        f"{one} {old[one]['loss']} -> {new[one]['loss']}"
        for one in judged
        if (new[one]["loss"] or 0.0) - (old[one]["loss"] or 0.0) > _allowed(old[one]["loss"] or 0.0, margins)
    ]
    unjudged = [one for one in classes if one not in judged]
    why = (
        "log loss rose: " + "; ".join(rises) if rises else "the log loss of no judged statement rose beyond the margin"
    )
    if unjudged:
        why += f"; not judged for want of {what}: {', '.join(unjudged)}"
    status = FAILED if rises else PASSED if judged else NOT_MEASURED
    figures = {"set": name, "n": len(said), "parent": old, "candidate": new, "margins": asdict(margins)}
    return Gate(name=NO_REGRESSION, status=status, why=why, figures=figures)


def _allowed(loss: float, margins: GateMargins) -> float:
    return min(margins.loss, margins.loss_share * loss)


def calibration(parent: Bundle, candidate: Bundle, margins: GateMargins) -> Gate:
    """Compare the calibration of the heads on the records that judge, as a mean over the statements."""
    before, after, said = _anchor_scores(parent, candidate)
    old, new = (_mean_error(scores, said) for scores in (before, after))
    return Gate(
        name="calibration",
        status=PASSED if new - old <= margins.ece else FAILED,
        why=f"expected calibration error {old:.4f} -> {new:.4f}",
        figures={
            "set": ANCHOR_SET,
            "n": len(said),
            "parent": round(old, 4),
            "candidate": round(new, 4),
            "bins": ECE_BINS,
        },
    )


def _mean_error(scores: Floats, said: Floats) -> float:
    return float(np.mean([calibration_error(scores[:, place], said[:, place]) for place in range(said.shape[1])]))


def agreement(name: str, parent: Bundle, candidate: Bundle, dataset: DataSet, margins: GateMargins) -> Gate:
    """Compare how well both foretold the words on marks that were held out: log loss, a word at a time.

    A rise within `errors` standard errors of its own mean, over marks, may be chance and does not fail.
    """
    held = dataset.held_out == 1
    known = dataset.label[held] != UNSAID
    figures: dict[str, Any] = {"set": f"data set {dataset.id[:12]}, held out", "n": int(held.sum())}
    if not held.any():
        what = reviewed_kind(dataset.task).plural
        why = f"all reviewed {what} are of one patient or recording, so none could be held out"
        return Gate(name=name, status=NOT_MEASURED, why=why, figures=figures)
    inputs, said = {key: array[held] for key, array in dataset.inputs.items()}, dataset.label[held]
    old, new = (np.where(known, _losses(run(one, inputs)[0], said), 0.0).sum(axis=1) for one in (parent, candidate))
    rise = (new - old) / np.maximum(known.sum(axis=1), 1)
    allowed = margins.reviewed + margins.errors * float(rise.std()) / np.sqrt(len(rise))
    words = int(known.sum())
    was, now = float(old.sum()) / words, float(new.sum()) / words
    return Gate(
        name=name,
        status=PASSED if float(rise.mean()) <= allowed else FAILED,
        why=f"log loss of {words} words {was:.4f} -> {now:.4f}",
        figures=figures
        | {"groups": len(dataset.manifest["held_out_groups"]), "parent": round(was, 4), "candidate": round(now, 4)},
    )


def _losses(scores: Floats, said: Floats) -> Floats:
    p = np.clip(scores.astype(np.float64), 1e-6, 1.0 - 1e-6)
    each: Floats = np.where(said == 1, -np.log(p), -np.log(1.0 - p))
    return each
