"""How far a replay is, on the terminal."""

import io
from typing import TextIO, cast

from edge_agent.operate.clock import Clock
from edge_agent.sources.datasets.telling import size_of
from edge_agent.sources.port import SourceFacts

LINE_EVERY_S = 5.0
BAR_EVERY_S = 0.1
BAR_WIDTH = 40
WIPE_REST = "\x1b[K"


class Progress:
    """How far a replay is: a bar where someone watches a terminal, else a line every few seconds."""

    def __init__(self, stderr: TextIO, *, facts: SourceFacts, clock: Clock) -> None:
        self._stderr = stderr
        self._facts = facts
        self._clock = clock
        self._bar = stderr.isatty()
        self._drawn = False
        self.seconds = 0.0
        self.begin()

    def begin(self) -> None:
        """The replay begins now."""
        self._began_s = self._shown_s = self._clock.monotonic_s()

    def beside(self, stdout: TextIO) -> TextIO:
        """The stream for what is said meanwhile: where both are on a terminal, the bar makes way for each line."""
        return cast(TextIO, _Beside(stdout, self)) if self._bar and stdout.isatty() else stdout

    def hide(self) -> None:
        """Wipe the bar until it is drawn again."""
        if self._drawn:
            self._stderr.write(f"\r{WIPE_REST}")
            self._stderr.flush()
            self._drawn = False

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
            bar = bar_of(share) if self._bar else ""
            text = f"{bar}{share:4.0%}  {here} of {clock_text(self._facts.length / self._facts.fs_hz)}"
        self._stderr.write(f"\r{text}" if self._bar else f"{text}\n")
        self._stderr.flush()
        self._drawn = self._bar

    def end(self) -> None:
        """The replay is over; the bar is wiped."""
        self.seconds = self._clock.monotonic_s() - self._began_s
        if self._bar:
            self._stderr.write(f"\r{WIPE_REST}")
            self._stderr.flush()


class _Beside(io.TextIOBase):
    """A terminal on which a bar is drawn as well."""

    def __init__(self, stream: TextIO, progress: Progress) -> None:
        self._stream = stream
        self._progress = progress

    def write(self, text: str, /) -> int:
        """Wipe the bar, and write."""
        self._progress.hide()
        return self._stream.write(text)

    def flush(self) -> None:
        """Pass on what was written."""
        self._stream.flush()


class Downloads:
    """What is fetched, on the terminal: sentences, and a bar where someone watches."""

    def __init__(self, stderr: TextIO, *, clock: Clock) -> None:
        self._stderr = stderr
        self._clock = clock
        self._bar = stderr.isatty()
        self._shown_s = clock.monotonic_s()

    def say(self, sentence: str) -> None:
        """Show a sentence."""
        self.end()
        self._stderr.write(f"{sentence}\n")
        self._stderr.flush()

    def at(self, name: str, done: int, whole: int | None) -> None:
        """Show how far a file is."""
        now_s = self._clock.monotonic_s()
        if now_s - self._shown_s < (BAR_EVERY_S if self._bar else LINE_EVERY_S):
            return
        self._shown_s = now_s
        share = f"{bar_of(done / whole) if self._bar else ''}{done / whole:4.0%}  " if whole else ""
        text = f"{share}{name}  {size_of(done)}" + (f" of {size_of(whole)}" if whole else "")
        self._stderr.write(f"\r{text}{WIPE_REST}" if self._bar else f"{text}\n")
        self._stderr.flush()

    def end(self) -> None:
        """Wipe the bar."""
        if self._bar:
            self._stderr.write(f"\r{WIPE_REST}")
            self._stderr.flush()


def bar_of(share: float) -> str:
    """A bar that is filled to a share."""
    filled = round(min(1.0, share) * BAR_WIDTH)
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] "


def clock_text(seconds: float) -> str:
    """Seconds as ``m:ss.s``, with hours where there are any."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"
