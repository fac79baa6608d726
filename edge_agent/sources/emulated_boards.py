"""Boards as a daemon sees them: their answers to commands, and their frames. Pure: bytes in, bytes out.

Sources of the answers: OpenBCI_32bit_Library and OpenBCI_Radios (Cyton), firmware-bitalino-revolution,
shimmer_bt_uart.c. What a board says beyond what a reader needs is left out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from edge_agent.sources.decoders import KINDS, bitalino, cyton, make_decoder, shimmer3
from edge_agent.sources.decoders.port import BoardSettings, Values

Take = Callable[[int, int], Values]  # board values from one frame index to another, shape (channel, frame)
BANNER = (
    "OpenBCI V3 8-16 channel\nOn Board ADS1299 Device ID: 0x3E\n{daisy}LIS3DH Device ID: 0x33\nFirmware: v3.1.2\n$$$"
)
COMMS_FAILURE = b"Failure: Communications timeout - Device failed to poll Host$$$"
SHIMMER3_LENGTHS = {0x08: 4, 0x05: 3, 0x8B: 2, 0xA3: 2, 0x63: 4}  # commands with arguments
RAIL_UV = 187_500.0
STALE_UV = 1_000.0  # what the first averaged half of a Daisy is averaged with


@dataclass(frozen=True, kw_only=True, slots=True)
class Wiring:
    """How a record becomes what a board measures.

    Parameters
    ----------
    mv_per_count, zero_count : for boards without a scale of their own; a reader needs them as settings.
    """

    mv_per_count: float | None = None
    zero_count: float = 0.0


WIRING: dict[str, Wiring] = {
    "healthypi2": Wiring(mv_per_count=2420 / 12 / (2**23 - 1)),
    "healthypi5": Wiring(mv_per_count=0.00037253e-3),
    "olimex": Wiring(mv_per_count=0.005, zero_count=512),
    "text": Wiring(mv_per_count=0.005, zero_count=512),
}
_OTHERS = {"RR": 16.0, "HR": 72.0, "SPO2": 98.0, "TEMP": 36.5, "RED": 100_000.0, "IR": 120_000.0}
"""What the channels beside the ECG hold: a resting adult, without movement."""


@dataclass(kw_only=True)
class Board:
    """A board that always talks and hears nothing.

    Parameters
    ----------
    protocol : name in `decoders.KINDS`.
    settings : what its reader is given about it.
    base : frame index at which its counter was 0.
    """

    protocol: str
    settings: BoardSettings = field(default_factory=BoardSettings)
    streaming: bool = True
    base: int = 0

    def __post_init__(self) -> None:
        facts = make_decoder(self.protocol, self.settings).facts
        self.names = [lead.name for lead in facts.channels]
        self.frame_hz, self.fs_hz, self.frame_bytes = facts.frame_hz, facts.fs_hz, facts.frame_bytes

    def receive(self, data: bytes, now: int) -> bytes:
        """The answer to bytes from the host, at frame index `now`."""
        del data, now
        return b""

    def restart(self, now: int) -> None:
        """The supply was away until frame index `now`."""
        self.base = now

    def measured(self, leads_mv: Values) -> Values:
        """Channels in the units of the decoder, shape (channel, sample), from leads in mV of shape (lead, sample)."""
        wiring = WIRING.get(self.protocol, Wiring())
        values = np.zeros((len(self.names), leads_mv.shape[1]), np.float32)
        for row, name in enumerate(self.names):
            values[row] = _OTHERS.get(name, 0.0)
        ecg = leads_mv[0]
        values[0] = ecg if wiring.mv_per_count is None else np.rint(ecg / wiring.mv_per_count + wiring.zero_count)
        return values

    def frames(self, take: Take, first: int, end: int) -> list[bytes]:
        """The frames of the indices `first` to `end`."""
        encoded = KINDS[self.protocol].encode(take(first, end), first=first - self.base)
        if not self.frame_bytes:
            return encoded.splitlines(keepends=True)
        return [encoded[at : at + self.frame_bytes] for at in range(0, len(encoded), self.frame_bytes)]

    def leads_off(self, values: Values) -> Values:
        """What it sends while the electrodes are off."""
        return np.full_like(values, np.nan) if self.protocol != "olimex" else np.full_like(values, 1023)


@dataclass(kw_only=True)
class Cyton(Board):
    """OpenBCI Cyton with its dongle, with or without Daisy; it streams between ``b`` and ``s``."""

    streaming: bool = False
    radio: bool = True
    _order: bytes = b""

    def receive(self, data: bytes, now: int) -> bytes:
        """Answer single characters, and channel orders of nine."""
        if not self.radio:
            return COMMS_FAILURE if data else b""
        return b"".join(self._character(bytes([octet]), now) for octet in data)

    def restart(self, now: int) -> None:
        """Idle until the next ``b``."""
        self.base, self.streaming, self._order = now, False, b""

    def measured(self, leads_mv: Values) -> Values:
        """Leads on the first inputs, in microvolt; the others are at rest."""
        values = np.zeros((len(self.names), leads_mv.shape[1]), np.float32)
        rows = min(len(leads_mv), len(values))
        values[:rows] = leads_mv[:rows] * 1000
        return values

    def frames(self, take: Take, first: int, end: int) -> list[bytes]:
        """Frames of 33 bytes; with a Daisy alternating halves, each the mean of two samples."""
        numbers = np.arange(first, end) - self.base
        gain = self.settings.gain or cyton.GAIN
        if self.protocol == "cyton":
            encoded = cyton.encode(take(first, end), first=first - self.base, gain=gain)
        else:
            values, before = take(first, end), take(first - 1, end - 1)
            if before.shape[1] < values.shape[1]:
                before = np.concatenate([values[:, :1], before], axis=1)
            means = (values + before) / 2
            means[:, numbers == 0] = (means[:, numbers == 0] + STALE_UV) / 2
            halves = np.where(numbers % 2 == 0, means[8:], means[:8])
            encoded = cyton.encode(halves, first=first - self.base, gain=gain)
        return [encoded[at : at + cyton.SIZE] for at in range(0, len(encoded), cyton.SIZE)]

    def leads_off(self, values: Values) -> Values:
        """The rail."""
        return np.full_like(values, RAIL_UV)

    def _character(self, said: bytes, now: int) -> bytes:
        if self._order:
            self._order += said
            if len(self._order) < 9:
                return b""
            order, self._order = self._order, b""
            done = order[-1:] == b"X"
            return b"Success: Channel set for " + order[1:2] + b"$$$" if done else b"Err: 9th char not X$$$"
        if said == b"b" and not self.streaming:
            # The first frame is the next one that is taken, and its number is 0.
            self.base, self.streaming = now, True
        elif said == b"s":
            self.streaming = False
        elif said == b"v":
            self.streaming = False
            daisy = "On Daisy ADS1299 Device ID: 0x3E\n" if self.protocol == "cyton-daisy" else ""
            return BANNER.format(daisy=daisy).encode()
        elif said == b"x":
            self._order = said
        elif said == b"C":
            return b"16$$$" if self.protocol == "cyton-daisy" else b"no daisy to attach!8$$$"
        return {b"d": b"updating channel settings to default$$$", b"D": b"060110$$$", b"V": b"v3.1.5$$$"}.get(
            said, b"System is Up$$$" if said == b"\x07" else b""
        )


@dataclass(kw_only=True)
class Bitalino(Board):
    """BITalino: a rate, then a mask of inputs, starts it; 0xFF stops it."""

    streaming: bool = False

    def receive(self, data: bytes, now: int) -> bytes:
        """Answer single bytes."""
        answer = b""
        for said in data:
            if self.streaming:
                self.streaming = said not in (0x00, 0xFF)
            elif said in (0x07, 0x0F):
                answer += b"BITalino_v5.2\n"
            elif said & 3 in (1, 2):
                channels = (said >> 2).bit_count()
                self.streaming, self.base = channels == len(self.names), now
        return answer

    def restart(self, now: int) -> None:
        """Idle until a mask comes."""
        self.base, self.streaming = now, False

    def measured(self, leads_mv: Values) -> Values:
        """The first lead on every input."""
        return np.repeat(leads_mv[:1], len(self.names), axis=0)

    def frames(self, take: Take, first: int, end: int) -> list[bytes]:
        """Frames as for an ECG sensor on every input."""
        sensors = ("ECG",) * len(self.names)
        encoded = bitalino.encode(take(first, end), first=first - self.base, sensors=sensors)
        return [encoded[at : at + self.frame_bytes] for at in range(0, len(encoded), self.frame_bytes)]


@dataclass(kw_only=True)
class Shimmer3(Board):
    """Shimmer3 with ECG: every command is answered FF; 07 starts, 20 stops."""

    streaming: bool = False
    _held: bytes = b""

    def receive(self, data: bytes, now: int) -> bytes:
        """Answer commands with their arguments."""
        self._held += data
        answer = b""
        while self._held:
            said = self._held[0]
            length = 4 + self._held[3] if said == 0x61 and len(self._held) > 3 else SHIMMER3_LENGTHS.get(said, 1)
            if len(self._held) < length or (said == 0x61 and len(self._held) < 4):
                break
            self._held = self._held[length:]
            answer += self._answer(said, now)
        return answer

    def _answer(self, said: int, now: int) -> bytes:
        if said == 0x07 and not self.streaming:
            self.streaming, self.base = True, now
        elif said == 0x20:
            self.streaming = False
        elif said == 0x3F:
            return b"\xff\x25\x03"
        elif said == 0x2E:
            return bytes.fromhex("FF2F030000000F04")
        elif said == 0x01:
            return self.settings.inquiry or shimmer3.DEFAULT_INQUIRY
        return b"\xff"

    def restart(self, now: int) -> None:
        """Idle until 07 comes."""
        self.base, self.streaming, self._held = now, False, b""

    def measured(self, leads_mv: Values) -> Values:
        """The first lead between the left leg and the right arm; the others are parts of it, or the next leads."""
        rows = [leads_mv[min(row, len(leads_mv) - 1)] * part for row, part in enumerate((1.0, 0.6, 0.4, 0.8))]
        return np.stack(rows).astype(np.float32)


def make_board(protocol: str, settings: BoardSettings) -> Board:
    """The board of a protocol, switched on."""
    special: dict[str, type[Board]] = {"cyton": Cyton, "cyton-daisy": Cyton, "bitalino": Bitalino, "shimmer3": Shimmer3}
    return special.get(protocol, Board)(protocol=protocol, settings=settings)
