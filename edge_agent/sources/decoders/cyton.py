"""OpenBCI Cyton, and Cyton with Daisy: 33 bytes, a one-byte counter, no checksum.

Sources: OpenBCI_32bit_Library.cpp and OpenBCI_Radios.cpp (the frame; the dongle writes 0xA0 and the stop byte),
BrainFlow's cyton.cpp (volts per count = 4.5 / gain / (2^23 - 1); acceleration 0.002/16 g per count).
Departures: BrainFlow throws 33 bytes away after a bad stop byte, here the search goes on with the next byte; BrainFlow
shows a stale Daisy half when the fresh one is lost, here it is NaN.
"""

from dataclasses import dataclass

import numpy as np

from biosignal.signal.blocks import Lead, Unit
from edge_agent.sources.decoders.bits import int24_be, to_int24_be
from edge_agent.sources.decoders.frame_decoder import FrameDecoder
from edge_agent.sources.decoders.framing import BRIDGE_BYTES, Framing, Sequence
from edge_agent.sources.decoders.port import (
    DEFAULTS,
    BoardSettings,
    Bytes,
    Counters,
    Decoded,
    DecoderFacts,
    Loss,
    Samples,
    Values,
    merged,
)
from edge_agent.sources.decoders.reader import FrameReader, Run

START, STOP, LAST_STOP = 0xA0, 0xC0, 0xC6
SIZE = 33
FS_HZ = 250.0
GAIN = 24.0
CHANNELS = 8
G_PER_COUNT = 0.002 / 16


def uv_per_count(gain: float) -> float:
    """Microvolt of one count at an amplifier gain of 1, 2, 4, 6, 8, 12 or 24."""
    return 4.5e6 / gain / (2**23 - 1)


