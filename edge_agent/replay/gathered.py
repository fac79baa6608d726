"""What one analysis of a long record found, a few bytes a mark."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from biosignal.events import Finding, Mark, MarkState, Outcome, QualityLevel, Series
from biosignal.stream.assign import Assignment
from biosignal.tasks.lookup import finding_kinds, mark_kind
from biosignal.tasks.overview import Heard, MarkColumns
from edge_agent.replay.result import Result, Stretch, joined


@dataclass(slots=True)
class _Marks:
    """Marks of one kind on the same leads; `first` is one of them, to make others from."""

    first: Mark
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    labels: list[str | None] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    label: "array[int]" = field(default_factory=lambda: array("B"))
    usable: "array[int]" = field(default_factory=lambda: array("B"))
    numbers: dict[str, "array[float]"] = field(default_factory=dict)

    def add(self, mark: Mark) -> None:
        """Keep a mark."""
        if mark.label not in self.labels:
            self.labels.append(mark.label)
            self.outcomes.append(mark.outcome)
        self.starts.append(mark.start)
        self.ends.append(mark.end)
        self.label.append(self.labels.index(mark.label))
        self.usable.append(mark.quality is not QualityLevel.REJECTED)
        for name, values in self.numbers.items():
            number = mark.number(name)
            values.append(float("nan") if number is None else number)

    def columns(self) -> MarkColumns:
        """Give them as arrays, in the order of their samples."""
        starts = np.array(self.starts, np.int64)
        order = np.argsort(starts, kind="stable")
        return MarkColumns(
            starts=starts[order],
            labels=tuple(label or "" for label in self.labels),
            label=np.array(self.label, np.uint8)[order],
            usable=np.array(self.usable, bool)[order],
            numbers={name: np.array(values, np.float64)[order] for name, values in self.numbers.items()},
        )

    def marks(self, start: int = 0, end: int | None = None) -> Iterator[Mark]:
        """Give those that begin in [start, end), with where they are and what they are called: all a scorer reads."""
        for first, last, label in zip(self.starts, self.ends, self.label, strict=True):
            if start <= first and (end is None or first < end):
                yield replace(self.first, start=first, end=last, outcome=self.outcomes[label])


@dataclass(slots=True)
class Gathered(Result):
    """A `Result` whose marks are arrays, and which keeps series."""

    columns: dict[tuple[str, tuple[str, ...], str], _Marks] = field(default_factory=dict)
    series: list[Series] = field(default_factory=list)

    def add_mark(self, mark: Mark) -> bool:
        """Gather a mark; none is reported by itself."""
        kind = mark_kind(mark.task, mark.kind)
        if mark.state is not MarkState.CONFIRMED:
            return False
        if kind.line is None:
            return Result.add_mark(self, mark)
        key = (mark.task, mark.leads, mark.kind)
        if key not in self.columns:
            self.columns[key] = _Marks(mark, numbers={name: array("d") for name in kind.numbers})
        self.columns[key].add(mark)
        return False

    def add_series(self, series: Series) -> None:
        """Keep a series."""
        self.series.append(series)

    def marks_of(self, assignment: Assignment, start: int = 0, end: int | None = None) -> Iterator[Mark]:
        """Give the marks of a task on its leads that begin in samples [start, end)."""
        for (task, leads, _), found in self.columns.items():
            if task == assignment.task.name and set(leads) <= set(assignment.names):
                yield from found.marks(start, end)

    def unusable_of(self, assignment: Assignment, *, recording_hz: float) -> list[Stretch]:
        """Stretches in which the first lead of a task could not be assessed, or there was no signal, at its rate."""
        ratio = assignment.fs_hz / recording_hz
        gaps = [(round(start * ratio), round(end * ratio)) for start, end in self.gaps]
        return joined([*self.unusable.get(assignment.names[0], ()), *gaps])

    def heard(self, assignment: Assignment, *, end: int, recording_hz: float) -> Heard:
        """Give what a task's overview is made of; `end` is the length of the recording in samples of its leads."""
        unusable = self.unusable_of(assignment, recording_hz=recording_hz)
        return Heard(
            fs_hz=assignment.fs_hz,
            end=end,
            marks={kind.name: self._columns(assignment, kind.name) for kind in assignment.task.marks},
            findings=tuple(self._findings(assignment)),
            kinds=finding_kinds(),
            unusable=tuple((start, min(last, end)) for start, last in unusable if start < end),
            series=tuple(self._series(assignment)),
        )

    def _findings(self, assignment: Assignment) -> Iterator[Finding]:
        """Findings of the rate of its leads that share one with it."""
        for one in self.standing():
            if one.evidence.fs_hz == assignment.fs_hz and set(one.leads) & set(assignment.names):
                yield one

    def _series(self, assignment: Assignment) -> Iterator[Series]:
        """Series that the task said of some of its leads."""
        for one in self.series:
            if one.task == assignment.task.name and set(one.leads) <= set(assignment.names):
                yield one

    def _columns(self, assignment: Assignment, kind: str) -> MarkColumns:
        # A task that reads all leads may say what it says of some of them only, always the same.
        for (task, leads, name), found in self.columns.items():
            if (task, name) == (assignment.task.name, kind) and set(leads) <= set(assignment.names):
                return found.columns()
        empty = np.zeros(0)
        numbers = dict.fromkeys(mark_kind(assignment.task.name, kind).numbers, empty)
        nothing = np.zeros(0, np.uint8)
        return MarkColumns(starts=empty.astype(np.int64), labels=(), label=nothing, usable=nothing > 0, numbers=numbers)
