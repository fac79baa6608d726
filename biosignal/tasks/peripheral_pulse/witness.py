"""Whether the pulse goes on while the ECG shows no beat, and whether it changes with what the ECG shows."""

from collections import deque
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from biosignal.events import Mark
from biosignal.tasks.peripheral_pulse.kinds import HEIGHT

KEPT_S = 40.0
USUAL_LEAST = 5
"""So many waves before the silence say how high the patient's pulse is."""
DENIED = 0.15
"""Intervals that differ by more than this part are those of two rhythms."""


class Steady(NamedTuple):
    """A pulse that does not change: its interval in seconds.

    `is_sure` where enough of it was seen since: the pulse of a beat comes some time after it, so at first one that is
    about to change looks steady as well.
    """

    interval_s: float
    is_sure: bool

    def denies(self, interval_s: float) -> bool:
        """Whether a heart that beat in such intervals, in seconds, would have changed it."""
        return abs(interval_s - self.interval_s) > DENIED * self.interval_s


class Even(NamedTuple):
    """What a lead shows whose pulse was even before: how that goes on, or nothing where it changed."""

    since: Steady | None


class PulseWitness:
    """Asks the waves of each lead of pulse or pressure.

    A pulse goes on where one lead shows waves that are at least `SHARE` as high as those before the silence, without a
    hole of `HOLE_S`, and as regular as a heart: `EVEN` of them keep within a third of their median interval. Where one
    is higher than `MOST` allows, the patient moves, and nothing is said. The first `LAG_S` do not count, as the pulse
    of the last beat comes that much later.

    It is `steady` where no interval differs from the median of the `STEADY_OF` before it by more than a part of
    `STEADY`, and the next wave is not overdue. The waves are those that are `STEADY_SHARE` as high as the usual one.
    """

    SHARE, MOST = 0.5, 2.0
    HOLE_S = 2.0
    LAG_S = 0.8
    EVEN = 0.7
    STEADY, STEADY_LATE = 0.15, 1.65
    STEADY_LATELY_S, STEADY_OF = 15.0, 4
    STEADY_SHARE = 0.3
    STEADY_LEAST = 2

    def __init__(self, fs_hz: float) -> None:
        self._fs_hz = fs_hz
        self._waves: dict[tuple[str, ...], deque[Mark]] = {}

    def on_wave(self, wave: Mark) -> None:
        """Take a wave."""
        waves = self._waves.setdefault(wave.leads, deque())
        waves.append(wave)
        while waves[0].start < wave.start - KEPT_S * self._fs_hz:
            waves.popleft()

    def on_break(self) -> None:
        """Forget the past."""
        self._waves.clear()

    def goes_on(self, since: int, until: int, *, usual_until: int | None = None) -> bool:
        """Whether a pulse went on between two samples, by what was known at the second.

        The first is the last beat. How high the pulse is usually is taken from before it, or before `usual_until`.
        """
        known = since if usual_until is None else usual_until
        return any(self._is_going(waves, since, until, known) for waves in self._waves.values())

    def _is_going(self, waves: deque[Mark], since: int, until: int, known: int) -> bool:
        before = [height for wave in waves if wave.start <= known and (height := wave.number(HEIGHT)) is not None]
        if len(before) < USUAL_LEAST:
            return False
        # The notches and ripple between pulses are waves too: the usual pulse is one of the higher half.
        usual = median(sorted(before)[len(before) // 2 :])
        begin = since + self.LAG_S * self._fs_hz
        inside = [
            (wave.start, wave.number(HEIGHT) or 0.0)
            for wave in waves
            if begin <= wave.start and wave.decided_at <= until
        ]
        if any(height > self.MOST * usual for _, height in inside):
            return False
        high = [start for start, height in inside if height >= self.SHARE * usual]
        if len(high) < 2:
            return False
        intervals = [after - at for at, after in pairwise(high)]
        longest = max([*intervals, high[0] - begin, until - high[-1]])
        usual_interval = median(intervals)
        even = sum(3 * abs(each - usual_interval) <= usual_interval for each in intervals)
        return longest <= self.HOLE_S * self._fs_hz and even >= self.EVEN * len(intervals)

    def steady(self, since: int, until: int) -> Steady | None:
        """Say whether the pulse went on from before the first sample to the second as if nothing had been.

        It does where on one lead every interval since is like the ones before it, and on no lead that was even before
        one is not: whatever reaches a sensor from a heart that beats early, fast or not at all changes it. Low waves
        count as well, so a pulse of two heights is never even. None where it changed, or nobody can say.
        """
        even = [one for waves in self._waves.values() if (one := self._even(waves, since, until)) is not None]
        steady = [one.since for one in even if one.since is not None]
        return max(steady, key=lambda one: one.is_sure, default=None) if len(steady) == len(even) else None

    def _even(self, waves: deque[Mark], since: int, until: int) -> Even | None:
        """Say how an even pulse went on; None where it was not even, or too little was seen to say so."""
        starts = self._high_enough(waves, since, until)
        intervals = [end - start for start, end in pairwise(starts)]
        old = sum(end <= since for end in starts[1:])
        if old < USUAL_LEAST - 1:
            return None
        usual = [median(intervals[max(at - self.STEADY_OF, 0) : max(at, 1)]) for at in range(len(intervals) + 1)]
        off = [abs(each - those) > self.STEADY * those for each, those in zip(intervals, usual, strict=False)]
        if 4 * sum(off[:old]) > old:
            return None
        # A wave is told once it has fallen by half.
        if any(off[old:]) or until - starts[-1] > self.STEADY_LATE * usual[-1]:
            return Even(since=None)
        shown = sum(end > since + self.LAG_S * self._fs_hz for end in starts[1:])
        return Even(since=Steady(usual[-1] / self._fs_hz, is_sure=shown >= self.STEADY_LEAST))

    def _high_enough(self, waves: deque[Mark], since: int, until: int) -> list[int]:
        """Samples of the waves that count, of those that were told by sample `until`."""
        lately = since - self.STEADY_LATELY_S * self._fs_hz
        known = [
            (one.start, height)
            for one in waves
            if one.start >= lately and one.decided_at <= until and (height := one.number(HEIGHT)) is not None
        ]
        before = sorted(height for start, height in known if start <= since)
        if len(before) < USUAL_LEAST:
            return []
        least = self.STEADY_SHARE * median(before[len(before) // 2 :])
        return [start for start, height in known if height >= least]
