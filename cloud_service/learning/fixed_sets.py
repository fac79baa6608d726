"""Labelled sets that every candidate of a task is graded on besides the anchor.

They lie in a folder for each task, ``FOLDER/TASK/NAME.npz``. A file that lies in the folder itself, as all did when
there was one task, counts for the one task whose inputs it has; where that is none, or more than one, nobody can say
which model it is meant for, and it is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.model.npz import read_npz
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import models, reviews_statements
from biosignal.tasks.task import Task
from cloud_service.learning.dataset import NPZ_BYTES_MAX
from cloud_service.learning.statements import UNSAID


class FixedSetRefused(BadInput):
    """A labelled set cannot be used; candidates are not graded on less than was asked for."""

    remedy = "put it as `NAME.npz` into a folder named like its task, with the task's inputs and `label`, or remove it"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FixedSet:
    """Labelled marks that no model was fitted on: inputs [n, ...] by tensor name, `label` [n] by class index; where
    labels are statements [n, classes], 1 made, 0 not made, `UNSAID` not known.
    """

    name: str
    inputs: Mapping[str, NDArray[np.float32]]
    label: NDArray[np.uint8]


def load_fixed_sets(folder: Path, task: str) -> tuple[FixedSet, ...]:
    """Read the sets of a task.

    Raises
    ------
    FixedSetRefused : a file cannot be read, or is of no task or of several.
    """
    own = TASKS[task]
    sets = [_read(path) for path in _files(folder / task)]
    for one in sets:
        if not _fits(one, own):
            raise FixedSetRefused("a fixed set has other inputs or labels than its task", task=task, file=one.name)
    return (*sets, *_in_the_open(folder, own))


def _in_the_open(folder: Path, own: Task) -> Iterator[FixedSet]:
    for path in _files(folder):
        one = _read(path)
        fitting = [task.name for task in models().values() if _fits(one, task)]
        if len(fitting) != 1:
            why = "is of no task" if not fitting else "could be of several tasks"
            raise FixedSetRefused(f"a fixed set {why}", file=path.name, tasks=fitting)
        if fitting == [own.name]:
            yield one


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz")) if folder.is_dir() else []


def _read(path: Path) -> FixedSet:
    try:
        arrays = read_npz(path.read_bytes(), max_bytes=NPZ_BYTES_MAX)
    except (OSError, BadInput) as error:
        raise FixedSetRefused("a fixed set cannot be read", file=path.name, why=str(error)) from error
    if "label" not in arrays:
        raise FixedSetRefused("a fixed set has no labels", file=path.name)
    label = arrays.pop("label")
    return FixedSet(name=path.stem, inputs=arrays, label=label)


def _fits(one: FixedSet, task: Task) -> bool:
    """Whether the set has the inputs that the task's models read, and labels among their classes."""
    contract = task.model
    if contract is None or not one.label.ndim or one.label.dtype.kind not in "iu":
        return False
    if reviews_statements(task.name):
        in_range = one.label.shape[1:] == (len(contract.classes),) and bool(np.isin(one.label, (0, 1, UNSAID)).all())
    else:
        in_range = one.label.ndim == 1 and bool(((one.label >= 0) & (one.label < len(contract.classes))).all())
    wanted = {spec.name: (len(one.label), *spec.shape) for spec in contract.inputs}
    given = {name: array.shape for name, array in one.inputs.items()}
    return given == wanted and in_range and all(array.dtype == np.float32 for array in one.inputs.values())
