"""EDF+ written by its rules, some data records at a time.

Source: Kemp and Olivan 2003 (EDF+; doi 10.1016/S1388-2457(03)00123-8) and the format's own page on "additional
specifications": US-ASCII in the header, annotations in UTF-8, each record with the time at which it begins.

Records have one length, and a gap may begin anywhere. Where no length of records fits all stretches between gaps, the
last record before a gap is filled with the last value, and the annotation ``No samples`` says from when and how long.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput, listed
from edge_agent.conversion.edf_head import Headed, Layout, ascii_of, header_of, labels_of, unit_of
from edge_agent.conversion.edf_scale import EdfScale, edf_scale
from edge_agent.conversion.frames import Piece
from edge_agent.conversion.tracks import Run, Survey
from edge_agent.sources.edf_description import ENDED, HOLE, INVALID
from edge_agent.sources.port import Remark

RECORD_S = 1.0
RECORD_BYTES = 61_440  # EDF: a record should not be longer
MOST_RECORDS = 99_999_999  # eight characters
FEW_RECORDS = 200_000  # so many cost little, however short they are
SHORT_S = 0.05
TEXT_BYTES = 1024  # of one annotation
WIDTH = 2
_LONGEST_S = 20
_END = b"\x14\0"


def write_edf(path: Path, found: Survey, pieces: Iterable[Piece], said: Headed, *, own_hz: float) -> tuple[str, ...]:
    """Write the file; sentences about what it could not take as it was.

    Raises
    ------
    BadInput : more records than the header can count.
    """
    layout = layout_of(found)
    scales = [edf_scale(track) for track in found.tracks]
    records = sum(layout.records(one) for one in layout.stretches)
    if records > MOST_RECORDS:
        raise BadInput("the recording is too long for EDF", records=records, remedy="convert a part: --from, --to")
    onset_s = (said.started.microsecond if said.started else 0) / 1e6
    texts = _Texts(_annotations(found, layout, said.remarks, own_hz), onset_s, records, layout, found.frames_hz)
    labels = labels_of(found.tracks)
    header = header_of(found.tracks, layout, scales, said, labels=labels, text_samples=texts.samples, records=records)
    records_of = _Records(found, layout, scales)
    with path.open("wb") as file:
        file.write(header)
        for frame, counts in records_of.all(pieces):
            file.write(b"".join(row.tobytes() for row in counts) + texts.of(frame))
    return _remarks(found, layout, scales, labels)


def layout_of(found: Survey) -> Layout:
    """How long records are: a length that the header can say exactly, that divides every stretch where one does."""
    bytes_a_frame = WIDTH * sum(track.per_frame for track in found.tracks)
    most = max(1, min(round(RECORD_S * found.frames_hz) or 1, RECORD_BYTES // bytes_a_frame))
    unit = _exact_unit(found.frames_hz)
    length = math.gcd(*(end - first for first, end in found.runs))
    if unit is not None:
        fitting = [size for size in range(unit, max(most, unit) + 1, unit) if length % size == 0]
        if fitting and (fitting[-1] >= SHORT_S * found.frames_hz or found.length // fitting[-1] <= FEW_RECORDS):
            return _layout(found, fitting[-1])
        return _layout(found, max(unit, most // unit * unit))
    errors = {
        size: abs(float(_duration(size, found.frames_hz)) * found.frames_hz / size - 1)
        for size in range(max(1, most // 2), most + 1)
    }
    return _layout(found, min(errors, key=lambda size: (errors[size], -size)))


def _exact_unit(frames_hz: float) -> int | None:
    """The fewest frames whose length eight characters say exactly; None where twenty seconds have none."""
    for size in range(1, math.ceil(_LONGEST_S * frames_hz) + 1):
        if abs(float(_duration(size, frames_hz)) * frames_hz / size - 1) < 1e-12:
            return size
    return None


def _duration(frames: int, frames_hz: float) -> str:
    text = f"{frames / frames_hz:.7f}"[:8]
    near = f"{round(frames / frames_hz, 8 - 1 - len(text.split('.')[0])):.7f}"[:8]
    return near.rstrip("0").rstrip(".") if "." in near else near


def _layout(found: Survey, frames: int) -> Layout:
    # A record without samples stands for a gap at the beginning: time is counted from the first record.
    stretches: list[tuple[int, list[Run]]] = [(0, [(0, 0)])] if found.runs[0][0] else []
    for run in found.runs:
        if stretches:
            first, runs = stretches[-1]
            if run[0] < first + max(1, -(-(runs[-1][1] - first) // frames)) * frames:
                runs.append(run)  # the gap before it ends within a record
                continue
        stretches.append((run[0], [run]))
    return Layout(
        frames=frames,
        record_s=_duration(frames, found.frames_hz),
        stretches=tuple((first, tuple(runs)) for first, runs in stretches),
    )


def _annotations(
    found: Survey, layout: Layout, remarks: Sequence[Remark], own_hz: float
) -> list[tuple[float, str, str]]:
    """(onset, duration as text or nothing, text) of everything that is said, in order."""
    said = [(one.sample / own_hz, "" if one.for_s is None else f"{one.for_s:.9g}", one.text) for one in remarks]
    for first, runs in layout.stretches:
        ends = [*(run[0] for run in runs[1:]), first + layout.records((first, runs)) * layout.frames]
        for (_, end), until in zip(runs, ends, strict=True):
            if end == found.runs[-1][1]:
                holes = [(end, found.length, HOLE), (found.length, until, ENDED)]
            else:
                holes = [(end, until, HOLE)]
            said += [
                (start / found.frames_hz, _seconds((behind - start) / found.frames_hz), text)
                for start, behind, text in holes
                if behind > start
            ]
    for track, label, stretches in zip(found.tracks, labels_of(found.tracks), found.invalid, strict=True):
        said += [
            (start / track.fs_hz, _seconds((end - start) / track.fs_hz), f"{INVALID}{label}")
            for start, end in stretches
        ]
    return sorted(said, key=lambda one: one[0])


class _Texts:
    """The bytes of the annotation signal, a record at a time: its own time, then annotations as far as they go in."""

    def __init__(
        self, said: list[tuple[float, str, str]], onset_s: float, records: int, layout: Layout, frames_hz: float
    ) -> None:
        self._onset_s, self._frames_hz = onset_s, frames_hz
        self._waiting = [self._bytes(*one) for one in said]
        self._waiting.reverse()
        last = layout.stretches[-1]
        longest = max(map(len, self._waiting), default=0)
        each = len(self._stamp(last[0] + layout.records(last) * layout.frames))
        size = each + 8 + longest + -(-sum(map(len, self._waiting)) // records)
        self.samples = -(-size // WIDTH)

    def of(self, frame: int) -> bytes:
        """Those of the record that begins with a frame."""
        out = self._stamp(frame)
        while self._waiting and len(out) + len(self._waiting[-1]) <= self.samples * WIDTH:
            out += self._waiting.pop()
        return out.ljust(self.samples * WIDTH, b"\0")

    def _stamp(self, frame: int) -> bytes:
        return f"+{_seconds(frame / self._frames_hz + self._onset_s)}\x14".encode() + _END

    def _bytes(self, at_s: float, for_s: str, text: str) -> bytes:
        plain = "".join(" " if ord(char) in (0, 0x14, 0x15) else char for char in text)
        cut = plain.encode()[:TEXT_BYTES].decode(errors="ignore").encode()
        length = f"\x15{for_s}" if for_s else ""
        return f"+{_seconds(max(0.0, at_s) + self._onset_s)}{length}\x14".encode() + cut + _END


def _seconds(value: float) -> str:
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return text or "0"


class _Records:
    """Cuts frames into data records: what a gap inside of one, or behind its end, leaves free holds the last value."""

    def __init__(self, found: Survey, layout: Layout, scales: Sequence[EdfScale]) -> None:
        self._sizes = [track.per_frame for track in found.tracks]
        self._frames = layout.frames
        self._begins = [first for first, _ in layout.stretches]
        self._scales = scales
        self._held: list[NDArray[np.float64]] = [np.zeros(0) for _ in self._sizes]
        self._at = self._begins.pop(0)  # the frame of the first sample held
        self._is_new = True  # whether not one record of this stretch is out
        self._last = [np.int16(min(max(0, one.digital[0]), one.digital[1])) for one in scales]

    def all(self, pieces: Iterable[Piece]) -> Iterator[tuple[int, list[NDArray[np.int16]]]]:
        """(first frame, counts of each track) of every record."""
        for piece in pieces:
            if self._begins and piece.frame == self._begins[0]:
                yield from self._flush()
                self._at, self._is_new = self._begins.pop(0), True
            self._fill(piece.frame - self._at - self._length())
            self._held = [
                np.concatenate([old, new.astype(np.float64)]) for old, new in zip(self._held, piece.rows, strict=True)
            ]
            yield from self._whole()
        yield from self._flush()

    def _length(self) -> int:
        return self._held[0].size // self._sizes[0]

    def _fill(self, frames: int) -> None:
        filled = zip(self._held, self._sizes, strict=True)
        self._held = [np.concatenate([row, np.full(frames * size, np.nan)]) for row, size in filled]

    def _flush(self) -> Iterator[tuple[int, list[NDArray[np.int16]]]]:
        self._fill(-self._length() % self._frames if self._length() else self._frames * self._is_new)
        yield from self._whole()

    def _whole(self) -> Iterator[tuple[int, list[NDArray[np.int16]]]]:
        records = self._length() // self._frames
        for number in range(records):
            counts = []
            for place, (row, size) in enumerate(zip(self._held, self._sizes, strict=True)):
                length = self._frames * size
                counts.append(self._counted(place, row[number * length : (number + 1) * length]))
            yield self._at + number * self._frames, counts
        done = records * self._frames
        self._is_new = self._is_new and not records
        self._held = [row[done * size :] for row, size in zip(self._held, self._sizes, strict=True)]
        self._at += done

    def _counted(self, place: int, samples: NDArray[np.float64]) -> NDArray[np.int16]:
        scale = self._scales[place]
        counts = np.clip(np.rint((samples - scale.zero) / scale.step), *scale.digital)
        known = np.isfinite(counts)
        before = np.maximum.accumulate(np.where(known, np.arange(counts.size), -1))
        filled = np.where(before >= 0, counts[before], float(self._last[place])).astype("<i2")
        self._last[place] = filled[-1]
        return filled


def _remarks(found: Survey, layout: Layout, scales: Sequence[EdfScale], labels: Sequence[str]) -> tuple[str, ...]:
    said = []
    renamed = [
        f"{track.name} is {label}" for track, label in zip(found.tracks, labels, strict=True) if label != track.name
    ]
    if renamed:
        said.append(f"a label of EDF has 16 plain characters: {listed(renamed)}")
    coarse = [
        f"{track.name} {scale.step:.3g} {track.said.unit_text}"
        for track, scale in zip(found.tracks, scales, strict=True)
        if scale.step > 1.01 * track.scale.step
    ]
    if coarse:
        said.append(f"16 bits do not hold all counts; the step is now: {listed(coarse)}")
    written_hz = layout.frames / float(layout.record_s)
    if abs(written_hz / found.frames_hz - 1) > 1e-12:
        said.append(f"the header says the rate to eight characters only: {written_hz:.9g} for {found.frames_hz:.9g} Hz")
    cut = [track.name for track in found.tracks if len(ascii_of(unit_of(track))) > 8]
    if cut:
        said.append(f"a unit of EDF has 8 characters: cut for {listed(cut)}")
    return tuple(said)
