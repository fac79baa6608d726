"""Which samples of which lead an answer of a model rests on, asked of the model itself by hiding them.

Occlusion (Zeiler and Fergus 2014, doi:10.1007/978-3-319-10590-1_53): a short piece of one lead is replaced by the
straight line between its ends, and what the log odds of the label lose is what the piece was worth. It needs nothing of
the model but its answers, so whatever runs the bundle can be asked.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.events import Unavailable
from biosignal.model.contract import SCORES
from biosignal.model.model import Model, Tensors

PIECE_S, HOP_S = 0.2, 0.2
"""A hop of half a piece takes twice the time and deletes no better; pieces of 0.1 and 0.4 s delete worse."""
AT_ONCE = 50
LEAST = 1e-6
"""Probabilities nearer to 0 or 1 are taken as so near."""


def salience(
    model: Model,
    inputs: Tensors,
    *,
    tensor: str,
    label: str,
    rate_hz: float,
    piece_s: float = PIECE_S,
    hop_s: float = HOP_S,
) -> NDArray[np.float32] | Unavailable:
    """Say of every sample what the label's log odds lose where it is hidden: above 0 it spoke for the label.

    Parameters
    ----------
    inputs : one window as the stage showed it, with the batch axis.
    tensor : the input that holds leads over time, shape (1, lead, sample), at `rate_hz`; a lead that is 0 throughout is
        not there and gets 0.
    label : one of the contract's classes.
    piece_s, hop_s : how much is hidden at once, and how far apart pieces begin; a sample that several hide gets their
        mean.

    Returns
    -------
    float32, shape (lead, sample), or why the model does not answer.

    Raises
    ------
    BadInput : the model has no such label or input.
    """
    if label not in model.contract.classes or tensor not in inputs:
        raise BadInput("the model has no such label or input", label=label, tensor=tensor, has=model.contract.classes)
    at, whole = model.contract.classes.index(label), inputs[tensor][0]
    pieces = list(_pieces(whole, max(2, round(piece_s * rate_hz)), max(1, round(hop_s * rate_hz))))
    before = model.infer(inputs)
    if isinstance(before, Unavailable):
        return before
    odds = float(log_odds(before[SCORES][0, at]))
    summed, hidden = np.zeros(whole.shape, np.float64), np.zeros(whole.shape, np.int64)
    for first in range(0, len(pieces), AT_ONCE):
        some = pieces[first : first + AT_ONCE]
        after = model.infer(_hidden(inputs, tensor, some))
        if isinstance(after, Unavailable):
            return after
        for (row, start, end), score in zip(some, after[SCORES][:, at], strict=True):
            summed[row, start:end] += odds - float(log_odds(score))
            hidden[row, start:end] += 1
    return np.asarray(summed / np.maximum(hidden, 1), np.float32)


def log_odds(probability: NDArray[np.float32] | np.float32) -> NDArray[np.float64]:
    """Give the natural logarithm of p / (1 - p)."""
    p = np.clip(np.asarray(probability, np.float64), LEAST, 1.0 - LEAST)
    return np.asarray(np.log(p / (1.0 - p)))


def bridged(x: NDArray[np.float32], start: int, end: int) -> NDArray[np.float32]:
    """Give the line that replaces samples [start, end): between their neighbours, level at an end of the window."""
    left = x[start - 1] if start else x[min(end, len(x) - 1)]
    right = x[end] if end < len(x) else left
    return np.linspace(left, right, end - start + 2, dtype=np.float32)[1:-1]


def _pieces(whole: NDArray[np.float32], length: int, hop: int) -> Iterator[tuple[int, int, int]]:
    for row in np.flatnonzero(np.any(whole != 0.0, axis=1)).tolist():
        for start in range(0, max(1, whole.shape[1] - length + hop), hop):
            yield row, start, min(start + length, whole.shape[1])


def _hidden(inputs: Tensors, tensor: str, pieces: list[tuple[int, int, int]]) -> Tensors:
    """One window for each piece, without it."""
    made = {name: np.repeat(value, len(pieces), axis=0) for name, value in inputs.items()}
    for place, (row, start, end) in enumerate(pieces):
        made[tensor][place, row, start:end] = bridged(inputs[tensor][0, row], start, end)
    return made
