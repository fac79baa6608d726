"""Consecutive ventricular beats: what a run is made of, and whether a beat belongs to it."""

from collections import deque
from statistics import fmean, median

from biosignal.events import Mark, Prediction
from biosignal.tasks.ecg_beats.kinds import LIKENESS_BEFORE
from biosignal.tasks.ecg_front.kinds import VENTRICULAR
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.finding_log import EVIDENCE_MARKS

USUAL_BEATS = 8
"""So many RR intervals give what is usual, and at least `USUAL_LEAST` of them are needed to say so."""
USUAL_LEAST = 3
SEEN_BEATS = 40
"""Over so many beats it is known how ventricular the patient's beats look; runs are mostly shorter."""


class UsualRhythm:
    """What the patient's beats are like since a break: how many, their RR interval, and how ventricular they look."""

    def __init__(self) -> None:
        self.beats = 0
        self._seen: deque[float] = deque(maxlen=SEEN_BEATS)
        self._rr_s: deque[float] = deque(maxlen=USUAL_BEATS)

    def add(self, beat: Mark, rr_s: float | None, *, ventricular: bool) -> None:
        """Take the next beat; `rr_s` is the interval before it in seconds, absent where it cannot be trusted."""
        self.beats += 1
        if (seen := beat.number(VENTRICULAR)) is not None:
            self._seen.append(seen)
        if rr_s is not None and not ventricular:
            self._rr_s.append(rr_s)

    def is_ventricular(self, beat: Mark, rr_s: float | None, limits: RhythmLimits) -> bool:
        """Whether a beat counts as ventricular: it is called V, or it is fast and the front end is sure of it alone.

        The classifier looks at one lead and learns a rhythm that lasts; the front end looks at all leads and learns
        none. So it is believed of fast beats that are no fusion beats, and only in a patient whose beats do not all
        look ventricular to it, as paced ones may. Where the classifier said nothing, because its lead cannot be judged
        or shows what it never saw, nothing stands against the front end: `run_seen` is enough.
        """
        if beat.label == "V":
            return True
        if beat.label == "F" or rr_s is None or rr_s > 60.0 / limits.vt_rate_per_min:
            return False
        is_known = len(self._seen) >= USUAL_BEATS and median(self._seen) < limits.run_seen_alone / 2
        least = limits.run_seen if beat.label is None else limits.run_seen_alone
        return is_known and (beat.number(VENTRICULAR) or 0.0) >= least

    def is_premature(self, rr_s: float | None, ratio: float) -> bool:
        """Whether a beat after `rr_s` comes sooner than `ratio` of the usual interval; never, where none is known."""
        if rr_s is None or len(self._rr_s) < USUAL_LEAST:
            return False
        return rr_s < ratio * median(self._rr_s)


class Run:
    """Consecutive V beats: counts and sums of all, the first few kept as evidence, the latest for their rate.

    Parameters
    ----------
    latest : how many beats the latest rate is measured over.
    premature, differs : whether its first beat came early, and had another shape than the beat before it.
    early : whether it began before the patient's own beats were known.
    """

    def __init__(self, *, latest: int = 2, premature: bool = False, differs: bool = True, early: bool = False) -> None:
        self.beats: list[Mark] = []
        self.count = 0
        self.otherwise = 0
        self.premature = premature
        self.differs = differs
        self.early = early
        self.latest: deque[Mark] = deque(maxlen=latest)
        self._probabilities = 0.0
        self._seen: list[float] = []

    def add(self, beat: Mark) -> None:
        """Take the next beat; one that is not called V is counted in `otherwise`, too."""
        if len(self.beats) < EVIDENCE_MARKS:
            self.beats.append(beat)
        self.count += 1
        self.otherwise += beat.label != "V"
        self.latest.append(beat)
        scores = dict(beat.outcome.scores) if isinstance(beat.outcome, Prediction) else {}
        self._probabilities += scores.get("V", 0.0)
        if len(self._seen) < EVIDENCE_MARKS and (seen := beat.number(VENTRICULAR)) is not None:
            self._seen.append(seen)

    def is_seen(self, least: float) -> bool:
        """Whether the front end, where it looked, saw the first beats as ventricular, `least` on average."""
        return not self._seen or fmean(self._seen) >= least

    def is_ragged(self, limits: RhythmLimits) -> bool:
        """Whether the first three beats are neither evenly spaced (`run_uneven`) nor of one shape (`run_alike`).

        Movement that looks ventricular is so. Where it is not known how alike they are, they are not called so.
        """
        first, second, third = self.beats[:3]
        likeness = [one.number(LIKENESS_BEFORE) for one in (second, third)]
        shorter, longer = sorted((second.start - first.start, third.start - second.start))
        return longer >= limits.run_uneven * shorter and any(x is not None and x < limits.run_alike for x in likeness)

    @property
    def onset(self) -> int:
        """Sample of the first beat."""
        return self.beats[0].start

    @property
    def last(self) -> int:
        """Sample of the latest beat."""
        return self.latest[-1].start

    @property
    def probability(self) -> float:
        """Mean probability of V that the classifier gave."""
        return self._probabilities / self.count

    def rate_per_min(self, fs_hz: float) -> float:
        """Rate of all beats."""
        return 60.0 * fs_hz * (self.count - 1) / (self.last - self.onset)

    def latest_rate_per_min(self, fs_hz: float) -> float:
        """Rate of the latest beats."""
        return 60.0 * fs_hz * (len(self.latest) - 1) / (self.last - self.latest[0].start)

    def is_continued(self, beat: Mark, rr_s: float | None, limits: RhythmLimits, fs_hz: float) -> bool:
        """Whether a beat of another class goes on as the run did: as fast, without a pause, and of the same shape."""
        likeness = beat.number(LIKENESS_BEFORE)
        if rr_s is None or likeness is None or likeness < limits.vt_likeness:
            return False
        expected_s = 60.0 / self.latest_rate_per_min(fs_hz)
        return rr_s <= min(60.0 / limits.vt_rate_per_min, limits.vt_hold_ratio * expected_s)


def quickened(run: Run) -> Run:
    """Give the latest beats of a run as a run of their own: what was slow before them is left out."""
    latest = list(run.latest)
    fast = Run(latest=len(latest), premature=run.premature, differs=run.differs, early=run.early)
    for beat in latest:
        fast.add(beat)
    return fast
