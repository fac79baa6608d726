"""How often a rung may fail before it is left alone, and for how long."""

from collections import deque
from collections.abc import Callable

from edge_agent.inference.settings import InferenceSettings

LONGEST_CLIMB = 16

Clock = Callable[[], float]


class Budget:
    """So many failures within so many seconds; what goes over costs the rung, for a time that doubles."""

    def __init__(self, settings: InferenceSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._failures: deque[float] = deque()
        self._losses, self._lost_at = 0, float("-inf")

    def spend(self) -> int:
        """Note a failure; give how many there were within the time."""
        now = self._clock()
        self._failures.append(now)
        while now - self._failures[0] > self._settings.restarts_within_s:
            self._failures.popleft()
        return len(self._failures)

    def lose(self) -> float:
        """Note the loss of the rung; give when it may be tried again."""
        now, longest_s = self._clock(), self._settings.climb_after_s * LONGEST_CLIMB
        if now - self._lost_at > 2 * longest_s:
            self._losses = 0
        wait_s = min(self._settings.climb_after_s * (1 << self._losses), longest_s)
        self._losses, self._lost_at = min(self._losses + 1, LONGEST_CLIMB), now
        self._failures.clear()
        return now + wait_s
