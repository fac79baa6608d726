"""BITalino (r)evolution: 3 to 8 bytes by the number of channels, no start byte, 4 bits of counter, 4 of CRC.

Sources: firmware-bitalino-revolution (live.c, simul.c), revolution-python-api (bitalino.py), transfer functions of the
vendor's sheets. The bytes do not say how many channels there are, at which rate, nor what hangs on an input: the
settings do, and without `sensors` the values stay counts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal.blocks import Lead, LeadKind, Unit
from edge_agent.sources.decoders.frame_decoder import FrameDecoder
from edge_agent.sources.decoders.framing import Framing, Sequence
from edge_agent.sources.decoders.port import DEFAULTS, BoardSettings, Bytes, DecoderFacts, Values

FS_HZ = 1000.0
SIZES = {1: 3, 2: 4, 3: 6, 4: 7, 5: 8, 6: 8}
BITS = (10, 10, 10, 10, 6, 6)
SUPPLY_V = 3.3
_NIBBLE = np.asarray([0, 3, 6, 5, 12, 15, 10, 9, 11, 8, 13, 14, 7, 4, 1, 2], np.uint8)  # x^4 + x + 1
_OCTET = np.arange(256, dtype=np.uint8)
# The check is linear: what it leaves of a frame is the sum of what each byte leaves, by its distance from the end.
_ALONE = [_NIBBLE[_OCTET >> 4] ^ _OCTET & 15]
for _ in range(max(SIZES.values()) - 1):
    _ALONE.append(_NIBBLE[_NIBBLE[_ALONE[-1]]])
_LEAVES = np.concatenate(_ALONE[::-1])
_PLACES = np.arange(0, _LEAVES.size, 256)
# A count lies across two bytes, the high one behind the low: the high one's distance from the end, the bits below the
# count, and its mask.
_HIGH = np.asarray([2, 3, 5, 6, 7, 7])
_BELOW = np.asarray([2, 0, 6, 4, 6, 0], np.uint16)[:, np.newaxis]
_MASK = np.asarray([2**bits - 1 for bits in BITS], np.uint16)[:, np.newaxis]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sensor:
    """What a sensor measures, and its transfer function: fraction of the converter's range to `unit`."""

    kind: LeadKind
    unit: Unit
    of: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    back: Callable[[NDArray[np.float64]], NDArray[np.float64]]


def _amplifier(kind: LeadKind, unit: Unit, per_volt: float, gain: float) -> Sensor:
    scale = SUPPLY_V / gain * per_volt
    return Sensor(kind=kind, unit=unit, of=lambda part: (part - 0.5) * scale, back=lambda value: value / scale + 0.5)


SENSORS: dict[str, Sensor] = {
    "ECG": _amplifier(LeadKind.ECG, Unit.MILLIVOLT, 1e3, 1100),
    "EMG": _amplifier(LeadKind.EMG, Unit.MILLIVOLT, 1e3, 1009),
    "EEG": _amplifier(LeadKind.EEG, Unit.MICROVOLT, 1e6, 40_000),
}


def remainder(frames: Bytes) -> Bytes:
    """What the check leaves of each frame, 0 where its CRC is right; uint8 of shape (frame, size) to (frame,)."""
    left: Bytes = np.bitwise_xor.reduce(_LEAVES.take(frames + _PLACES[-frames.shape[1] :]), axis=1)
    return left


def framing(channels: int) -> Framing:
    """The frame of `channels` channels. Its check is weak: a dozen in a row are asked for before the first is believed.

    Raises
    ------
    BadInput : not 1 to 6 channels.
    """
    if channels not in SIZES:
        raise BadInput("a BITalino has 1 to 6 channels", channels=channels, remedy="give a number from 1 to 6")
    return Framing(
        size=SIZES[channels],
        good=lambda frames: remainder(frames) == 0,
        fault=lambda frame: "bad_crc",
        sequence=Sequence(of=lambda frames: (frames[:, -1] >> 4).astype(np.int64), modulus=16, alone_is_torn=True),
        links=12,
        relinks=3,
        near_bytes=64 + 3 * SIZES[channels],
        opens=False,
        last=3,
    )


