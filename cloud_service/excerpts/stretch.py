"""A stretch of a recording as it is written out: leads of any rates, each a row with holes, and what was said of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal.blocks import Samples
from biosignal.wire.waveform import GAIN, WaveChunk

MOST_SAMPLES = 20_000_000
"""Of all leads together: some hundred megabytes while the files are made."""


class TooLong(BadInput):
    """More samples than are written at once."""

    remedy = "ask for a shorter stretch, or for fewer leads"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LeadRow:
    """Samples of a lead over the whole stretch, float32, NaN where the clinic has none; `step` is one count of it."""

    name: str
    unit: str
    fs_hz: float
    step: float
    samples: Samples

    @property
    def holes(self) -> list[tuple[float, float]]:
        """Where nothing is, in seconds of the stretch."""
        edges = np.flatnonzero(np.diff(np.isnan(self.samples).astype(np.int8), prepend=0, append=0)) / self.fs_hz
        return [(float(a), float(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """Something that was said of a place: `at_s` in the stretch, for `for_s` seconds or of a moment (0).

    `wfdb` is how the task has WFDB write the label; `is_readers` says that a person said it, and not the device.
    """

    at_s: float
    for_s: float
    task: str
    kind: str
    label: str
    wfdb: str = ""
    is_readers: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """How a reader left the marks of the kinds that he or she touched: those of the device, corrected."""

    name: str
    said: tuple[Said, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """What is written. `started` is the time of the first sample where a clock was known."""

    device: str
    recording: str
    subject: str | None
    start_s: float
    end_s: float
    started: datetime | None
    leads: tuple[LeadRow, ...]
    said: tuple[Said, ...]
    readers: tuple[Reader, ...] = ()

    @property
    def name(self) -> str:
        """A name for its files."""
        return f"{self.device}-{self.recording[:8]}-{round(self.start_s)}s"

    def texts(self) -> list[str]:
        """Sentences that every format carries, where it has a place for them."""
        return [
            "Research software, not a medical device.",
            f"Device {self.device}, recording {self.recording}, from {self.start_s:g} s to {self.end_s:g} s of it.",
            f"Patient {self.subject}." if self.subject else "No patient was assigned.",
        ]


def row_of(name: str, unit: str, chunks: Sequence[WaveChunk], *, start_s: float, end_s: float) -> LeadRow | None:
    """Lay what is kept of a lead on the stretch; None where nothing is, as nobody knows its rate then.

    Raises
    ------
    TooLong : see there.
    """
    if not chunks:
        return None
    fs_hz = chunks[0].fs_hz
    first, length = round(start_s * fs_hz), round((end_s - start_s) * fs_hz)
    if length > MOST_SAMPLES:
        raise TooLong("the stretch has too many samples", lead=name, samples=length, most=MOST_SAMPLES)
    samples: NDArray[np.float32] = np.full(length, np.nan, np.float32)
    for chunk in chunks:
        piece = chunk.part(first, first + length)
        samples[piece.start - first : piece.end - first] = piece.samples()
    usual = {known.value: step for known, step in GAIN.items()}
    step = min((chunk.gain for chunk in chunks), default=usual.get(unit, 1.0))
    return LeadRow(name=name, unit=unit, fs_hz=fs_hz, step=step, samples=samples)


def check_length(rows: Iterable[LeadRow]) -> None:
    """Refuse more than is written at once.

    Raises
    ------
    TooLong : see there.
    """
    total = sum(row.samples.size for row in rows)
    if total > MOST_SAMPLES:
        raise TooLong("the stretch has too many samples", samples=total, most=MOST_SAMPLES)


def counts_of(row: LeadRow, largest: int) -> tuple[NDArray[np.int64], float, int]:
    """Turn a lead into counts: those, the unit of a count, and the count of value 0.

    The step is the recording's own where all values fit around one zero, else twice as large until they do. What is
    not there is `-largest - 1`.
    """
    known = row.samples[np.isfinite(row.samples)].astype(np.float64)
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    step = row.step
    while (high - low) / step > 2 * largest - 2:
        step *= 2
    zero = 0 if max(abs(low), abs(high)) <= largest * step else round((low + high) / 2 / step)
    counts = np.rint(row.samples.astype(np.float64) / step) - zero
    return np.where(np.isfinite(counts), counts, -largest - 1).astype(np.int64), step, -zero
