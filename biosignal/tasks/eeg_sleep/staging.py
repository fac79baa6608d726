"""The network of sleep at work on a night, an epoch at a time: what stands behind the measuring of an epoch.

The stage of the daemon, the evaluation and the training's golden vectors all run this.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from biosignal.eeg.epoch_powers import EPOCH_S
from biosignal.events import Inputs, Outcome, Tensor, Unavailable, inputs_id
from biosignal.model.backend import Backend
from biosignal.model.contract import SCORES
from biosignal.model.model import NO_SCORES, Model
from biosignal.signal.filters import Array
from biosignal.tasks.eeg_sleep.kinds import KIND, NAME, STATE, STATE_IN, STATE_OUT
from biosignal.tasks.eeg_sleep.night import Night, Values, described

FIRST_EPOCHS = 20
"""Before so many epochs the usual variance is not known well enough to doubt the amplitude."""
USUAL_LOG_VARIANCE = ((4.24, 7.97), (3.06, 6.33))
"""Logarithm of the variance in uV^2, median of the last two hours: between these in 99 of 100 epochs that trained, of
Fpz-Cz and of Pz-Oz."""
GAIN = 2.0
"""The network was trained with amplitudes changed by up to this factor."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Staged:
    """What the network said of an epoch, the tensors it was asked with, and of how many epochs it knew."""

    outcome: Outcome
    tensors: Mapping[str, Values]
    epochs: int
    has_scale: bool

    def inputs(self) -> Inputs:
        """Write down what the network saw."""
        tensors = tuple(
            Tensor(name=name, shape=value.shape[1:], data=np.ascontiguousarray(value[0], "<f4").tobytes())
            for name, value in self.tensors.items()
        )
        return Inputs(id=inputs_id(tensors), task=NAME, tensors=tensors)


class Stager:
    """Remembers a night and what the network handed on; make a new one for a new night.

    Parameters
    ----------
    is_posterior : the derivation lies at the back of the head.
    has_scale : its microvolts are known; without, or where its amplitude is none that the network has learned, an epoch
        is staged by what does not change with the amplitude.
    """

    def __init__(self, model: Model, *, is_posterior: bool = False, has_scale: bool = True) -> None:
        self._model = model
        self._is_posterior = is_posterior
        self._has_scale = has_scale
        self._night = Night()
        self._served: Backend | None = None
        self._state: Values = np.zeros((1, STATE), np.float32)

    def stage(self, numbers: Array) -> Staged:
        """Stage the next epoch by its numbers, shape (7,)."""
        seen = self._night.add(described(numbers))
        if self._model.backend is not self._served:
            # Another network reads another state: it starts as at the start of a night.
            self._served = self._model.backend
            self._forget()
        has_scale = self._has_scale and self._is_usual()
        kind = np.array([[has_scale, self._is_posterior]], np.float32).reshape(1, KIND)
        tensors = {"epoch": seen[np.newaxis], "kind": kind, STATE_IN: self._state}
        return Staged(outcome=self._answered(tensors), tensors=tensors, epochs=self._night.epochs, has_scale=has_scale)

    def _is_usual(self) -> bool:
        """Whether the amplitude is one that the network has learned, or is not known well enough to doubt it."""
        if self._night.epochs < FIRST_EPOCHS:
            return True
        low, high = USUAL_LOG_VARIANCE[self._is_posterior]
        return low - 2.0 * math.log(GAIN) <= self._night.usual_log_variance <= high + 2.0 * math.log(GAIN)

    def _answered(self, tensors: Mapping[str, Values]) -> Outcome:
        outputs = self._model.infer(tensors)
        if isinstance(outputs, Unavailable):
            self._forget()
            return outputs
        after = np.asarray(outputs.get(STATE_OUT, ()), np.float32)
        if after.shape != self._state.shape or not np.isfinite(after).all():
            self._forget()
            return Unavailable(task=NAME, reason=NO_SCORES)
        self._state = after
        return self._model.outcome(outputs[SCORES][0])

    def _forget(self) -> None:
        self._state = np.zeros((1, STATE), np.float32)


def minutes(epochs: int) -> float:
    """Turn epochs into minutes."""
    return epochs * EPOCH_S / 60.0
