"""The heartbeats of a whole recording in numbers: rates, ectopy, rhythms, variability."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from biosignal.tasks.ecg_beats.episodes import AVERAGED, EARLY, Beats, Run, beats_of
from biosignal.tasks.ecg_beats.kinds import REVIEW
from biosignal.tasks.ecg_beats.rhythm_section import findings_grid, rhythm_section
from biosignal.tasks.ecg_beats.variability_section import variability_section
from biosignal.tasks.overview import ColumnHead, Figure, Grid, Heard, Section, Stretch, Trend

RUN = 3
"""Beats of a run; two are a couplet."""
ECTOPIC = ("V", EARLY)
DOMINANT = 1 / 3
"""So large a share of early beats is hardly ectopy any more."""
TREND_STEPS_S = ((900, 10), (3600, 30), (18_000, 60), (90_000, 300))
"""Length of a recording up to which each step is taken."""
LONGEST_STEP_S = 3600
MEANING = {label.name: label.meaning for label in REVIEW.labels}
AT = ColumnHead(name="from", label="from", unit="time")
RATE = "/min"


def overview_of_beats(heard: Heard) -> tuple[Section, ...]:
    """Give the sections of a recording's beats: summary, rows of hours, ectopy, rhythms, variability."""
    beats = beats_of(heard)
    return (
        _summary(heard, beats),
        _hours(heard, beats),
        _ectopy(heard, beats),
        rhythm_section(heard),
        variability_section(heard, beats),
    )


def _summary(heard: Heard, beats: Beats) -> Section:
    lowest, mean, highest = beats.rate_between(0, heard.end)
    total = len(beats.marks.starts)
    return Section(
        name="summary",
        title="Heartbeats",
        figures=(
            Figure(name="beats", label="beats", value=total, unit=""),
            _rate("mean_rate", "mean heart rate", mean),
            _rate("lowest_rate", f"lowest heart rate ({AVERAGED} intervals)", lowest),
            _rate("highest_rate", f"highest heart rate ({AVERAGED} intervals)", highest),
            _longest_interval(beats),
            *(_share(heard, beats, label) for label in ECTOPIC),
            *_not_assessed(heard, beats),
            _usable(heard),
        ),
        grids=tuple(findings_grid(heard)),
        notes=() if total else ("No heartbeat was found: there is nothing to count.",),
    )


def _rate(name: str, label: str, value: float | None) -> Figure:
    why = "" if value is not None else f"there are no {AVERAGED} intervals in a row"
    return Figure(name=name, label=label, value=value, unit=RATE, why=why)


def _longest_interval(beats: Beats) -> Figure:
    name, label = "longest_rr", "longest RR interval, on assessed signal"
    if not np.isfinite(beats.rr_s).any():
        return Figure(name=name, label=label, value=None, unit="s", why="there is no interval")
    index = int(np.nanargmax(beats.rr_s))
    at_s = float(beats.at_s[index])
    return Figure(name=name, label=label, value=float(beats.rr_s[index]), unit="s", decimals=2, at_s=at_s)


def _share(heard: Heard, beats: Beats, label: str) -> Figure:
    total, count = len(beats.marks.starts), beats.count(label, 0, heard.end)
    value = 100 * count / total if total else None
    return Figure(
        name=f"{label.lower()}_share",
        label=f"{MEANING[label]} beats, of all",
        value=value,
        unit="%",
        decimals=2,
        why="" if total else "there are no beats",
    )


def _not_assessed(heard: Heard, beats: Beats) -> Iterator[Figure]:
    """Nothing where no beat is called early inside fibrillation or flutter."""
    count = beats.not_assessed(0, heard.end)
    if count:
        yield Figure(name="s_unassessed", label="irregular, S not assessed", value=count, unit="beats")


def _usable(heard: Heard) -> Figure:
    share = heard.usable_share
    return Figure(
        name="usable_share",
        label="signal that could be assessed",
        value=None if share is None else 100 * share,
        unit="%",
        decimals=1,
        why="" if share is not None else "there is no signal",
    )


def _hours(heard: Heard, beats: Beats) -> Section:
    rows = heard.rows()
    runs = {label: [run for run in beats.runs(label) if run.beats >= RUN] for label in ECTOPIC}
    columns = (
        AT,
        ColumnHead(name="beats", label="beats"),
        ColumnHead(name="lowest_rate", label="min", unit=RATE),
        ColumnHead(name="mean_rate", label="mean", unit=RATE),
        ColumnHead(name="highest_rate", label="max", unit=RATE),
        ColumnHead(name="longest_rr", label="longest RR", unit="s", decimals=2),
        ColumnHead(name="v", label="V"),
        ColumnHead(name="v_runs", label="V runs"),
        ColumnHead(name="v_longest", label="longest", unit="beats"),
        ColumnHead(name="s", label="S"),
        ColumnHead(name="s_runs", label="S runs"),
        ColumnHead(name="s_longest", label="longest", unit="beats"),
        ColumnHead(name="s_unassessed", label="S not assessed"),
        ColumnHead(name="usable_share", label="assessed", unit="%"),
    )
    table = Grid(
        name="hours",
        title=f"Rows of {row_text(rows, heard.fs_hz)}",
        columns=columns,
        rows=tuple(tuple(_row(heard, beats, runs, row)) for row in rows),
    )
    note = (
        f"Lowest and highest rate are of {AVERAGED} RR intervals in a row, the mean is of all. An interval that "
        f"touches signal that could not be assessed does not count. A run has {RUN} beats or more."
    )
    return Section(
        name="hours",
        title="Heart rate and beats over time",
        grids=(table,) if rows else (),
        trends=(_trend(heard, beats),) if rows else (),
        notes=(
            note,
            "A flat line counts as signal that could not be assessed: a silence of the heart is among the findings.",
        ),
    )


