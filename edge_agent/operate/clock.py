"""The only place that asks the host what time it is; everything else is handed a `Clock`."""

import time
from datetime import datetime, timedelta, timezone
from typing import Protocol

from biosignal.errors import BadInput


class Clock(Protocol):
    """Two clocks: one that never jumps, for durations, and the wall clock, for annotations."""

    def monotonic_s(self) -> float:
        """Seconds that only ever go forward; their zero means nothing."""

    def utc_s(self) -> float:
        """Seconds since 1970 UTC, as the host believes; may jump."""


class HostClock:
    """The clocks of this machine."""

    def monotonic_s(self) -> float:
        """Seconds that only ever go forward."""
        return time.monotonic()

    def utc_s(self) -> float:
        """Seconds since 1970 UTC."""
        return time.time()


class SetClock:
    """A clock that stands still until it is moved; for replays of a schedule and for tests."""

    def __init__(self, *, monotonic_s: float = 0.0, utc_s: float = 1_750_000_000.0) -> None:
        self._monotonic_s = monotonic_s
        self._utc_s = utc_s

    def monotonic_s(self) -> float:
        """Seconds since the clock was made, plus its start."""
        return self._monotonic_s

    def utc_s(self) -> float:
        """Seconds since 1970 UTC."""
        return self._utc_s

    def advance(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        if seconds < 0:
            raise BadInput("time cannot pass backwards", seconds=seconds)
        self._monotonic_s += seconds
        self._utc_s += seconds

    def step_utc(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator or NTP does."""
        self._utc_s += seconds


def utc_text(utc_s: float) -> str:
    """Write seconds since 1970 as ISO 8601 with milliseconds, ``2026-01-31T12:00:00.000Z``."""
    # Counted from the epoch: `fromtimestamp` refuses what the platform's own range does not hold.
    at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(milliseconds=round(utc_s * 1000))
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
