"""The one place where what several stages say is put in order."""

import heapq
from collections.abc import Iterable
from itertools import count

from biosignal.events import Event


class Merge:
    """Orders events of several stages by when they were decided, then by the rank of their stage.

    A stage gives its events in order and promises by its watermark what it will not say any more. Events come out when
    every stage has passed them, so the order does not depend on how the samples were cut into blocks.
    """

    def __init__(self) -> None:
        self._held: list[tuple[float, int, int, Event]] = []
        self._number = count()

    def add(self, rank: int, timed: Iterable[tuple[float, Event]]) -> None:
        """Take events of a stage, each with the time it was decided."""
        for decided, event in timed:
            heapq.heappush(self._held, (decided, rank, next(self._number), event))

    def release(self, until: float) -> list[Event]:
        """Give the events decided before `until`, which no stage can add to any more."""
        out: list[Event] = []
        held = self._held
        while held and held[0][0] < until:
            out.append(heapq.heappop(held)[3])
        return out
