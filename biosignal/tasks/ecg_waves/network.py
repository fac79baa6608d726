"""The network of the waves at work on the leads of one unbroken stretch, and how many leads become one answer."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.waves import Labels
from biosignal.events import Unavailable
from biosignal.model.backend import Backend
from biosignal.model.contract import SCORES
from biosignal.model.model import NO_SCORES, Model
from biosignal.signal.filters import Array
from biosignal.tasks.ecg_waves.kinds import CLASSES, STATE, STATE_IN, STATE_OUT, P
from biosignal.tasks.ecg_waves.seen import DELAY, RATE_HZ, STEP, Channels, brought_to_rate

SMOOTH = 5
"""Muscle noise is what a mean over so many samples, 20 ms, takes away."""
STEPS_HELD = 26
"""Two and a half seconds."""
QUIET_PART = 0.4
"""Noise is what so large a part of the steps does not exceed: those without a QRS complex."""
NOISE_SHARE = 0.8
"""Part of the amplitude of muscle noise, as the noise stress test has it, that this finds."""
WORTH_DB = (0.0, 15.0)
"""A lead counts for nothing at the first, wholly from the second on; signal over noise."""
LEAST_WORTH = 0.02
FLAT = 1e-4
"""A lead that swings less is not connected; in its unit."""
P_FAVOUR = 1.6
"""What is given to P counts so many times: a small P wave is seen as less than half probable. Of 1, 1.6, 2 and 3 this
had the best bounds on records that were kept out of a training."""
MOST_DB = 60.0


class Answer(NamedTuple):
    """What is said of `STEP` samples from `start` on, all leads together; the first ones lie before the stretch.

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
    """Runs the network over a stretch, a step of `STEP` samples at a time, all leads in one batch.

    Every step has the same size, so the bits are the same however the samples were cut.

    Parameters
    ----------
    rows : how many leads. start : sample of the recording that is pushed first.
    """

    def __init__(self, model: Model, *, fs_hz: float, rows: int, start: int) -> None:
        self._model = model
        self._fs_hz, self._start, self._rows = fs_hz, start, rows
        self._to_rate = brought_to_rate(fs_hz, rows)
        self._channels = Channels(rows)
        self._noise = Noise(rows)
        self._steps = 0
        self._served: Backend | None = None
        self._state: NDArray[np.float32] = np.zeros((rows, STATE), np.float32)

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take samples, shape (lead, sample), finite."""
        self._to_rate.push(samples)

    def owe(self, end: int) -> None:
        """Hold the last sample until there is an answer about every sample before `end`."""
        answers = int((end - self._start) * RATE_HZ / self._fs_hz)
        steps = (answers + DELAY) // STEP + 1
        more = self._to_rate.needs(STEP * steps) - (end - self._start) + 2
        self._to_rate.push(np.repeat(self._to_rate.last, max(more, 0), axis=1))

    def sample_of(self, place: int) -> int:
        """Give the sample of the recording nearest to a place at 250 Hz."""
        return self._start + round(place * self._fs_hz / RATE_HZ)

    @property
    def is_due(self) -> bool:
        """Whether the samples of the next step are in."""
        return self._to_rate.known >= STEP * (self._steps + 1)

    def step(self) -> Answer:
        """Do the next step."""
        samples = self._to_rate.take(STEP)
        channels = self._channels.push(samples)
        self._steps += 1
        start = STEP * (self._steps - 1) - DELAY
        known_at = self._start + self._to_rate.needs(STEP * self._steps - 1)
        if self._model.backend is not self._served:
            # Another network has another memory: it begins without one.
            self._served = self._model.backend
            self._state = np.zeros((self._rows, STATE), np.float32)
        said = self._model.infer({"channels": channels, STATE_IN: self._state})
        if isinstance(said, Unavailable):
            return self._unanswered(start, known_at, said.reason)
        scores = np.asarray(said[SCORES], np.float64)
        after = np.asarray(said.get(STATE_OUT, self._state), np.float32)
        if not (np.isfinite(scores).all() and np.isfinite(after).all()):
            self._state = np.zeros((self._rows, STATE), np.float32)
            return self._unanswered(start, known_at, NO_SCORES)
        self._state = after
        return self._joined(samples, scores, start, known_at)

    def _unanswered(self, start: int, known_at: int, reason: str) -> Answer:
        return Answer(start, None, np.zeros((STEP, len(CLASSES))), 0.0, 0.0, known_at, reason)

    def _joined(self, samples: Array, scores: Array, start: int, known_at: int) -> Answer:
        """Make one answer of those about all leads, each by how little noise is in it."""
        signal_db, is_connected = self._noise.push(samples)
        low, high = WORTH_DB
        worth = np.clip((signal_db - low) / (high - low), LEAST_WORTH, 1.0) * is_connected
        if not worth.any():
            return Answer(start, np.zeros(STEP, np.int8), np.zeros((STEP, len(CLASSES))), 0.0, 0.0, known_at, "")
        fused = np.add.reduce(scores * worth[:, np.newaxis, np.newaxis], axis=0) / worth.sum()
        favoured = fused.copy()
        favoured[:, P] *= P_FAVOUR
        labels = np.argmax(favoured, axis=1).astype(np.int8)
        best = float(np.max(signal_db, where=is_connected, initial=-MOST_DB))
        return Answer(start, labels, fused, best, float(worth.sum()), known_at, "")


class Noise:
    """How much muscle noise is in each lead, by the last seconds: what is fast outside the QRS complexes.

    Parameters
    ----------
    rows : how many leads.
    """

    def __init__(self, rows: int) -> None:
        self._past: Array = np.zeros((rows, SMOOTH - 1))
        self._has_begun = False
        self._rests, self._tops, self._bottoms = np.zeros((3, STEPS_HELD, rows))
        self._steps = 0

    def push(self, samples: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Take a step of the leads, shape (lead, sample).

        Returns
        -------
        Power of a sine as tall as the lead over that of its noise, in dB, and whether the lead swings at all.
        """
        if not self._has_begun:
            self._past, self._has_begun = np.repeat(samples[:, :1], SMOOTH - 1, axis=1), True
        whole = np.concatenate([self._past, samples], axis=1)
        self._past = whole[:, -(SMOOTH - 1) :]
        half = SMOOTH // 2
        sums = np.cumsum(np.concatenate([np.zeros((len(whole), 1)), whole], axis=1), axis=1)
        middle = whole[:, half:-half]
        rest = np.sqrt(np.mean((middle - (sums[:, SMOOTH:] - sums[:, :-SMOOTH]) / SMOOTH) ** 2, axis=1))
        place, held = self._steps % STEPS_HELD, min(self._steps + 1, STEPS_HELD)
        self._rests[place], self._tops[place], self._bottoms[place] = rest, samples.max(axis=1), samples.min(axis=1)
        self._steps += 1
        tall = self._tops[:held].max(axis=0) - self._bottoms[:held].min(axis=0)
        # QRS complexes are fast as well, and lie in a part of the steps only.
        noise = np.sort(self._rests[:held], axis=0)[int(QUIET_PART * (held - 1))] / NOISE_SHARE
        ratio = tall**2 / 8 / np.maximum(noise, 1e-9) ** 2
        return np.minimum(10 * np.log10(np.maximum(ratio, 1e-6)), MOST_DB), tall > FLAT
