"""How far each pair and the whole head are suppressed, second by second, and the bursts between."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from biosignal.eeg.suppression import RecentVariance, Segmenter, suppression_band
from biosignal.events import Series
from biosignal.signal.filters import Array
from biosignal.tasks.eeg_trend.derivations import Derivations, Truth
from biosignal.tasks.eeg_trend.kinds import SUPPRESSION
from biosignal.tasks.eeg_trend.limits import EegTrendLimits
from biosignal.tasks.eeg_trend.minutes import MINUTE_S, Minutes
from biosignal.tasks.task import TaskFacts

SETTLE_S = 2
"""So many seconds behind a start, a gap or rejected signal the filters still ring, and nothing is counted."""
LEAST_S = 30
"""Of a minute so many seconds must be fit."""
LONGEST_BURST_S = 30
"""What lasts longer between two suppressions is no burst: the EEG had become continuous."""


@dataclass(frozen=True, slots=True)
class Burst:
    """Samples [start, end) between two suppressions of the whole head; `uv` is the median peak to peak of the pairs."""

    start: int
    end: int
    uv: float


@dataclass(frozen=True, slots=True)
class HeadSecond:
    """A second of the whole head: samples of it that are suppressed, and whether it could be assessed at all."""

    number: int
    suppressed: int
    is_fit: bool
    bursts: tuple[Burst, ...]


@dataclass(frozen=True, slots=True)
class _Change:
    """From sample `at` on a row is suppressed, or not; `is_known` is false where it can no longer be relied on."""

    row: int
    at: int
    is_suppressed: bool
    is_known: bool = True


class SuppressionMeter:
    """Measures each second once the next is in, when no change in it is open any more.

    The whole head is one row more, behind those of the pairs: low where more than half of the pairs that can be relied
    on are.
    """

    def __init__(self, facts: TaskFacts, derivations: Derivations, limits: EegTrendLimits) -> None:
        leads = [derivations.named(row) for row in derivations.pairs.rows]
        self._pairs, self._fs_hz, self._second = len(leads), facts.fs_hz, round(facts.fs_hz)
        self._band, self._variance = suppression_band(facts.fs_hz), RecentVariance(facts.fs_hz)
        self._minutes = Minutes(facts, "suppression", leads=leads, columns=SUPPRESSION, step_s=MINUTE_S)
        self._minute: int | None = None
        self._clear_minute()
        self.set_limits(limits)

    def set_limits(self, limits: EegTrendLimits) -> None:
        """Take other limits; whether a row is suppressed is found anew."""
        self._limits = limits
        self.reset()

    def reset(self) -> None:
        """A gap follows: filters and stretches begin anew, the minute goes on. `settle` is called before."""
        self._band.reset()
        self._variance.reset()
        rows, limits = self._pairs + 1, self._limits
        lengths = [round(one * self._fs_hz) for one in (limits.suppression_s, limits.burst_s)]
        self._segments = Segmenter(rows, suppression=lengths[0], burst=lengths[1])
        self._held: tuple[int, Truth, Array] | None = None
        self._suppressed = np.zeros(rows, np.bool_)
        """Whether each row is suppressed at the beginning of the second that is held."""
        self._changes: list[_Change] = []
        """What happened from that second on."""
        self._burst_from: dict[int, int] = {}
        self._fit_from: Array | None = None
        self._swings: deque[tuple[int, Array, Array]] = deque(maxlen=LONGEST_BURST_S + 2)

    def push(self, number: int, start: int, pairs: Array, fit: Truth, *, is_whole: bool) -> HeadSecond | None:
        """Take a second of the pairs, shape (pair, sample) in uV; give what is now known of the one before."""
        x = self._band.push(pairs)
        low = self._variance.push(x) < self._limits.variance_uv2
        if not is_whole:
            return None
        sound = self._settled(number, fit)
        rows = np.append(sound, bool(sound.any()))
        low = np.concatenate([low, [np.sum(low[sound], axis=0) * 2 > np.sum(sound)]])
        for row in np.flatnonzero(~rows).tolist():
            self._forget(row, start)
        low[~rows] = False
        self._swings.append((number, x.min(axis=1), x.max(axis=1)))
        changes = self._segments.push(low, start)
        self._changes += [_Change(one.row, one.at, one.is_suppressed) for one in changes]
        done = self.settle()
        self._held = (number, rows, np.ptp(x, axis=1))
        return done

    def settle(self) -> HeadSecond | None:
        """Measure the second that is held: by now nothing in it is open, or a gap follows."""
        if self._held is None:
            return None
        number, rows, swing = self._held
        self._held = None
        start, end = number * self._second, (number + 1) * self._second
        suppressed = np.where(self._suppressed, self._second, 0)
        bursts: list[Burst] = []
        for change in self._changes:
            if change.at < end:
                bursts += self._apply(change, rows[:-1])
                if bool(self._suppressed[change.row]) != change.is_suppressed:
                    samples = end - max(change.at, start)
                    suppressed[change.row] += samples if change.is_suppressed else -samples
                    self._suppressed[change.row] = change.is_suppressed
        self._changes = [change for change in self._changes if change.at >= end]
        self._count(number, rows, suppressed, swing)
        return HeadSecond(number, int(suppressed[-1]), bool(rows[-1]), tuple(bursts))

    def end_minute(self, seen_until: int, decided_at: int) -> Iterator[Series]:
        """Give the minute that is over."""
        if self._minute is None:
            return
        seconds = self._seconds
        with np.errstate(invalid="ignore", divide="ignore"):
            values = np.stack(
                [
                    100.0 * self._sums / (seconds * self._second),
                    60.0 * self._bursts / seconds,
                    100.0 * self._low / seconds,
                    seconds / MINUTE_S,
                ],
                axis=1,
            )
        values[seconds < LEAST_S, :-1] = np.nan
        self._minutes.put(self._minute * MINUTE_S, values)
        self._clear_minute()
        yield from self._minutes.close(seen_until, decided_at)

    def _clear_minute(self) -> None:
        self._minute = None
        self._sums, self._bursts, self._low, self._seconds = np.zeros((4, self._pairs))

    def _settled(self, number: int, fit: Truth) -> Truth:
        """Say of each pair whether it is fit and was for long enough."""
        if self._fit_from is None:
            self._fit_from = np.full(self._pairs, number + SETTLE_S)
        self._fit_from[~fit] = number + 1 + SETTLE_S
        return np.asarray(number >= self._fit_from)

    def _forget(self, row: int, at: int) -> None:
        """A row cannot be relied on from a sample on: no burst may begin or end there."""
        self._segments.forget(row)
        self._changes.append(_Change(row, at, is_suppressed=False, is_known=False))

    def _apply(self, change: _Change, sound: Truth) -> list[Burst]:
        """Count a burst of a pair that ends with a change; give it where it is of the whole head."""
        began = self._burst_from.pop(change.row, None)
        if not change.is_known:
            return []
        if not change.is_suppressed:
            self._burst_from[change.row] = change.at
            return []
        if began is None or change.at - began > LONGEST_BURST_S * self._fs_hz:
            return []
        if change.row < self._pairs:
            self._bursts[change.row] += 1
            return []
        return [Burst(began, change.at, self._peak_to_peak(began, change.at, sound))]

    def _peak_to_peak(self, start: int, end: int, sound: Truth) -> float:
        """Give the median over the pairs of the peak to peak in the seconds that a stretch touches."""
        first, last = start // self._second, (end - 1) // self._second
        inside = [(low, high) for number, low, high in self._swings if first <= number <= last]
        lowest = np.min([low for low, _ in inside], axis=0)
        highest = np.max([high for _, high in inside], axis=0)
        return float(np.median((highest - lowest)[sound]))

    def _count(self, number: int, rows: Truth, suppressed: Array, swing: Array) -> None:
        sound = rows[:-1]
        self._minute = number // MINUTE_S
        self._sums += np.where(sound, suppressed[:-1], 0)
        self._low += sound & (swing < self._limits.low_uv)
        self._seconds += sound