FRAMING = Framing(
    size=SIZE,
    good=lambda frames: (frames[:, 0] == START) & (frames[:, 32] >= STOP) & (frames[:, 32] <= LAST_STOP),
    fault=lambda frame: "bad_header" if frame[0] != START else "bad_footer",
    sequence=Sequence(of=lambda frames: frames[:, 1].astype(np.int64), modulus=256),
    links=2,
    relinks=2,
    reach=2,
    bridge=BRIDGE_BYTES,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Aux:
    """What the six bytes behind the channels say; absent where this kind of frame does not carry it.

    Parameters
    ----------
    accel_g : X, Y, Z; absent too where the frame has no fresh one (the sensor runs at 25 Hz).
    raw : three int16 words of a board in analog, digital or marker mode.
    board_ms : the board's own time.
    """

    accel_g: tuple[float, float, float] | None = None
    raw: tuple[int, ...] = ()
    board_ms: int | None = None


def aux_of(frame: bytes) -> Aux:
    """Read the aux bytes of one frame of 33 bytes by its stop byte (C0 to C6)."""
    stop, words = frame[32], np.frombuffer(frame[26:32], ">i2").astype(int).tolist()
    if stop == 0xC0:
        return Aux(accel_g=tuple(word * G_PER_COUNT for word in words) if any(words) else None)
    if stop == 0xC1:
        return Aux(raw=tuple(words))
    if 0xC3 <= stop <= LAST_STOP:
        return Aux(raw=(words[0],), board_ms=int.from_bytes(frame[28:32], "big"))
    return Aux()


def cyton(settings: BoardSettings = DEFAULTS) -> FrameDecoder:
    """Decoder of a Cyton: 8 channels in microvolt at 250 Hz."""
    scale = uv_per_count(settings.gain or GAIN)
    return FrameDecoder(
        _facts("cyton", settings.fs_hz or FS_HZ, CHANNELS, frames_per_sample=1),
        FRAMING,
        lambda frames: _microvolt(frames, scale),
    )


def _facts(protocol: str, fs_hz: float, channels: int, *, frames_per_sample: int) -> DecoderFacts:
    return DecoderFacts(
        protocol=protocol,
        fs_hz=fs_hz,
        channels=tuple(Lead(name=f"EXG{number}", unit=Unit.MICROVOLT) for number in range(1, channels + 1)),
        frame_hz=fs_hz * frames_per_sample,
        frame_bytes=SIZE,
    )


def _microvolt(frames: Bytes, scale: float) -> Values:
    values: Values = (int24_be(frames[:, 2:26]).T * scale).astype(np.float32)
    return values


class CytonDaisy:
    """Decoder of a Cyton with Daisy: 16 channels in microvolt at 125 Hz.

    Even counters carry the Daisy's channels 9 to 16, odd ones the board's 1 to 8; a pair is an even frame and the odd
    one behind it. A lost even half leaves NaN in channels 9 to 16, a lost odd half loses the pair. The very first half
    (counter 0) is the mean with a sample that never was: NaN. Losses in `counters` are frames, in `Loss` pairs.
    """

    def __init__(self, settings: BoardSettings = DEFAULTS) -> None:
        self._facts = _facts("cyton-daisy", settings.fs_hz or FS_HZ / 2, 2 * CHANNELS, frames_per_sample=2)
        self._scale = uv_per_count(settings.gain or GAIN)
        self._counters = Counters()
        self._reader = FrameReader(FRAMING, self._facts.frame_hz, self._counters)
        self._shift: int | None = None  # parity of the counter at index 0
        self._first_pair = 0
        self._next_pair = 0
        self._even: tuple[int, Values] | None = None
        self._unsure: tuple[int, bool] = (0, True)

    @property
    def facts(self) -> DecoderFacts:
        """Of the board."""
        return self._facts

    @property
    def counters(self) -> Counters:
        """What came in so far, in frames of 33 bytes."""
        return self._counters

    def feed(self, data: bytes, now_s: float | None = None) -> list[Decoded]:
        """Decode what `data` completes; see `Decoder`."""
        return self._paired(self._reader.feed(data, now_s))

    def finish(self) -> list[Decoded]:
        """Decide about the bytes still held; half a pair is dropped."""
        return self._paired(self._reader.finish())

    def restart(self) -> None:
        """Forget the pair in progress: the port was closed."""
        self._reader.restart()
        self._even = None

    def _paired(self, found: list[Run | Loss]) -> list[Decoded]:
        decoded: list[Decoded] = []
        for item in found:
            if isinstance(item, Loss):
                self._unsure = (self._unsure[0] + item.at_least, self._unsure[1] and item.certain)
            else:
                decoded += self._pairs(item)
        return merged(decoded)

    def _pairs(self, run: Run) -> list[Decoded]:
        """Each pair that the run completes, at the pair's index; what lies between is a loss."""
        counters = run.frames[:, 1].astype(np.int64)
        if self._shift is None or (run.start + self._shift - int(counters[0])) % 2:
            # At the start, or behind a loss that time put one frame wrong: the counter's parity is the truth.
            self._shift = (int(counters[0]) - run.start) % 2 if self._shift is None else self._shift + 1
            if not self._next_pair:
                self._first_pair = (run.start + self._shift + 1) // 2
        places = run.start + self._shift + np.arange(len(counters))
        values = _microvolt(run.frames, self._scale)
        if run.start == 0 and counters[0] == 0:
            values[:, 0] = np.nan
        odd = places % 2 == 1
        pairs = places[odd] // 2
        board = values[:, odd]
        daisy = np.full_like(board, np.nan)
        before = np.flatnonzero(odd) - 1
        inside = before >= 0
        daisy[:, inside] = values[:, before[inside]]
        if odd[0] and self._even is not None and self._even[0] == int(pairs[0]):
            daisy[:, 0] = self._even[1]
        self._even = None if odd[-1] else (int(places[-1]) // 2, values[:, -1].copy())
        keep = pairs >= self._first_pair + self._next_pair
        if not keep.any():
            return []
        start = int(pairs[keep][0]) - self._first_pair
        decoded: list[Decoded] = []
        if start > self._next_pair or not self._unsure[1]:
            at_least, certain = self._unsure
            count = start - self._next_pair
            if count or not (certain or at_least):
                decoded.append(
                    Loss(at=self._next_pair, count=count, certain=certain, at_least=min(count, at_least // 2))
                )
        self._unsure = (0, True)
        samples = np.concatenate([board[:, keep], daisy[:, keep]])
        decoded.append(Samples(start=start, samples=samples))
        self._next_pair = start + samples.shape[1]
        return decoded


def encode(samples: Values, *, first: int = 0, gain: float = GAIN, stop: int = STOP, aux: bytes = bytes(6)) -> bytes:
    """Frames of a Cyton that hold `samples`, shape (8 or fewer, sample), microvolt; channels left out are 0.

    Parameters
    ----------
    first : index of the first sample: decides the counter.
    stop, aux : the stop byte and the six bytes before it, alike in all frames.
    """
    counts = np.clip(np.rint(np.asarray(samples, np.float64) / uv_per_count(gain)), -(2**23), 2**23 - 1)
    frames = np.zeros((counts.shape[1], SIZE), np.uint8)
    frames[:, 0] = START
    frames[:, 1] = (first + np.arange(len(frames))) % 256
    frames[:, 2 : 2 + 3 * len(counts)] = to_int24_be(counts.T.astype(np.int32))
    frames[:, 26:32] = np.frombuffer(aux, np.uint8)
    frames[:, 32] = stop
    return frames.tobytes()


def encode_daisy(samples: Values, *, first: int = 0, gain: float = GAIN) -> bytes:
    """Frames of a Cyton with Daisy that hold `samples`, shape (up to 16, sample), microvolt at 125 Hz: two frames each.

    The values go onto the line as given; the board's own means of two samples are the caller's affair.
    """
    values = np.asarray(samples)
    halves = np.zeros((CHANNELS, 2 * values.shape[1]))
    halves[: len(values[CHANNELS:]), 0::2] = values[CHANNELS:]
    halves[: len(values[:CHANNELS]), 1::2] = values[:CHANNELS]
    return encode(halves, first=2 * first, gain=gain)
