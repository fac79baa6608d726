"""Samples on the line and on disk: one lead, contiguous, as 16-bit counts in one checked frame.

Frame, little-endian: fixed header, recording id, lead name, payload, CRC32 over all before it. The payload is the
second difference of the counts (wrapping in int16), zigzag, low bytes then high bytes, raw deflate with run lengths
only. Any inflate can read it; it is lossless for any int16.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.events import stable_id
from biosignal.signal.blocks import Samples, Unit

Counts: TypeAlias = NDArray[np.int16]

MAGIC = b"BWAV"
VERSION = 1
MAX_COUNT = 1 << 20
"""Most samples in a frame (2 MiB decoded): a hostile header cannot ask for more memory."""
INVALID = -32768
"""The count that says: the source declared this sample invalid (NaN)."""
GAIN: dict[Unit, float] = {Unit.MILLIVOLT: 0.001, Unit.MICROVOLT: 0.1, Unit.RAW: 1.0}
"""Unit per count where the source's own is unknown: 1 uV for mV (+-32 mV), 0.1 uV for uV (+-3.2 mV), 1 for raw."""

_HEADER = struct.Struct("<4sBBBBqdddII")
_CRC = struct.Struct("<I")
_UNITS = (Unit.MILLIVOLT, Unit.MICROVOLT, Unit.RAW)
_LARGEST = 32767


class Quantised(NamedTuple):
    """What `quantise` gives: counts, unit per count, unit at count 0, and how many samples did not fit."""

    counts: Counts
    gain: float
    offset: float
    clipped: int


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class WaveChunk:
    """Contiguous samples of one lead as counts, set read-only: value = counts * gain + offset.

    Parameters
    ----------
    recording, lead : which recording and which of its leads; at most 255 bytes each.
    start : index of the first sample, counted from the start of the recording.
    fs_hz : sampling frequency.
    gain : unit per count. offset : value at count 0, in the unit.
    counts : int16, shape (sample,); `INVALID` marks a sample that the source declared invalid.
    """

    recording: str
    lead: str
    start: int
    fs_hz: float
    unit: Unit
    gain: float
    offset: float
    counts: Counts

    def __post_init__(self) -> None:
        if self.counts.ndim != 1 or self.counts.dtype != np.int16:
            raise BadInput("a wave needs int16 counts in one row", shape=self.counts.shape, dtype=self.counts.dtype)
        self.counts.setflags(write=False)

    @property
    def length(self) -> int:
        """Number of samples."""
        return int(self.counts.size)

    @property
    def end(self) -> int:
        """Index one past the last sample."""
        return self.start + self.length

    def samples(self) -> Samples:
        """Physical values, float32, shape (sample,), in `unit`; NaN where invalid."""
        values = (self.counts.astype(np.float64) * self.gain + self.offset).astype(np.float32)
        values[self.counts == INVALID] = np.nan
        return values

    def part(self, start: int, end: int) -> "WaveChunk":
        """Cut out the samples [start, end) that are here; may be empty."""
        first, last = max(start, self.start), min(end, self.end)
        counts = self.counts[first - self.start : max(first, last) - self.start]
        return WaveChunk(
            recording=self.recording,
            lead=self.lead,
            start=first,
            fs_hz=self.fs_hz,
            unit=self.unit,
            gain=self.gain,
            offset=self.offset,
            counts=counts,
        )


def quantise(samples: Samples, unit: Unit, gain: float | None = None) -> Quantised:
    """Turn values into counts.

    Parameters
    ----------
    samples : float32, shape (sample,), in `unit`; NaN becomes `INVALID`.
    gain : unit per count of the source's converter where known (0.005 mV for 200 counts/mV): then nothing is lost.
        Otherwise `GAIN`; for raw samples that would not fit it is doubled until they do.

    The offset is 0, or the middle of the range where the values do not fit around 0 (an electrode's DC offset).
    What still does not fit is cut off at the largest count and counted.
    """
    values = samples.astype(np.float64)
    known = np.isfinite(values)
    step = gain if gain is not None else GAIN[unit]
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 0.0)
    if gain is None and unit is Unit.RAW:
        while (high - low) / step > 2 * (_LARGEST - 1):
            step *= 2
    fits = max(abs(low), abs(high)) / step <= _LARGEST
    offset = 0.0 if fits else step * round((low + high) / 2 / step)
    counts = np.rint((np.where(known, values, offset) - offset) / step)
    clipped = int(np.count_nonzero(np.abs(counts) > _LARGEST)) + int(np.count_nonzero(np.isinf(values)))
    exact = np.clip(counts, -_LARGEST, _LARGEST).astype(np.int16)
    exact[np.isnan(values)] = INVALID
    exact[np.isposinf(values)] = _LARGEST
    exact[np.isneginf(values)] = -_LARGEST
    return Quantised(exact, step, offset, clipped)


