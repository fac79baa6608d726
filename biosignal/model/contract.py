"""What a task asks of a bundle, and whether a bundle is that: checked before anything of it is run."""

from dataclasses import dataclass

from biosignal.errors import BadInput
from biosignal.model.manifest import Manifest, Role, TensorSpec

SCORES = "scores"
"""Name of the tensor that holds one number a class."""


class ContractBroken(BadInput):
    """The bundle is sound in itself and not what the task needs: its answers would be read wrongly."""

    remedy = "use a bundle released for this version of the task; `export` makes one"


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelContract:
    """The model a task can use.

    Parameters
    ----------
    classes : the labels of the scores, in this order.
    inputs : tensors it is given, without the batch axis.
    preprocessing : name and version of the code that makes the inputs.
    embedding : whether the model must give one, so that its head can be fitted anew.
    states : names of tensors that are handed from one window to the next.
    steps : how many moments of a window have scores of their own, first to last; None: the window has one set.
    """

    classes: tuple[str, ...]
    inputs: tuple[TensorSpec, ...]
    preprocessing: str
    embedding: bool = True
    states: tuple[str, ...] = ()
    steps: int | None = None

    @property
    def scores_shape(self) -> tuple[int, ...]:
        """Shape of the scores of one window."""
        return (len(self.classes),) if self.steps is None else (self.steps, len(self.classes))


def check_contract(manifest: Manifest, contract: ModelContract, *, task: str) -> None:
    """Hold a bundle's manifest against what its task needs.

    Raises
    ------
    ContractBroken : naming the first thing that differs, as wanted and as given.
    """
    wanted_inputs = {spec.name: spec.shape for spec in contract.inputs}
    given_inputs = {spec.name: spec.shape for spec in manifest.inputs if spec.role is Role.INPUT}
    given_states = tuple(sorted(spec.name for spec in manifest.inputs if spec.role is Role.STATE_IN))
    given_scores = [(spec.name, spec.shape) for spec in manifest.outputs if spec.role is Role.SCORES]
    has_embedding = any(spec.role is Role.EMBEDDING for spec in manifest.outputs)
    for what, wanted, given in (
        ("another task", task, manifest.task),
        ("other classes, or in another order", contract.classes, manifest.classes),
        ("another preprocessing", contract.preprocessing, manifest.preprocessing),
        ("other inputs", wanted_inputs, given_inputs),
        ("other scores", [(SCORES, contract.scores_shape)], given_scores),
        ("other states", tuple(sorted(contract.states)), given_states),
        ("no embedding", True, has_embedding or not contract.embedding),
    ):
        if wanted != given:
            raise ContractBroken(f"the bundle has {what}", bundle=manifest.identity, wanted=wanted, given=given)
