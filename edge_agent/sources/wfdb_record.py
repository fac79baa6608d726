"""A WFDB record as a source, read a stretch at a time so that a day's record never sits in memory."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from biosignal.signal.blocks import Gap, Lead, SampleBlock, Signal
from edge_agent.sources.formats_of_others import format_of_others
from edge_agent.sources.lead_kinds import kinds_of
from edge_agent.sources.port import Description, RecordUnreadable, SourceFacts, SourceHealth, SourceState
from edge_agent.sources.rates import leads_by_rate, own_rate
from edge_agent.sources.wfdb_description import describe
from edge_agent.sources.wfdb_frames import beside
from edge_agent.sources.wfdb_header import NO_FILE, Header, read_header
from edge_agent.sources.wfdb_segments import Piece, open_pieces

BLOCK_SAMPLES = 1 << 14  # even, so that a stretch of format 212 begins on a byte


class WfdbRecord:
    """A local record.

    Parameters
    ----------
    path : the record, with or without ``.hea`` or ``.dat``.

    Raises
    ------
    RecordUnreadable : header or signal file missing, empty or corrupt; a raw signal file without a header.
    """

    def __init__(self, path: Path) -> None:
        self.header_path = header_path(path)
        self._header = read_header(self.header_path)
        self._record = open_pieces(self.header_path, self._header)
        self._facts = self._all_facts()
        self._per_frame = round(self._facts.fs_hz / self._header.fs_hz)
        self._recording = ""
        self._closed = threading.Event()
        self._done = False

    def _all_facts(self) -> SourceFacts:
        found, frames_hz = self._record.leads, self._header.fs_hz
        kinds = kinds_of([(lead.name, lead.unit_text) for lead in found])
        rates_hz = [frames_hz * lead.per_frame for lead in found]
        fs_hz = own_rate(kinds, rates_hz)
        return SourceFacts(
            name=self.header_path.stem,
            leads=tuple(
                Lead(name=lead.name, unit=lead.unit, kind=kind, fs_hz=None if rate_hz == fs_hz else rate_hz)
                for lead, kind, rate_hz in zip(found, kinds, rates_hz, strict=True)
            ),
            fs_hz=fs_hz,
            live=False,
            content_hash=_content_hash(self.header_path, self._header),
            length=self._record.length * round(fs_hz / frames_hz),
            path=str(self.header_path.with_suffix("")),
            notes=self._record.notes,
            annotated_hz=None if fs_hz == frames_hz else frames_hz,  # annot(5) counts frames
        )

    def recording_facts(self) -> SourceFacts:
        """Return name, leads, rates and length, and the hash that names the content."""
        return self._facts

    def description(self) -> Description:
        """Scales, start and comments as the headers say them."""
        return describe(self.header_path, self._header, self._record.leads)

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the record from its start; what no segment holds, or a torn file lacks at its end, is a `Gap`."""
        return self.read_from(0)

    def read_from(self, sample: int) -> Iterator[Signal]:
        """Yield the record from the block or the gap that holds `sample` on."""
        self._done = False
        frame = sample // self._per_frame
        for piece in self._record.pieces:
            if piece.end > frame:
                yield from self._items(piece, max(0, frame - piece.start))
            if self._closed.is_set():
                return
        self._done = True

    def _items(self, piece: Piece, frame: int) -> Iterator[Signal]:
        """Blocks of a piece from the one that holds `frame` of it on, and then what it lacks."""
        at_once = max(2, BLOCK_SAMPLES // max(lead.per_frame for lead in self._record.leads) // 2 * 2)
        for start in range(frame // at_once * at_once, piece.present, at_once):
            if self._closed.is_set():
                return
            yield from self._blocks(piece, start, min(start + at_once, piece.present))
        if piece.missing:
            yield Gap(
                recording=self._recording,
                start=(piece.start + piece.present) * self._per_frame,
                length=piece.missing * self._per_frame,
                reason=piece.reason,
            )

    def _blocks(self, piece: Piece, start: int, end: int) -> Iterator[SampleBlock]:
        """One block a rate for frames [start, end) of a piece, the recording's own rate first."""
        described = self._record.leads
        rows = piece.read(start, end, described)
        for rate_hz, leads in leads_by_rate(self._facts).items():
            per_frame = round(rate_hz / self._header.fs_hz)
            mine = [row for row, lead in zip(rows, described, strict=True) if lead.per_frame == per_frame]
            yield SampleBlock(
                recording=self._recording,
                start=(piece.start + start) * per_frame,
                fs_hz=rate_hz,
                leads=leads,
                samples=np.stack(mine),
            )

    def close(self) -> None:
        """Make `read` end behind the current block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """Whether the record is through."""
        return SourceHealth(state=SourceState.ENDED if self._done else SourceState.STREAMING, since_monotonic_s=0.0)


def header_path(path: Path) -> Path:
    """Find the header of a record named with or without a suffix.

    Raises
    ------
    RecordUnreadable : there is none.
    """
    if not path.name:
        raise RecordUnreadable("no such record", record=str(path))
    with_suffix = path if path.suffix == ".hea" else path.parent / f"{path.name}.hea"
    if with_suffix.is_file():
        return with_suffix
    beside = path.with_suffix(".hea")
    if path.suffix and beside.is_file():
        return beside
    foreign = format_of_others(path)
    if path.is_file() and foreign is not None:
        raise RecordUnreadable(f"this file is not read: it is {foreign[0]}", file=str(path), remedy=foreign[1])
    if path.is_file():
        raise RecordUnreadable(
            "a signal file without a header: nothing says its rate, leads and scale",
            file=str(path),
            remedy=f"write {beside.name} beside it, such as `{path.stem} 1 360` and below it "
            f"`{path.name} 16 200 11 0 0 0 0 MLII` (see header(5) of WFDB)",
        )
    raise RecordUnreadable("no such record", record=str(path))


def _content_hash(path: Path, header: Header) -> str:
    digest = hashlib.sha256()
    for line in header.signals:
        fields = (line.format, line.samples_per_frame, line.skew, line.gain, line.baseline, line.unit, line.name)
        digest.update(json.dumps([header.fs_hz, header.length, fields]).encode())
    if header.segments:
        digest.update(path.read_bytes())
    for file in _files(path, header):
        with contextlib.suppress(OSError), file.open("rb") as opened:
            while piece := opened.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


def _files(path: Path, header: Header) -> list[Path]:
    """Files of the record, also those that are not there; the name of each stands in a header that is hashed."""
    if not header.segments:
        return [beside(path, name) for name in dict.fromkeys(line.file for line in header.signals) if name != NO_FILE]
    files: list[Path] = []
    for name in dict.fromkeys(one.name for one in header.segments if one.name != NO_FILE):
        below = beside(path, f"{name}.hea")
        files.append(below)
        with contextlib.suppress(RecordUnreadable):
            files += _files(below, read_header(below)) if below != path else []
    return list(dict.fromkeys(files))
