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
        """Tell how long `key` must wait; 0 when it may try."""
        with self._lock:
            failures = self._recent(key, now_s)
            return failures[0] + self.window_s - now_s if len(failures) >= self.allowed else 0.0

    def failed(self, key: str, now_s: float) -> None:
        """Count a failure."""
        with self._lock:
            if len(self._failures) >= MOST_KEYS:
                self._forget_old(now_s)
            self._failures.setdefault(key, deque(maxlen=self.allowed)).append(now_s)

    def succeeded(self, key: str) -> None:
        """Forget the failures of `key`."""
        with self._lock:
            self._failures.pop(key, None)

    def _recent(self, key: str, now_s: float) -> deque[float]:
        failures = self._failures.get(key, deque())
        while failures and failures[0] <= now_s - self.window_s:
            failures.popleft()
        return failures

    def _forget_old(self, now_s: float) -> None:
        for key in [key for key in self._failures if not self._recent(key, now_s)]:
            del self._failures[key]
        while len(self._failures) >= MOST_KEYS:
            self._failures.pop(next(iter(self._failures)))
