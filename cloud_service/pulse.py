"""Knowing that a thread still comes round: its age, its limit, and how often it may be started anew."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

log = logging.getLogger("bedside.pulse")
BUDGET = 5
BUDGET_S = 60.0
"""A part that ends is started anew at most five times a minute; after that it stays down and is named."""


class Part(Protocol):
    """Something of the clinic that must go on for ever: a thread, a task, a child process."""

    name: str
    limit_s: float

    @property
    def age_s(self) -> float:
        """Seconds since it last came round, on the steady clock."""

    @property
    def restarts(self) -> int:
        """How often it was started anew."""

    def why_still(self) -> str:
        """Say why it does not go on; empty while it does."""

    def revive(self) -> None:
        """Start it anew if it has ended and the budget allows."""


class Budget:
    """How often something may be started anew."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque(maxlen=BUDGET)
        self.spent = 0

    def take(self) -> bool:
        """Take one start; False where the last minute has had its share."""
        now_s = self._clock()
        if len(self._times) == BUDGET and now_s - self._times[0] < BUDGET_S:
            return False
        self._times.append(now_s)
        self.spent += 1
        return True


class Loop:
    """A thread that must not end. `run` calls `beat` each time it comes round and returns once `stop` was called."""

    def __init__(
        self, name: str, run: Callable[[], None], *, limit_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.name = name
        self.limit_s = limit_s
        self._run = run
        self._clock = clock
        self._budget = Budget(clock)
        self._beaten = clock()
        self._started = False
        self._stopping = False
        self._thread = self._make()

    def start(self) -> None:
        """Begin."""
        self._started = True
        self.beat()
        self._thread.start()

    def let_end(self) -> None:
        """Say that the thread may end: from now on it is not started anew."""
        self._stopping = True

    def join(self, timeout_s: float | None = None) -> None:
        """Wait until it has ended."""
        self.let_end()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def beat(self) -> None:
        """Say that the thread came round."""
        self._beaten = self._clock()

    @property
    def age_s(self) -> float:
        """Seconds since the thread last came round, on the steady clock."""
        return max(0.0, self._clock() - self._beaten)

    @property
    def restarts(self) -> int:
        """How often the thread was started anew."""
        return self._budget.spent

    def why_still(self) -> str:
        """Say why the thread does not go on; empty while it does."""
        if not self._thread.is_alive():
            return f"the {self.name} thread is not running"
        if self.age_s > self.limit_s:
            return f"the {self.name} thread has stood still for {self.age_s:.0f} s"
        return ""

    def revive(self) -> None:
        """Start the thread anew if it has ended and the budget allows. One that stands still cannot be ended."""
        if self._stopping or not self._started or self._thread.is_alive() or not self._budget.take():
            return
        log.error("pulse.revived", extra={"part": self.name, "times": self._budget.spent})
        self._thread = self._make()
        self.beat()
        self._thread.start()

    def _make(self) -> threading.Thread:
        return threading.Thread(target=self._guarded, name=f"clinic.{self.name}", daemon=True)

    def _guarded(self) -> None:
        try:
            self._run()
        except BaseException:  # the border of the thread: who looks after it must learn that it has ended, and why
            log.exception("pulse.ended", extra={"part": self.name})
