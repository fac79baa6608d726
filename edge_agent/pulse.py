"""When a thread of the daemon last got on: written by that thread, read by all others, without a lock."""

import time


class Pulse:
    """The pulse of one thread or child process.

    A thread beats each time round, so that its age tells whether it hangs. Waiting for work is no hanging: a thread
    that waits as long as it takes rests, and one that is about to do something long says how long that may take.
    Seconds on the steady clock.

    Parameters
    ----------
    name : of the thread, for people.
    limit_s : how long it may take until the next beat, where a beat says nothing else; past it the thread is late.
    grace_s : how much longer a thread that waits for something slow may be late before it is taken to hang.
    """

    __slots__ = ("_at_s", "_limit_s", "_rests", "_within_s", "beats", "grace_s", "name")

    def __init__(self, name: str, limit_s: float, grace_s: float = 0.0) -> None:
        self.name = name
        self.grace_s = grace_s
        self.beats = 0
        self._limit_s = self._within_s = limit_s
        self._at_s = time.monotonic()
        self._rests = True

    def beat(self, within_s: float | None = None) -> None:
        """The thread got on; the next beat comes within so many seconds."""
        self.beats += 1
        # The limit of a long piece of work goes first: a reader in between must not hold it against a shorter one.
        self._within_s = max(self._limit_s if within_s is None else within_s, self._within_s)
        self._at_s = time.monotonic()
        self._within_s = self._limit_s if within_s is None else within_s
        self._rests = False

    def rest(self) -> None:
        """The thread waits for work, or has come to its end on purpose."""
        self.beats += 1
        self._rests = True

    @property
    def limit_s(self) -> float:
        """How long the next beat may take."""
        return self._within_s

    @property
    def age_s(self) -> float:
        """Seconds since it got on; 0 while it rests."""
        return 0.0 if self._rests else max(0.0, time.monotonic() - self._at_s)
