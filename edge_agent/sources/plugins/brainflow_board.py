"""Any board that BrainFlow drives, as a source (``source.kind = "brainflow"``).

Options: ``board`` (BrainFlow's number or name; -1, the synthetic board, unless set), ``channels`` (``ecg``, ``eeg``,
``emg``, ``exg``), ``unit`` (``raw`` where the board's scale is not known), and every field of BrainFlow's
``BrainFlowInputParams``, such as ``serial_port``, ``mac_address``, or ``file`` and ``master_board`` for playback (-3).

BrainFlow hands a board's packet counter on and marks no loss. The counter is used where its range is known; longer
losses, and those of other boards, are counted by the steady clock when samples come again.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Signal, Unit
from edge_agent.operate.clock import Clock
from edge_agent.sources.options import parse_options
from edge_agent.sources.port import SourceFacts, SourceHealth, SourceState, unique_names
from edge_agent.sources.settings import SourceSettings

PARAMETERS = (
    "serial_port",
    "mac_address",
    "ip_address",
    "ip_port",
    "ip_protocol",
    "other_info",
    "timeout",
    "serial_number",
    "file",
    "master_board",
)
WHOLE = ("ip_port", "ip_protocol", "timeout", "master_board")
KINDS = {"ecg": LeadKind.ECG, "eeg": LeadKind.EEG, "emg": LeadKind.EMG, "exg": LeadKind.UNKNOWN}
CHANNELS = tuple(KINDS)
COUNTER_RANGE = {-1: 256, 0: 256}  # synthetic, Cyton: the only ones where it was verified
RAW_BOARDS = (68,)  # Shimmer3: BrainFlow returns counts
PLAYBACK = -3
SILENCE_S = 0.5
BUFFER_SAMPLES = 450_000
FIRST_RETRY_S, LONGEST_RETRY_S = 0.25, 10.0


def open_board(settings: SourceSettings, clock: Clock) -> "BrainflowBoard":
    """Make the source; the board is not touched before `read`.

    Raises
    ------
    BadInput : BrainFlow is not installed, or an option is wrong.
    """
    given = parse_options(settings.options, allowed=("board", "channels", "unit", *PARAMETERS))
    try:
        from brainflow import board_shim
    except ImportError as error:
        raise BadInput(
            "the plug-in brainflow needs BrainFlow", why=str(error), remedy="`pip install 'bedside[brainflow]'`"
        ) from error
    for name in WHOLE:
        if name in given and not given[name].lstrip("-").isdecimal():
            raise BadInput("this option is a whole number", option=name, given=given[name])
    if given.get("unit", "raw") != "raw" or given.get("channels", "ecg") not in CHANNELS:
        raise BadInput("no such unit or channels", remedy=f"unit is raw or left out; channels one of {CHANNELS}")
    return BrainflowBoard(board_shim, given, stall_s=settings.stall_s, block_s=settings.block_s, clock=clock)


class BrainflowBoard:
    """One board until closed; when it fails it is tried again, more and more slowly."""

    def __init__(
        self, library: Any, options: Mapping[str, str], *, stall_s: float, block_s: float, clock: Clock
    ) -> None:
        self._library = library
        self._stall_s = stall_s
        self._block_s = block_s
        self._clock = clock
        board = options.get("board", "-1")
        numbers = {one.name: int(one) for one in library.BoardIds}
        self._board = int(board) if board.lstrip("-").isdecimal() else numbers.get(board.upper(), numbers["NO_BOARD"])
        self._parameters = library.BrainFlowInputParams()
        for name in PARAMETERS:
            if name in options:
                setattr(self._parameters, name, int(options[name]) if name in WHOLE else options[name])
        # A recording has the channels and the counter of the board that made it.
        self._layout = self._parameters.master_board if self._board == PLAYBACK else self._board
        try:
            described = library.BoardShim.get_board_descr(self._layout)
        except library.BrainFlowError as error:
            raise BadInput("BrainFlow knows no such board", board=board, why=str(error)) from error
        library.BoardShim.disable_board_logger()
        self._rows, self._leads, self._factor = _leads(described, options, self._layout)
        self._counter_row = described.get("package_num_channel")
        self._range = COUNTER_RANGE.get(self._layout)
        self._fs_hz = float(described["sampling_rate"])
        self._name = str(described.get("name", board))
        self._recording = ""
        self._closed = threading.Event()
        self._health = (SourceState.OPENING, clock.monotonic_s(), "")
        self._next = 0
        self._lost = 0
        self._opened = 0
        self._counter: int | None = None
        self._last_at_s: float | None = None

    def recording_facts(self) -> SourceFacts:
        """Board, leads and nominal rate, as BrainFlow describes them."""
        return SourceFacts(name=self._name, leads=self._leads, fs_hz=self._fs_hz, live=True)

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def close(self) -> None:
        """Make `read` end within a block, or when BrainFlow gives up on a board that does not answer."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """State, since when, why, and the counters."""
        state, since_s, reason = self._health
        counters = (("lost", self._lost), ("opened", self._opened), ("samples", self._next - self._lost))
        return SourceHealth(state=state, since_monotonic_s=since_s, reason=reason, counters=counters)

    def read(self) -> Iterator[Signal]:
        """Yield what the board sends."""
        failures = 0
        while not self._closed.is_set():
            before = self._next
            shim = self._library.BoardShim(self._board, self._parameters)
            try:
                shim.prepare_session()
                shim.start_stream(BUFFER_SAMPLES)
                self._opened += 1
                self._counter = None
                yield from self._stream(shim)
            except self._library.BrainFlowError as error:
                self._set_state(SourceState.LOST, str(error)[:200])
            finally:
                self._release(shim)
            failures = 1 if self._next > before else failures + 1
            self._closed.wait(min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(failures - 1, 16)))
        self._set_state(SourceState.ENDED, "closed")

    def _release(self, shim: Any) -> None:
        try:
            if shim.is_prepared():
                shim.release_session()
        except self._library.BrainFlowError as error:
            self._set_state(SourceState.LOST, str(error)[:200])

    def _stream(self, shim: Any) -> Iterator[Signal]:
        opened_s = self._clock.monotonic_s()
        while not self._closed.wait(self._block_s):
            data = shim.get_board_data()
            now_s = self._clock.monotonic_s()
            if data.shape[1]:
                yield from self._take(data, now_s)
            elif now_s - max(opened_s, self._last_at_s or 0.0) > self._stall_s:
                self._set_state(SourceState.STALLED, "the board is open and no samples come")

    def _take(self, data: NDArray[np.float64], now_s: float) -> Iterator[Signal]:
        lost = self._losses(data, now_s)
        values = np.ascontiguousarray((data[self._rows] * self._factor).astype(np.float32))
        begin = 0
        for index in [*np.flatnonzero(lost).tolist(), data.shape[1]]:
            if index > begin:
                yield self._block(values[:, begin:index])
            begin = index
            if index < data.shape[1]:
                missing = int(lost[index])
                reason = "packets-lost" if self._counter is not None else "reconnected"
                yield Gap(recording=self._recording, start=self._next, length=missing, reason=reason)
                self._next += missing
                self._lost += missing
        if self._range is not None and self._counter_row is not None:
            self._counter = int(data[self._counter_row, -1])
        self._last_at_s = now_s
        self._set_state(SourceState.STREAMING, "")

    def _losses(self, data: NDArray[np.float64], now_s: float) -> NDArray[np.int64]:
        """Samples missing before each of these; shape (sample,)."""
        lost = np.zeros(data.shape[1], np.int64)
        if self._range is not None and self._counter_row is not None:
            counts = data[self._counter_row].astype(np.int64)
            first = counts[0] - 1 if self._counter is None else self._counter
            lost = (np.diff(counts, prepend=first) - 1) % self._range
        if self._last_at_s is not None and now_s - self._last_at_s > SILENCE_S:
            by_time = round((now_s - self._last_at_s) * self._fs_hz) - data.shape[1] - int(lost.sum())
            if self._range is None or self._counter is None:
                lost[0] += max(0, by_time)
            else:  # whole turns of the counter that it cannot show
                lost[0] += self._range * max(0, round(by_time / self._range))
        return lost

    def _block(self, values: NDArray[np.float32]) -> SampleBlock:
        start, self._next = self._next, self._next + values.shape[1]
        return SampleBlock(
            recording=self._recording,
            start=start,
            fs_hz=self._fs_hz,
            leads=self._leads,
            samples=np.ascontiguousarray(values),
        )

    def _set_state(self, state: SourceState, reason: str) -> None:
        if self._health[0] is not state or self._health[2] != reason:
            self._health = (state, self._clock.monotonic_s(), reason)


def _leads(
    described: Mapping[str, Any], options: Mapping[str, str], board: int
) -> tuple[list[int], tuple[Lead, ...], float]:
    """Rows of the data, their leads, and what to multiply with. BrainFlow gives microvolts; an ECG is given in mV."""
    kinds = [kind for kind in CHANNELS if described.get(f"{kind}_channels")]
    kind = options.get("channels") or (kinds[0] if kinds else "")
    if kind not in kinds:
        raise BadInput("the board has no such channels", board=board, channels=kind, has=kinds)
    rows = [int(row) for row in described[f"{kind}_channels"]]
    names = str(described.get("eeg_names", "")).split(",") if kind == "eeg" else []
    if len(names) != len(rows):
        names = [f"{kind.upper()}{index + 1}" for index in range(len(rows))]
    if options.get("unit") == "raw" or board in RAW_BOARDS:
        unit, factor = Unit.RAW, 1.0
    else:
        unit, factor = (Unit.MILLIVOLT, 1e-3) if kind == "ecg" else (Unit.MICROVOLT, 1.0)
    return rows, tuple(Lead(name=name, unit=unit, kind=KINDS[kind]) for name in unique_names(names)), factor
