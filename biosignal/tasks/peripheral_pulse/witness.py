"""Whether the pulse goes on while the ECG shows no beat."""

from collections import deque
from itertools import pairwise
from statistics import median

from biosignal.events import Mark
from biosignal.tasks.peripheral_pulse.kinds import HEIGHT

KEPT_S = 40.0
USUAL_LEAST = 5
"""So many waves before the silence say how high the patient's pulse is."""


class PulseWitness:
    """Asks the waves of each lead of pulse or pressure.

    A pulse goes on where one lead shows waves that are at least `SHARE` as high as those before the silence, without a
    hole of `HOLE_S`, and as regular as a heart: `EVEN` of them keep within a third of their median interval. Where one
    is higher than `MOST` allows, the patient moves, and nothing is said. The first `LAG_S` do not count, as the pulse
    of the last beat comes that much later.
    """

    SHARE, MOST = 0.5, 2.0
    HOLE_S = 2.0
    LAG_S = 0.8
    EVEN = 0.7

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
