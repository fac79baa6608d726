"""The network of the waves at work on the leads of one unbroken stretch, and how many leads become one answer."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.waves import Labels
from biosignal.events import Unavailable
from biosignal.model.contract import SCORES
from biosignal.model.model import NO_SCORES, Model
from biosignal.signal.filters import Array
from biosignal.signal.wander import without_wander
from biosignal.tasks.ecg_waves.kinds import QRS, P
from biosignal.tasks.ecg_waves.seen import BASELINE, DELAY, RATE_HZ, READ, STEP, WINDOW, brought_to_rate, shown

SMOOTH = 5
"""Muscle noise is what a mean over so many samples, 20 ms, takes away outside the QRS complexes."""
NOISE_SHARE = 0.87
"""Part of the amplitude of muscle noise, as the noise stress test has it, that this finds."""
WORTH_DB = (0.0, 15.0)
"""A lead counts for nothing at the first, wholly from the second on; signal over noise."""
LEAST_WORTH = 0.02
FLAT = 1e-4
"""A lead that swings less is not connected; in its unit."""
MAD = 1.4826
P_FAVOUR = 1.0
MOST_DB = 60.0


class Answer(NamedTuple):
    """What is said of `STEP` samples from `start` on, all leads together.

    `labels` is the class of each; `probabilities` has shape (sample, class); `signal_db` is the signal over the noise
    of the best lead; `leads` how many count; `known_at` the last sample of the recording that was needed. Labels are
    None where the network did not answer, for `reason`.
    """

    start: int
    labels: Labels | None
    probabilities: Array
    signal_db: float
    leads: float
    known_at: int
    reason: str


class Network:
    """Runs the network, always over windows of one size that lie `STEP` apart, all leads in one batch.

    Parameters
    ----------
    rows : how many leads. start : sample of the recording that is pushed first.
    """

    def __init__(self, model: Model, *, fs_hz: float, rows: int, start: int) -> None:
        self._model = model
        self._fs_hz, self._start = fs_hz, start
        self._to_rate = brought_to_rate(fs_hz, rows)
        self._held: Array | None = None
        self._steps = 0
        self._taken = 0

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take samples, shape (lead, sample), finite."""
        self._to_rate.push(samples)

    def owe(self, end: int) -> None:
        """Hold the last sample until there is an answer about every sample before `end`."""
        answers = int((end - self._start) * RATE_HZ / self._fs_hz)
        steps = answers // STEP + 1
        more = self._to_rate.needs(STEP * steps + DELAY) - (end - self._start) + 2
        self._to_rate.push(np.repeat(self._to_rate.last, max(more, 0), axis=1))

    def sample_of(self, place: int) -> int:
        """Give the sample of the recording nearest to a place at 250 Hz."""
        return self._start + round(place * self._fs_hz / RATE_HZ)

    @property
    def is_due(self) -> bool:
        """Whether the samples of the next window are in."""
        return self._to_rate.known - self._taken >= self._missing

    @property
    def _missing(self) -> int:
        return STEP * (self._steps + 1) + DELAY - self._taken

    def step(self) -> Answer:
        """Ask about the next samples."""
        fresh = self._to_rate.take(self._missing)
        self._taken += fresh.shape[1]
        held = fresh if self._held is None else np.concatenate([self._held, fresh], axis=1)
        if held.shape[1] < WINDOW:
            # Before its first sample a recording is taken to have been as it begins.
            held = np.concatenate([np.repeat(held[:, :1], WINDOW - held.shape[1], axis=1), held], axis=1)
        self._held = held[:, -WINDOW:]
        start, self._steps = STEP * self._steps, self._steps + 1
        known_at = self._start + self._to_rate.needs(self._taken - 1)
        return self._asked(self._held, start, known_at)

    def _asked(self, window: Array, start: int, known_at: int) -> Answer:
        said = self._model.infer({"lead": shown(window)})
        if isinstance(said, Unavailable):
            return Answer(start, None, np.zeros((STEP, 0)), 0.0, 0.0, known_at, said.reason)
        scores = np.asarray(said[SCORES], np.float64)
        if not np.isfinite(scores).all():
            return Answer(start, None, np.zeros((STEP, 0)), 0.0, 0.0, known_at, NO_SCORES)
        signal_db = signal_over_noise(window, scores[:, :, QRS])
        low, high = WORTH_DB
        worth = np.clip((signal_db - low) / (high - low), LEAST_WORTH, 1.0) * (np.ptp(window, axis=1) > FLAT)
        if not worth.any():
            return Answer(start, np.zeros(STEP, np.int8), np.zeros((STEP, 4)), 0.0, 0.0, known_at, "")
        fused = np.add.reduce(scores[:, READ] * worth[:, np.newaxis, np.newaxis], axis=0) / worth.sum()
        favoured = fused.copy()
        favoured[:, P] *= P_FAVOUR
        labels = np.argmax(favoured, axis=1).astype(np.int8)
        return Answer(start, labels, fused, float(signal_db.max()), float(worth.sum()), known_at, "")


def signal_over_noise(window: Array, qrs: Array) -> Array:
    """Measure each lead of a window: power of a sine as tall as it is over that of its muscle noise, in dB.

    Parameters
    ----------
    window : shape (lead, sample). qrs : probability of a QRS complex, alike.
    """
    flat = without_wander(window, BASELINE)
    half = SMOOTH // 2
    padded = np.pad(flat, ((0, 0), (half + 1, half)), mode="edge")
    sums = np.cumsum(padded, axis=1)
    rest = np.abs(flat - (sums[:, SMOOTH:] - sums[:, :-SMOOTH]) / SMOOTH)
    rest[qrs > 0.2] = np.nan
    with np.errstate(all="ignore"):
        noise = MAD * _median(rest) / NOISE_SHARE
    tall = np.ptp(flat, axis=1)
    ratio = tall**2 / 8 / np.maximum(noise, 1e-9) ** 2
    return np.asarray(np.minimum(10 * np.log10(np.maximum(ratio, 1e-6)), MOST_DB))


def _median(rows: Array) -> Array:
    """Median of each row without its NaNs; infinite where there is nothing else."""
    counts = np.count_nonzero(np.isfinite(rows), axis=1)
    ordered = np.sort(rows, axis=1)
    middle = ordered[np.arange(len(rows)), np.maximum(counts - 1, 0) // 2]
    return np.where(counts > 0, middle, np.inf)
