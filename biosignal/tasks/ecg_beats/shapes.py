"""What a heartbeat of this patient usually looks like: how large its QRS is, and three median beats."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

SCALE_BEATS = 32
RUNNING_BEATS = 40
SLOW_EVERY, SLOW_BEATS = 8, 120  # 960 beats, about a quarter of an hour
FIRST_S = 300.0
FIRST_BEATS = 512

Array = NDArray[np.float64]


class Shapes:
    """Learns from the beats of one lead that came on time, as a stream; it starts anew behind a gap.

    Parameters
    ----------
    length : samples of a beat.
    """

    def __init__(self, length: int) -> None:
        self._sizes: deque[float] = deque(maxlen=SCALE_BEATS)
        self._regular = 0
        self._running = MedianBeat(length, RUNNING_BEATS)
        self._slow = MedianBeat(length, SLOW_BEATS)
        self._early: MedianBeat | None = MedianBeat(length, FIRST_BEATS)
        self._first: Array | None = None

    def scale(self, size: float) -> float:
        """Note the size of a QRS; give the running median, never zero."""
        self._sizes.append(size)
        ordered = sorted(self._sizes)
        return max(ordered[len(ordered) // 2], 1e-6)

    def templates(self, beat: Array, elapsed_s: float) -> tuple[Array, Array, Array]:
        """Give the running, the slow and the first template as they stood before this beat.

        Where there is none the beat itself takes its place. The first one is that of the first `FIRST_S` seconds and
        never changes; until then the running one takes its place.
        """
        running = self._running.value(beat)
        if self._early is not None and elapsed_s >= FIRST_S:
            self._first, self._early = self._early.value(running).copy(), None
        return running, self._slow.value(beat), running if self._first is None else self._first

    def learn(self, beat: Array) -> None:
        """Take in a beat that came on time."""
        self._running.add(beat)
        if self._regular % SLOW_EVERY == 0:
            self._slow.add(beat)
        if self._early is not None:
            self._early.add(beat)
        self._regular += 1


class MedianBeat:
    """The median of the last beats given, at most so many."""

    def __init__(self, length: int, most: int) -> None:
        self._beats = np.zeros((length, most))
        self._most = most
        self._count = 0
        self._median: Array | None = None

    def add(self, beat: Array) -> None:
        """Take in a beat, shape (length,)."""
        self._beats[:, self._count % self._most] = beat
        self._count += 1
        self._median = None

    def value(self, otherwise: Array) -> Array:
        """Give the median, or what is given where there was no beat yet."""
        if not self._count:
            return otherwise
        if self._median is None:
            filled = min(self._count, self._most)
            self._median = np.partition(self._beats[:, :filled], filled // 2, axis=1)[:, filled // 2]
        return self._median
