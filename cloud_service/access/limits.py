"""How many failed logins are too many, per account and per address."""

import threading
from collections import deque
from dataclasses import dataclass, field

MOST_KEYS = 10_000


@dataclass
class FailureLimit:
    """At most `allowed` failures of one key within `window_s`; times are monotonic and handed in."""

    allowed: int
    window_s: float
    _failures: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, key: str, now_s: float) -> float:
        """Return how long `key` must wait; 0 when it may try."""
        with self._lock:
            failures = self._recent(key, now_s)
            return failures[0] + self.window_s - now_s if len(failures) >= self.allowed else 0.0

    def failed(self, key: str, now_s: float) -> None:
        """Count a failure. When too many keys are known, the one that failed longest ago is forgotten."""
        with self._lock:
            failures = self._failures.pop(key, None) or deque(maxlen=self.allowed)
            failures.append(now_s)
            if len(self._failures) >= MOST_KEYS:
                del self._failures[next(iter(self._failures))]
            self._failures[key] = failures

    def succeeded(self, key: str) -> None:
        """Forget the failures of `key`."""
        with self._lock:
            self._failures.pop(key, None)

    def _recent(self, key: str, now_s: float) -> deque[float]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= now_s - self.window_s:
            failures.popleft()
        return failures
