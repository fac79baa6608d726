"""What the network of the rhythm sees: the last beats of a lead, and the intervals between them.

The same code makes the inputs on the device, in training and in the evaluation, so they cannot differ.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.tasks.ecg_beats.windows import LENGTH
from biosignal.tasks.ecg_rhythm.intervals import COUNT, LEAST, MOST, USUAL_S, described

PREPROCESSING = "ecg-rhythm/1"
BEATS = 32
"""How many beats are looked at."""
AROUND = 4
"""What is said of each: the logarithms of the interval before it, of the one behind it and of its amplitude, each less
the median of those beats, and how ventricular the front end saw it; 0 where it is unknown."""
SHORTEST_S, LONGEST_S = 0.2, 3.0
"""An interval counts as at least and at most this; a longer one is none."""
LOUDEST = 2.0
P_WAVE = slice(28, 56)
"""Where a P wave is looked for in the window of a beat: 0.28 to 0.06 s before the R peak."""
P_BEATS = 16

Values = NDArray[np.float32]


@dataclass(slots=True)
class _Beat:
    log_s: float
    size: float
    ventricular: float
    after: float = math.nan
    shape: Values | None = None


class LastBeats:
    """The last `BEATS` beats of a lead and the last intervals between them, whatever time lies between."""

    def __init__(self) -> None:
        self._beats: deque[_Beat] = deque(maxlen=BEATS)
        self._log_s: deque[float] = deque(maxlen=MOST)

    @property
    def intervals(self) -> int:
        """How many intervals are known, at most `MOST`."""
        return len(self._log_s)

    def add(self, rr_s: float | None, *, amplitude: float | None, ventricular: float | None) -> None:
        """Take a beat, what is absent is unknown; `rr_s` is where the interval before it cannot be trusted."""
        log_s = math.nan
        if rr_s is not None and rr_s <= LONGEST_S:
            log_s = float(np.log(max(rr_s, SHORTEST_S)))
            self._log_s.append(log_s)
            if self._beats:
                self._beats[-1].after = log_s
        size = math.nan if amplitude is None else float(np.log(max(amplitude, 1e-3)))
        self._beats.append(_Beat(log_s, size, math.nan if ventricular is None else ventricular))

    def show(self, shape: Values) -> None:
        """Give the last beat its window, shape (`LENGTH`,), in running QRS amplitudes."""
        self._beats[-1].shape = shape

    def tensors(self, lately: int | None = None) -> Mapping[str, Values]:
        """Give what the network is asked, with the batch axis; of the last `lately` beats alone if so."""
        shapes, around, seen = self.looks(lately)
        history = self.history() if lately is None else self.history()[-lately:]
        return {
            "intervals": intervals_of([history]),
            "beats": shapes[np.newaxis],
            "around": around[np.newaxis],
            "seen": seen[np.newaxis],
        }

    def history(self) -> NDArray[np.float64]:
        """Give the logarithms of the last intervals in seconds, shape (interval,), the newest last."""
        return np.array(self._log_s)

    def looks(self, lately: int | None = None) -> tuple[Values, Values, Values]:
        """Give the windows of the last beats, what is around each, and 1 where there is a window; the newest last.

        `lately` leaves only so many of them.

        Returns
        -------
        Shapes (`BEATS`, `LENGTH`), (`BEATS`, `AROUND`) and (`BEATS`,).
        """
        shapes, seen = np.zeros((BEATS, LENGTH), np.float32), np.zeros(BEATS, np.float32)
        around = np.zeros((BEATS, AROUND), np.float32)
        beats = list(self._beats) if lately is None else list(self._beats)[-lately:]
        for place, beat in enumerate(beats, BEATS - len(beats)):
            if beat.shape is not None:
                shapes[place], seen[place] = beat.shape, 1.0
        if beats:
            middle = _middle([one.log_s for one in beats], float(np.log(USUAL_S)))
            usual = _middle([one.size for one in beats], 0.0)
            numbers = np.array(
                [(one.log_s - middle, one.after - middle, one.size - usual, one.ventricular) for one in beats]
            )
            numbers[:, 2] = np.minimum(np.maximum(numbers[:, 2], -LOUDEST), LOUDEST)
            around[BEATS - len(beats) :] = np.where(np.isfinite(numbers), numbers, 0.0)
        return shapes, around, seen

    def p_likeness(self) -> float | None:
        """How alike the last beats are where a P wave belongs: the median correlation with the mean of the others.

        Returns
        -------
        -1 to 1; None below eight beats. Near 1 where each QRS follows the same P wave, near 0 where nothing does.
        """
        parts = [beat.shape[P_WAVE] for beat in self._beats if beat.shape is not None][-P_BEATS:]
        if len(parts) < 8:
            return None
        each = np.array(parts, np.float64)
        each -= np.add.reduce(each, axis=1)[:, None] / each.shape[1]
        others = np.add.reduce(each) - each
        power = np.sqrt(np.add.reduce(each * each, axis=1) * np.add.reduce(others * others, axis=1))
        return float(np.median(np.add.reduce(each * others, axis=1) / (power + 1e-9)))


def intervals_of(histories: Sequence[NDArray[np.float64]]) -> Values:
    """Describe histories of any length, shape (history, `COUNT`): one that is too short by zeros."""
    rows = np.zeros((len(histories), COUNT), np.float32)
    lengths = np.array([len(one) for one in histories])
    for length in np.unique(lengths).tolist():
        if length >= LEAST:
            places = np.flatnonzero(lengths == length).tolist()
            rows[places] = described(np.stack([histories[place] for place in places]))
    return rows


def _middle(values: list[float], otherwise: float) -> float:
    """Give the median of those that are known."""
    known = sorted(value for value in values if not math.isnan(value))
    half = len(known) // 2
    if not known:
        return otherwise
    return known[half] if len(known) % 2 else (known[half - 1] + known[half]) / 2.0