def chunk_id(*, recording: str, lead: str, start: int) -> str:
    """Name a stored chunk by what it is; receipts name it so, as revision 0."""
    return stable_id("wave", recording, lead, start)


def encode_wave(chunk: WaveChunk) -> bytes:
    """Write a chunk as a frame.

    Raises
    ------
    BadInput : more than `MAX_COUNT` samples, or a name longer than 255 bytes.
    """
    recording, lead = chunk.recording.encode(), chunk.lead.encode()
    if chunk.length > MAX_COUNT or len(recording) > 255 or len(lead) > 255:
        raise BadInput("a wave is too long for one frame", samples=chunk.length, most=MAX_COUNT, lead=chunk.lead)
    payload = _squeeze(chunk.counts)
    header = _HEADER.pack(
        MAGIC,
        VERSION,
        _UNITS.index(chunk.unit),
        len(recording),
        len(lead),
        chunk.start,
        chunk.fs_hz,
        chunk.gain,
        chunk.offset,
        chunk.length,
        len(payload),
    )
    body = header + recording + lead + payload
    return body + _CRC.pack(zlib.crc32(body))


def decode_wave(frame: bytes) -> WaveChunk:
    """Read a frame.

    Raises
    ------
    BadInput : not a frame, of another version, cut short, or damaged.
    """
    if len(frame) < _HEADER.size + _CRC.size or frame[:4] != MAGIC:
        raise BadInput("not a waveform frame", length=len(frame), head=frame[:4].hex())
    body, (crc,) = frame[: -_CRC.size], _CRC.unpack(frame[-_CRC.size :])
    if zlib.crc32(body) != crc:
        raise BadInput("a waveform frame is damaged", length=len(frame), remedy="send or read it again")
    _, version, unit, name_length, lead_length, start, fs_hz, gain, offset, count, size = _HEADER.unpack_from(body)
    if version != VERSION:
        raise BadInput("a waveform frame has an unknown version", version=version, remedy="update the receiving side")
    lead_at = _HEADER.size + name_length
    payload_at = lead_at + lead_length
    if unit >= len(_UNITS) or count > MAX_COUNT or payload_at + size != len(body):
        raise BadInput("a waveform frame's header contradicts itself", unit=unit, count=count, payload=size)
    try:
        recording, lead = body[_HEADER.size : lead_at].decode(), body[lead_at:payload_at].decode()
    except UnicodeDecodeError as error:
        raise BadInput("a waveform frame's names are not UTF-8") from error
    return WaveChunk(
        recording=recording,
        lead=lead,
        start=start,
        fs_hz=fs_hz,
        unit=_UNITS[unit],
        gain=gain,
        offset=offset,
        counts=_expand(body[payload_at:], count),
    )


def _squeeze(counts: Counts) -> bytes:
    twice = np.diff(counts, n=2, prepend=np.zeros(2, np.int16))
    zigzag = ((twice << 1) ^ (twice >> 15)).view(np.uint16)
    planes = np.concatenate([zigzag.astype(np.uint8), (zigzag >> 8).astype(np.uint8)])
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_RLE)
    return deflate.compress(planes.tobytes()) + deflate.flush()


def _expand(payload: bytes, count: int) -> Counts:
    inflate = zlib.decompressobj(-15)
    try:
        # One byte more than announced is asked for, so that a longer stream shows itself without being unpacked.
        planes = inflate.decompress(payload, 2 * count + 1)
    except zlib.error as error:
        raise BadInput("a waveform payload cannot be unpacked", samples=count) from error
    if len(planes) != 2 * count or not inflate.eof or inflate.unused_data:
        raise BadInput("a waveform payload has another length than announced", samples=count)
    low, high = np.frombuffer(planes, np.uint8, count), np.frombuffer(planes, np.uint8, count, count)
    zigzag = low.astype(np.uint16) | (high.astype(np.uint16) << 8)
    twice = (zigzag >> 1).view(np.int16) ^ -(zigzag & 1).view(np.int16)
    return np.cumsum(np.cumsum(twice, dtype=np.int16), dtype=np.int16)
