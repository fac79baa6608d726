"""A WFDB record as a source, read a stretch at a time so that a day's record never sits in memory."""

import hashlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from biosignal.signal.blocks import Gap, Lead, SampleBlock, Samples, Signal
from edge_agent.sources.port import RecordUnreadable, SourceFacts, SourceHealth, SourceState, unique_names
from edge_agent.sources.wfdb_header import DEFAULT_GAIN, Header, SignalLine, known_unit, read_header
from edge_agent.sources.wfdb_signal import LAYOUT, SignalFile

BLOCK_SAMPLES = 1 << 14  # even, so that a stretch of format 212 begins on a byte


class _Reader(Protocol):
    leads: tuple[Lead, ...]
    length: int  # samples that are really there
    missing: int  # samples the header announces behind them

    def read(self, start: int, end: int) -> Samples: ...


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
        self._recording = ""
        self._closed = threading.Event()
        self._done = False

    def recording_facts(self) -> SourceFacts:
        """Tell name, leads, rate and length, and the hash that names the content."""
        return SourceFacts(
            name=self.header_path.stem,
            leads=self._reader.leads,
            fs_hz=self._header.fs_hz,
            live=False,
            content_hash=_content_hash(self.header_path, self._header),
            length=self._reader.length + self._reader.missing,
            path=str(self.header_path.with_suffix("")),
        )

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the record from its start; what a torn file lacks at its end is a `Gap`."""
        return self.read_from(0)

    def read_from(self, sample: int) -> Iterator[Signal]:
        """Yield the record from the block that holds `sample` on."""
        self._done = False
        for start in range(sample // BLOCK_SAMPLES * BLOCK_SAMPLES, self._reader.length, BLOCK_SAMPLES):
            if self._closed.is_set():
                return
            samples = self._reader.read(start, min(start + BLOCK_SAMPLES, self._reader.length))
            yield SampleBlock(
                recording=self._recording,
                start=start,
                fs_hz=self._header.fs_hz,
                leads=self._reader.leads,
                samples=samples,
            )
        if self._reader.missing:
            yield Gap(
                recording=self._recording,
                start=self._reader.length,
                length=self._reader.missing,
                reason="truncated",
            )
        self._done = True

    def close(self) -> None:
        """Make `read` end behind the current block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """Tell whether the record is through."""
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
        line.format in LAYOUT and line.samples_per_frame == 1 and line.skew == 0 and line.file != "~"
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
        self.leads = tuple(
            Lead(name=name, unit=known_unit(line.unit, calibrated=line.gain != 0)[0])
            for name, line in zip(unique_names([line.name for line in header.signals]), header.signals, strict=True)
        )

    def read(self, start: int, end: int) -> Samples:
        samples = np.full((len(self._lines), end - start), np.nan, np.float32)
        row_in_file = dict.fromkeys(self._files, 0)
        counts = {
            name: file.read(start, min(end, file.length)) if start < file.length else None
            for name, file in self._files.items()
        }
        for row, line in enumerate(self._lines):
            got = counts[line.file]
            if got is not None:
                wanted = got[row_in_file[line.file]]
                scale = known_unit(line.unit, calibrated=line.gain != 0)[1] / (line.gain or DEFAULT_GAIN)
                physical = ((wanted - np.float64(line.baseline)) * scale).astype(np.float32)
                physical[wanted == self._files[line.file].invalid] = np.nan
                samples[row, : physical.size] = physical
            row_in_file[line.file] += 1
        return samples


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
        scales = [known_unit(unit or "") for unit in first.units]
        self._scale = np.asarray([[factor] for _, factor in scales])
        self.leads = tuple(
            Lead(name=name, unit=unit)
            for name, (unit, _) in zip(unique_names(list(first.sig_name)), scales, strict=True)
        )

    def read(self, start: int, end: int) -> Samples:
        return np.ascontiguousarray((self._call(start, end).p_signal.T * self._scale).astype(np.float32))

    def _call(self, start: int, end: int | None) -> Any:
        import wfdb

        try:
            return wfdb.rdrecord(self._record, sampfrom=start, sampto=end)
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
