"""What a task declares: everything the rest of the house needs to know to run, show, review and teach it.

No part outside `biosignal/tasks` names a task: pipeline, inference, store, alarms, texts, pages, review and learning
are driven by these declarations.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from biosignal.events import Priority
from biosignal.model.contract import ModelContract
from biosignal.model.model import Model
from biosignal.scoring.score import Scorer
from biosignal.signal.blocks import Lead, LeadKind, Unit
from biosignal.stream.stage import Stage
from biosignal.tasks.chart import Chart
from biosignal.tasks.overview import Overview


@dataclass(frozen=True, kw_only=True, slots=True)
class Wants:
    """Which leads a task reads.

    Parameters
    ----------
    kinds : kinds of lead it can read; none: every kind. A lead of `LeadKind.UNKNOWN` is read only where `unknown` says
        so and the recording has no lead of these kinds.
    units : units it can read.
    fs_hz : lowest and highest sampling frequency it can read.
    most : how many leads one instance reads, the first ones by order; None: all of one rate.
    per_lead : whether each lead has an instance of its own.
    prefer : names looked for first, in this order.
    """

    kinds: tuple[LeadKind, ...] = ()
    units: tuple[Unit, ...] = tuple(Unit)
    fs_hz: tuple[float, float] = (0.0, float("inf"))
    most: int | None = 1
    per_lead: bool = False
    unknown: bool = False
    prefer: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFacts:
    """What a stage is given when it is made: its recording, and the leads it reads, all at `fs_hz`."""

    device: str
    recording: str
    stream: str
    fs_hz: float
    leads: tuple[Lead, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the leads."""
        return tuple(lead.name for lead in self.leads)


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """How many seconds of the leads are shown before and after the onset of a finding."""

    before_s: float = 4.0
    after_s: float = 6.0


SINCE_ALARM = "since_alarm"
"""Seconds since another finding of the kind, one that alarmed, had ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FindingKind:
    """What a kind of finding is called, how it alarms, and what belongs to it.

    Parameters
    ----------
    label : its name in texts and lists.
    priority : of the alarm it raises; `NONE` informs and does not alarm.
    technical : it speaks of the equipment instead of the patient.
    escalate_s : after how long unacknowledged the alarm rises by one priority, once; None: never. Only for conditions
        in which nobody watches the patient: a false alarm that grows louder is ignored sooner.
    again_s : one that opens within so many seconds of the end of another that alarmed informs and does not alarm; it
        measures `SINCE_ALARM`, a quantity that the task must have. 0: each alarms.
    strip : what is cut from the waves for it; None: nothing.
    wfdb_rhythm : the rhythm it is written as in WFDB annotations, such as ``(VT``; None: it is no rhythm.
    """

    label: str
    priority: Priority
    technical: bool = False
    escalate_s: float | None = None
    again_s: float = 0.0
    strip: Strip | None = field(default_factory=Strip)
    wfdb_rhythm: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BedsideLimit:
    """A limit that is set for a patient: a field of the task's limits, what people call it, its unit, and its range."""

    name: str
    label: str
    unit: str
    least: float
    most: float
    step: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """A measured quantity: its unit, the decimals it is rounded to and shown with, and what it is called.

    `label` is the name with spaces where it is left empty.
    """

    unit: str
    decimals: int
    label: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class MarkKind:
    """A kind of mark.

    Parameters
    ----------
    name : as the marks say it.
    label, plural : what one and several are called.
    unanswered : what a mark is called where no classifier answered.
    numbers : quantities that a mark carries where they are known.
    packed : whether confirmed marks travel by the minute, to be drawn on any stretch.
    line : type of the line that `replay --json` writes of one; None: it writes none.
    wfdb_symbols : WFDB symbol by label; a label that is not named is not written. None: the kind is not written.
    states : whether its scores are statements of their own, each with its probability, in place of one label out of
        several; what they mean is that of the review labels.
    """

    name: str
    label: str
    plural: str
    unanswered: str = "?"
    numbers: tuple[str, ...] = ()
    packed: bool = True
    line: str | None = "mark"
    wfdb_symbols: Mapping[str, str] | None = None
    states: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewLabel:
    """A word a reviewer can say: its name as stored, what it means, and the single key that says it.

    `wfdb` is how WFDB writes it: a symbol of a moment, or a rhythm such as ``(AFIB`` of a stretch; empty: as a comment.
    """

    name: str
    meaning: str
    key: str
    wfdb: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReviewUnit:
    """What is reviewed: one kind of mark, by these labels. `undecided` is one of their names, never learned from.

    `span_s` says what a person marks where the task did not: None, a moment; 0, a stretch of any length; else one of
    the stretches of so many seconds that follow each other from the first sample of the recording.
    """

    mark: str
    labels: tuple[ReviewLabel, ...]
    undecided: str
    span_s: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sees:
    """What the model of a task is shown for each mark that states, so that an answer can be explained on paper.

    Parameters
    ----------
    tensor : the input that holds leads over the time of the mark, shape (lead, sample).
    rows : the standard name of each lead.
    """

    tensor: str
    rows: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One thing that can be asked of a recording.

    Parameters
    ----------
    name : as events, metrics, bundles and settings say it, such as ``ecg-beats``; its folder has ``_`` for ``-``.
    label : what people read.
    wants : the leads it reads.
    needs : other tasks, whose results its stage is given in order; it reads no lead that they do not read.
    hears : other tasks, whose results its stage is given too where they run, on whatever leads of the same rate.
    make : makes the stage. The model is None where the task has no contract.
    model : what its bundles must be; None: it uses no model.
    sees : what of its model's input can be hidden to explain a mark that states; None: nothing.
    marks, findings, quantities : what it may say; a name may be in one task only.
    limits : a frozen dataclass with a default for each field: what a clinic can set.
    bedside : those of them that are set for a patient at the bed, with what may be set; the rest is for engineers.
    review : what people review; None: nothing.
    annotate : what people may mark on a recording besides, and are not asked to review.
    charts : how its series and marks are drawn over time, the first one on top; series that none shows become lines.
    scorer : how it is scored against a reference; None: not at all.
    overview : what a report of a whole recording says of it; None: its findings only.
    package : where its ``words.json`` lies, as a package's name.
    """

    name: str
    label: str
    wants: Wants
    make: Callable[[TaskFacts, Model | None, Any], Stage] | None
    needs: tuple[str, ...] = ()
    hears: tuple[str, ...] = ()
    model: ModelContract | None = None
    sees: Sees | None = None
    marks: Sequence[MarkKind] = ()
    findings: Mapping[str, FindingKind] = field(default_factory=dict)
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    limits: type[Any] | None = None
    bedside: tuple[BedsideLimit, ...] = ()
    review: ReviewUnit | None = None
    annotate: tuple[ReviewUnit, ...] = ()
    charts: Sequence[Chart] = ()
    scorer: Scorer | None = None
    overview: Overview | None = None
    package: str = ""

    @property
    def is_reported(self) -> bool:
        """Whether a replay sums its marks up: those that are written and drawn, not the finer ones beside them."""
        return any(kind.line is not None and kind.packed for kind in self.marks)

    @property
    def units(self) -> tuple[ReviewUnit, ...]:
        """Everything that people may mark on a recording: what they review, and what else."""
        return (*((self.review,) if self.review is not None else ()), *self.annotate)

    def mark_kind(self, name: str) -> MarkKind:
        """Look up a kind of mark of this task.

        Raises
        ------
        KeyError : it has none of that name.
        """
        for kind in self.marks:
            if kind.name == name:
                return kind
        raise KeyError(name)