def row_text(rows: list[Stretch], fs_hz: float) -> str:
    """Say how long the rows of a table are."""
    seconds = round((rows[0][1] - rows[0][0]) / fs_hz) if rows else 0
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


def _row(heard: Heard, beats: Beats, runs: dict[str, list[Run]], row: Stretch) -> Iterator[float | None]:
    start, end = row
    first, last = np.searchsorted(beats.marks.starts, [start, end])
    rr = beats.rr_s[first:last]
    yield start / heard.fs_hz
    yield int(last - first)
    yield from beats.rate_between(start, end)
    yield float(np.nanmax(rr)) if np.isfinite(rr).any() else None
    for label in ECTOPIC:
        inside = [run.beats for run in runs[label] if start <= run.start < end]
        yield beats.count(label, start, end)
        yield len(inside)
        yield max(inside, default=None)
    yield beats.not_assessed(start, end)
    yield 100 * heard.usable_samples(start, end) / (end - start)


def _trend(heard: Heard, beats: Beats) -> Trend:
    step_s = next((step for longest, step in TREND_STEPS_S if heard.length_s <= longest), LONGEST_STEP_S)
    edges = [*range(0, heard.end, round(step_s * heard.fs_hz)), heard.end]
    values = [beats.rate_between(start, end) for start, end in pairwise(edges)]
    low, mean, high = zip(*values, strict=True)
    return Trend(name="heart_rate", title="Heart rate", unit=RATE, step_s=float(step_s), low=low, mean=mean, high=high)


def _ectopy(heard: Heard, beats: Beats) -> Section:
    columns = (
        ColumnHead(name="class", label="class"),
        ColumnHead(name="beats", label="beats"),
        ColumnHead(name="share", label="of all beats", unit="%", decimals=2),
        ColumnHead(name="single", label="single"),
        ColumnHead(name="couplets", label="couplets"),
        ColumnHead(name="runs", label="runs"),
        ColumnHead(name="longest", label="longest run", unit="beats"),
        ColumnHead(name="longest_at", label="at", unit="time"),
        ColumnHead(name="fastest", label="fastest run", unit=RATE),
        ColumnHead(name="fastest_at", label="at", unit="time"),
    )
    labels = [label for label in MEANING if label in ECTOPIC or beats.count(label, 0, heard.end)]
    total = len(beats.marks.starts)
    unanswered = int((~np.any([beats.marks.called(label) for label in MEANING], axis=0)).sum()) if total else 0
    rows = [_class_row(heard, beats, label) for label in labels]
    notes = ["A couplet is two in a row, a run three or more. " + _of_assessed(heard)]
    if unanswered:
        notes.append(f"{unanswered} of {total} beats have no class.")
    notes += _notes_on_early(heard, beats)
    return Section(
        name="ectopy",
        title="Ectopy",
        grids=(Grid(name="classes", title="Beats by class", columns=columns, rows=tuple(rows)),),
        figures=(_usable(heard),),
        notes=tuple(notes),
    )


def _notes_on_early(heard: Heard, beats: Beats) -> Iterator[str]:
    count, early = beats.not_assessed(0, heard.end), MEANING[EARLY]
    if count:
        yield (
            f"Irregular, {EARLY} not assessed: {count} beats that the classifier calls {early} lie in fibrillation or "
            "flutter, where no beat is early; they are in no other count of this class."
        )
    assessed = len(beats.marks.starts) - int(beats.fibrillates.sum())
    if assessed and beats.count(EARLY, 0, heard.end) >= DOMINANT * assessed:
        yield (
            f"At least a third of the beats outside fibrillation and flutter are called {early}: this is hardly "
            "ectopy on a sinus rhythm. Sinus node disease or an atrial or junctional rhythm may be the dominant one, "
            f"and then neither {EARLY} nor normal beats can be counted by when they come."
        )


def _class_row(heard: Heard, beats: Beats, label: str) -> tuple[float | str | None, ...]:
    total, count = len(beats.marks.starts), beats.count(label, 0, heard.end)
    named = f"{label}: {MEANING[label]}"
    share = 100 * count / total if total else None
    if label not in ECTOPIC:
        return (named, count, share, *[None] * 7)
    found = beats.runs(label)
    runs = [run for run in found if run.beats >= RUN]
    longest = max(runs, key=lambda run: run.beats, default=None)
    fastest = max(runs, key=lambda run: run.rate_per_min or 0.0, default=None)
    return (
        named,
        count,
        share,
        sum(run.beats == 1 for run in found),
        sum(run.beats == 2 for run in found),
        len(runs),
        longest.beats if longest else None,
        longest.start / heard.fs_hz if longest else None,
        fastest.rate_per_min if fastest else None,
        fastest.start / heard.fs_hz if fastest else None,
    )


def _of_assessed(heard: Heard) -> str:
    assessed_s = heard.usable_samples() / heard.fs_hz
    return f"{assessed_s / 60:.1f} of {heard.length_s / 60:.1f} minutes could be assessed."
