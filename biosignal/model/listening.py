"""A model that remembers what its stage asked it, so that an answer can be explained afterwards."""

from biosignal.events import Outcome, Prediction
from biosignal.model.model import Model, Tensors

MOST_KEPT = 64


class Listening(Model):
    """Answers as `model` does, and keeps the first questions that got an answer: those that are printed.

    Parameters
    ----------
    model : whatever serves the task; its backend is shared, not copied.
    """

    def __init__(self, model: Model, *, most: int = MOST_KEPT) -> None:
        super().__init__(model.task, model.contract, model.backend, model.reason)
        self._most = most
        self._asked: list[tuple[Tensors, Prediction]] = []

    def answer(self, inputs: Tensors) -> Outcome:
        """Classify one window, and remember it."""
        said = super().answer(inputs)
        if isinstance(said, Prediction) and len(self._asked) < self._most:
            self._asked.append((inputs, said))
        return said

    def inputs_of(self, said: Prediction) -> Tensors | None:
        """Give what the model was shown when it gave these scores; None where that is not kept."""
        return next((inputs for inputs, one in self._asked if one.scores == said.scores), None)
