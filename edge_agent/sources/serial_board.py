"""A board on a serial port that comes and goes: any decoder, one source."""

import contextlib
import logging
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, LeadKind, SampleBlock, Signal
from edge_agent.operate.clock import Clock
from edge_agent.sources.board_commands import commands_of
from edge_agent.sources.decoders import KINDS, make_decoder
from edge_agent.sources.decoders.port import Decoder, DecoderFacts, Loss, Samples
from edge_agent.sources.decoders.shimmer3 import DEFAULT_INQUIRY, find_inquiry, layout_of
from edge_agent.sources.lead_kinds import kind_of
from edge_agent.sources.port import SourceFacts, SourceHealth, SourceState
from edge_agent.sources.serial_line import GOOD_LATENCY_MS, Refused, SerialLine
from edge_agent.sources.serial_settings import SerialBoardSettings, check, chosen_leads
from edge_agent.sources.slow_rate import SlowRate

log = logging.getLogger(__name__)
SILENCE_S = 0.5  # longer than any lump a USB bridge makes
RESUME_S = 0.5  # a board that runs on is heard within this, or it is started anew
ABSENT_RETRY_S = 0.3  # to look whether a name is there again costs nothing
LOST, SILENCE, RECONNECTED = "lost", "silence", "reconnected"
AMBIGUOUS = " (ambiguous)"  # behind a reason: the length is the best estimate, the board's counter does not prove it


class BoardDiffers(BadInput):
    """What comes from the port is not what was announced to the rest of the daemon."""

    remedy = "ask `edge-agent identify PORT`, and set source.protocol, source.leads and source.mv_per_count to match"


