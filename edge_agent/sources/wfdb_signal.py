"""Counts out of WFDB signal files, a stretch at a time: the formats nearly every record has.

Source: signal(5) of the WFDB Applications Guide. Everything else (FLAC, differences, skew, several segments) goes
through the wfdb package. Checked against `wfdb.rdrecord` in the tests.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.wfdb_header import SignalLine

Counts = NDArray[np.int32]

# format: (bytes, samples they hold, the count that means "no sample")
LAYOUT: dict[str, tuple[int, int, int]] = {
    "16": (2, 1, -(2**15)),
    "61": (2, 1, -(2**15)),
    "160": (2, 1, -(2**15)),
    "80": (1, 1, -(2**7)),
    "212": (3, 2, -(2**11)),
    "24": (3, 1, -(2**23)),
    "32": (4, 1, -(2**31)),
}


class SignalFile:
    """One ``.dat`` file: frames, in which each signal has one or several samples in a row. `length` is in frames."""

    def __init__(self, path: Path, lines: tuple[SignalLine, ...]) -> None:
        self.path = path
        self._format = lines[0].format
        self._offset = lines[0].byte_offset
        self._frame = sum(line.samples_per_frame for line in lines)
        try:
            size = path.stat().st_size - self._offset
        except OSError as error:
            raise RecordUnreadable(
                "the header names a signal file that cannot be read", file=str(path), why=error.strerror
            ) from error
        if size <= 0:
            raise RecordUnreadable("the signal file is empty", file=str(path))
        width, held, _ = LAYOUT[self._format]
        whole, rest = divmod(size, width)
        samples = whole * held + (1 if self._format == "212" and rest == 2 else 0)
        self.length = samples // self._frame

    @property
    def invalid(self) -> int:
        """The count that marks a sample the source declared invalid."""
        return LAYOUT[self._format][2]

    def read(self, start: int, end: int) -> Counts:
        """Counts of frames [start, end), shape (frame, sample of it); `start` is even, so that it begins on a byte."""
        width, held, _ = LAYOUT[self._format]
        first, last = start * self._frame, end * self._frame
        assert first % held == 0
        begin = self._offset + first // held * width
        size = -(-(last - first) // held) * width
        with self.path.open("rb") as file:
            file.seek(begin)
            raw = np.frombuffer(file.read(size), np.uint8)
        counts = _decode(raw, self._format)[: last - first]
        if counts.size != last - first:
            raise RecordUnreadable("the signal file became shorter while it was read", file=str(self.path))
        frames: Counts = counts.reshape(-1, self._frame)
        return frames


def _decode(raw: NDArray[np.uint8], form: str) -> Counts:
    if form == "212":
        return _decode_212(raw)
    if form == "24":
        wide = raw[: raw.size // 3 * 3].reshape(-1, 3).astype(np.int32)
        counts: Counts = (wide[:, 0] | (wide[:, 1] << 8) | (wide[:, 2] << 16)) << 8 >> 8
        return counts
    if form == "80":
        return raw.astype(np.int32) - 128
    if form == "160":
        return raw.view("<u2").astype(np.int32) - 32768
    return raw.view({"16": "<i2", "61": ">i2", "32": "<i4"}[form]).astype(np.int32)


def _decode_212(raw: NDArray[np.uint8]) -> Counts:
    """Two 12-bit two's complement samples in three bytes; a last odd sample stands in two."""
    padded = np.concatenate([raw, np.zeros(-raw.size % 3, np.uint8)]).reshape(-1, 3).astype(np.int32)
    counts = np.empty((padded.shape[0], 2), np.int32)
    counts[:, 0] = padded[:, 0] | ((padded[:, 1] & 0x0F) << 8)
    counts[:, 1] = padded[:, 2] | ((padded[:, 1] & 0xF0) << 4)
    return (counts.reshape(-1) << 20) >> 20
