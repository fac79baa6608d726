"""From what is said of each sample of a lead to the waves it shows: their bounds, and which belong to one beat.

Places are samples at the rate of the answers, `RATE_HZ`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int8]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """A wave: `kind` is its place among the classes, `onset` its first sample, `end` the first one behind it."""

    kind: int
    onset: int
    end: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What is a wave of a kind: shorter pauses than `bridged` do not end it, and it lasts for at least `shortest`."""

    kind: int
    bridged: int
    shortest: int


class WaveReader:
    """Reads waves out of the class of each sample, as it comes.

    Parameters
    ----------
    start : place of the first sample.
    """

    def __init__(self, shapes: tuple[Shape, ...], *, start: int) -> None:
        self._shapes = shapes
        self._held: Labels = np.zeros(0, np.int8)
        self._begin = start
        self._done = {shape.kind: start for shape in shapes}

    @property
    def end(self) -> int:
        """The first place nothing is known of."""
        return self._begin + len(self._held)

    def push(self, labels: Labels, *, is_last: bool = False) -> list[Bounds]:
        """Take the next classes; give the waves that are over, in order of their ends.

        Parameters
        ----------
        is_last : nothing follows: what is open ends here.
        """
        self._held = np.concatenate([self._held, labels])
        found: list[Bounds] = []
        keep = self.end
        for shape in self._shapes:
            for onset, end in self._runs(shape):
                if not is_last and end + shape.bridged > self.end:
                    keep = min(keep, onset)
                else:
                    self._done[shape.kind] = end
                    if end - onset >= shape.shortest:
                        found.append(Bounds(kind=shape.kind, onset=onset, end=end))
        self._held = self._held[keep - self._begin :]
        self._begin = keep
        return sorted(found, key=lambda one: (one.end, one.onset))

    def _runs(self, shape: Shape) -> Iterator[tuple[int, int]]:
        """Stretches of a kind that are not yet given, joined over short pauses."""
        held, first = self._held.tobytes(), max(self._done[shape.kind] - self._begin, 0)
        kind = bytes([shape.kind])
        # Bytes are searched in a tenth of the time that arrays of so few samples take.
        onset = held.find(kind, first)
        while onset >= 0:
            end = _end_of_run(held, kind, onset)
            again = held.find(kind, end)
            while 0 <= again < end + shape.bridged:
                end = _end_of_run(held, kind, again)
                again = held.find(kind, end)
            yield onset + self._begin, end + self._begin
            onset = again


def _end_of_run(held: bytes, kind: bytes, onset: int) -> int:
    return len(held) - len(held[onset:].lstrip(kind))
