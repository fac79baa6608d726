"""Tunes the limits of the seizure candidates on annotated recordings, and says what they are worth on others.

A few settings are drawn around the defaults. Each recording is measured once and decided by every setting. For each
subject the setting that is best on all others is scored on that one: the mean over subjects is what the tuned limits
may be expected to do on somebody new. The file holds the setting that is best on all.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from biosignal.errors import BadInput
from biosignal.events import Finding
from biosignal.scoring.szcore import Detections, average, pooled, score_events
from biosignal.signal.blocks import Lead
from biosignal.tasks.eeg_seizure.deciding import Decider
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from biosignal.tasks.task import TaskFacts
from export.report.sets import NoSet
from export.seizure.candidates import DEVICE
from export.seizure.limits_file import limits_text
from export.seizure.measured import Measured, measured
from export.seizure.recordings import RECORDINGS, entries_of

SETTINGS = 40
QUICK_SETTINGS = 6
FEWEST_SUBJECTS = 2


@dataclass(frozen=True, slots=True)
class Drawn:
    """Between which factors of its default a limit is drawn."""

    low: float
    high: float


TUNED = {
    "evidence": Drawn(0.4, 3.0),
    "rhythm": Drawn(0.4, 1.8),
    "most_rise": Drawn(0.5, 1.5),
    "slow_ratio": Drawn(0.8, 1.3),
}
"""The limits that are tuned; all others stay as they are."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuned:
    """What came of it: the limits that are best on all subjects, and the figures."""

    limits: SeizureLimits
    figures: dict[str, Any]

    def text(self) -> str:
        """Write the limits as the daemon's settings take them, with what they are worth."""
        held = self.figures["held_out"]
        about = (
            f"Tuned by SzCORE's F1 on {self.figures['subjects']} subjects, {self.figures['seizures']} seizures in "
            f"{self.figures['hours']:g} h.\nOn subjects that did not tune: F1 {held['f1']}, sensitivity "
            f"{held['sensitivity']}, precision {held['precision']}, false a day {held['fp_per_day']}."
        )
        return limits_text(self.limits, about=about)


def tune(folder: Path, *, seed: int = 0, settings: int | None = None, quick: bool = False) -> Tuned:
    """Tune on a folder in the layout of CHB-MIT; progress goes to stderr.

    Raises
    ------
    NoSet : there are no whole recordings, no seizures, or fewer than two subjects.
    """
    entries = [one for one in entries_of(folder) if one.part == RECORDINGS]
    tried = drawn_settings(settings or (QUICK_SETTINGS if quick else SETTINGS), seed=seed)
    counts: list[dict[str, list[Detections]]] = [{} for _ in tried]
    for number, entry in enumerate(entries, 1):
        recording = measured(entry.read())
        for of_setting, limits in zip(counts, tried, strict=True):
            of_setting.setdefault(recording.subject, []).append(decided(recording, limits))
        print(f"{number} of {len(entries)}: {entry.name}", file=sys.stderr, flush=True)
    subjects = [{name: pooled(many) for name, many in of_setting.items()} for of_setting in counts]
    if len(entries) == 0 or len(subjects[0]) < FEWEST_SUBJECTS:
        raise NoSet(
            "limits are tuned on whole recordings of two subjects or more",
            folder=str(folder),
            remedy="give a folder of EDF files with chbNN-summary.txt, those of several subjects",
        )
    if not any(one.reference for one in subjects[0].values()):
        raise NoSet("nobody annotated a seizure", folder=str(folder), remedy="add chbNN-summary.txt to the folder")
    best = _best(subjects)
    return Tuned(limits=tried[best], figures=_figures(subjects, tried, best))


def drawn_settings(count: int, *, seed: int) -> list[SeizureLimits]:
    """Draw settings around the defaults, which are the first; one that cannot be is drawn again."""
    random = np.random.default_rng(seed)
    made = [SeizureLimits()]
    while len(made) < max(count, 1):
        factors = {
            name: float(np.exp(random.uniform(np.log(one.low), np.log(one.high)))) for name, one in TUNED.items()
        }
        try:
            made.append(
                replace(made[0], **{name: round(getattr(made[0], name) * by, 4) for name, by in factors.items()})
            )
        except BadInput:
            continue
    return made


def decided(recording: Measured, limits: SeizureLimits) -> Detections:
    """Decide what was measured by other limits, and score it."""
    facts = TaskFacts(
        device=DEVICE,
        recording=recording.name,
        stream="live",
        fs_hz=recording.fs_hz,
        leads=tuple(Lead(name=name) for name in recording.leads),
    )
    decider = Decider(facts, recording.montage, limits)
    last: dict[str, Finding] = {}
    for second, trusted in recording.seconds:
        last.update((one.id, one) for one in decider.decide(second, trusted).findings)
    last.update((one.id, one) for one in decider.end())
    stretches = [(one.onset / recording.fs_hz, one.end / recording.fs_hz) for one in last.values()]
    return score_events(recording.seizures, stretches, duration_s=recording.lasts_s)


def _best(subjects: Sequence[dict[str, Detections]], without: str | None = None) -> int:
    """The setting with the highest mean F1 over subjects; of equal ones that with fewer false a day, then the first."""

    def worth(number: int) -> tuple[float, float, int]:
        kept = {name: one for name, one in subjects[number].items() if name != without}
        means = average(kept)
        return -(means["f1"] or 0.0), means["fp_per_day"] or 0.0, number

    return min(range(len(subjects)), key=worth)


def _figures(subjects: Sequence[dict[str, Detections]], tried: Sequence[SeizureLimits], best: int) -> dict[str, Any]:
    folds = {name: _best(subjects, without=name) for name in subjects[0]}
    held = average({name: subjects[number][name] for name, number in folds.items()})
    whole = pooled(subjects[best].values())
    return {
        "subjects": len(folds),
        "seizures": whole.reference,
        "hours": round(whole.duration_s / 3600, 2),
        "settings": len(tried),
        "held_out": _rounded(held),
        "defaults": _rounded(average(subjects[0])),
        "tuned_on_all": _rounded(average(subjects[best])),
        "limits": _changed(tried[best]),
        "folds": [{"subject": name, "limits": _changed(tried[number])} for name, number in folds.items()],
    }


def _changed(limits: SeizureLimits) -> dict[str, float]:
    usual = SeizureLimits()
    names = [one.name for one in fields(limits)]
    return {name: getattr(limits, name) for name in names if getattr(limits, name) != getattr(usual, name)}


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in values.items()}
