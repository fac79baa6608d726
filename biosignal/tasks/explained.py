"""Which samples of which lead a statement rests on, for the mark that made it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput, listed
from biosignal.events import Mark, Prediction, Unavailable
from biosignal.model.listening import Listening
from biosignal.model.model import Model
from biosignal.model.salience import salience
from biosignal.tasks import TASKS
from biosignal.tasks.stated import meanings_of


class NoSuchStatement(BadInput):
    """A statement was asked about that no task makes of this recording."""

    remedy = "give one of the codes that the answer names"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Explained:
    """Why a statement has its probability.

    Parameters
    ----------
    leads : by standard name, what the log odds of the statement lose where a sample is hidden, float32, shape
        (sample,), over the whole mark; above 0 it spoke for the statement. Empty where `because` says why.
    """

    code: str
    means: str
    leads: Mapping[str, NDArray[np.float32]]
    because: str = ""

    @property
    def most(self) -> tuple[str, ...]:
        """The leads that spoke most for it, first the one that did so most, three at most."""
        sums = {name: float(np.maximum(values, 0.0).sum()) for name, values in self.leads.items()}
        return tuple(name for name, total in sorted(sums.items(), key=lambda one: -one[1])[:3] if total > 0)


def listening(models: Mapping[str, Model]) -> dict[str, Model]:
    """Let the models of tasks that can be explained remember what they are asked; the others stay as they are."""
    return {
        name: Listening(model) if name in TASKS and TASKS[name].sees is not None else model
        for name, model in models.items()
    }


def explained(mark: Mark, models: Mapping[str, Model], code: str | None = None) -> Explained:
    """Explain a statement of a mark; the one the mark is called by where none is named.

    Parameters
    ----------
    models : those that the analysis ran with, as `listening` made them.

    Raises
    ------
    NoSuchStatement : the task does not make it.
    """
    model, sees = models.get(mark.task), TASKS[mark.task].sees
    said = mark.outcome
    chosen = code or mark.label or ""
    contract = TASKS[mark.task].model
    if code is not None and (contract is None or code not in contract.classes):
        raise NoSuchStatement(
            "there is no such statement", code=code[:40], some=listed(contract.classes if contract else ())
        )
    means = meanings_of(mark.task).get(chosen, chosen)
    if not isinstance(said, Prediction):
        return Explained(code=chosen, means=means, leads={}, because=f"nothing was stated: {said.reason}")
    if sees is None or not isinstance(model, Listening) or (inputs := model.inputs_of(said)) is None:
        return Explained(code=chosen, means=means, leads={}, because="what the model was shown is not kept")
    rate = next(spec.rate_hz for spec in model.contract.inputs if spec.name == sees.tensor) or 1.0
    found = salience(model, inputs, tensor=sees.tensor, label=chosen, rate_hz=rate)
    if isinstance(found, Unavailable):
        return Explained(code=chosen, means=means, leads={}, because=found.reason)
    there = np.any(inputs[sees.tensor][0] != 0.0, axis=1)
    leads = {name: values for name, values, is_there in zip(sees.rows, found, there, strict=True) if is_there}
    return Explained(code=chosen, means=means, leads=leads)
