"""How many attempts to log in are too many, and how many are looked at together."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
import anyio.to_thread

from cloud_service.access.errors import Busy

MOST_KEYS = 10_000
AT_ONCE = 2
MOST_WAITING = 32
RETRY_S = 2.0
T = TypeVar("T")


@dataclass
class AttemptLimit:
    """At most `allowed` attempts of one key within `window_s`; times are monotonic and handed in.

    An attempt counts from its beginning, so that many at the same moment are no more than many in a row. Who succeeds
    gives it back.
    """

    allowed: int
    window_s: float
    _attempts: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, key: str, now_s: float) -> float:
        """Count an attempt and return 0, or count nothing and return how many seconds `key` must wait.

        When too many keys are known, the one that tried longest ago is forgotten.
        """
        with self._lock:
            attempts = self._attempts.pop(key, None) or deque()
            while attempts and attempts[0] <= now_s - self.window_s:
                attempts.popleft()
            full = len(attempts) >= self.allowed
            if not full:
                attempts.append(now_s)
            if len(self._attempts) >= MOST_KEYS:
                del self._attempts[next(iter(self._attempts))]
            self._attempts[key] = attempts
            return attempts[0] + self.window_s - now_s if full else 0.0

    def give_back(self, key: str) -> None:
        """Take the last attempt of `key` off the count."""
        with self._lock:
            if self._attempts.get(key):
                self._attempts[key].pop()

    def forget(self, key: str) -> None:
        """Forget all attempts of `key`."""
        with self._lock:
            self._attempts.pop(key, None)


class Turns:
    """Lets few run together in threads; a few more wait without one, and the rest are asked to come again."""

    def __init__(self, *, at_once: int = AT_ONCE, waiting: int = MOST_WAITING) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)
        self._most = at_once + waiting
        self._here = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Wait for a turn and run `work` in a thread.

        Raises
        ------
        Busy : too many wait already.
        """
        if self._here >= self._most:
            raise Busy(RETRY_S)
        self._here += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._here -= 1
