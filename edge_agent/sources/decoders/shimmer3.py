"""Shimmer3: packets whose layout an inquiry gives, each with a 32768 Hz time stamp.

Sources: LogAndStream (shimmer_bt_uart.c, shimmer_sensing.c), Shimmer-C-API (scales), pyshimmer (channel formats).
A packet begins with a 0 and has no other mark: the step of its time stamp is the check. The stamp counts losses
exactly, up to its wrap (512 s; 2 s with two bytes).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal.blocks import Lead, LeadKind, Unit
from edge_agent.sources.decoders.bits import int24_be, to_int24_be
from edge_agent.sources.decoders.frame_decoder import FrameDecoder
from edge_agent.sources.decoders.framing import BRIDGE_BYTES, Framing, Sequence
from edge_agent.sources.decoders.port import DEFAULTS, BoardSettings, Bytes, DecoderFacts, Values

CLOCK_HZ = 32_768
REFERENCE_MV = 2420.0
GAIN = 4.0
TOLERANCE = 0.05  # of a step, as the vendor's library allows
FRESH = 0x80
ACK, STATUS, INQUIRY = 0xFF, 0x8A, 0x02
DEFAULT_INQUIRY = bytes.fromhex("FF024000000000000601 1D1E1F202122")


@dataclass(frozen=True, slots=True)
class Signal:
    """One channel of a packet: its name and number format; "" is a status byte, "i3" 24 bits big-endian.

    `exg` is a channel of the amplifiers; what the ones of the vendor's ECG unit measure is in `kind`.
    """

    name: str
    type: str
    exg: bool = False
    kind: LeadKind = LeadKind.OTHER

    @property
    def size(self) -> int:
        """Bytes in the packet."""
        return 3 if self.type in ("i3", "u3") else 1 if not self.type else np.dtype(self.type).itemsize


def _axes(name: str, first: int, kind: str) -> dict[int, Signal]:
    return {first + axis: Signal(f"{name}-{letter}", kind) for axis, letter in enumerate("XYZ")}


SIGNALS: dict[int, Signal] = {
    **_axes("LN-ACCEL", 0x00, "<u2"),
    0x03: Signal("VBATT", "<u2", kind=LeadKind.STATUS),
    **_axes("WR-ACCEL", 0x04, "<i2"),
    **_axes("MAG", 0x07, ">i2"),
    **_axes("GYRO", 0x0A, ">i2"),
    **{0x0D + number: Signal(f"ADC{number + 1}", "<u2", kind=LeadKind.UNKNOWN) for number in range(7)},
    0x1A: Signal("TEMPERATURE", ">u2", kind=LeadKind.TEMPERATURE),
    0x1B: Signal("PRESSURE", "u3"),
    0x1C: Signal("GSR", "<u2"),
    0x1D: Signal("EXG1-STATUS", ""),
    0x1E: Signal("LL-RA", "i3", exg=True, kind=LeadKind.ECG),
    0x1F: Signal("LA-RA", "i3", exg=True, kind=LeadKind.ECG),
    0x20: Signal("EXG2-STATUS", ""),
    0x21: Signal("EXG2-CH1", "i3", exg=True, kind=LeadKind.UNKNOWN),
    0x22: Signal("VX-RL", "i3", exg=True, kind=LeadKind.ECG),
    0x23: Signal("LL-RA", ">i2", exg=True, kind=LeadKind.ECG),
    0x24: Signal("LA-RA", ">i2", exg=True, kind=LeadKind.ECG),
    0x25: Signal("EXG2-CH1", ">i2", exg=True, kind=LeadKind.UNKNOWN),
    0x26: Signal("VX-RL", ">i2", exg=True, kind=LeadKind.ECG),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """What an inquiry gives: ticks of 1/32768 s between packets, and the channels in order."""

    divider: int
    signals: tuple[Signal, ...]

    @property
    def fs_hz(self) -> float:
        """The true rate, which is not always the one asked for."""
        return CLOCK_HZ / self.divider


def layout_of(inquiry: bytes) -> Layout:
    """Read an inquiry response, from its FF or its 02 on.

    Raises
    ------
    BadInput : cut short, several samples a packet, or a channel of unknown length.
    """
    body = inquiry.removeprefix(bytes([ACK])).removeprefix(bytes([INQUIRY]))
    remedy = "ask the board for an inquiry again (command 01)"
    if len(body) < 8 or len(body) < 8 + body[6] or not body[6]:
        raise BadInput("the inquiry response is cut short", bytes=inquiry.hex(), remedy=remedy)
    divider, identifiers = body[0] | body[1] << 8, body[8 : 8 + body[6]]
    unknown = [f"{identifier:02X}" for identifier in identifiers if identifier not in SIGNALS]
    if unknown or not divider or body[7] != 1:
        raise BadInput(
            "the inquiry describes a packet that cannot be read",
            unknown_channels=unknown,
            divider=divider,
            samples_a_packet=body[7],
            remedy="enable only channels of a Shimmer3, one sample a packet",
        )
    return Layout(divider=divider, signals=tuple(SIGNALS[identifier] for identifier in identifiers))


def find_inquiry(data: bytes) -> bytes:
    """The first readable inquiry response in captured bytes; b"" where there is none."""
    at = data.find(bytes([ACK, INQUIRY]))
    while at >= 0:
        try:
            count = len(layout_of(data[at : at + 266]).signals)
        except BadInput:
            at = data.find(bytes([ACK, INQUIRY]), at + 1)
            continue
        return data[at : at + 10 + count]
    return b""


def crc16(octets: Bytes) -> NDArray[np.uint16]:
    """CRC of each row, shape (frame, size) to (frame,): CCITT from 0xB0CA, an odd length padded with a 0."""
    if octets.shape[1] % 2:
        octets = np.concatenate([octets, np.zeros((len(octets), 1), np.uint8)], axis=1)
    crc = np.full(len(octets), 0xB0CA, np.uint16)
    for at in range(octets.shape[1]):
        crc = ((crc >> 8 | crc << 8) ^ octets[:, at]).astype(np.uint16)
        crc ^= (crc & 0xFF) >> 4
        crc ^= (crc << 12).astype(np.uint16)
        crc ^= (crc & 0xFF) << 5
    return crc


def _aside(view: Bytes) -> int:
    """Answers between packets: an acknowledgement, a status, a battery reading."""
    if not len(view):
        return -1
    ack = int(view[0] == ACK)
    if len(view) < ack + 2:
        return -1 if ack or view[0] == STATUS else 0
    if view[ack] != STATUS:
        return ack
    length = {0x71: 3, 0x94: 5}.get(int(view[ack + 1]), 0)
    if not length:
        return ack
    return ack + length if len(view) >= ack + length else -1


def framing(layout: Layout, settings: BoardSettings) -> Framing:
    """The packet of a layout."""
    stamp, crc = settings.timestamp_bytes, settings.crc_bytes
    size = 1 + stamp + sum(signal.size for signal in layout.signals) + crc

    def good(frames: Bytes) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = frames[:, 0] == 0
        if crc and right.any():
            some = np.flatnonzero(right)
            computed = crc16(frames[some, : size - crc])
            right[some] = (frames[some, size - crc] == computed & 0xFF) & (
                (crc == 1) | (frames[some, -1] == computed >> 8)
            )
        return right

    def ticks(frames: Bytes) -> NDArray[np.int64]:
        weights = np.asarray([1, 1 << 8, 1 << 16], np.int64)[:stamp]
        counted: NDArray[np.int64] = (frames[:, 1 : 1 + stamp].astype(np.int64) * weights).sum(axis=1)
        return counted

    return Framing(
        size=size,
        good=good,
        fault=lambda frame: "bad_crc" if crc and frame[0] == 0 else "bad_header",
        sequence=Sequence(
            of=ticks,
            modulus=1 << 8 * stamp,
            step=layout.divider,
            tolerance=max(1.0, TOLERANCE * layout.divider),
            alone_is_torn=True,
        ),
        links=4,
        relinks=3,
        near_bytes=64 + 3 * size,
        opens=False,
        last=2,
        bridge=BRIDGE_BYTES,
        aside=_aside,
    )


def shimmer3(settings: BoardSettings = DEFAULTS) -> FrameDecoder:
    """Decoder of a Shimmer3; ECG in millivolt, other channels as the board's numbers.

    Raises
    ------
    BadInput : the inquiry in the settings cannot be used.
    """
    layout = layout_of(settings.inquiry or DEFAULT_INQUIRY)
    frame = framing(layout, settings)
    readers = _readers(layout, 1 + settings.timestamp_bytes, settings.gain or GAIN)
    facts = DecoderFacts(
        protocol="shimmer3",
        fs_hz=layout.fs_hz,
        channels=tuple(
            Lead(name=signal.name, unit=Unit.MILLIVOLT if signal.exg else Unit.RAW, kind=signal.kind)
            for signal in layout.signals
            if signal.type
        ),
        frame_hz=layout.fs_hz,
        frame_bytes=frame.size,
    )
    places = _places(layout, 1 + settings.timestamp_bytes)
    status = [at for signal, at in zip(layout.signals, places, strict=True) if not signal.type]
    return FrameDecoder(
        facts,
        frame,
        lambda frames: np.stack([read(frames) for read in readers]),
        stale=lambda frames: int((frames[:, status] < FRESH).any(axis=1).sum()),
    )


def _places(layout: Layout, first: int) -> list[int]:
    sizes = [signal.size for signal in layout.signals]
    return [first + sum(sizes[:row]) for row in range(len(sizes))]


def mv_per_count(signal: Signal, gain: float) -> float:
    """Scale of an ECG channel; 1 for others."""
    if not signal.exg:
        return 1.0
    return REFERENCE_MV / gain / (2**23 - 1) if signal.type == "i3" else REFERENCE_MV / (2 * gain) / (2**15 - 1)


def _readers(layout: Layout, first: int, gain: float) -> list[Callable[[Bytes], Values]]:
    def reader(signal: Signal, at: int) -> Callable[[Bytes], Values]:
        scale, end = mv_per_count(signal, gain), at + signal.size

        def read(frames: Bytes) -> Values:
            octets = np.ascontiguousarray(frames[:, at:end])
            if signal.type in ("i3", "u3"):
                number = int24_be(octets)[:, 0] & (0xFFFFFF if signal.type == "u3" else -1)
            else:
                number = octets.view(signal.type)[:, 0]
            return (number.astype(np.float64) * scale).astype(np.float32)

        return read

    places = _places(layout, first)
    return [reader(signal, at) for signal, at in zip(layout.signals, places, strict=True) if signal.type]


def encode(
    samples: Values,
    *,
    first: int = 0,
    inquiry: bytes = DEFAULT_INQUIRY,
    gain: float = GAIN,
    start_ticks: int = 0,
    crc_bytes: int = 0,
    timestamp_bytes: int = 3,
) -> bytes:
    """Packets that hold `samples`, shape (channel, sample): rows and units as the decoder gives them, left out ones 0.

    Parameters
    ----------
    first : index of the first sample; its time stamp is ``start_ticks + first * divider``.
    """
    layout = layout_of(inquiry)
    values = np.asarray(samples, np.float64)
    count = values.shape[1]
    ticks = start_ticks + (first + np.arange(count, dtype=np.int64)) * layout.divider
    parts: list[Bytes] = [np.zeros((count, 1), np.uint8)]
    parts.append(ticks.astype("<i8")[:, None].view(np.uint8)[:, :timestamp_bytes])
    rows = chain(values, repeat(np.zeros(count)))
    for signal in layout.signals:
        if not signal.type:
            parts.append(np.full((count, 1), FRESH, np.uint8))
            continue
        numbers = np.rint(next(rows) / mv_per_count(signal, gain))
        if signal.type in ("i3", "u3"):
            low, high = (-(2**23), 2**23 - 1) if signal.type == "i3" else (0, 2**24 - 1)
            parts.append(to_int24_be(np.clip(numbers, low, high).astype(np.int32)[:, None]))
        else:
            limits = np.iinfo(signal.type)
            parts.append(np.clip(numbers, limits.min, limits.max).astype(signal.type)[:, None].view(np.uint8))
    frames = np.concatenate(parts, axis=1)
    if crc_bytes:
        crc = crc16(frames).astype("<u2")[:, None].view(np.uint8)[:, :crc_bytes]
        frames = np.concatenate([frames, crc], axis=1)
    return frames.tobytes()
