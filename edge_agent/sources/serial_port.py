"""A board that prints numbers, on a serial port that comes and goes."""

import contextlib
import random
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.blocks import Gap, Lead, SampleBlock, Signal, Unit
from biosignal.errors import BadInput
from edge_agent.operate.clock import Clock
from edge_agent.sources.port import SourceFacts, SourceHealth, SourceState
from edge_agent.sources.serial_text import TextDecoder

SILENCE_S = 0.5  # longer than any lump a USB bridge makes; after it, missing samples are counted by time
READ_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class SerialTextSettings:
    """A text board. Without `mv_per_count` nobody knows the scale and the unit stays raw."""

    port: str
    fs_hz: float
    baud: int = 115_200
    lead: str = "ECG"
    column: int = 0
    mv_per_count: float | None = None
    zero_count: float = 0.0
    stall_s: float = 5.0  # an Arduino that resets when the port opens is silent for about 2 s
    block_s: float = 0.04
    first_retry_s: float = 0.25
    longest_retry_s: float = 10.0


class SerialText:
    """Plain text lines from a serial port.

    Such a board has no counter: what is lost while the port is away, or while it is silent, is counted by the steady
    clock and told as a `Gap` when samples come again. `stalled` (open and silent) and `lost` (gone) are told apart in
    `health`.
    """

    def __init__(self, settings: SerialTextSettings, *, clock: Clock, jitter: random.Random | None = None) -> None:
        if not settings.fs_hz > 0:
            raise BadInput(
                "a text board does not say its rate",
                fs_hz=settings.fs_hz,
                remedy="set source.fs_hz to the rate of the sketch, such as 250",
            )
        if not settings.port:
            raise BadInput("no serial port is set", remedy="set source.port, best to a path below /dev/serial/by-id/")
        self._settings = settings
        self._clock = clock
        self._jitter = jitter or random.Random()
        self._decoder = TextDecoder(column=settings.column)
        unit = Unit.RAW if settings.mv_per_count is None else Unit.MILLIVOLT
        self._lead = Lead(name=settings.lead, unit=unit)
        self._recording = ""
        self._closed = threading.Event()
        self._health = (SourceState.OPENING, clock.monotonic_s(), "")
        self._sample = 0
        self._lost = 0
        self._opened = 0
        self._first_at_s = self._last_at_s = 0.0

    def recording_facts(self) -> SourceFacts:
        """Port, lead, and the rate the settings give."""
        return SourceFacts(name=self._settings.port, leads=(self._lead,), fs_hz=self._settings.fs_hz, live=True)

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def close(self) -> None:
        """Make `read` end within a block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """State, since when, why, and the counters; `measured_milli_hz` is the rate the lines really come at."""
        state, since_s, reason = self._health
        counters = {**asdict(self._decoder.counters), "lost": self._lost, "opened": self._opened}
        elapsed_s = self._last_at_s - self._first_at_s
        if elapsed_s > 10:
            counters["measured_milli_hz"] = round(1000 * self._sample / elapsed_s)
        return SourceHealth(
            state=state, since_monotonic_s=since_s, reason=reason, counters=tuple(sorted(counters.items()))
        )

    def read(self) -> Iterator[Signal]:
        """Yield what the board sends until closed, through any number of unpluggings."""
        failures = 0
        while not self._closed.is_set():
            port, why = self._open_port()
            if port is None:
                self._tell(SourceState.LOST, why)
                failures += 1
                self._closed.wait(self._pause_s(failures))
                continue
            with contextlib.closing(port):
                before = self._sample
                yield from self._stream(port)
            failures = 0 if self._sample > before else failures + 1
            if failures:
                self._closed.wait(self._pause_s(failures))
        self._tell(SourceState.ENDED, "closed")

    def _open_port(self) -> tuple[Any | None, str]:
        import serial

        try:
            port = serial.Serial(
                self._settings.port, self._settings.baud, timeout=self._settings.block_s, exclusive=True
            )
        except (OSError, ValueError) as error:
            return None, str(error)[:200]
        _keep_dtr(port.fileno())
        self._opened += 1
        self._decoder.restart()
        if self._health[0] is not SourceState.STALLED:
            self._tell(SourceState.OPENING, "")
        return port, ""

    def _stream(self, port: Any) -> Iterator[Signal]:
        opened_s = self._clock.monotonic_s()
        while not self._closed.is_set():
            try:
                data = port.read(1)
                if data:
                    self._closed.wait(self._settings.block_s)
                    data += port.read(min(port.in_waiting, READ_BYTES))
            except OSError as error:
                self._tell(SourceState.LOST, str(error)[:200])
                return
            values = self._decoder.feed(data)
            now_s = self._clock.monotonic_s()
            if values.size:
                yield from self._take(values, now_s)
            elif now_s - max(opened_s, self._last_at_s) > self._settings.stall_s:
                self._tell(SourceState.STALLED, "the port is open and no samples come")

    def _take(self, values: NDArray[np.float32], now_s: float) -> Iterator[Signal]:
        settings = self._settings
        if self._sample == 0:
            self._first_at_s = now_s
        elif now_s - self._last_at_s > SILENCE_S:
            missing = round((now_s - self._last_at_s) * settings.fs_hz) - values.size
            if missing > 0:
                reason = "reconnected" if self._health[0] in (SourceState.OPENING, SourceState.LOST) else "silence"
                yield Gap(recording=self._recording, start=self._sample, length=missing, reason=reason)
                self._sample += missing
                self._lost += missing
        self._last_at_s = now_s
        self._tell(SourceState.STREAMING, "")
        if settings.mv_per_count is not None:
            values = ((values - np.float32(settings.zero_count)) * np.float32(settings.mv_per_count)).astype(np.float32)
        yield SampleBlock(
            recording=self._recording,
            start=self._sample,
            fs_hz=settings.fs_hz,
            leads=(self._lead,),
            samples=values.reshape(1, -1),
        )
        self._sample += values.size

    def _tell(self, state: SourceState, reason: str) -> None:
        if self._health[0] is not state or self._health[2] != reason:
            since_s = self._clock.monotonic_s() if self._health[0] is not state else self._health[1]
            self._health = (state, since_s, reason)

    def _pause_s(self, failures: int) -> float:
        longest_s = min(self._settings.longest_retry_s, self._settings.first_retry_s * 2.0 ** min(failures - 1, 16))
        return longest_s * self._jitter.uniform(0.5, 1.0)


def _keep_dtr(descriptor: int) -> None:
    """Leave DTR alone when the port is closed: its edge resets an Arduino."""
    import termios

    with contextlib.suppress(termios.error):
        attributes = termios.tcgetattr(descriptor)
        attributes[2] &= ~termios.HUPCL
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
