"""Finds what the tasks declare: kinds of findings, quantities, and how a number is shown.

A name that no task of this version declares is no fault: what another version sent is shown under its own name.
"""

from collections.abc import Mapping

from biosignal.events import Mark, Measure, Priority
from biosignal.model.contract import ContractBroken, ModelContract
from biosignal.tasks import TASKS
from biosignal.tasks.task import FindingKind, MarkKind, Quantity, Task


def finding_kinds() -> dict[str, FindingKind]:
    """Every kind of finding by name."""
    return {name: kind for task in TASKS.values() for name, kind in task.findings.items()}


def finding_kind(name: str) -> FindingKind:
    """Look up a kind of finding; one that nobody declares is called by its name."""
    for task in TASKS.values():
        if name in task.findings:
            return task.findings[name]
    return FindingKind(label=name.replace("-", " "), priority=Priority.NONE)


def task_of_finding(name: str) -> Task | None:
    """Find the task that declares a kind of finding."""
    return next((task for task in TASKS.values() if name in task.findings), None)


def quantities() -> dict[str, Quantity]:
    """Every quantity by name."""
    return {name: quantity for task in TASKS.values() for name, quantity in task.quantities.items()}


def quantity(name: str) -> Quantity | None:
    """Look up a quantity; None where nobody declares it."""
    return next((task.quantities[name] for task in TASKS.values() if name in task.quantities), None)


def shown(measure: Measure) -> str:
    """Write the number of a measure as every text shows it: fixed decimals, no unit."""
    known = quantity(measure.name)
    return f"{measure.value:.{known.decimals if known else 2}f}"


def mark_kind(task: str, kind: str) -> MarkKind:
    """Look up a kind of mark; one that nobody declares is called by its name."""
    if task in TASKS:
        for known in TASKS[task].marks:
            if known.name == kind:
                return known
    return MarkKind(name=kind, label=kind.replace("-", " "), plural=f"{kind.replace('-', ' ')}s")


def label_of(mark: Mark) -> str:
    """Name what a mark was called, or what its kind is called where nothing answered."""
    return mark.label or mark_kind(mark.task, mark.kind).unanswered


def contract_of(task: str) -> ModelContract:
    """Look up what the bundles of a task must be.

    Raises
    ------
    ContractBroken : no task of this version is called so, or it uses no model.
    """
    contract = TASKS[task].model if task in TASKS else None
    if contract is None:
        raise ContractBroken("no task of this version uses such a model", task=task, known=sorted(models()))
    return contract


def refitted() -> Mapping[str, Task]:
    """The tasks whose model can be fitted anew to what people reviewed, by name: it gives an embedding."""
    return {name: task for name, task in models().items() if task.model is not None and task.model.embedding}


def reviews_statements(task: str) -> bool:
    """Whether what people review of a task are statements, each for itself, in place of one label out of several."""
    unit = TASKS[task].review if task in TASKS else None
    return unit is not None and mark_kind(task, unit.mark).states


def models() -> Mapping[str, Task]:
    """The tasks that use a model, by name."""
    return {name: task for name, task in TASKS.items() if task.model is not None}
