"""EEG in whole seconds of the recording, in microvolts, whatever pieces it comes in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import MILLIVOLT_PER, Lead, SampleBlock, Samples
from biosignal.signal.filters import Array

MICROVOLT_PER_MILLIVOLT = 1000.0


def second_length(fs_hz: float) -> int:
    """How many samples a second is given: a whole number, also where the rate is none (0.5 % off at worst)."""
    return round(fs_hz)


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Samples [start, end) of one second: all of it, or what a gap or an end left of it.

    Parameters
    ----------
    number : of the second, counted from sample 0 of the recording.
    x : float64, shape (lead, sample), uV; in place of invalid samples the last valid one.
    valid : bool, shape (lead,): no sample was invalid.
    """

    number: int
    start: int
    end: int
    is_whole: bool
    x: Array
    valid: NDArray[np.bool_]


class SecondCutter:
    """Holds samples until their second is complete. Seconds begin at multiples of `second_length`.

    Parameters
    ----------
    leads : in mV or uV.
    """

    def __init__(self, leads: Sequence[Lead], fs_hz: float) -> None:
        self.length = second_length(fs_hz)
        self._scale = np.array([[MILLIVOLT_PER[lead.unit] * MICROVOLT_PER_MILLIVOLT] for lead in leads])
        self.reset()

    def reset(self) -> None:
        """Forget what is held: a gap follows."""
        self._held: list[Samples] = []
        self._start: int | None = None
        self._end = 0
        self._last = np.zeros((len(self._scale), 1))

    def push(self, block: SampleBlock) -> None:
        """Take the next samples."""
        if self._start is None:
            self._start = block.start
        self._held.append(block.samples)
        self._end = block.end

    def take(self, until: int) -> Iterator[Piece]:
        """Give the seconds that are complete and end at sample `until` or before."""
        while self._start is not None:
            end = (self._start // self.length + 1) * self.length
            if end > min(until, self._end):
                return
            yield self._piece(end)

    def flush(self) -> Iterator[Piece]:
        """Give all that is held, the last second as far as it came, and begin anew."""
        yield from self.take(self._end)
        if self._start is not None and self._start < self._end:
            yield self._piece(self._end)
        self.reset()

    def _piece(self, end: int) -> Piece:
        assert self._start is not None, "only what is held is cut"
        start, self._start = self._start, end
        held = self._held[0] if len(self._held) == 1 else np.concatenate(self._held, axis=1)
        given, rest = held[:, : end - start], held[:, end - start :]
        self._held = [rest] if rest.shape[1] else []
        x = given * self._scale
        known = np.isfinite(given)
        valid: NDArray[np.bool_] = np.asarray(known.all(axis=1))
        if not valid.all():
            latest = np.maximum.accumulate(np.where(known, np.arange(x.shape[1]), -1), axis=1)
            x = np.where(latest < 0, self._last, np.take_along_axis(x, np.maximum(latest, 0), axis=1))
        self._last = x[:, -1:]
        number = start // self.length
        return Piece(number, start, end, end - start == self.length, x, valid)
