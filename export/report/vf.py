"""Ventricular fibrillation and flutter: whether they were named, how soon, and what was said instead."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from biosignal.events import Priority
from export.recordings import NoRecordings
from export.report.analysed import Analysed, Said
from export.report.interval import interval, mean, share
from export.report.reading import Signals
from export.report.reference import TACHYCARDIA, Reference, overlaps, reference_of
from export.report.verdicts import TOLERANCE_S, VF

LEAST_S = 6.0
IN_TIME_S = 10.0
LOOKED_S = 30.0
"""What is said later than this is about something else."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """One stretch of fibrillation or flutter; `named_s` and `first` count from its start."""

    start_s: float
    end_s: float
    named_s: float | None
    first: str | None
    first_s: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class VfScore:
    """One record: its episodes, and alarms of fibrillation where there was none, by what was there."""

    record: str
    hours: float
    episodes: tuple[Episode, ...]
    false: tuple[str, ...]


def score_vf(signals: Signals, found: Analysed, *, from_s: float) -> VfScore:
    """Score one record: episodes of six seconds or more that begin behind `from_s`.

    Raises
    ------
    NoRecordings : it has no reference annotations.
    """
    if signals.reference is None:
        raise NoRecordings("a record has no reference annotations to score fibrillation by", record=signals.name)
    known = reference_of(signals)
    said = [one for one in found.findings if one.priority is not Priority.NONE and not one.technical]
    outside_s = signals.seconds - from_s - sum(max(0.0, end - max(start, from_s)) for start, end in known.fibrillation)
    return VfScore(
        record=signals.name,
        hours=max(0.0, outside_s) / 3600,
        episodes=tuple(
            _episode(start, end, said)
            for start, end in known.fibrillation
            if end - start >= LEAST_S and start >= from_s
        ),
        false=tuple(_there(one, known) for one in said if one.decided_s >= from_s and _is_false(one, known)),
    )


def _episode(start: float, end: float, said: Sequence[Said]) -> Episode:
    # What was open when it began, or opened soon after: an alarm that sounds already need not sound again.
    heard = [one for one in said if one.until_s > start and one.decided_s <= min(end, start + LOOKED_S) + TOLERANCE_S]
    ours = [one for one in heard if one.kind == VF]
    first = min(heard, key=lambda one: one.decided_s, default=None)
    return Episode(
        start_s=start,
        end_s=end,
        named_s=max(0.0, ours[0].decided_s - start) if ours else None,
        first=None if first is None else first.kind,
        first_s=None if first is None else max(0.0, first.decided_s - start),
    )


def _is_false(one: Said, known: Reference) -> bool:
    return one.kind == VF and not overlaps(known.fibrillation, one.onset_s - TOLERANCE_S, one.decided_s + TOLERANCE_S)


def _there(one: Said, known: Reference) -> str:
    for name, rhythms in (("vt", TACHYCARDIA), ("noise", ("NOISE",)), ("asystole", ("ASYS",))):
        if overlaps(known.of_rhythm(rhythms), one.onset_s, one.decided_s):
            return name
    return "other"


def vf_figures(scores: Sequence[VfScore]) -> dict[str, Any]:
    """Put the records together: `gross`, `average`, `interval`, `records` with their episodes."""
    rows = [
        {"record": one.record} | _figures([one]) | {"list": [_written(each) for each in one.episodes]} for one in scores
    ]
    counts = np.array([(_in_time(one), len(one.episodes), len(one.false), one.hours) for one in scores], np.float64)
    return {
        "gross": _figures(scores),
        "average": {name: mean([row[name] for row in rows]) for name in ("se", "false_per_hour")},
        "interval": {
            "se": interval(counts, lambda sums: 100 * sums[:, 0] / sums[:, 1]),
            "false_per_hour": interval(counts, lambda sums: sums[:, 2] / sums[:, 3]),
        },
        "records": rows,
    }


def _in_time(one: VfScore) -> int:
    return sum(each.named_s is not None and each.named_s <= IN_TIME_S for each in one.episodes)


def _figures(scores: Sequence[VfScore]) -> dict[str, Any]:
    episodes = [each for one in scores for each in one.episodes]
    named_s = [each.named_s for each in episodes if each.named_s is not None]
    in_time = sum(map(_in_time, scores))
    false = Counter(what for one in scores for what in one.false)
    hours = sum(one.hours for one in scores)
    return {
        "episodes": len(episodes),
        "named_in_10_s": in_time,
        "se": share(in_time, len(episodes)),
        "latency_s": round(median(named_s), 3) if named_s else None,
        "first": dict(Counter(each.first or "nothing" for each in episodes)),
        "first_s": round(median(known), 3)
        if (known := [e.first_s for e in episodes if e.first_s is not None])
        else None,
        "false": false.total(),
        "false_in": dict(false),
        "hours": round(hours, 4),
        "false_per_hour": share(false.total(), hours, scale=1.0),
    }


def _written(one: Episode) -> dict[str, Any]:
    return {
        "start_s": round(one.start_s, 3),
        "end_s": round(one.end_s, 3),
        "named_s": None if one.named_s is None else round(one.named_s, 3),
        "first": one.first,
        "first_s": None if one.first_s is None else round(one.first_s, 3),
    }
