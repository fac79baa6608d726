"""What waits for the analysis: samples from the reader, orders from everybody else."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from biosignal.signal.blocks import Signal


class Arrival(NamedTuple):
    """What the source gave, and when it came on the steady clock."""

    signal: Signal
    at_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Something to be done on the analysis's own thread; `done` has its result or what it raised."""

    work: Callable[[], Any]
    done: "Future[Any]" = field(default_factory=Future)


class End(NamedTuple):
    """The source has ended: nothing more comes."""


Message: TypeAlias = Arrival | Order | End


class Inbox:
    """One queue with one reader. Signals are bounded and keep their order; orders are few and go before them.

    Parameters
    ----------
    size : how many signals may wait.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._signals: deque[tuple[Arrival | End, int]] = deque()
        self._orders: deque[Order] = deque()
        self._changed = threading.Condition()

    @property
    def free(self) -> int:
        """How many more signals find a place."""
        return self._size - self._taken

    def put(self, arrival: Arrival | End, *, timeout_s: float = 0.0, beyond: bool = False) -> bool:
        """Hand in a signal; False where it found no place in that time. With `beyond` it needs none."""
        with self._changed:
            if not beyond and not self._changed.wait_for(lambda: self._taken < self._size, timeout_s):
                return False
            places = 0 if beyond else 1
            self._taken += places
            self._signals.append((arrival, places))
            self._changed.notify_all()
            return True

    def order(self, order: Order) -> None:
        """Hand in an order; returns at once."""
        with self._changed:
            self._orders.append(order)
            self._changed.notify_all()

    def get(self, timeout_s: float, *, orders_only: bool = False) -> Message | None:
        """Take the next order, else the next signal; None where neither came in that time."""

        def ready() -> bool:
            return bool(self._orders or (self._signals and not orders_only))

        with self._changed:
            if not self._changed.wait_for(ready, timeout_s):
                return None
            if self._orders:
                return self._orders.popleft()
            message, places = self._signals.popleft()
            self._taken -= places
            self._changed.notify_all()
            return message
