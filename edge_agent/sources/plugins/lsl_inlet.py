"""A stream of the Lab Streaming Layer as a source, through pylsl (``source.kind = "lsl"``).

Options: ``name``, ``type`` or ``source_id`` of the stream (one of them), ``resolve_s``, ``gap_s``. Lead names and units
come from the stream's description. LSL carries no counter: samples are missing where the sender's time stamps jump by
more than ``gap_s`` (0.5 s unless set, because many senders stamp in bursts); a shorter loss cannot be seen.
"""

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, Lead, SampleBlock, Signal
from edge_agent.operate.clock import Clock
from edge_agent.sources.lead_kinds import kind_of_type
from edge_agent.sources.options import parse_options
from edge_agent.sources.port import RecordUnreadable, SourceFacts, SourceHealth, SourceState, unique_names
from edge_agent.sources.settings import SourceSettings
from edge_agent.sources.wfdb_header import known_unit

SELECTORS = ("name", "type", "source_id")
BUFFER_S = 60  # held by the library while nobody reads
AT_ONCE = 4096


def open_inlet(settings: SourceSettings, clock: Clock) -> "LslInlet":
    """Make the source; nothing is looked for before its facts are asked.

    Raises
    ------
    BadInput : pylsl is not installed, or an option is wrong.
    """
    given = parse_options(settings.options, allowed=(*SELECTORS, "resolve_s", "gap_s"))
    chosen = [name for name in SELECTORS if name in given]
    if len(chosen) != 1:
        raise BadInput("one option names the stream", given=chosen, remedy='source.options = ["name=MyStream"]')
    try:
        resolve_s, gap_s = float(given.get("resolve_s", 5)), float(given.get("gap_s", 0.5))
    except ValueError as error:
        raise BadInput("resolve_s and gap_s are seconds", why=str(error)) from error
    try:
        import pylsl
    except (ImportError, RuntimeError) as error:  # RuntimeError: the package is there and its liblsl is not
        raise BadInput("the plug-in lsl needs pylsl", why=str(error), remedy="`pip install 'bedside[lsl]'`") from error
    return LslInlet(
        pylsl,
        by=(chosen[0], given[chosen[0]]),
        resolve_s=resolve_s,
        gap_s=gap_s,
        stall_s=settings.stall_s,
        block_s=settings.block_s,
        clock=clock,
    )


