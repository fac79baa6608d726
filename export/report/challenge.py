"""The PhysioNet/CinC challenge of 2015: which alarms of a bedside monitor are confirmed, and its score.

Source: Clifford GD et al., The PhysioNet/Computing in Cardiology Challenge 2015: reducing false arrhythmia alarms in
the ICU, Computing in Cardiology 2015;42:273-276. The score counts a true alarm that is not confirmed five times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.recordings import NoRecordings
from export.report.analysed import Analysed
from export.report.interval import interval
from export.report.reading import Signals
from export.report.verdicts import LAST_S, NAMED

MISSED_COUNTS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class ChallengeScore:
    """One record: what the monitor had named, whether that was true, and whether we say so too."""

    record: str
    named: str
    is_true: bool
    confirmed: bool


def score_challenge(signals: Signals, found: Analysed, label: Sequence[str]) -> ChallengeScore:
    """Score one record: an alarm is confirmed where a finding of its kind was open in the last 16 s.

    Raises
    ------
    NoRecordings : nobody labelled its alarm.
    """
    if len(label) != 2:
        raise NoRecordings("the alarm of a record has no label", record=signals.name)
    named, is_true = label
    return ChallengeScore(
        record=signals.name,
        named=named,
        is_true=is_true == "1",
        confirmed=any(one.kind in NAMED[named] and one.until_s > signals.seconds - LAST_S for one in found.findings),
    )


def challenge_figures(scores: Sequence[ChallengeScore]) -> dict[str, Any]:
    """Put the records together: `gross` with the score, `groups` by kind, `interval`, `records`."""
    counts = np.array([_counts(one) for one in scores], np.float64)
    kinds = sorted({one.named for one in scores})
    return {
        "gross": _figures(counts.sum(axis=0)),
        "interval": {"score": interval(counts, lambda sums: _score(sums.T))},
        "groups": {
            kind: _figures(np.sum([_counts(one) for one in scores if one.named == kind], axis=0)) for kind in kinds
        },
        "records": [
            {"record": one.record, "named": one.named, "true": one.is_true, "confirmed": one.confirmed}
            for one in scores
        ],
    }


def _counts(one: ChallengeScore) -> tuple[int, int, int, int]:
    """True ones confirmed and not, false ones confirmed and not."""
    return (
        int(one.is_true and one.confirmed),
        int(one.is_true and not one.confirmed),
        int(not one.is_true and one.confirmed),
        int(not one.is_true and not one.confirmed),
    )


def _score(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    tp, fn, fp, tn = sums
    return np.asarray(100 * (tp + tn) / (tp + tn + fp + MISSED_COUNTS * fn))


def _figures(sums: NDArray[np.float64]) -> dict[str, Any]:
    tp, fn, fp, tn = (int(one) for one in sums)
    return {
        "tp": tp,
        "fn": fn,
        "fp": fp,
        "tn": tn,
        "tpr": 100 * tp / (tp + fn) if tp + fn else None,
        "tnr": 100 * tn / (tn + fp) if tn + fp else None,
        "score": float(_score(np.asarray(sums, np.float64))),
    }
