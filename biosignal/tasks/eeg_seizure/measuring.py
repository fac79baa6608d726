"""What is measured of each second of every channel."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from biosignal.eeg.rhythmicity import rhythmicity
from biosignal.signal.filters import Array
from biosignal.tasks.signal_quality.index import second_end

WINDOW_S = 2
"""A second is measured on the two that end with it: two periods of the slowest rhythm, and more."""
RHYTHM_HZ = (1.2, 20.0)
LEAST_UV = 1e-3
"""Below any amplifier's step: keeps the logarithm of a flat line finite."""


@dataclass(frozen=True, slots=True, eq=False)
class Second:
    """Samples [start, end), each array of shape (channel,).

    `line_length` is the natural logarithm of uV a second (Esteller 2001, doi:10.1109/IEMBS.2001.1020545), `amplitude`
    that of the root mean square in uV, `rhythm` the autocorrelation at the period of `hz`, `muscle_uv` the root mean
    square of what is faster than the brain, `swing_uv` the peak to peak.
    """

    start: int
    end: int
    line_length: Array
    amplitude: Array
    rhythm: Array
    hz: Array
    muscle_uv: Array
    swing_uv: Array


class Measuring:
    """Measures the seconds of one unbroken stretch, the first when `WINDOW_S` of it are there.

    Parameters
    ----------
    start : absolute index of the first sample.
    """

    def __init__(self, *, fs_hz: float, start: int, channels: int) -> None:
        self._fs_hz = fs_hz
        self._end = start
        self._kept = int(np.ceil((WINDOW_S + 1) * fs_hz)) + 2
        self._buffer = np.zeros((4, channels, 4 * self._kept))
        self._filled = 0
        self._begins: deque[int] = deque([start], maxlen=WINDOW_S)
        self._due = second_end(start, fs_hz)
        if start > 0 and second_end(start - 1, fs_hz) != start:
            # A second that is there in part only is measured by nobody.
            self._begins.clear()

    def push(self, filtered: Array) -> Iterator[Second]:
        """Take filtered samples, shape (4, channel, sample); yield the seconds now complete."""
        for at in range(0, filtered.shape[2], self._kept):
            yield from self._take(filtered[:, :, at : at + self._kept])

    def _take(self, piece: Array) -> Iterator[Second]:
        count = piece.shape[2]
        if self._filled + count > self._buffer.shape[2]:
            self._buffer[:, :, : self._kept] = self._buffer[:, :, self._filled - self._kept : self._filled].copy()
            self._filled = self._kept
        self._buffer[:, :, self._filled : self._filled + count] = piece
        self._filled += count
        self._end += count
        while self._due <= self._end:
            end, self._due = self._due, second_end(self._due, self._fs_hz)
            if len(self._begins) == WINDOW_S:
                yield self._measured(self._begins[0], self._begins[-1], end)
            self._begins.append(end)

    def _measured(self, start: int, last: int, end: int) -> Second:
        place = self._filled - self._end
        raw, band, fast, muscle = np.ascontiguousarray(self._buffer[:, :, place + start : place + end])
        seconds = (end - start) / self._fs_hz
        rhythm, hz = rhythmicity(band, fs_hz=self._fs_hz, low_hz=RHYTHM_HZ[0], high_hz=RHYTHM_HZ[1])
        return Second(
            start=last,
            end=end,
            line_length=np.log(np.abs(np.diff(band)).sum(axis=1) / seconds + LEAST_UV),
            amplitude=np.log(rms(fast) + LEAST_UV),
            rhythm=rhythm,
            hz=hz,
            muscle_uv=rms(muscle),
            swing_uv=np.ptp(raw, axis=1),
        )


def rms(x: Array) -> Array:
    """Root mean square of each row."""
    return np.asarray(np.sqrt(np.mean(x * x, axis=1)))
