"""Boosted trees on what is measured of a window: fitted by scikit-learn, served as plain arithmetic in the graph.

Every tree is three questions deep. A question about what was not measured has an answer of its own, which is learned,
so one set of trees serves every set of leads.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Floats = NDArray[Any]
DEPTH = 3
INNER, LEAVES = 2**DEPTH - 1, 2**DEPTH
TREES = 80
RATE = 0.09
LOOKED_AT = 0.15
"""Part of the numbers that a question is chosen from."""
FEWEST = 20
"""Rows that a leaf holds at least; each record is there eight times."""
PULL = 1.0
SEED = 0
UNKNOWN = 6e4
"""What is not known is taken to be as much: above every limit, so the answer is no; half precision holds it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Grown:
    """The trees of all statements.

    Parameters
    ----------
    asked : which number a question is about, or as many behind all of them its negative, shape (statement, tree,
        `INNER`); the questions below question k are 2k+1 after a yes and 2k+2 after a no.
    limits : yes is at or below it, and no where the number is unknown; of the same shape.
    values : what a leaf adds to the logit, shape (statement, tree, `LEAVES`). offsets : where it begins, by statement.
    """

    asked: NDArray[np.int64]
    limits: NDArray[np.float16]
    values: NDArray[np.float16]
    offsets: NDArray[np.float32]


def grown(numbers: Floats, targets: Floats, known: Floats, *, trees: int = TREES) -> Grown:
    """Fit the trees of each statement.

    Parameters
    ----------
    numbers : shape (row, number), NaN where not measured. targets, known : shape (row, statement): whether a statement
        was made, and whether that is known. A row that is there twice counts twice.
    """
    each = []
    for statement in range(targets.shape[1]):
        rows = known[:, statement] > 0
        each.append(_of_statement(numbers[rows], targets[rows, statement], trees))
    asked, limits, values, offsets = (np.stack(parts) for parts in zip(*each, strict=True))
    return Grown(asked=asked, limits=limits, values=values, offsets=offsets)


def _of_statement(numbers: Floats, targets: Floats, trees: int) -> tuple[Any, ...]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    if not 0.0 < targets.mean() < 1.0:
        return (*_empty(trees), np.float32(-6.0 if targets.mean() == 0.0 else 6.0))
    fitted = HistGradientBoostingClassifier(
        max_iter=trees,
        max_depth=DEPTH,
        max_leaf_nodes=None,
        learning_rate=RATE,
        max_features=LOOKED_AT,
        l2_regularization=PULL,
        min_samples_leaf=FEWEST,
        early_stopping=False,
        random_state=SEED,
    ).fit(numbers, targets)
    whole = _empty(trees)
    for tree, (predictor,) in enumerate(fitted._predictors):  # scikit-learn has no other way out for them
        _copy(predictor.nodes, 0, 0, tuple(part[tree] for part in whole), count=numbers.shape[1])
    return (*whole, np.float32(fitted._baseline_prediction.item()))


def _empty(trees: int) -> tuple[Floats, Floats, Floats]:
    asked, limits = np.zeros((trees, INNER), np.int64), np.zeros((trees, INNER), np.float16)
    return asked, limits, np.zeros((trees, LEAVES), np.float16)


def _copy(nodes: Floats, at: int, place: int, into: tuple[Floats, ...], *, count: int) -> None:
    """Copy a tree from one node on; where it ends early all leaves below hold its value.

    Where an unknown number counts as yes the question is turned round: whether the negative is below the limit's.
    """
    asked, limits, values = into
    node = nodes[at]
    if node["is_leaf"]:
        first, below = _leaves_below(place)
        values[first : first + below] = node["value"]
        return
    yes, no, limit = int(node["left"]), int(node["right"]), np.float16(node["num_threshold"])
    asked[place], limits[place] = node["feature_idx"], limit
    if node["missing_go_to_left"]:
        yes, no = no, yes
        asked[place], limits[place] = node["feature_idx"] + count, np.nextafter(-limit, np.float16(-np.inf))
    _copy(nodes, yes, 2 * place + 1, into, count=count)
    _copy(nodes, no, 2 * place + 2, into, count=count)


def _leaves_below(place: int) -> tuple[int, int]:
    """Give the first leaf below a place, and how many there are."""
    first, last = place, place
    while first < INNER:
        first, last = 2 * first + 1, 2 * last + 2
    return first - INNER, last - first + 1


def paths() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Say how the answers lead to a leaf: weights, shape (`INNER`, `LEAVES`), and what is added, so that the sum is
    `DEPTH` at the leaf they lead to and less at all others.
    """
    weights, added = np.zeros((INNER, LEAVES), np.float32), np.zeros(LEAVES, np.float32)
    for leaf in range(LEAVES):
        place = leaf + INNER
        while place:
            above, is_yes = (place - 1) // 2, place % 2 == 1
            weights[above, leaf] = 1.0 if is_yes else -1.0
            added[leaf] += 0.0 if is_yes else 1.0
            place = above
    return weights, added


class Trees(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Logits of statements by their trees: numbers and which are known, both shape (window, number)."""

    def __init__(self, whole: Grown) -> None:
        super().__init__()
        self.count = len(whole.offsets)
        weights, added = paths()
        for name, array in (
            ("asked", whole.asked.reshape(-1)),
            ("limits", whole.limits.astype(np.float32).reshape(-1)),
            ("values", whole.values.astype(np.float32).reshape(-1)),
            ("offsets", whole.offsets.astype(np.float32)),
            ("weights", weights),
            ("added", added - (DEPTH - 1)),
        ):
            self.register_buffer(name, torch.from_numpy(array))

    def forward(self, numbers: Tensor, known: Tensor) -> Tensor:
        """Shape (window, statement)."""
        far = UNKNOWN * (1.0 - known)
        both = torch.cat([numbers + far, far - numbers], dim=1)
        yes = (both[:, self.asked] <= self.limits).to(numbers.dtype)
        leaves = torch.relu(yes.unflatten(1, (-1, INNER)) @ self.weights + self.added)
        added = leaves.flatten(1) * self.values
        return added.unflatten(1, (self.count, -1)).sum(dim=2) + self.offsets


def learned_in(trees: Trees) -> int:
    """Count what was learned: of each question its number and its limit, and the leaves."""
    return int(2 * trees.asked.numel() + trees.values.numel() + trees.offsets.numel())


def said_by(whole: Grown, numbers: Floats, *, batch: int = 64) -> Floats:
    """Give logits of windows, shape (window, statement); numbers are NaN where not measured."""
    module = Trees(whole)
    known = np.isfinite(numbers)
    parts = []
    with torch.no_grad():
        for first in range(0, len(numbers), batch):
            is_known = known[first : first + batch]
            x = np.where(is_known, numbers[first : first + batch], 0.0).astype(np.float32)
            parts.append(module(torch.from_numpy(x), torch.from_numpy(is_known.astype(np.float32))).numpy())
    return np.concatenate(parts)
