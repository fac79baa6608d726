"""What a task makes of a whole recording: sections of figures, tables and curves, as numbers with their units.

A report writes them down and knows nothing of what they mean; a task declares how it makes them (`Task.overview`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.events import Finding, Series

if TYPE_CHECKING:
    from biosignal.tasks.task import FindingKind

Stretch: TypeAlias = tuple[int, int]
Cell: TypeAlias = float | str | None

ROW_STEPS_S = (60, 300, 900, 3600)
MOST_ROWS = 26


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class MarkColumns:
    """The confirmed marks of one kind, in the order of their samples.

    Parameters
    ----------
    starts : int64, shape (mark,): samples.
    labels, label : the labels there are, and uint8, shape (mark,), the index of each mark's.
    usable : bool, shape (mark,): the signal under it can be trusted.
    numbers : by quantity, float64, shape (mark,); NaN where unknown.
    """

    starts: NDArray[np.int64]
    labels: tuple[str, ...]
    label: NDArray[np.uint8]
    usable: NDArray[np.bool_]
    numbers: Mapping[str, NDArray[np.float64]]

    def called(self, label: str) -> NDArray[np.bool_]:
        """Whether each has this label."""
        if label not in self.labels:
            return np.zeros(len(self.starts), bool)
        found: NDArray[np.bool_] = self.label == self.labels.index(label)
        return found


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Heard:
    """What was said of the leads of one task over a whole recording of `end` samples at `fs_hz`.

    Parameters
    ----------
    marks : of the task, by kind.
    findings : those that stand, of any task, each at its last revision.
    kinds : the declaration of each kind of finding.
    unusable : stretches [start, end) in which the signal could not be assessed or there was none: in order, apart.
    series : of the task, in the order in which they were said.
    """

    fs_hz: float
    end: int
    marks: Mapping[str, MarkColumns]
    findings: Sequence[Finding]
    kinds: Mapping[str, "FindingKind"]
    unusable: Sequence[Stretch]
    series: Sequence[Series] = ()

    @property
    def length_s(self) -> float:
        """Length of the recording."""
        return self.end / self.fs_hz

    def usable_samples(self, start: int = 0, end: int | None = None) -> int:
        """Count the samples of [start, end) that could be assessed."""
        end = self.end if end is None else end
        return max(0, end - start) - overlap(self.unusable, start, end)

    @property
    def usable_share(self) -> float | None:
        """Share of the recording that could be assessed, 0 to 1; None where it has no length."""
        return self.usable_samples() / self.end if self.end else None

    def rows(self) -> list[Stretch]:
        """Cut the recording into the stretches that have a row in a table: minutes to hours, as its length asks."""
        fitting = [step for step in ROW_STEPS_S if self.length_s <= step * MOST_ROWS]
        step = round((fitting[0] if fitting else ROW_STEPS_S[-1]) * self.fs_hz)
        rows = [(start, min(start + step, self.end)) for start in range(0, self.end, step)]
        # A last row of less than a second is the end of the one before.
        if len(rows) > 1 and rows[-1][1] - rows[-1][0] < self.fs_hz:
            rows[-2:] = [(rows[-2][0], self.end)]
        return rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One number: absent with the reason `why`. `at_s` is the time it belongs to, where it belongs to one."""

    name: str
    label: str
    value: float | None
    unit: str
    decimals: int = 0
    why: str = ""
    at_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnHead:
    """Head of a column: `unit` is ``time`` for seconds of the recording, ``length`` for a length in seconds."""

    name: str
    label: str
    unit: str = ""
    decimals: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table. The first column names the row; an absent number was not measured."""

    name: str
    title: str
    columns: tuple[ColumnHead, ...]
    rows: tuple[tuple[Cell, ...], ...]


class Scale(str, Enum):
    """The axis of a trend. ``amplitude`` is linear from 0 to 10 and logarithmic from there to 100, as the
    amplitude-integrated EEG is drawn (Hellström-Westas 2006, doi:10.1542/neo.7-2-e76)."""

    LINEAR = "linear"
    AMPLITUDE = "amplitude"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """Lowest, mean and highest value of each `step_s` seconds; absent where nothing was measured.

    `about` says what the line and the band are. A trend of two margins has no mean: all of it is absent.
    """

    name: str
    title: str
    unit: str
    step_s: float
    low: tuple[float | None, ...]
    mean: tuple[float | None, ...]
    high: tuple[float | None, ...]
    about: str = "mean, and lowest to highest as a band"
    scale: Scale = Scale.LINEAR


@dataclass(frozen=True, kw_only=True, slots=True)
class States:
    """Which state held in each step of `step_s` seconds, the first of `states` on top; absent where unknown."""

    name: str
    title: str
    states: tuple[str, ...]
    step_s: float
    held: tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A part of the overview. `notes` are sentences: how it was counted, and what is not there and why."""

    name: str
    title: str
    figures: tuple[Figure, ...] = ()
    grids: tuple[Grid, ...] = ()
    trends: tuple[Trend, ...] = field(default=())
    courses: tuple[States, ...] = ()
    notes: tuple[str, ...] = ()


Overview: TypeAlias = Callable[[Heard], tuple[Section, ...]]


def overlap(stretches: Sequence[Stretch], start: int, end: int) -> int:
    """Count the samples of [start, end) that lie in stretches, which are in order and apart."""
    return sum(max(0, min(last, end) - max(first, start)) for first, last in stretches)


def touched(stretches: Sequence[Stretch], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say of each [start, end) whether it shares a sample with one of the stretches, which are in order and apart."""
    if not len(stretches):
        return np.zeros(len(starts), bool)
    firsts, lasts = np.array(stretches, np.int64).T
    behind = np.searchsorted(lasts, starts, side="right")
    found: NDArray[np.bool_] = (behind < len(firsts)) & (firsts[np.minimum(behind, len(firsts) - 1)] < ends)
    return found
