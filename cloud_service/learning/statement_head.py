"""Teaches a model that makes statements: a slope and an offset for the logit of each, fitted to what reviewers said.

A few dozen reviews can show that a statement is made too easily or not easily enough here, and no more: a whole matrix
over the logits loses in order what it gains in level. The loss is the cross-entropy of what was said, plus that of the
memory (the records of `similar.npz` that do not judge) against what the model as it was trained answers there, plus a
pull towards that; so a statement that nobody spoke of is told as it was trained, and the same reviews give the same
head however often they are learned. A slope is never negative: of two windows the one that was more probable stays so.
Of one statement this is Platt 1999 ("Probabilistic outputs for support vector machines").
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.model.bundle import Bundle
from biosignal.model.manifest import Role
from biosignal.model.similar import Reviewed, logits_of
from cloud_service.learning.errors import RefitImpossible
from cloud_service.learning.onnx_head import last_layer
from cloud_service.learning.statements import UNSAID

Floats: TypeAlias = NDArray[np.float64]
WORD = 0.2
"""A word on one statement counts so much of a reviewed mark: a mark has many, and they hang together."""
SHARE_MAX = 1.0
"""All words on a statement together count at most so many times all of the memory."""
PULL = 1.0
"""How strongly slope and offset are held to 1 and 0, in records of the memory."""
LEAST_SLOPE, MOST_SLOPE, MOST_OFFSET = 0.2, 3.0, 4.0


@dataclass(frozen=True, slots=True, eq=False)
class StatementHead:
    """The last layer: slope `weight` and offset `bias` of each statement's logit, float64 [classes]."""

    weight: Floats
    bias: Floats

    def logits(self, embedding: NDArray[Any]) -> Floats:
        """Logits [n, classes] of embeddings [n, classes]."""
        said: Floats = embedding.astype(np.float64) * self.weight + self.bias
        return said

    def scores(self, embedding: NDArray[Any]) -> Floats:
        """Probabilities [n, classes] of embeddings [n, classes]."""
        return _probability(self.logits(embedding))


def _probability(logits: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0))), np.float64)


def statement_head_of(bundle: Bundle) -> StatementHead:
    """Read the head out of a bundle's ONNX file.

    Raises
    ------
    RefitImpossible : it has no head of the agreed form.
    """
    weight, bias = last_layer(bundle)
    count = (len(bundle.manifest.classes),)
    if not weight.shape == bias.shape == bundle.manifest.output(Role.EMBEDDING).shape == count:
        raise RefitImpossible("the model's head has another shape", bundle=bundle.identity, shape=weight.shape)
    return StatementHead(weight, bias)


def memory_of(bundle: Bundle) -> Reviewed:
    """Give the records that hold a model while it learns, and judge it.

    Raises
    ------
    RefitImpossible : the bundle brings none: nothing would show what a refit forgets.
    """
    reviewed = bundle.reviewed()
    if reviewed is None or reviewed.grading.all() or not reviewed.grading.any():
        raise RefitImpossible("the bundle brings no reviewed records for fit and gate", bundle=bundle.identity)
    return reviewed


def fit_statements(
    memory: Reviewed, logits: NDArray[Any], said: NDArray[np.uint8], mark_weight: float
) -> StatementHead:
    """Fit the head of every statement that somebody spoke of.

    Parameters
    ----------
    logits : of reviewed marks, shape (mark, statement). said : 1 made, 0 not made, or `UNSAID`, alike.
    mark_weight : what a reviewed mark counts against a record of the memory.
    """
    held = logits_of(memory.held[~memory.grading])
    kept = _probability(held)
    weight, bias = np.ones(said.shape[1]), np.zeros(said.shape[1])
    for place in range(said.shape[1]):
        rows = said[:, place] != UNSAID
        if rows.any():
            each = min(WORD * mark_weight, SHARE_MAX * len(held) / int(rows.sum()))
            x = np.concatenate([held[:, place], logits[rows, place].astype(np.float64)])
            y = np.concatenate([kept[:, place], said[rows, place].astype(np.float64)])
            counts = np.concatenate([np.ones(len(held)), np.full(int(rows.sum()), each)])
            weight[place], bias[place] = _of_statement(x, y, counts)
    return StatementHead(weight, bias)


def _of_statement(x: Floats, y: Floats, counts: Floats) -> tuple[float, float]:
    from scipy import optimize  # here, because the service must start without it

    start = np.array([1.0, 0.0])

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = x * theta[0] + theta[1]
        wrong = counts * (_probability(z) - y)
        value = float(counts @ (np.logaddexp(0.0, z) - y * z)) + PULL * float(((theta - start) ** 2).sum())
        return value, np.array([wrong @ x, wrong.sum()]) + 2.0 * PULL * (theta - start)

    bounds = [(LEAST_SLOPE, MOST_SLOPE), (-MOST_OFFSET, MOST_OFFSET)]
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(found[0]), float(found[1])
