"""The lowest and highest value of equal stretches of time: a trace with fewer columns than samples is drawn of them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.wire.waveform import WaveChunk


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Extremes:
    """Stretch i is seconds [(first + i) * width_s, (first + i + 1) * width_s) of the recording.

    Parameters
    ----------
    low, high : float32, shape (stretch,), in the unit of the lead; NaN where no valid sample is.
    held : bool, shape (stretch,): whether any sample is kept there, valid or not.
    """

    first: int
    width_s: float
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    held: NDArray[np.bool_]


def nothing(first: int, count: int, width_s: float) -> Extremes:
    """Stretches of which nothing is known."""
    unknown = np.full(count, np.nan, np.float32)
    return Extremes(first=first, width_s=width_s, low=unknown, high=unknown.copy(), held=np.zeros(count, np.bool_))


def extremes_of(chunk: WaveChunk, width_s: float) -> Extremes:
    """Take the extremes of a chunk, in all stretches that it touches."""
    per = chunk.fs_hz * width_s
    first, last = math.floor(chunk.start / per), math.floor((chunk.end - 1) / per)
    borders = np.ceil(np.arange(first + 1, last + 1) * per).astype(np.int64) - chunk.start
    starts = np.unique(np.concatenate([[0], borders[(borders > 0) & (borders < chunk.length)]]))
    where = np.floor((chunk.start + starts) / per).astype(np.int64) - first
    made = nothing(first, last - first + 1, width_s)
    samples = chunk.samples()
    made.low[where], made.high[where] = np.fmin.reduceat(samples, starts), np.fmax.reduceat(samples, starts)
    made.held[where] = True
    return made


def joined(parts: Iterable[Extremes], first: int, count: int, width_s: float) -> Extremes:
    """Put extremes of the same or of narrower stretches together, in `count` stretches from `first`."""
    made = nothing(first, count, width_s)
    for part in parts:
        where = (
            np.floor((part.first + np.arange(part.low.size) + 0.5) * part.width_s / width_s).astype(np.int64) - first
        )
        inside = (where >= 0) & (where < count)
        np.fmin.at(made.low, where[inside], part.low[inside])
        np.fmax.at(made.high, where[inside], part.high[inside])
        np.logical_or.at(made.held, where[inside], part.held[inside])
    return made