class LslInlet:
    """Reads one regular, numeric stream until closed; the library reconnects by itself when the sender comes back."""

    def __init__(
        self,
        library: Any,
        *,
        by: tuple[str, str],
        resolve_s: float,
        gap_s: float,
        stall_s: float,
        block_s: float,
        clock: Clock,
    ) -> None:
        self._lsl = library
        self._by = by
        self._resolve_s = resolve_s
        self._gap_s = gap_s
        self._stall_s = stall_s
        self._block_s = block_s
        self._clock = clock
        self._info: Any = None
        self._facts: SourceFacts | None = None
        self._factors: NDArray[np.float64] = np.ones((1, 1))
        self._recording = ""
        self._closed = threading.Event()
        self._health = (SourceState.OPENING, clock.monotonic_s(), "")
        self._next = 0
        self._lost = 0
        self._last_stamp_s: float | None = None
        self._last_at_s = 0.0

    def recording_facts(self) -> SourceFacts:
        """Look for the stream and return what it says of itself.

        Raises
        ------
        RecordUnreadable : no such stream, or one of texts, or of events without a rate.
        """
        if self._facts is None:
            found = self._lsl.resolve_byprop(*self._by, minimum=1, timeout=self._resolve_s)
            if not found:
                raise RecordUnreadable(
                    "no such stream on the network",
                    **{self._by[0]: self._by[1]},
                    remedy="start the sender; `resolve_s` is how long it is looked for; see KnownPeers in lsl_api.cfg",
                )
            info = found[0]
            fs_hz = info.nominal_srate()
            if not fs_hz > 0 or info.channel_format() == self._lsl.cf_string:
                raise RecordUnreadable("the stream is not of numbers at a steady rate", stream=info.name(), fs_hz=fs_hz)
            self._info = info
            leads, factors = self._described(info)
            self._factors = np.asarray(factors).reshape(-1, 1)
            self._facts = SourceFacts(name=info.name() or "lsl", leads=leads, fs_hz=float(fs_hz), live=True)
        return self._facts

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def close(self) -> None:
        """Make `read` end within a block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """State, since when, why; `lost` counts the samples that the time stamps left out."""
        state, since_s, reason = self._health
        counters = (("lost", self._lost), ("samples", self._next - self._lost))
        return SourceHealth(state=state, since_monotonic_s=since_s, reason=reason, counters=counters)

    def read(self) -> Iterator[Signal]:
        """Yield what comes in from now on."""
        facts = self.recording_facts()
        inlet = self._lsl.StreamInlet(self._info, max_buflen=BUFFER_S, recover=True)
        self._last_at_s = self._clock.monotonic_s()
        try:
            while not self._closed.wait(self._block_s):
                try:
                    rows, stamps = inlet.pull_chunk(timeout=0.0, max_samples=AT_ONCE)
                except self._lsl.util.LostError as error:
                    self._set_state(SourceState.LOST, str(error))
                    continue
                if stamps:
                    yield from self._take(facts, np.asarray(rows, np.float64).T, np.asarray(stamps, np.float64))
                elif self._clock.monotonic_s() - self._last_at_s > self._stall_s:
                    self._set_state(SourceState.STALLED, "the stream is open and no samples come")
        finally:
            inlet.close_stream()
            self._set_state(SourceState.ENDED, "closed")

    def _described(self, info: Any) -> tuple[tuple[Lead, ...], list[float]]:
        inlet = self._lsl.StreamInlet(info, recover=False)
        try:
            channel = inlet.info(timeout=self._resolve_s).desc().child("channels").child("channel")
        except (self._lsl.util.LostError, self._lsl.util.TimeoutError) as error:
            raise RecordUnreadable("the stream does not answer", stream=info.name(), why=str(error)) from error
        finally:
            inlet.close_stream()
        names, units, types = [], [], []
        for _ in range(info.channel_count()):
            names.append(channel.child_value("label"))
            units.append(channel.child_value("unit"))
            types.append(channel.child_value("type") or info.type())
            channel = channel.next_sibling("channel")
        known = [known_unit(unit.removesuffix("s") if len(unit) > 3 else unit) for unit in units]
        described = zip(unique_names(names), known, types, units, strict=True)
        leads = [
            Lead(name=name, unit=unit, kind=kind_of_type(kind, name, text)) for name, (unit, _), kind, text in described
        ]
        return tuple(leads), [factor for _, factor in known]

    def _take(self, facts: SourceFacts, values: NDArray[np.float64], stamps: NDArray[np.float64]) -> Iterator[Signal]:
        now_s = self._clock.monotonic_s()
        before_s = stamps[0] - 1 / facts.fs_hz if self._last_stamp_s is None else self._last_stamp_s
        steps_s = np.diff(stamps, prepend=before_s)
        if steps_s[0] < -self._gap_s:  # the sender began anew, with another clock: ours shows how long that took
            steps_s[0] = now_s - self._last_at_s
        values = values * self._factors
        values[np.isinf(values)] = np.nan
        begin = 0
        for index in [*np.flatnonzero(steps_s > self._gap_s).tolist(), stamps.size]:
            if index > begin:
                yield self._block(facts, values[:, begin:index])
            begin = index
            missing = round(float(steps_s[index]) * facts.fs_hz) - 1 if index < stamps.size else 0
            if missing > 0:
                yield Gap(recording=self._recording, start=self._next, length=missing, reason="stamps-jumped")
                self._next += missing
                self._lost += missing
        self._last_stamp_s, self._last_at_s = float(stamps[-1]), now_s
        self._set_state(SourceState.STREAMING, "")

    def _block(self, facts: SourceFacts, values: NDArray[np.float64]) -> SampleBlock:
        start, self._next = self._next, self._next + values.shape[1]
        samples = np.ascontiguousarray(values.astype(np.float32))
        return SampleBlock(
            recording=self._recording, start=start, fs_hz=facts.fs_hz, leads=facts.leads, samples=samples
        )

    def _set_state(self, state: SourceState, reason: str) -> None:
        if self._health[0] is not state or self._health[2] != reason:
            self._health = (state, self._clock.monotonic_s(), reason)
