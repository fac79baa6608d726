"""How many samples a board has taken by now, from when its bytes arrived.

USB bridges and radios deliver in lumps: a frame's own arrival says little. The earliest arrivals do: a lower envelope
over (arrival, index), which drops at once and rises slowly, so that late lumps do not move it and a board whose clock
is slow by a percent or two does.
"""

ENVELOPE_S = 5.0  # how slowly the envelope rises
JITTER_S = 10.0  # how slowly a large lateness is forgotten
FIRST_JITTER_S = 0.5  # an untuned FTDI bridge holds back 0.48 s of a 250 Hz Cyton
UNKNOWN_RATE = 0.025  # ADS1299 internal oscillator over its temperature range
MEASURED_RATE = 0.002
MEASURED_AFTER_S = 20.0
RATE_LIMIT = 0.05  # a rate measured further off than this is no clock error


class SampleClock:
    """Estimates the index that a board has reached.

    Parameters
    ----------
    fs_hz : nominal rate of the index.
    """

    def __init__(self, fs_hz: float) -> None:
        self._nominal_hz = fs_hz
        self.forget()

    def forget(self) -> None:
        """Start anew: nothing is known about the board's clock."""
        self._first: tuple[float, float] | None = None
        self._envelope = (0.0, 0.0)
        self._last_s = 0.0
        self._jitter_s = FIRST_JITTER_S

    @property
    def fs_hz(self) -> float:
        """The rate as measured since the start; nominal until that is long enough."""
        if self._first is None or self._envelope[0] - self._first[0] < MEASURED_AFTER_S:
            return self._nominal_hz
        measured_hz = (self._envelope[1] - self._first[1]) / (self._envelope[0] - self._first[0])
        off = abs(measured_hz / self._nominal_hz - 1)
        return measured_hz if off < RATE_LIMIT else self._nominal_hz

    def missing(self, now_s: float, position: float) -> float | None:
        """Samples that should have come beyond `position` by `now_s`; None before the first note."""
        if self._first is None or not self._nominal_hz:
            return None
        return (now_s - self._envelope[0]) * self.fs_hz + self._envelope[1] - position

    def silence_s(self, now_s: float) -> float:
        """Time since the last samples came."""
        return now_s - self._last_s if self._first is not None else 0.0

    def error(self, now_s: float) -> float:
        """How far `missing` may be off, in samples."""
        span_s = self._envelope[0] - self._first[0] if self._first is not None else 0.0
        rate = max(MEASURED_RATE, self._jitter_s / span_s) if span_s >= MEASURED_AFTER_S else UNKNOWN_RATE
        return (self._jitter_s / 4 + rate * max(now_s - self._envelope[0], 0.0)) * self._nominal_hz

    @property
    def jitter(self) -> float:
        """The largest lateness of late, in samples."""
        return self._jitter_s * self._nominal_hz

    def note(self, now_s: float, position: float) -> None:
        """All samples before `position` (a fraction counts part of a frame) had arrived at `now_s`."""
        if not self._nominal_hz:
            return
        if self._first is None:
            self._first = self._envelope = (now_s, position)
            self._last_s = now_s
            return
        elapsed_s = max(now_s - self._last_s, 0.0)
        due_s = self._envelope[0] + (position - self._envelope[1]) / self.fs_hz
        late_s = now_s - due_s
        if late_s < 0:
            self._envelope = (now_s, position)
        else:
            self._envelope = (due_s + min(late_s * elapsed_s / ENVELOPE_S, RATE_LIMIT * elapsed_s), position)
        self._jitter_s = max(late_s, self._jitter_s * max(0.0, 1 - elapsed_s / JITTER_S))
        self._last_s = now_s