def bitalino(settings: BoardSettings = DEFAULTS) -> FrameDecoder:
    """Decoder of a BITalino; channels in ascending order of the enabled inputs.

    Raises
    ------
    BadInput : not 1 to 6 channels, or a sensor for none of them.
    """
    channels = settings.channels or len(settings.sensors) or 6
    frame = framing(channels)
    if len(settings.sensors) > channels:
        raise BadInput("more sensors than channels", sensors=settings.sensors, channels=channels)
    fs_hz = settings.fs_hz or FS_HZ
    names = [*settings.sensors, *(f"A{number}" for number in range(len(settings.sensors) + 1, channels + 1))]
    sensors = [SENSORS.get(name) for name in names]
    facts = DecoderFacts(
        protocol="bitalino",
        fs_hz=fs_hz,
        channels=tuple(
            Lead(name=name, unit=Unit.RAW) if sensor is None else Lead(name=name, unit=sensor.unit, kind=sensor.kind)
            for name, sensor in zip(names, sensors, strict=True)
        ),
        frame_hz=fs_hz,
        frame_bytes=frame.size,
    )

    def samples(frames: Bytes) -> Values:
        values = counts_of(frames, channels).astype(np.float32)
        for row, sensor in enumerate(sensors):
            if sensor is not None:
                values[row] = sensor.of(values[row].astype(np.float64) / 2 ** BITS[row])
        return values

    return FrameDecoder(facts, frame, samples)


def counts_of(frames: Bytes, channels: int) -> NDArray[np.uint16]:
    """Converter counts of each channel, shape (channel, frame): 10 bits, the fifth and sixth channel 6."""
    high = frames.shape[1] - _HIGH[:channels]
    octets = frames.T.astype(np.uint16)
    counts: NDArray[np.uint16] = (octets[high] << 8 | octets[high - 1]) >> _BELOW[:channels] & _MASK[:channels]
    return counts


def digital_of(frame: bytes) -> tuple[bool, bool, bool, bool]:
    """Inputs I1, I2 and outputs O1, O2 of one frame."""
    octet = frame[-2]
    return bool(octet & 128), bool(octet & 64), bool(octet & 32), bool(octet & 16)


def encode(samples: Values, *, first: int = 0, digital: int = 0, sensors: tuple[str, ...] = ()) -> bytes:
    """Frames that hold `samples`, shape (1 to 6, sample), in counts, or in the unit of each of `sensors`.

    Parameters
    ----------
    first : index of the first sample: decides the counter.
    digital : I1 I2 O1 O2 as a number of 4 bits.
    """
    values = np.array(samples, np.float64)
    channels, count = values.shape
    for row, name in enumerate(sensors):
        if name in SENSORS:
            values[row] = SENSORS[name].back(values[row]) * 2 ** BITS[row]
    ch = np.zeros((7, count), np.int64)
    for row in range(channels):
        ch[row + 1] = np.clip(np.rint(values[row]), 0, 2 ** BITS[row] - 1)
    b = np.zeros((9, count), np.int64)
    b[1] = (first + np.arange(count)) % 16 << 4
    b[2] = digital << 4 | ch[1] >> 6
    b[3] = (ch[1] & 63) << 2 | ch[2] >> 8
    b[4] = ch[2] & 255
    b[5] = ch[3] >> 2
    b[6] = (ch[3] & 3) << 6 | ch[4] >> 4
    b[7] = (ch[4] & 15) << 4 | ch[5] >> 2
    b[8] = (ch[5] & 3) << 6 | ch[6]
    frames = np.ascontiguousarray(b[SIZES[channels] : 0 : -1].T).astype(np.uint8)
    frames[:, -1] |= remainder(frames)
    return frames.tobytes()


def heard_channels(data: bytes) -> int:
    """How many channels captured bytes have: the frame length whose checks chain longest; 6 where nothing does.

    Five and six channels have the same length; five leave the last 6 bits 0 in every frame.
    """
    octets = np.frombuffer(data, np.uint8)
    best, channels = 0, 6
    for number in (6, 4, 3, 2, 1):
        size = SIZES[number]
        if len(octets) < size:
            continue
        frames = np.lib.stride_tricks.sliding_window_view(octets, size)
        frame = framing(number)
        assert frame.sequence is not None
        good = frame.good(frames)
        numbers = frame.sequence.of(frames)
        follows = good[:-size] & good[size:] & (frame.sequence.steps(numbers[size:], numbers[:-size]) == 1)
        heard = int(follows.sum()) * size or (size if good[0] and len(octets) == size else 0)
        if heard > best:
            best, channels = heard, number
            chained = frames[np.flatnonzero(follows)] if follows.any() else frames[:1]
            if number == 6 and not (chained[:, 0] & 63).any():
                channels = 5
    return channels
