"""Heartbeats found, whatever they are called: by EC57, and once more within 50 ms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from biosignal.scoring.ec57 import MATCH_S, score_record
from biosignal.scoring.score import Annotations
from export.recordings import NoRecordings
from export.report.analysed import Analysed
from export.report.interval import interval, mean, share
from export.report.reading import Signals

NARROW_S = 0.050


@dataclass(frozen=True, kw_only=True, slots=True)
class QrsScore:
    """Counts of one record within 150 and 50 ms, and how long after its R peak each beat was confirmed, in ms."""

    record: str
    wide: tuple[int, int, int]
    narrow: tuple[int, int, int]
    latency_ms: tuple[float, ...] = ()


def score_qrs(signals: Signals, found: Analysed, *, from_s: float) -> QrsScore:
    """Score what the pipeline found in one record, from `from_s` on.

    Raises
    ------
    NoRecordings : it has no reference annotations.
    """
    latency_ms = tuple(1000 * (mark.decided_at - mark.start) / signals.fs_hz for mark in found.beats)
    return replace(score_beats(signals, found.annotations(), from_s=from_s), latency_ms=latency_ms)


def score_beats(signals: Signals, test: Annotations, *, from_s: float) -> QrsScore:
    """Score beats that anything found in one record, from `from_s` on; its latencies stay empty.

    Raises
    ------
    NoRecordings : it has no reference annotations.
    """
    if signals.reference is None:
        raise NoRecordings("a record has no reference annotations to score beats by", record=signals.name)
    wide, narrow = (
        score_record(
            signals.reference,
            test,
            fs_hz=signals.fs_hz,
            start_s=from_s,
            end=signals.samples.shape[1],
            match_s=match_s,
        ).qrs
        for match_s in (MATCH_S, NARROW_S)
    )
    return QrsScore(
        record=signals.name,
        wide=(wide.tp, wide.fn, wide.fp),
        narrow=(narrow.tp, narrow.fn, narrow.fp),
    )


def qrs_figures(scores: Sequence[QrsScore], groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Put the records together: `gross`, `average`, `groups`, `interval`, and a row each in `records`."""
    rows = [{"record": one.record} | _figures(one.wide, one.narrow) for one in scores]
    return {
        "gross": _pooled(scores) | _latency(scores),
        "average": {name: mean([row[name] for row in rows]) for name in ("se", "ppv", "der", "f1_150", "f1_50")},
        "interval": _intervals(scores),
        "groups": {
            name: _pooled(chosen) | {"records": len(chosen)}
            for name, records in groups.items()
            if (chosen := [one for one in scores if one.record in records])
        },
        "records": rows,
    }


def _pooled(scores: Sequence[QrsScore]) -> dict[str, Any]:
    return _figures(
        tuple(sum(counts) for counts in zip(*(one.wide for one in scores), strict=True)),
        tuple(sum(counts) for counts in zip(*(one.narrow for one in scores), strict=True)),
    )


def _figures(wide: tuple[int, ...], narrow: tuple[int, ...]) -> dict[str, Any]:
    tp, fn, fp = wide
    return {
        "beats": tp + fn,
        "fn": fn,
        "fp": fp,
        "se": share(tp, tp + fn),
        "ppv": share(tp, tp + fp),
        "der": share(fn + fp, tp + fn),
        "f1_150": share(2 * tp, 2 * tp + fn + fp),
        "f1_50": share(2 * narrow[0], 2 * narrow[0] + narrow[1] + narrow[2]),
    }


def _intervals(scores: Sequence[QrsScore]) -> dict[str, list[float] | None]:
    counts = np.array([one.wide for one in scores], np.float64)
    return {
        "se": interval(counts, lambda sums: 100 * sums[:, 0] / (sums[:, 0] + sums[:, 1])),
        "ppv": interval(counts, lambda sums: 100 * sums[:, 0] / (sums[:, 0] + sums[:, 2])),
        "der": interval(counts, lambda sums: 100 * (sums[:, 1] + sums[:, 2]) / (sums[:, 0] + sums[:, 1])),
    }


def _latency(scores: Sequence[QrsScore]) -> dict[str, float | None]:
    """How long after the R peak beats were confirmed with their class."""
    all_ms = [ms for one in scores for ms in one.latency_ms]
    median, p99 = np.percentile(all_ms, [50, 99]) if all_ms else (None, None)
    return {
        "confirmed_ms_median": None if median is None else round(float(median), 1),
        "confirmed_ms_p99": None if p99 is None else round(float(p99), 1),
    }
