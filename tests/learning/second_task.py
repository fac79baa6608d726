"""A made-up task with a model of its own: breaths of a microphone, in three classes."""

from biosignal.events import Priority
from biosignal.model.contract import ModelContract
from biosignal.model.manifest import Role, TensorSpec
from biosignal.signal.blocks import LeadKind
from biosignal.tasks.task import FindingKind, MarkKind, ReviewLabel, ReviewUnit, Task, Wants
from tests.learning.population import Population

NAME = "breath-sounds"
CLASSES = ("clear", "wheeze", "crackle")
INPUTS = {"sound": (24,)}
BREATHS = Population(task=NAME, classes=CLASSES, inputs=INPUTS, leads=("MIC",), seed=21)


def breath_sounds():
    """Its declaration."""
    return Task(
        name=NAME,
        label="Breath sounds",
        wants=Wants(kinds=(LeadKind.SOUND,)),
        make=None,
        model=ModelContract(
            classes=CLASSES,
            inputs=tuple(TensorSpec(name=name, shape=shape, role=Role.INPUT) for name, shape in INPUTS.items()),
            preprocessing=f"{NAME}/1",
        ),
        marks=(MarkKind(name="breath", label="breath", plural="breaths"),),
        findings={"wheezing": FindingKind(label="wheezing", priority=Priority.LOW)},
        review=ReviewUnit(
            mark="breath",
            labels=(
                ReviewLabel(name="clear", meaning="nothing else is heard", key="c"),
                ReviewLabel(name="wheeze", meaning="a whistle", key="w"),
                ReviewLabel(name="crackle", meaning="short pops", key="k"),
                ReviewLabel(name="unsure", meaning="cannot be told", key="u"),
            ),
            undecided="unsure",
        ),
    )
