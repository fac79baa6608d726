"""An emulated board on a damaged line, as a plan: how much time passes in, what happens on the line out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from edge_agent.sources.decoders.port import DEFAULTS, BoardSettings, Values
from edge_agent.sources.emulated_boards import Board, Cyton, make_board
from edge_agent.sources.line_damage import OF_FRAMES, Fault, wrong_baud

FLIP = 0xFF


@dataclass(frozen=True, slots=True)
class Sent:
    """Bytes that come out of the port."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Unplugged:
    """The port is gone."""


@dataclass(frozen=True, slots=True)
class Plugged:
    """The port is there again."""


Happening: TypeAlias = Sent | Unplugged | Plugged


class Emulation:
    """Plays leads as a board.

    The record begins when the board first streams; its end is the end. `lost` lists the frames (of the line, not of
    the sample index of boards that send two a sample) that did not come out undamaged: truth for tests.

    Parameters
    ----------
    leads_mv, fs_hz : the record, shape (lead, sample), millivolt.
    faults : in samples of the board from the first one sent.
    seed : of the bytes that are inserted.
    """

    def __init__(
        self,
        protocol: str,
        leads_mv: NDArray[np.float32],
        fs_hz: float,
        *,
        settings: BoardSettings = DEFAULTS,
        faults: Sequence[Fault] = (),
        seed: int = 1,
    ) -> None:
        self.board: Board = make_board(protocol, settings)
        self.frames_per_sample = round(self.board.frame_hz / self.board.fs_hz)
        ratio = Fraction(self.board.frame_hz / fs_hz).limit_denominator(2000)
        leads = resample_poly(np.nan_to_num(leads_mv).astype(np.float64), ratio.numerator, ratio.denominator, axis=1)
        self._values: Values = self.board.measured(leads.astype(np.float32))
        self._faults = sorted(faults, key=lambda fault: fault.at)
        self._random = np.random.default_rng(seed)
        self._time_s = 0.0
        self._begin: int | None = None  # frame index at which it first streamed
        self._held = b""
        self._cut = 0
        self.position = 0
        self.lost: list[tuple[int, int]] = []

    @property
    def frames(self) -> int:
        """Frames that the record makes."""
        return int(self._values.shape[1])

    @property
    def ended(self) -> bool:
        """Whether the record is through."""
        return self._begin is not None and self.position - self._begin >= self.frames

    @property
    def time_s(self) -> float:
        """Time of the board."""
        return self._time_s

    def receive(self, data: bytes) -> bytes:
        """The board's answer to bytes from the host."""
        return self.board.receive(data, self.position)

    def advance(self, seconds: float) -> list[Happening]:
        """Let time pass."""
        self._time_s += seconds
        end = int(self._time_s * self.board.frame_hz)
        happenings: list[Happening] = []
        while self.position < end and not self.ended:
            if self._begin is None:
                if not self.board.streaming:
                    self.position = end
                    break
                self._begin = self.board.base = self.position
            border = self._next_border(end)
            self._stretch(self.position, border, happenings)
            self.position = border
        return _joined(happenings)

    def take(self, first: int, end: int) -> Values:
        """What the board measures at these frame indices."""
        begin = self._begin or 0
        values = self._values[:, max(first - begin, 0) : max(end - begin, 0)]
        if any(fault.what == "leads-off" for fault in self._lasting(first)):
            return self.board.leads_off(values)
        return values

    # ---- faults in frame indices -----------------------------------------------------------------------------------

    def _span(self, fault: Fault) -> tuple[int, int]:
        first = (self._begin or 0) + fault.at * self.frames_per_sample
        if fault.what == "drop-frames":
            return first, first + fault.count
        return first, first + max(1, round(fault.seconds * self.board.frame_hz))

    def _lasting(self, at: int) -> list[Fault]:
        return [fault for fault in self._faults if fault.what not in OF_FRAMES and _holds(self._span(fault), at)]

    def _next_border(self, end: int) -> int:
        borders = [border for fault in self._faults for border in self._span(fault) if border > self.position]
        return min([end, *borders, (self._begin or 0) + self.frames])

    def _stretch(self, first: int, end: int, happenings: list[Happening]) -> None:
        """Frames between two borders: every fault begins or ends at `first`, or not here."""
        for fault in self._faults:
            begins, ends = self._span(fault)
            if fault.what not in OF_FRAMES and ends == first:
                self._over(fault, first, happenings)
            if begins == first:
                self._starts(fault, first, happenings)
        lasting = {fault.what: fault for fault in self._lasting(first)}
        if isinstance(self.board, Cyton):
            self.board.radio = "radio-off" not in lasting
        if not self.board.streaming:
            self._lose(first, end)
            return
        pieces = self.board.frames(self.take, first, end)
        if {"unplug", "stall", "radio-off", "drop-frames"} & lasting.keys():
            self._lose(first, end)
            return
        left = self._cut
        self._cut = 0
        for fault in self._faults:
            if fault.what in OF_FRAMES and self._span(fault)[0] == first:
                pieces = self._damaged(fault, pieces, first)
        data = b"".join(pieces)
        self._cut += max(0, left - len(data))
        data = data[left:]
        if "wrong-baud" in lasting:
            self._lose(first, end)
            data = wrong_baud(data, lasting["wrong-baud"].factor)
        if "lump" in lasting:
            self._held += data
        elif data:
            happenings.append(Sent(self._held + data))
            self._held = b""

    def _starts(self, fault: Fault, now: int, happenings: list[Happening]) -> None:
        if fault.what == "unplug":
            happenings.append(Unplugged())
        elif fault.what == "restart":
            self.board.restart(now)

    def _over(self, fault: Fault, now: int, happenings: list[Happening]) -> None:
        if fault.what == "unplug":
            if fault.power:
                self.board.restart(now)
            happenings.append(Plugged())

    def _damaged(self, fault: Fault, pieces: list[bytes], first: int) -> list[bytes]:
        if fault.what == "insert":
            return [self._random.integers(0, 256, fault.count, dtype=np.uint8).tobytes(), *pieces]
        if fault.what == "say":
            return [fault.say, *pieces]
        if fault.what == "duplicate":
            return [pieces[0]] * fault.count + pieces
        if fault.what == "flip":
            head = bytearray(pieces[0])
            stop = min(fault.offset + fault.count, len(head))
            head[fault.offset : stop] = bytes(octet ^ FLIP for octet in head[fault.offset : stop])
            self._lose(first, first + 1)
            return [bytes(head), *pieces[1:]]
        if fault.what == "drop-bytes":
            data, cut = b"".join(pieces), fault.offset + fault.count
            self._cut = max(0, cut - len(data))
            self._lose(first, first + 1 + (cut - 1) // len(pieces[0]))
            return [data[: fault.offset] + data[cut:]]
        return pieces

    def _lose(self, first: int, end: int) -> None:
        begin = self._begin or 0
        if self.lost and self.lost[-1][0] + self.lost[-1][1] >= first - begin:
            start, count = self.lost[-1]
            self.lost[-1] = (start, max(count, end - begin - start))
        else:
            self.lost.append((first - begin, end - first))


def _holds(span: tuple[int, int], at: int) -> bool:
    return span[0] <= at < span[1]


def _joined(happenings: list[Happening]) -> list[Happening]:
    joined: list[Happening] = []
    for each in happenings:
        if isinstance(each, Sent) and joined and isinstance(joined[-1], Sent):
            joined[-1] = Sent(joined[-1].data + each.data)
        else:
            joined.append(each)
    return joined
