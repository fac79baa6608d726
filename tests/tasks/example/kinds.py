"""What the example says."""

from dataclasses import dataclass

from biosignal.events import Priority
from biosignal.model.contract import ModelContract
from biosignal.model.manifest import Role, TensorSpec
from biosignal.tasks.task import FindingKind, MarkKind, Quantity, ReviewLabel, ReviewUnit

NAME = "liveliness"
CALM, LIVELY = "calm", "lively"
EPOCH_S = 2.0
BINS = 8
EPOCH = MarkKind(name="spell", label="epoch", plural="epochs", unanswered="unknown", numbers=("swing",))
FINDINGS = {"lively-spell": FindingKind(label="lively spell", priority=Priority.MEDIUM)}
QUANTITIES = {
    "swing": Quantity(unit="mV", decimals=2, label="swing of the signal"),
    "lively_epochs": Quantity(unit="epochs", decimals=0),
    "spell": Quantity(unit="s", decimals=0, label="length of the spell"),
}
CONTRACT = ModelContract(
    classes=(CALM, LIVELY),
    inputs=(TensorSpec(name="swings", shape=(BINS,), role=Role.INPUT, unit="mV"),),
    preprocessing="liveliness/1",
)
REVIEW = ReviewUnit(
    mark=EPOCH.name,
    labels=(
        ReviewLabel(name=CALM, meaning="nothing much happens", key="k"),
        ReviewLabel(name=LIVELY, meaning="much happens", key="l"),
        ReviewLabel(name="unsure", meaning="cannot be told", key="x"),
    ),
    undecided="unsure",
    span_s=EPOCH_S,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class LivelinessLimits:
    """How many lively epochs in a row make a spell."""

    lively_epochs: int = 2
