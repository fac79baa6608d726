"""Whether the last few beats may say by themselves that fibrillation began: before them there was something else."""

from collections import deque
from collections.abc import Sequence

from biosignal.events import Mark, Prediction
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.naming import Named

ECTOPIC = ("S", "V")
SINCE_BEATS = 24
"""So many beats may belong to what began; beats called early there count for nothing."""
BEFORE_BEATS = 48
"""So many beats before those hold none that came early."""
QUIET = slice(-7, -2)
"""Among these of the latest names one is sure that it was none; the last two may know of the change."""


class Before:
    """What there was before the last few beats.

    A few beats of ectopy look like a few beats of fibrillation. So the last beats alone count once only behind a rhythm
    of which the whole history was sure that it was none, and in which no beat came early.
    """

    def __init__(self) -> None:
        self._ectopic: deque[bool] = deque(maxlen=SINCE_BEATS + BEFORE_BEATS)

    def on_beat(self, label: str | None) -> None:
        """Take the class of the next beat."""
        self._ectopic.append(label in ECTOPIC)

    def begins(self, named: Sequence[Named], kind: str, limits: RhythmLimits) -> bool:
        """Whether `kind` has just begun by the last few beats, of which the last of these names says how probable."""
        is_calm = not any(list(self._ectopic)[:-SINCE_BEATS]) and _least(named[QUIET], kind) <= limits.af_before
        return is_calm and probable_lately(named[-1], kind) >= limits.af_open_lately


def _least(named: Sequence[Named], kind: str) -> float:
    return min((probable(one.mark, kind) for one in named), default=1.0)


def probable(mark: Mark, kind: str) -> float:
    """Give how probable a rhythm was by the whole history; the mark has an answer."""
    assert isinstance(mark.outcome, Prediction), "marks without an answer are not kept"
    return dict(mark.outcome.scores)[kind]


def probable_lately(named: Named, kind: str) -> float:
    """Give how probable it is by the last few beats alone; 0 where they were not asked about."""
    return dict(named.lately.scores)[kind] if isinstance(named.lately, Prediction) else 0.0
