"""Seizure candidates scored on a folder of recordings, as SzCORE scores them, and by how soon they are found."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biosignal.scoring.szcore import FIGURES, Detections, Stretch, average, pooled, score_events, score_seconds
from biosignal.tasks.eeg_seizure.limits import SeizureLimits
from export.report.sets import NoSet
from export.seizure.candidates import Candidate, candidates_of
from export.seizure.recordings import BEFORE, ENDED, ICTAL, SNIPPETS, SYNTHETIC, EegRecording, Entry, entries_of

SOON_S = 10.0
HOUR_S = 3600.0
TUNED_ON = "none of it: the limits were chosen on the synthetic patient"
SHAPED_ON = f"{TUNED_ON}, whose uneven seizures were shaped after what was measured on these"


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordScore:
    """One recording: what there was, what was found, and the two comparisons."""

    name: str
    subject: str
    part: str
    seizures: tuple[Stretch, ...]
    found: tuple[Candidate, ...]
    events: Detections
    seconds: Detections

    @property
    def latencies_s(self) -> list[float | None]:
        """From the onset of each seizure to the first candidate found within it, None where it was missed."""
        made: list[float | None] = []
        for start_s, end_s in self.seizures:
            after = [one.decided_s - start_s for one in self.found if one.end_s > start_s and one.start_s < end_s]
            made.append(min(after) if after else None)
        return made

    @property
    def false(self) -> int:
        """Candidates that touch no seizure, without SzCORE's margins: those a person would be called for in vain."""
        return sum(
            all(one.end_s <= start_s or one.start_s >= end_s for start_s, end_s in self.seizures) for one in self.found
        )


def evaluate_seizures(
    folder: Path, *, records: Sequence[str] = (), limits: SeizureLimits | None = None
) -> dict[str, Any]:
    """Score the recordings of a folder; progress goes to stderr.

    Returns
    -------
    Plain values: `gross` (counts of all recordings together), `average` (means over subjects), `groups` (parts and
    subjects), `records`.

    Raises
    ------
    NoSet : folder or records cannot be used.
    """
    entries = entries_of(folder)
    if records:
        missing = sorted(set(records) - {one.name for one in entries})
        if missing:
            raise NoSet("there are no such records", folder=str(folder), records=", ".join(missing[:8]))
        entries = [one for one in entries if one.name in records]
    scores = []
    for number, entry in enumerate(entries, 1):
        scores.append(score_recording(entry.read(), part=entry.part, limits=limits))
        print(f"{number} of {len(entries)}: {entry.name}, {entry.part}", file=sys.stderr, flush=True)
    return _about(folder, entries) | figures(scores)


def score_recording(recording: EegRecording, *, part: str, limits: SeizureLimits | None = None) -> RecordScore:
    """Send one recording through the pipeline and compare."""
    found = candidates_of(recording, limits)
    stretches = [one.stretch for one in found]
    lasts_s = recording.seconds
    return RecordScore(
        name=recording.name,
        subject=recording.subject,
        part=part,
        seizures=recording.seizures,
        found=tuple(found),
        events=score_events(recording.seizures, stretches, duration_s=lasts_s),
        seconds=score_seconds(recording.seizures, stretches, duration_s=lasts_s),
    )


def figures(scores: Sequence[RecordScore]) -> dict[str, Any]:
    """Put the recordings together.

    The whole seizures and recordings make `gross` and `average`; snippets are `groups` of their own, for one that ends
    within a seizure is no recording of it.
    """
    whole = [one for one in scores if one.part not in (ICTAL, BEFORE)] or list(scores)
    subjects = {name: pooled(one.events for one in whole if one.subject == name) for name in _subjects(whole)}
    return {
        "gross": _counted(whole),
        "average": {
            "subjects": len(subjects),
            "undefined_left_out": _rounded(average(subjects)),
            "undefined_as_0": _rounded(average(subjects, undefined=0.0)),
        },
        "interval": {},
        "groups": {
            **{part: _by_subject(scores, part) for part in dict.fromkeys(one.part for one in scores)},
        },
        "records": [_row(one) for one in scores],
    }


def _by_subject(scores: Sequence[RecordScore], part: str) -> dict[str, Any]:
    of_part = [one for one in scores if one.part == part]
    whole = {"all": _counted(of_part)}
    return whole | {name: _counted([one for one in of_part if one.subject == name]) for name in _subjects(of_part)}


def _subjects(scores: Sequence[RecordScore]) -> list[str]:
    return list(dict.fromkeys(one.subject for one in scores))


def _counted(scores: Sequence[RecordScore]) -> dict[str, Any]:
    events, seconds = pooled(one.events for one in scores), pooled(one.seconds for one in scores)
    latencies = [value for one in scores for value in one.latencies_s]
    known = [value for value in latencies if value is not None]
    hours = sum(one.events.duration_s for one in scores) / HOUR_S
    false = sum(one.false for one in scores)
    return {
        "recordings": len(scores),
        "hours": round(hours, 4),
        "seizures": events.reference,
        "found": events.tp,
        **_rounded({name: getattr(events, name) for name in FIGURES}),
        "latency_median_s": round(float(np.median(known)), 2) if known else None,
        "latency_most_s": round(max(known), 2) if known else None,
        "within_10_s": sum(value <= SOON_S for value in known),
        "false": false,
        "false_per_hour": round(false / hours, 3) if hours else None,
        "seconds": _rounded({name: getattr(seconds, name) for name in FIGURES[:3]}),
    }


def _rounded(values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if value is None else round(value, 4) for name, value in values.items()}


def _row(one: RecordScore) -> dict[str, Any]:
    return {
        "record": one.name,
        "subject": one.subject,
        "part": one.part,
        "seconds": round(one.events.duration_s, 1),
        "seizures": len(one.seizures),
        "candidates": len(one.found),
        "false": one.false,
        "latency_s": next((round(value, 2) for value in one.latencies_s if value is not None), None),
        "onset_s": [round(value, 1) for value, _ in one.seizures],
        "decided_s": [round(candidate.decided_s, 1) for candidate in one.found],
        "early": [candidate.is_early for candidate in one.found],
    }


def _about(folder: Path, entries: Sequence[Entry]) -> dict[str, Any]:
    """Say what was scored, and by which conventions."""
    is_cut = (folder / SNIPPETS).is_file()
    tuned_on = SHAPED_ON if is_cut else TUNED_ON
    if folder.name.startswith(SYNTHETIC):
        tuned_on = "seeds 1 and 2 of it"
    return {
        "what": "seizure",
        "set": folder.name,
        "scored": len(entries),
        "published": None,
        "tuned_on": tuned_on,
        "from_s": 0.0,
        "bundles": [],
        "protocol": "SzCORE: events at 10 Hz, merged below 90 s, cut at 300 s, the reference from -30 s to +60 s",
        "average_over": "subjects; a figure that is undefined for one is left out of the mean, or counts as 0: both",
        "left_out": [f"{name}: cut from behind its end" for name in ENDED] if is_cut else [],
    }
