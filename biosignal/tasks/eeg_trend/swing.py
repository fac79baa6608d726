"""The margins of the amplitude-integrated EEG of each pair, every fifteen seconds."""

from collections.abc import Iterator

import numpy as np

from biosignal.eeg.amplitude import PER_SECOND, Envelope, margins
from biosignal.events import Series
from biosignal.signal.filters import Array
from biosignal.tasks.eeg_trend.derivations import Derivations, Truth
from biosignal.tasks.eeg_trend.kinds import AEEG_LOWER, AEEG_UPPER
from biosignal.tasks.eeg_trend.minutes import Minutes
from biosignal.tasks.eeg_trend.spectra import median_known
from biosignal.tasks.task import TaskFacts

STEP_S = 15
LEAST_S = 10
"""Of a step so many seconds must be fit."""


class SwingMeter:
    """Follows the envelope and measures each step when it is over."""

    def __init__(self, facts: TaskFacts, derivations: Derivations) -> None:
        leads = [derivations.named(row) for row in derivations.pairs.rows]
        self._envelope = Envelope(facts.fs_hz)
        self._values = np.full((len(leads), STEP_S, PER_SECOND), np.nan)
        self._number: int | None = None
        self._minutes = Minutes(facts, "aeeg", leads=leads, columns=(AEEG_LOWER, AEEG_UPPER), step_s=STEP_S)

    def reset(self) -> None:
        """A gap follows: the filters begin anew, the step goes on."""
        self._envelope.reset()

    def push(self, number: int, pairs: Array, fit: Truth, *, is_whole: bool) -> None:
        """Take a second of the pairs, shape (pair, sample) in uV; `fit` is of each pair."""
        envelope = self._envelope.push(pairs)
        if is_whole:
            self._number = number
            self._values[:, number % STEP_S] = np.where(fit[:, np.newaxis], envelope, np.nan)

    def end_step(self) -> dict[str, float]:
        """Measure the step that is over; give what holds now of all pairs together."""
        if self._number is None:
            return {}
        seconds = np.isfinite(self._values[:, :, 0]).sum(axis=1)
        found = margins(self._values.reshape(len(self._values), -1))
        found[:, seconds < LEAST_S] = np.nan
        self._minutes.put(self._number, found.T)
        self._number = None
        self._values[:] = np.nan
        return {name: median_known(row) for name, row in zip((AEEG_LOWER, AEEG_UPPER), found, strict=True)}

    def end_minute(self, seen_until: int, decided_at: int) -> Iterator[Series]:
        """Give the minute that is over."""
        return self._minutes.close(seen_until, decided_at)
