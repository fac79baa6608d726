"""Streaming QRS detection on one lead, causal, with a bounded look-ahead.

Source: the envelope-and-threshold family of Pan and Tompkins (doi:10.1109/TBME.1985.325532) as refined by
Christov (doi:10.1186/1475-925X-3-28). Departures: the envelope is that of two complex Gabor bands (11 and 20 Hz);
a candidate must be the greatest within `guard_s`; the threshold follows the median of the last beats, rises in the
T-wave zone and falls as the next beat becomes overdue. Constants were chosen on the 22 training records of the
MIT-BIH database only.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

import numpy as np

from biosignal.events import MarkState
from biosignal.signal.filters import Array, Recent, SlidingFir, gabor_taps, low_pass_taps

BANDS = ((11.0, 0.028), (20.0, 0.02))
"""Centre in Hz and standard deviation in seconds of the Gabor windows."""
GABOR_S = 0.067
SMOOTH_S = 0.022
"""Half widths of the bands' windows and of the low-pass ahead of them."""
SEARCH_BACK_S = 4.0
"""The search back comes at the latest this long behind the last beat."""


@dataclass(frozen=True, kw_only=True, slots=True)
class QrsSettings:
    """Constants of the detector; fractions are of the envelope of the last beats, times in seconds."""

    guard_s: float = 0.2
    """A candidate is the greatest within this time on either side; also the refractory period."""
    settle_s: float = 0.27
    """Within this time a beat is withdrawn for one `outdo_factor` times as high: then it was a P wave."""
    outdo_factor: float = 1.15
    learn_s: float = 2.0
    """Candidates wait this long behind a start or a gap, until the first level is known."""
    level_fraction: float = 0.37
    noise_factor: float = 1.8
    t_zone_s: float = 0.36
    t_factor: float = 2.4
    """By how much the threshold is raised right behind a beat; falls to 1 at `t_zone_s`."""
    overdue_factor: float = 0.5
    """What is left of the threshold two intervals behind the last beat."""
    lost_factor: float = 0.25
    """What is left of it `lost_s` behind the last beat."""
    lost_s: float = 8.0
    search_back_intervals: float = 1.55
    search_back_factor: float = 0.72
    floor: float = 0.0
    """Envelope below which nothing is a beat, in the unit of the samples; 0 makes detection scale-free."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Detection:
    """What became known about an R peak: `PROVISIONAL` found, then `CONFIRMED` or `WITHDRAWN`.

    `late` marks beats that the search back or the learning phase added after the normal delay.
    """

    sample: int
    decided_at: int
    state: MarkState
    late: bool


class Candidate(NamedTuple):
    """A local maximum of the envelope, at grid index `at`."""

    at: int
    height: float


class Decision(NamedTuple):
    """What was decided about a candidate when the envelope was known up to grid index `known`."""

    candidate: Candidate
    known: int
    state: MarkState
    late: bool = False


class BeatRule:
    """Decides which maxima of an envelope are beats. All times are grid steps of `rate_hz`."""

    def __init__(self, rate_hz: float, settings: QrsSettings) -> None:
        self._rate_hz = rate_hz
        self._settings = settings
        self._guard = round(settings.guard_s * rate_hz)
        self._settle = max(round(settings.settle_s * rate_hz), self._guard)
        self._learn_at: float = round(settings.learn_s * rate_hz)
        self._learning: list[Candidate] = []
        self._pending: Candidate | None = None
        self._found: Candidate | None = None
        self._rejected: list[Candidate] = []
        self._last: Candidate | None = None
        self._search_at = math.inf
        self._heights: deque[float] = deque(maxlen=8)
        self._intervals: deque[int] = deque(maxlen=8)
        self._level = 0.0
        self._interval: float = rate_hz
        self._noises: deque[float] = deque(maxlen=15)
        self._noise = 0.0

    def offer(self, candidate: Candidate) -> Iterator[Decision]:
        """Take the next maximum; yield what was decided before it became known."""
        yield from self.advance(candidate.at)
        if self._found is not None and self._outdoes(candidate, self._found):
            yield Decision(self._found, candidate.at + 1, MarkState.WITHDRAWN)
            self._found = None
        if self._pending is None or candidate.height > self._pending.height:
            self._pending = candidate

    def advance(self, known: int) -> Iterator[Decision]:
        """Yield what can be decided when the envelope is known up to `known`."""
        while True:
            settles_at = self._found.at + self._settle if self._found else math.inf
            closes = self._pending.at + self._guard if self._pending else math.inf
            now = min(settles_at, closes, self._learn_at, self._search_at)
            if now > known:
                return
            if now == settles_at:
                yield from self._settle_found(int(now))
            elif now == closes:
                yield from self._close(int(now))
            elif now == self._learn_at:
                yield from self._learn(int(now))
            else:
                yield from self._search_back(int(now))

    def finish(self, known: int) -> Iterator[Decision]:
        """The envelope ends at `known`: decide what is held."""
        yield from self.advance(known)
        yield from self._settle_found(known)
        yield from self._close(known)
        yield from self._learn(known)
        yield from self._settle_found(known)

    def _outdoes(self, candidate: Candidate, found: Candidate) -> bool:
        """Whether `found` was but the P wave or foot of `candidate`."""
        near = candidate.at - found.at < self._settle
        return near and candidate.height > self._settings.outdo_factor * found.height

    def _settle_found(self, known: int) -> Iterator[Decision]:
        found, self._found = self._found, None
        if found is not None:
            self._learn_from(found, known)
            yield Decision(found, known, MarkState.CONFIRMED)

    def _close(self, known: int) -> Iterator[Decision]:
        candidate, self._pending = self._pending, None
        if candidate is None:
            return
        if known <= self._learn_at < math.inf:
            self._learning.append(candidate)
        elif self._passes(candidate):
            self._found = candidate
            yield Decision(candidate, known, MarkState.PROVISIONAL)

    def _learn(self, known: int) -> Iterator[Decision]:
        candidates, self._learning = self._learning, []
        self._learn_at = math.inf
        if candidates:
            self._level = self._first_level(candidates)
        following = [*candidates[1:], self._pending]
        for candidate, after in zip(candidates, following, strict=False):
            if self._passes(candidate) and not (after and self._outdoes(after, candidate)):
                yield from self._add_late(candidate, known)

    def _first_level(self, candidates: list[Candidate]) -> float:
        half = self._rate_hz * self._settings.learn_s / 2
        halves = [[c.height for c in candidates if (c.at < half) == first] for first in (True, False)]
        tops = [max(heights) for heights in halves if heights]
        return min(tops) if min(tops) > 0.3 * max(tops) else max(tops)

    def _passes(self, candidate: Candidate) -> bool:
        if candidate.height >= self._threshold(candidate):
            return True
        self._noises.append(min(candidate.height, self._level))
        self._noise = median(self._noises)
        self._rejected.append(candidate)
        return False

    def _add_late(self, candidate: Candidate, known: int) -> Iterator[Decision]:
        self._learn_from(candidate, known)
        yield Decision(candidate, known, MarkState.PROVISIONAL, late=True)
        yield Decision(candidate, known, MarkState.CONFIRMED, late=True)

    def _learn_from(self, beat: Candidate, known: int) -> None:
        """Learn from a beat."""
        if self._last is not None:
            self._intervals.append(beat.at - self._last.at)
            self._interval = median(self._intervals)
        self._last = beat
        self._heights.append(min(beat.height, 3 * self._level) if self._level else beat.height)
        self._level = median(self._heights)
        self._rejected = [candidate for candidate in self._rejected if candidate.at > beat.at]
        wait = min(self._settings.search_back_intervals * self._interval, SEARCH_BACK_S * self._rate_hz)
        self._search_at = max(beat.at + round(wait) + self._guard, known)

    def _threshold(self, candidate: Candidate) -> float:
        settings = self._settings
        base = settings.level_fraction * self._level
        if self._last is not None:
            base *= self._timing((candidate.at - self._last.at) / self._rate_hz)
        return max(base, settings.noise_factor * self._noise, settings.floor)

    def _timing(self, since_s: float) -> float:
        settings = self._settings
        if since_s < settings.t_zone_s:
            share = (settings.t_zone_s - since_s) / (settings.t_zone_s - settings.guard_s)
            return 1 + (settings.t_factor - 1) * min(share, 1.0)
        overdue = min(max(since_s * self._rate_hz / self._interval - 1, 0.0), 1.0)
        lost = min(since_s / settings.lost_s, 1.0)
        return min(1 - (1 - settings.overdue_factor) * overdue, 1 - (1 - settings.lost_factor) * lost)

    def _search_back(self, known: int) -> Iterator[Decision]:
        self._search_at = math.inf
        if not self._rejected or self._found is not None:
            return
        best = max(self._rejected, key=lambda candidate: candidate.height)
        if best.height >= self._settings.search_back_factor * self._threshold(best):
            yield from self._add_late(best, known)


class QrsDetector:
    """Finds R peaks in one unbroken stretch of one lead; make a new one behind a gap.

    Parameters
    ----------
    fs_hz : sampling frequency, 100-1000 Hz.
    start : absolute index of the first sample.
    """

    def __init__(self, fs_hz: float, *, start: int = 0, settings: QrsSettings | None = None) -> None:
        self._settings = settings or QrsSettings()
        self._fs_hz = fs_hz
        self._start = start
        self._step = max(1, int(fs_hz / 110))
        self._rate_hz = fs_hz / self._step
        smooth_lag = round(SMOOTH_S * fs_hz) if self._step > 1 else 0
        self._smooth = SlidingFir(low_pass_taps(fs_hz, cutoff_hz=45.0, lag=smooth_lag), step=self._step)
        lag = round(GABOR_S * self._rate_hz)
        bands = (gabor_taps(self._rate_hz, centre_hz=f, sigma_s=s, lag=lag) for f, s in BANDS)
        self._gabor = SlidingFir(np.concatenate(tuple(bands)))
        self._rule = BeatRule(self._rate_hz, self._settings)
        self._recent = Recent(start=start, keep=round(8 * fs_hz))
        self._placed: tuple[int, int] | None = None
        self._envelope = np.zeros((2, 0))
        self._first = 0

    def push(self, x: Array) -> list[Detection]:
        """Take the next samples, shape (sample,), float64, without NaN; return the beats decided on the way."""
        self._recent.append(x)
        return [self._detection(decision) for decision in self._decide(self._gabor.push(self._smooth.push(x)[0]))]

    def finish(self) -> list[Detection]:
        """End the stretch: decide what is held back, as if the last sample went on."""
        tail = np.concatenate((self._gabor.push(self._smooth.flush()[0]), self._gabor.flush()), axis=1)
        decisions = list(self._decide(tail))
        decisions.extend(self._rule.finish(self._first + self._envelope.shape[1] - 1))
        last = self._recent.end - 1
        return [replace(found, decided_at=min(found.decided_at, last)) for found in map(self._detection, decisions)]

    def _decide(self, bands: Array) -> Iterator[Decision]:
        if not bands.shape[1]:
            return
        squares = bands * bands
        heights = np.sqrt(squares[0::2] + squares[1::2])
        self._envelope = np.concatenate((self._envelope, heights), axis=1)
        low, high = self._envelope
        both = np.sqrt(low * high)
        middle = both[1:-1]
        peaks = np.flatnonzero((middle > both[:-2]) & (middle >= both[2:])) + 1
        for index in peaks.tolist():
            yield from self._rule.offer(Candidate(self._first + index, float(both[index])))
        yield from self._rule.advance(self._first + len(both) - 1)
        drop = max(0, len(both) - 2)
        self._envelope = self._envelope[:, drop:]
        self._first += drop

    def _detection(self, decision: Decision) -> Detection:
        return Detection(
            sample=self._fiducial(decision.candidate.at * self._step),
            decided_at=self._start + (decision.known + self._gabor.lag) * self._step + self._smooth.lag,
            state=decision.state,
            late=decision.late,
        )

    def _fiducial(self, centre: int) -> int:
        """Go from the middle of the envelope to the greatest deflection from the local mean."""
        # A beat is asked for twice, when it is found and when it is settled, mostly one after the other.
        if self._placed is not None and self._placed[0] == centre:
            return self._placed[1]
        placed = self._greatest_near(centre + self._start)
        self._placed = (centre, placed)
        return placed

    def _greatest_near(self, centre: int) -> int:
        wide, near = round(0.1 * self._fs_hz), round(0.05 * self._fs_hz)
        first = max(centre - near, self._recent.oldest)
        stretch = self._recent.between(first, centre + near + 1)
        around = self._recent.between(centre - wide, centre + wide + 1)
        return first + int(np.argmax(np.abs(stretch - np.add.reduce(around) / around.size)))
