"""A model that remembers what its stage asked it, so that an answer can be explained afterwards."""

from collections import deque

from biosignal.events import Outcome, Prediction
from biosignal.model.model import Model, Tensors

MOST_KEPT = 64


class Listening(Model):
    """Answers as `model` does, and keeps the newest questions that got an answer.

    Parameters
    ----------
    model : whatever serves the task; its backend is shared, not copied.
    """

    def __init__(self, model: Model, *, most: int = MOST_KEPT) -> None:
        super().__init__(model.task, model.contract, model.backend, model.reason)
        self._asked: deque[tuple[Tensors, Prediction]] = deque(maxlen=most)

    def answer(self, inputs: Tensors) -> Outcome:
        """Classify one window, and remember it."""
        said = super().answer(inputs)
        if isinstance(said, Prediction):
            self._asked.append((inputs, said))
        return said

    def inputs_of(self, said: Prediction) -> Tensors | None:
        """Give what the model was shown when it gave these scores; None where that is forgotten."""
        return next((inputs for inputs, one in reversed(self._asked) if one.scores == said.scores), None)
