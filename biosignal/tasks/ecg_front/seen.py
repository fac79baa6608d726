"""The network at work on all leads of a stretch: what it sees of each sample at 125 Hz."""

from math import ceil

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Unavailable
from biosignal.model.backend import Backend
from biosignal.model.contract import SCORES
from biosignal.model.model import Model
from biosignal.signal.filters import Array
from biosignal.tasks.ecg_front.channels import RATE_HZ, Channels, brought_to_rate
from biosignal.tasks.ecg_front.kinds import DELAY, OUTPUTS, STATE, STATE_IN, STATE_OUT, STEPS


class Network:
    """Runs the front end's network over a stretch, a step of `STEPS` samples at a time, all leads in one batch.

    Every step has the same size, so the bits are the same however the samples were cut.

    Parameters
    ----------
    rows : how many leads.
    start : sample of the recording that is pushed first.
    """

    def __init__(self, model: Model, *, fs_hz: float, rows: int, start: int) -> None:
        self.seen_steps = 0
        """For how many steps in a row the network that serves now has answered."""
        self._fs_hz = fs_hz
        self._start = start
        self._resampler = brought_to_rate(fs_hz, rows)
        self._steps = 0
        self.taken: Array = np.zeros((rows, 0))
        """The samples at 125 Hz that the last step took, in mV, shape (lead, sample): `DELAY` ahead of its answers."""
        self._model = model
        self._channels = Channels(rows)
        self._rows = rows
        self._served: Backend | None = None
        self._state: NDArray[np.float32] = np.zeros((rows, STATE), np.float32)

    def push(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples, shape (lead, sample), in mV, finite."""
        self._resampler.push(samples)

    def owe(self, end: int) -> None:
        """Hold the last sample until there is an answer about every sample before `end`."""
        answers = (end - self._start) * RATE_HZ / self._fs_hz
        steps = ceil((answers + DELAY) / STEPS) + 1
        more = self._resampler.needs(STEPS * steps) - (end - self._start) + 1
        self._resampler.push(np.repeat(self._resampler.last, max(more, 0), axis=1))

    def sample_of(self, at: float) -> int:
        """Give the sample of the recording nearest to a time at 125 Hz."""
        return self._start + round(at * self._fs_hz / RATE_HZ)

    def decided_at(self, answer: int) -> int:
        """Give the last sample that an answer needed: two are given at a time."""
        return self._start + self._resampler.needs((answer + DELAY) | 1)

    @property
    def step_decided_at(self) -> int:
        """The last sample that the last step needed."""
        return self._start + self._resampler.needs(STEPS * self._steps - 1)

    @property
    def done_until(self) -> int:
        """No answer that is still to come needs only samples before this one."""
        return self._start + self._resampler.needs(STEPS * self._steps) if self._steps else self._start

    @property
    def is_due(self) -> bool:
        """Whether the samples of another step are in."""
        return self._resampler.known >= STEPS * (self._steps + 1)

    def step(self) -> tuple[int, NDArray[np.float32] | None]:
        """Do a step.

        Returns
        -------
        Which sample at 125 Hz the first answer is about, and the answers, float32, shape (lead, sample, output);
        nothing where the network did not answer, and `nothing_said` is of that shape.
        """
        self.taken = self._resampler.take(STEPS)
        channels = self._channels.push(self.taken)
        first = STEPS * self._steps - DELAY
        self._steps += 1
        if self._model.backend is not self._served:
            # Another network reads another state: it starts as at the start of a recording.
            self._served = self._model.backend
            self._forget()
        outputs = self._model.infer({"channels": channels, STATE_IN: self._state})
        if isinstance(outputs, Unavailable) or np.shape(outputs.get(STATE_OUT, ())) != self._state.shape:
            self._forget()
            return max(first, 0), None
        scores = np.asarray(outputs[SCORES], np.float32)
        state = np.asarray(outputs[STATE_OUT], np.float32)
        if not (np.isfinite(scores).all() and np.isfinite(state).all()):
            self._forget()
            return max(first, 0), None
        self._state = state
        self.seen_steps += 1
        return max(first, 0), scores[:, max(-first, 0) :]

    @property
    def nothing_said(self) -> NDArray[np.float32]:
        """Zeros in the place of the last step's answers, shape (lead, sample, output): later ones are in theirs."""
        return np.zeros((self._rows, min(STEPS, STEPS * self._steps - DELAY), len(OUTPUTS)), np.float32)

    def _forget(self) -> None:
        self.seen_steps = 0
        self._state = np.zeros((self._rows, STATE), np.float32)
