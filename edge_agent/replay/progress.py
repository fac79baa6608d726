"""How far a replay is, on the terminal."""

from typing import TextIO

from edge_agent.operate.clock import Clock
from edge_agent.sources.port import SourceFacts

LINE_EVERY_S = 5.0
BAR_EVERY_S = 0.1
BAR_WIDTH = 40


class Progress:
    """How far a replay is: a bar where someone watches a terminal, else a line every few seconds."""

    def __init__(self, stderr: TextIO, *, facts: SourceFacts, clock: Clock) -> None:
        self._stderr = stderr
        self._facts = facts
        self._clock = clock
        self._bar = stderr.isatty()
        self._began_s = self._shown_s = clock.monotonic_s()
        self.seconds = 0.0

    def at(self, sample: int) -> None:
        """The replay has come to `sample`."""
        now_s = self._clock.monotonic_s()
        if now_s - self._shown_s < (BAR_EVERY_S if self._bar else LINE_EVERY_S):
            return
        self._shown_s = now_s
        here = clock_text(sample / self._facts.fs_hz)
        if not self._facts.length:
            text = here
        else:
            share = min(1.0, sample / self._facts.length)
            filled = round(share * BAR_WIDTH)
            bar = f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] " if self._bar else ""
            text = f"{bar}{share:4.0%}  {here} of {clock_text(self._facts.length / self._facts.fs_hz)}"
        self._stderr.write(f"\r{text}" if self._bar else f"{text}\n")
        self._stderr.flush()

    def end(self) -> None:
        """The replay is over; the bar is wiped."""
        self.seconds = self._clock.monotonic_s() - self._began_s
        if self._bar:
            self._stderr.write("\r\x1b[K")
            self._stderr.flush()


def clock_text(seconds: float) -> str:
    """Seconds as ``m:ss.s``, with hours where there are any."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"
