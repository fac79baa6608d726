"""A task's model as its stage uses it: asked for a window, it answers, abstains or says why it cannot."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Outcome, Prediction, Unavailable
from biosignal.model.backend import Backend, BackendFailed
from biosignal.model.contract import SCORES, ModelContract

Tensors = Mapping[str, NDArray[np.float32]]
NO_SCORES = "the model's answer is no set of scores"


class Model:
    """Whatever serves a task now. Stages hold on to it; a switch puts another backend in.

    Nothing a backend does gets past it: a failure, an answer of another shape, or one that is no number is an
    `Unavailable` with its reason.

    Parameters
    ----------
    task : name of the task, written into every outcome.
    contract : what the backend's bundle was held against.
    backend : answers; None: nothing does, for `reason`.
    """

    def __init__(self, task: str, contract: ModelContract, backend: Backend | None = None, reason: str = "") -> None:
        self.task = task
        self.contract = contract
        self.backend = backend
        self.reason = reason

    def switch(self, backend: Backend | None, reason: str = "") -> None:
        """Answer with another backend from the next window on; none goes unanswered in between."""
        self.backend = backend
        self.reason = reason

    def answer(self, inputs: Tensors) -> Outcome:
        """Classify one window; `inputs` have the batch axis, of length 1."""
        outputs = self.infer(inputs)
        if isinstance(outputs, Unavailable):
            return outputs
        return self.outcome(outputs[SCORES][0])

    def outcome(self, scores: NDArray[np.float32]) -> Outcome:
        """Read the scores of one window: shape (class,)."""
        backend = self.backend
        if backend is None:
            return Unavailable(task=self.task, reason=self.reason)
        classes = self.contract.classes
        values = scores.tolist()
        if scores.shape != (len(classes),) or not all(map(math.isfinite, values)):
            return Unavailable(task=self.task, reason=NO_SCORES)
        rounded = [round(score, 4) for score in values]
        return Prediction(
            task=self.task,
            bundle=backend.bundle,
            rung=backend.rung,
            label=classes[rounded.index(max(rounded))],
            scores=tuple(zip(classes, rounded, strict=True)),
        )

    def infer(self, inputs: Tensors) -> Tensors | Unavailable:
        """Run the model on a batch; its outputs, with ``scores`` as the contract shapes them, or why there are none."""
        if self.backend is None:
            return Unavailable(task=self.task, reason=self.reason)
        try:
            outputs = self.backend.infer(inputs)
            fault = self._fault(outputs, batch=len(next(iter(inputs.values()))))
        except BackendFailed as failure:
            return Unavailable(task=self.task, reason=str(failure))
        except Exception as error:  # noqa: BLE001 - border: a model must not end the stage that asks it
            return Unavailable(task=self.task, reason=f"the model failed: {type(error).__name__}: {error}")
        return Unavailable(task=self.task, reason=fault) if fault else outputs

    def _fault(self, outputs: Tensors, *, batch: int) -> str:
        if SCORES not in outputs:
            return "the model gave no scores"
        return "" if np.shape(outputs[SCORES]) == (batch, *self.contract.scores_shape) else NO_SCORES
