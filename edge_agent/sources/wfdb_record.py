"""A WFDB record as a source, read a stretch at a time so that a day's record never sits in memory."""

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from biosignal.signal.blocks import Gap, Lead, SampleBlock, Samples, Signal
from edge_agent.sources.lead_kinds import kinds_of
from edge_agent.sources.port import RecordUnreadable, SourceFacts, SourceHealth, SourceState, unique_names
from edge_agent.sources.rates import leads_by_rate, own_rate
from edge_agent.sources.wfdb_header import DEFAULT_GAIN, Header, SignalLine, known_unit, read_header
from edge_agent.sources.wfdb_signal import LAYOUT, SignalFile

BLOCK_SAMPLES = 1 << 14  # even, so that a stretch of format 212 begins on a byte


class _Reader(Protocol):
    """Reads frames: stretches of time in which each signal has so many samples as `per_frame` says."""

    names: tuple[str, ...]
    units: tuple[str, ...]  # as the header writes them
    calibrated: tuple[bool, ...]
    per_frame: tuple[int, ...]
    length: int  # frames that are really there
    missing: int  # frames the header announces behind them

    def read(self, start: int, end: int) -> list[Samples]:
        """Samples of each signal in our unit, for frames [start, end)."""


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
        self._reader: _Reader = (
            _PlainReader(self.header_path, self._header)
            if _is_plain(self._header)
            else _LibraryReader(self.header_path)
        )
        self._facts = self._all_facts()
        self._per_frame = round(self._facts.fs_hz / self._header.fs_hz)
        self._recording = ""
        self._closed = threading.Event()
        self._done = False

    def _all_facts(self) -> SourceFacts:
        reader, frames_hz = self._reader, self._header.fs_hz
        kinds = kinds_of(list(zip(reader.names, reader.units, strict=True)))
        rates_hz = [frames_hz * samples for samples in reader.per_frame]
        fs_hz = own_rate(kinds, rates_hz)
        described = zip(reader.names, reader.units, reader.calibrated, kinds, rates_hz, strict=True)
        return SourceFacts(
            name=self.header_path.stem,
            leads=tuple(
                Lead(
                    name=name,
                    unit=known_unit(unit, calibrated=calibrated)[0],
                    kind=kind,
                    fs_hz=None if rate_hz == fs_hz else rate_hz,
                )
                for name, unit, calibrated, kind, rate_hz in described
            ),
            fs_hz=fs_hz,
            live=False,
            content_hash=_content_hash(self.header_path, self._header),
            length=(reader.length + reader.missing) * round(fs_hz / frames_hz),
            path=str(self.header_path.with_suffix("")),
            annotated_hz=None if fs_hz == frames_hz else frames_hz,  # annot(5) counts frames
        )

    def recording_facts(self) -> SourceFacts:
        """Return name, leads, rates and length, and the hash that names the content."""
        return self._facts

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the record from its start; what a torn file lacks at its end is a `Gap`."""
        return self.read_from(0)

    def read_from(self, sample: int) -> Iterator[Signal]:
        """Yield the record from the block that holds `sample` on."""
        self._done = False
        reader = self._reader
        at_once = max(2, BLOCK_SAMPLES // max(reader.per_frame) // 2 * 2)
        for start in range(sample // self._per_frame // at_once * at_once, reader.length, at_once):
            if self._closed.is_set():
                return
            yield from self._blocks(start, min(start + at_once, reader.length))
        if reader.missing:
            yield Gap(
                recording=self._recording,
                start=reader.length * self._per_frame,
                length=reader.missing * self._per_frame,
                reason="truncated",
            )
        self._done = True

    def _blocks(self, start: int, end: int) -> Iterator[SampleBlock]:
        """One block a rate for frames [start, end), the recording's own rate first."""
        rows = self._reader.read(start, end)
        for rate_hz, leads in leads_by_rate(self._facts).items():
            per_frame = round(rate_hz / self._header.fs_hz)
            mine = [row for row, samples in zip(rows, self._reader.per_frame, strict=True) if samples == per_frame]
            yield SampleBlock(
                recording=self._recording,
                start=start * per_frame,
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
    with_suffix = path if path.suffix == ".hea" else path.parent / f"{path.name}.hea"
    if with_suffix.is_file():
        return with_suffix
    beside = path.with_suffix(".hea")
    if path.suffix and beside.is_file():
        return beside
    if path.is_file():
        raise RecordUnreadable(
            "a signal file without a header: nothing says its rate, leads and scale",
            file=str(path),
            remedy=f"write {beside.name} beside it, such as `{path.stem} 1 360` and below it "
            f"`{path.name} 16 200 11 0 0 0 0 MLII` (see header(5) of WFDB)",
        )
    raise RecordUnreadable("no such record", record=str(path))


def _is_plain(header: Header) -> bool:
    return not header.segments and all(
        line.format in LAYOUT and line.samples_per_frame > 0 and line.skew == 0 and line.file != "~"
        for line in header.signals
    )


class _PlainReader:
    """Formats read with numpy alone."""

    def __init__(self, path: Path, header: Header) -> None:
        groups: dict[str, list[SignalLine]] = {}
        for line in header.signals:
            groups.setdefault(line.file, []).append(line)
        for name, lines in groups.items():
            if len({line.format for line in lines}) > 1:
                raise RecordUnreadable("the signals of one file must have one format", header=str(path), file=name)
        self._lines = header.signals
        self._files = {name: SignalFile(_beside(path, name), tuple(lines)) for name, lines in groups.items()}
        present = max(file.length for file in self._files.values())
        if present == 0:
            raise RecordUnreadable("the signal file holds not one whole sample", header=str(path))
        self.length = min(present, header.length or present)
        self.missing = max(0, (header.length or 0) - self.length)
        self.names = unique_names([line.name for line in header.signals])
        self.units = tuple(line.unit for line in header.signals)
        self.calibrated = tuple(line.gain != 0 for line in header.signals)
        self.per_frame = tuple(line.samples_per_frame for line in header.signals)

    def read(self, start: int, end: int) -> list[Samples]:
        column_in_file = dict.fromkeys(self._files, 0)
        counts = {
            name: file.read(start, min(end, file.length)) if start < file.length else None
            for name, file in self._files.items()
        }
        rows = []
        for line in self._lines:
            row = np.full((end - start) * line.samples_per_frame, np.nan, np.float32)
            first = column_in_file[line.file]
            column_in_file[line.file] = first + line.samples_per_frame
            frames = counts[line.file]
            if frames is not None:
                wanted = frames[:, first : first + line.samples_per_frame].reshape(-1)
                scale = known_unit(line.unit, calibrated=line.gain != 0)[1] / (line.gain or DEFAULT_GAIN)
                physical = ((wanted - np.float64(line.baseline)) * scale).astype(np.float32)
                physical[wanted == self._files[line.file].invalid] = np.nan
                row[: physical.size] = physical
            rows.append(row)
        return rows


class _LibraryReader:
    """Everything else, through the wfdb package."""

    def __init__(self, path: Path) -> None:
        self._record = str(path.with_suffix(""))
        first = self._call(0, 1)
        header = read_header(path)
        self.length = header.length or 0
        self.missing = 0
        if not self.length:
            self.length = int(self._call(0, None).sig_len)
        self.names = unique_names(list(first.sig_name))
        self.units = tuple(unit or "" for unit in first.units)
        self.calibrated = (True,) * len(self.names)
        self.per_frame = tuple(int(samples) for samples in first.samps_per_frame)
        self._scale = [known_unit(unit)[1] for unit in self.units]

    def read(self, start: int, end: int) -> list[Samples]:
        rows = self._call(start, end).e_p_signal
        return [(row * scale).astype(np.float32) for row, scale in zip(rows, self._scale, strict=True)]

    def _call(self, start: int, end: int | None) -> Any:
        import wfdb

        try:
            # Without smoothing: a mean over the samples of a frame would take a lead's own rate from it.
            return wfdb.rdrecord(self._record, sampfrom=start, sampto=end, smooth_frames=False)
        except Exception as error:  # the package raises whatever a corrupt file makes numpy raise
            raise RecordUnreadable(
                "the wfdb package cannot read the record", record=self._record, why=f"{type(error).__name__}: {error}"
            ) from error


def _beside(header: Path, name: str) -> Path:
    """Resolve a file named in a header; it may not lead out of the header's folder."""
    folder = header.parent.resolve()
    path = (folder / name).resolve()
    if not name or not path.is_relative_to(folder):
        raise RecordUnreadable("the header names a file outside its folder", header=str(header), file=name)
    return header.parent / name


def _content_hash(path: Path, header: Header) -> str:
    digest = hashlib.sha256()
    for line in header.signals:
        fields = (line.format, line.samples_per_frame, line.skew, line.gain, line.baseline, line.unit, line.name)
        digest.update(json.dumps([header.fs_hz, header.length, fields]).encode())
    if header.segments:
        digest.update(path.read_bytes())
    for file in _files(path, header):
        with file.open("rb") as opened:
            while piece := opened.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()


def _files(path: Path, header: Header) -> list[Path]:
    if not header.segments:
        return [_beside(path, name) for name in dict.fromkeys(line.file for line in header.signals) if name != "~"]
    files: list[Path] = []
    lines = [line.strip() for line in path.read_text(encoding="latin-1").splitlines()]
    for line in [line for line in lines if line and not line.startswith("#")][1:]:
        segment = line.split()[0]
        if segment != "~":
            below = _beside(path, f"{segment}.hea")
            files += [below, *_files(below, read_header(below))]
    return files