class SerialBoard:
    """Reads a board through any number of unpluggings; `tap` sees all bytes that come.

    `health` is `streaming`, `stalled` (open and silent) or `lost` (gone, or it says no). What is lost
    becomes a `Gap`, by the board's counter and the steady clock together; where they do not settle the length, its
    reason ends in ``(ambiguous)``. A board that runs on by itself is only listened to when its port comes back, so that
    its counter still shows what was missed; any other is started anew.

    Raises
    ------
    BadInput : the settings do not make a board.
    """

    def __init__(
        self,
        settings: SerialBoardSettings,
        *,
        clock: Clock,
        jitter: random.Random | None = None,
        tap: Callable[[bytes], object] = lambda data: None,
    ) -> None:
        check(settings)
        self._settings = settings
        self._commands = commands_of(settings.protocol)
        self._commands.start(settings.board)  # refuses a rate or gain that the board cannot have
        self._clock = clock
        self._tap = tap
        self._jitter = jitter or random.Random()
        self._board = settings.board
        self._decoder: Decoder = make_decoder(settings.protocol, settings.board)
        self._leads = chosen_leads(settings, self._decoder.facts)
        self._fs_hz = settings.board.fs_hz or self._decoder.facts.fs_hz
        self._rows: list[int] | None = None
        self._rate = SlowRate(self._fs_hz)
        self._recording = ""
        self._closed = threading.Event()
        self._health = (SourceState.OPENING, clock.monotonic_s(), "")
        self._next = self._lost = self._opened = self._started = 0
        self._reopened = False
        self._last_at_s = 0.0
        self._latency_ms: int | None = None

    def recording_facts(self) -> SourceFacts:
        """Port, leads, and the board's nominal rate or that of the settings."""
        return SourceFacts(name=self._settings.port, leads=self._leads, fs_hz=self._fs_hz, live=True)

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def close(self) -> None:
        """Make `read` end within a block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """State, since when, why, and the counters; `measured_milli_hz` is the rate the samples really come at."""
        state, since_s, reason = self._health
        counters = {
            **self._decoder.counters.facts(),
            "samples": self._next - self._lost,
            "lost": self._lost,
            "opened": self._opened,
            "started": self._started,
        }
        measured_hz = self._rate.hz
        if measured_hz is not None:
            counters["measured_milli_hz"] = round(1000 * measured_hz)
        if self._latency_ms is not None:
            counters["latency_ms"] = self._latency_ms
        return SourceHealth(
            state=state, since_monotonic_s=since_s, reason=reason, counters=tuple(sorted(counters.items()))
        )

    def read(self) -> Iterator[Signal]:
        """Yield what the board sends until closed, through any number of unpluggings.

        Raises
        ------
        BoardDiffers : other channels come than were announced.
        """
        failures = 0
        while not self._closed.is_set():
            before = self._next
            try:
                with contextlib.closing(self._open_line()) as line:
                    yield from self._stream(line)
                    if self._closed.is_set():
                        line.say_last(self._commands.stop)
            except OSError as error:
                self._set_state(SourceState.LOST, str(error)[:200])
            failures = 0 if self._next > before else failures + 1
            self._closed.wait(self._pause_s(failures))
        self._set_state(SourceState.ENDED, "closed")
        log.info("sources.board.closed", extra={"facts": dict(self.health().counters)})

    # ---- the port --------------------------------------------------------------------------------------------------

    def _open_line(self) -> SerialLine:
        settings = self._settings
        baud = settings.baud or KINDS[settings.protocol].baud
        line = SerialLine(
            settings.port, baud, clock=self._clock, closed=self._closed, poll_s=settings.poll_s, tap=self._tap
        )
        self._opened += 1
        self._reopened = self._next > 0
        self._latency_ms = line.latency_ms
        if line.latency_ms is not None and line.latency_ms > GOOD_LATENCY_MS and self._opened == 1:
            log.warning("sources.bridge.slow", extra={"facts": {"port": settings.port, "latency_ms": line.latency_ms}})
        if self._health[0] is not SourceState.STALLED:
            self._set_state(SourceState.OPENING, "")
        return line

    def _pause_s(self, failures: int) -> float:
        """How long until the port is tried again: soon while its name is away, ever longer while it refuses."""
        settings = self._settings
        if not failures:
            return 0.0
        longest_s = min(settings.longest_retry_s, settings.first_retry_s * 2.0 ** min(failures - 1, 16))
        if not Path(settings.port).exists():
            longest_s = min(longest_s, ABSENT_RETRY_S)
        return longest_s * self._jitter.uniform(0.5, 1.0)

    def _start(self, line: SerialLine) -> None:
        """Make the board send from the beginning; what it still says of before is thrown away."""
        self._started += 1
        if self._next:
            self._decoder.restart()
        replies = line.say(self._commands.start(self._board))
        if "inquiry" in replies:
            self._learn(find_inquiry(replies["inquiry"]))

    def _learn(self, inquiry: bytes) -> None:
        if not inquiry:
            raise Refused("the board does not answer the inquiry about its channels")
        board = replace(self._board, inquiry=inquiry)
        if not self._next:
            self._decoder, self._board = make_decoder(self._settings.protocol, board), board
        elif layout_of(inquiry) != layout_of(self._board.inquiry or DEFAULT_INQUIRY):
            raise BoardDiffers("the board came back with other channels", inquiry=inquiry.hex())

    # ---- the stream ------------------------------------------------------------------------------------------------

    def _stream(self, line: SerialLine) -> Iterator[Signal]:
        settings = self._settings
        resuming = self._commands.runs_on and self._reopened
        if not resuming:
            self._start(line)
        asked_s = self._clock.monotonic_s()
        while not self._closed.is_set():
            data = line.read(settings.block_s / settings.speed)
            now_s = self._clock.monotonic_s()
            signals = self._signals(data, now_s) if data else []
            yield from signals
            if signals:
                resuming, asked_s = False, now_s
            elif resuming and now_s - asked_s > RESUME_S:
                resuming = False
                self._start(line)
                asked_s = self._clock.monotonic_s()
            elif now_s - asked_s > settings.stall_s:
                self._set_state(SourceState.STALLED, "the port is open and no samples come")
                if self._commands.stop:
                    self._start(line)
                asked_s = self._clock.monotonic_s()

    def _signals(self, data: bytes, now_s: float) -> list[Signal]:
        signals: list[Signal] = []
        for item in self._decoder.feed(data, now_s * self._settings.speed):
            if isinstance(item, Loss):
                gap = self._gap(item, now_s)
                before = signals[-1] if signals else None
                signals[-1:] = [_joined(before, gap)] if isinstance(before, Gap) else [*signals[-1:], gap]
            elif item.samples.shape[1]:
                signals.append(self._block(item))
                self._reopened, self._last_at_s = False, now_s
        if signals and self._last_at_s == now_s:
            self._set_state(SourceState.STREAMING, "")
            self._rate.note(now_s * self._settings.speed, self._next)
        return signals

    def _block(self, item: Samples) -> SampleBlock:
        if self._rows is None:
            self._rows = self._chosen_rows()
        self._next = item.end
        return SampleBlock(
            recording=self._recording,
            start=item.start,
            fs_hz=self._fs_hz,
            leads=self._leads,
            samples=item.samples[self._rows],
        )

    def _gap(self, loss: Loss, now_s: float) -> Gap:
        silent = now_s - self._last_at_s > SILENCE_S
        reason = RECONNECTED if self._reopened else SILENCE if silent else LOST
        if not loss.certain:
            reason += AMBIGUOUS
            self._rate.restart()
        self._next = loss.at + loss.count
        self._lost += loss.count
        log.info("sources.samples.lost", extra={"facts": {"at": loss.at, "count": loss.count, "reason": reason}})
        return Gap(recording=self._recording, start=loss.at, length=loss.count, reason=reason)

    def _chosen_rows(self) -> list[int]:
        """Where the announced leads stand among the channels that came."""
        facts, settings = self._decoder.facts, self._settings
        if settings.protocol == "text":
            rows = [_text_column(facts, settings)]
        else:
            names = [lead.name for lead in facts.channels]
            rows = [names.index(lead.name) if lead.name in names else len(names) for lead in self._leads]
        there = all(row < len(facts.channels) for row in rows)
        same = there and all(facts.channels[row].unit is lead.unit for row, lead in zip(rows, self._leads, strict=True))
        if not same or (facts.fs_hz and facts.fs_hz != self._fs_hz):
            raise BoardDiffers(
                "the board sends other channels than its protocol promises",
                channels=[f"{lead.name} ({lead.unit.value})" for lead in facts.channels],
                fs_hz=facts.fs_hz,
                wanted=[f"{lead.name} ({lead.unit.value})" for lead in self._leads],
            )
        return rows

    def _set_state(self, state: SourceState, reason: str) -> None:
        if self._health[0] is not state or self._health[2] != reason:
            since_s = self._clock.monotonic_s() if self._health[0] is not state else self._health[1]
            self._health = (state, since_s, reason)


def _text_column(facts: DecoderFacts, settings: SerialBoardSettings) -> int:
    """The column that is read: where nobody chose one, the first whose own name says that it is what is looked for."""
    wanted = kind_of(settings.lead_name)
    kinds = [lead.kind for lead in facts.channels]
    if settings.column == 0 and wanted is not LeadKind.UNKNOWN and wanted in kinds:
        return kinds.index(wanted)
    return settings.column


def _joined(first: Gap, second: Gap) -> Gap:
    """Two losses in a row, the counter's and that of the clock, are one."""
    reason = first.reason if first.reason.endswith(AMBIGUOUS) else second.reason
    return replace(first, length=first.length + second.length, reason=reason)
