"""The sleep of a whole recording in numbers, by the names of the AASM manual (version 3, 2023).

Nobody tells the machine when the lights went out, so the night is the recording from its first epoch to its last.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.epoch_powers import EPOCH_S
from biosignal.scoring.sleep import onset_of
from biosignal.tasks.eeg_sleep.kinds import CLASSES, EPOCH, REM, REVIEW, WAKE
from biosignal.tasks.eeg_sleep.limits import SleepLimits
from biosignal.tasks.overview import ColumnHead, Figure, Grid, Heard, MarkColumns, Section, States

MEANING = {label.name: label.meaning for label in REVIEW.labels}
SLEEP = tuple(stage for stage in CLASSES if stage != WAKE)
MINUTES = "min"
NO_SLEEP = "no sleep that lasted was seen"
NO_EPOCH = "no epoch was staged"
COUNTED = (
    "Time in bed is the recording from its first epoch to its last: when the lights went out is not known. Sleep "
    "begins with the first epoch asleep of {onset} in a row of which at most {awake} is awake, REM sleep with the "
    "first of {rem}; an epoch without a stage is neither asleep nor awake. Wake after sleep onset and awakenings are "
    "counted until the last epoch asleep."
)
SEEN = (
    "Stages are those of a machine that saw one EEG derivation and no eye movements, chin EMG or later epochs. N1 is "
    "often missed."
)


@dataclass(frozen=True, slots=True, eq=False)
class _Night:
    """Stage of each epoch in order, an index into the classes or -1 where there is none."""

    stages: NDArray[np.int64]
    starts: NDArray[np.int64]

    def minutes(self, *stages: str, first: int = 0, last: int | None = None) -> float:
        """Minutes in some stages between two epochs."""
        wanted = [CLASSES.index(stage) for stage in stages]
        return float(np.isin(self.stages[first:last], wanted).sum()) * EPOCH_S / 60.0

    @property
    def asleep(self) -> NDArray[np.bool_]:
        """Whether each epoch is one of sleep."""
        return self.stages > CLASSES.index(WAKE)


def overview_of_sleep(heard: Heard) -> tuple[Section, ...]:
    """Give the night in numbers, and the minutes of each stage over time."""
    night = _night(heard.marks[EPOCH.name])
    return (_summary(heard, night), _rows(heard, night))


def _night(marks: MarkColumns) -> _Night:
    index = np.array([CLASSES.index(label) if label in CLASSES else -1 for label in marks.labels] or [-1], np.int64)
    return _Night(stages=index[marks.label] if len(marks.starts) else index[:0], starts=marks.starts)


def _summary(heard: Heard, night: _Night) -> Section:
    limits = SleepLimits()
    staged = int((night.stages >= 0).sum())
    asleep = np.flatnonzero(night.asleep)
    onset = onset_of(night.asleep, limits.onset_epochs, but=limits.onset_awake, known=night.stages >= 0)
    end = int(asleep[-1]) + 1 if len(asleep) else 0
    in_bed = _span_min(heard, night, 0, len(night.starts))
    slept = night.minutes(*SLEEP)
    why = "" if staged else NO_EPOCH
    why_sleep = why or ("" if onset is not None else NO_SLEEP)
    figures = [
        _figure("time_in_bed", "time in bed (TIB)", in_bed if len(night.starts) else None, why=why),
        _figure("total_sleep_time", "total sleep time (TST)", slept if staged else None, why=why),
        _figure(
            "sleep_efficiency",
            "sleep efficiency (TST of TIB)",
            100.0 * slept / in_bed if staged and in_bed else None,
            unit="%",
            why=why,
        ),
        _at(heard, night, "sleep_latency", "sleep onset latency (SOL)", 0, onset, why_sleep),
        _rem_latency(heard, night, onset, limits.rem_epochs, why_sleep),
        _figure(
            "wake_after_onset",
            "wake after sleep onset (WASO)",
            None if onset is None else night.minutes(WAKE, first=onset, last=end),
            why=why_sleep,
        ),
        Figure(
            name="awakenings",
            label="awakenings",
            value=None if onset is None else _awakenings(night, onset, end),
            unit="",
            why=why_sleep,
        ),
    ]
    for stage in CLASSES:
        minutes = night.minutes(stage)
        figures.append(_figure(f"{stage.lower()}_minutes", MEANING[stage], minutes if staged else None, why=why))
        if stage != WAKE:
            share = 100.0 * minutes / slept if slept else None
            label = f"{MEANING[stage]}, of total sleep time"
            figures.append(
                _figure(f"{stage.lower()}_share", label, share, unit="%", why="" if slept else why or NO_SLEEP)
            )
    unstaged = float((night.stages < 0).sum()) * EPOCH_S / 60.0
    figures.append(_figure("not_staged", "epochs without a stage", unstaged if len(night.starts) else None, why=why))
    counted = COUNTED.format(onset=limits.onset_epochs, awake=limits.onset_awake, rem=limits.rem_epochs)
    return Section(
        name="sleep", title="Sleep", figures=tuple(figures), courses=_course(heard, night), notes=(counted, SEEN)
    )


def _course(heard: Heard, night: _Night) -> tuple[States, ...]:
    """Give the hypnogram, an epoch a step."""
    if not len(night.starts):
        return ()
    held: list[str | None] = [None] * (int(night.starts[-1] / heard.fs_hz / EPOCH_S) + 1)
    for start, stage in zip(night.starts.tolist(), night.stages.tolist(), strict=True):
        held[int(start / heard.fs_hz / EPOCH_S)] = CLASSES[stage] if stage >= 0 else None
    states = (WAKE, REM, *(stage for stage in SLEEP if stage != REM))
    return (States(name="hypnogram", title="Hypnogram", states=states, step_s=EPOCH_S, held=tuple(held)),)


def _figure(name: str, label: str, value: float | None, *, unit: str = MINUTES, why: str = "") -> Figure:
    return Figure(name=name, label=label, value=value, unit=unit, decimals=1, why=why if value is None else "")


def _span_min(heard: Heard, night: _Night, first: int, last: int) -> float:
    """Minutes from the beginning of one epoch to the end of another, what was lost between them among them."""
    if last <= first:
        return 0.0
    return float(night.starts[last - 1] - night.starts[first]) / heard.fs_hz / 60.0 + EPOCH_S / 60.0


def _at(heard: Heard, night: _Night, name: str, label: str, since: int, place: int | None, why: str) -> Figure:
    if place is None:
        return _figure(name, label, None, why=why)
    minutes = float(night.starts[place] - night.starts[since]) / heard.fs_hz / 60.0
    at_s = float(night.starts[place]) / heard.fs_hz
    return Figure(name=name, label=label, value=minutes, unit=MINUTES, decimals=1, at_s=at_s)


def _rem_latency(heard: Heard, night: _Night, onset: int | None, epochs: int, why: str) -> Figure:
    name, label = "rem_latency", "REM latency, from sleep onset"
    if onset is None:
        return _figure(name, label, None, why=why)
    stages = night.stages[onset:]
    first = onset_of(stages == CLASSES.index(REM), epochs, known=stages >= 0)
    at = None if first is None else onset + first
    return _at(heard, night, name, label, onset, at, "no REM sleep was seen")


def _awakenings(night: _Night, onset: int, end: int) -> int:
    """Count the times wake begins between sleep onset and the last epoch asleep."""
    known = night.stages[onset:end]
    known = known[known >= 0] == CLASSES.index(WAKE)
    return int(np.count_nonzero(known[1:] & ~known[:-1]))


def _rows(heard: Heard, night: _Night) -> Section:
    rows = heard.rows() if len(night.starts) else []
    columns = (
        ColumnHead(name="from", label="from", unit="time"),
        *(ColumnHead(name=stage.lower(), label=stage, unit=MINUTES, decimals=1) for stage in CLASSES),
        ColumnHead(name="not_staged", label="not staged", unit=MINUTES, decimals=1),
    )
    made = []
    for start, end in rows:
        first, last = np.searchsorted(night.starts, (start, end)).tolist()
        unstaged = float((night.stages[first:last] < 0).sum()) * EPOCH_S / 60.0
        minutes = [night.minutes(stage, first=first, last=last) for stage in CLASSES]
        made.append((start / heard.fs_hz, *minutes, unstaged))
    grid = Grid(name="sleep_hours", title="Minutes in each stage", columns=columns, rows=tuple(made))
    return Section(name="sleep_hours", title="Sleep over time", grids=(grid,) if made else ())
