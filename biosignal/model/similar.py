"""Records that people stated something of, and which of them are most like a window: by what is stated of both.

Nearness is that of the probabilities of all statements, each as a logit: the cosine between them, brought to the mean
and the spread of the records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 6.0
"""A logit beyond it tells no more."""
STEPS = 255
COUNT = 3


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Reviewed:
    """Records by their numbers in their set, shape (record,); `held` is how `held_of` writes their probabilities,
    shape (record, statement); `stated` is what people stated of them, alike. `grading` says which of them judge a model
    that was taught anew, shape (record,): of other patients than the others, which it is held to while it learns.
    """

    record: NDArray[np.uint16]
    held: NDArray[np.uint8]
    stated: NDArray[np.bool_]
    grading: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbour:
    """A record that is like a window: how much, from -1 to 1, and the places of what people stated of it."""

    record: int
    likeness: float
    stated: tuple[int, ...]


def held_of(probabilities: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Write probabilities in 256 steps of their logits, shape as given."""
    p = np.clip(np.asarray(probabilities, np.float64), 1e-9, 1.0 - 1e-9)
    logits = np.clip(np.log(p / (1.0 - p)), -MOST, MOST)
    return np.asarray(np.round((logits + MOST) / (2.0 * MOST) * STEPS), np.uint8)


def logits_of(held: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Read the logits that `held_of` wrote, each to the half of a step."""
    return held.astype(np.float64) / STEPS * (2.0 * MOST) - MOST


def packed_width(statements: int) -> int:
    """How many bytes hold what is stated of a record, a bit a statement."""
    return -(-statements // 8)


def arrays_of(reviewed: Reviewed) -> dict[str, NDArray[Any]]:
    """Give the arrays of `similar.npz`."""
    return {
        "record": reviewed.record,
        "held": reviewed.held,
        "stated": np.packbits(reviewed.stated, axis=1),
        "grading": np.packbits(reviewed.grading),
    }


def reviewed_of(arrays: Mapping[str, NDArray[Any]], statements: int) -> Reviewed:
    """Read the arrays of `similar.npz`, of the kinds and shapes that `arrays_of` gives."""
    stated = np.unpackbits(arrays["stated"], axis=1, count=statements).astype(bool)
    grading = np.unpackbits(arrays["grading"], count=len(arrays["record"])).astype(bool)
    return Reviewed(record=arrays["record"], held=arrays["held"], stated=stated, grading=grading)


class Similar:
    """Finds what is most similar among reviewed records; 100,000 of them take about a millisecond."""

    def __init__(self, reviewed: Reviewed) -> None:
        self._reviewed = reviewed
        whole = reviewed.held.astype(np.float32)
        self._mean, self._spread = whole.mean(axis=0), whole.std(axis=0) + 1e-3
        self._directions = self._direction(whole)

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self._reviewed.record)

    def repeated(self, count: int) -> "Similar":
        """Give one that searches `count` records, these over and over: to try how long that takes."""
        rows = np.arange(count) % self.count
        whole = self._reviewed
        parts = {name: getattr(whole, name)[rows] for name in ("record", "held", "stated", "grading")}
        return Similar(Reviewed(**parts))

    def to(self, probabilities: Sequence[float] | NDArray[np.floating], *, count: int = COUNT) -> tuple[Neighbour, ...]:
        """Give the nearest records, the nearest first; of two that are as near the earlier one.

        Parameters
        ----------
        probabilities : of every statement, in the order of the model's classes.
        """
        near = self._directions @ self._direction(held_of(np.asarray(probabilities)).astype(np.float32))
        count = min(count, len(near))
        least = np.partition(near, len(near) - count)[len(near) - count]
        found = np.flatnonzero(near >= least)
        best = found[np.argsort(-near[found], kind="stable")][:count]
        return tuple(self._neighbour(int(row), float(near[row])) for row in best)

    def _direction(self, held: NDArray[np.float32]) -> NDArray[np.float32]:
        centred = (held - self._mean) / self._spread
        return np.asarray(centred / (np.linalg.norm(centred, axis=-1, keepdims=True) + 1e-6), np.float32)

    def _neighbour(self, row: int, likeness: float) -> Neighbour:
        stated = tuple(np.flatnonzero(self._reviewed.stated[row]).tolist())
        return Neighbour(record=int(self._reviewed.record[row]), likeness=round(likeness, 3), stated=stated)
