"""The true rate of a board, from when its samples arrive: a slow straight line through the earliest arrivals.

Bridges and radios deliver in lumps, so one arrival says nothing. The earliest of each second lies near the line that
the board's own clock draws; the fit forgets with a half-time of minutes. It is reported, never used to move a sample.
"""

WINDOW_S = 1.0
HALF_TIME_S = 120.0
ENOUGH_S = 10.0


class SlowRate:
    """Weighted least squares of sample index over steady time.

    Parameters
    ----------
    nominal_hz : the rate the board is said to have: decides which arrival of a second is the earliest.
    """

    def __init__(self, nominal_hz: float) -> None:
        self._nominal_hz = nominal_hz
        self.restart()

    def restart(self) -> None:
        """Begin anew: the index jumped by a number nobody knows."""
        self._origin: tuple[float, int] | None = None
        self._best: tuple[float, float, float] | None = None  # earliness, seconds, samples
        self._window_s = 0.0
        self._weight = self._t = self._n = self._tt = self._tn = 0.0
        self._last_s = self._span_s = 0.0

    def note(self, now_s: float, index: int) -> None:
        """All samples before `index` had arrived at `now_s`."""
        if self._origin is None:
            self._origin = (now_s, index)
        t, n = now_s - self._origin[0], float(index - self._origin[1])
        early = n / self._nominal_hz - t
        if self._best is None or early > self._best[0]:
            self._best = (early, t, n)
        if t - self._window_s >= WINDOW_S:
            self._add(self._best[1], self._best[2])
            self._best, self._window_s = None, t

    @property
    def hz(self) -> float | None:
        """Samples a second; None until there is enough to measure."""
        if self._span_s < ENOUGH_S:
            return None
        spread = self._weight * self._tt - self._t * self._t
        return (self._weight * self._tn - self._t * self._n) / spread if spread > 0 else None

    def _add(self, t: float, n: float) -> None:
        forget = 0.5 ** ((t - self._last_s) / HALF_TIME_S)
        self._weight, self._t, self._n = self._weight * forget + 1, self._t * forget + t, self._n * forget + n
        self._tt, self._tn = self._tt * forget + t * t, self._tn * forget + t * n
        self._last_s = self._span_s = t
