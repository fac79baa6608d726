"""Frames of a WFDB record that lies in one piece: stretches of time with one or several samples of each signal."""

import re
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from biosignal.signal.blocks import Samples
from edge_agent.sources.port import RecordUnreadable, unique_names
from edge_agent.sources.wfdb_header import DEFAULT_GAIN, NO_FILE, Header, SignalLine, known_unit
from edge_agent.sources.wfdb_signal import LAYOUT, SignalFile

OF_THE_LIBRARY = ("0", "8", "310", "311", "508", "516", "524")
"""Formats that only the wfdb package reads here; 0 is a signal without samples."""


class Frames(Protocol):
    """Reads frames: stretches of time in which each signal has so many samples as `per_frame` says."""

    names: tuple[str, ...]
    units: tuple[str, ...]  # as the header writes them
    calibrated: tuple[bool, ...]
    per_frame: tuple[int, ...]
    length: int  # frames that are really there
    missing: int  # frames the header announces behind them
    notes: tuple[str, ...]  # what could not be read

    def read(self, start: int, end: int) -> list[Samples]:
        """Samples of each signal in our unit, for frames [start, end)."""


def open_frames(path: Path, header: Header) -> Frames:
    """Open the signals of a header.

    Raises
    ------
    RecordUnreadable : not one of its signal files can be read, or a format is none of WFDB's.
    """
    if strange := [line for line in header.signals if line.format not in (*LAYOUT, *OF_THE_LIBRARY)]:
        raise RecordUnreadable(
            "cannot read signals of this format", header=str(path), signal=strange[0].name, format=strange[0].format
        )
    is_plain = all(
        line.format in LAYOUT and line.samples_per_frame > 0 and line.skew == 0 and line.file != NO_FILE
        for line in header.signals
    )
    return PlainFrames(path, header) if is_plain else LibraryFrames(path, header)


class PlainFrames:
    """Formats read with numpy alone. Signals whose file is missing are left out, with a note."""

    def __init__(self, path: Path, header: Header) -> None:
        self._files: dict[str, SignalFile] = {}
        missing: list[RecordUnreadable] = []
        for name, lines in _by_file(path, header).items():
            try:
                self._files[name] = SignalFile(beside(path, name), tuple(lines))
            except RecordUnreadable as error:
                missing.append(error)
        if not self._files:
            raise missing[0]
        self._lines = tuple(line for line in header.signals if line.file in self._files)
        present = max(file.length for file in self._files.values())
        if present == 0:
            raise RecordUnreadable("the signal file holds not one whole sample", header=str(path))
        self.length = min(present, header.length or present)
        self.missing = max(0, (header.length or 0) - self.length)
        named = zip(header.signals, unique_names([line.name for line in header.signals]), strict=True)
        self.names = tuple(name for line, name in named if line.file in self._files)
        self.units = tuple(line.unit for line in self._lines)
        self.calibrated = tuple(line.gain != 0 for line in self._lines)
        self.per_frame = tuple(line.samples_per_frame for line in self._lines)
        self.notes = tuple(f"left out: the signals of a file that cannot be read ({error})" for error in missing)

    def read(self, start: int, end: int) -> list[Samples]:
        """Samples of each signal in our unit; NaN where the file marks one as invalid or ends before the others."""
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


class LibraryFrames:
    """FLAC, differences, skew and the other formats, through the wfdb package."""

    def __init__(self, path: Path, header: Header) -> None:
        self._record = str(path.with_suffix(""))
        first = self._call(0, 1)
        self.length = header.length or int(self._call(0, None).sig_len)
        self.missing = 0
        self.names = unique_names(list(first.sig_name))
        self.units = tuple(unit or "" for unit in first.units)
        # The package shows what has no gain as if 200 counts were a millivolt.
        self.calibrated = tuple(line.gain != 0 for line in header.signals)
        self.per_frame = tuple(int(samples) for samples in first.samps_per_frame)
        self.notes: tuple[str, ...] = ()
        known = zip(self.units, self.calibrated, strict=True)
        self._scale = [known_unit(unit, calibrated=calibrated)[1] for unit, calibrated in known]

    def read(self, start: int, end: int) -> list[Samples]:
        """Samples of each signal in our unit."""
        rows = self._call(start, end).e_p_signal
        return [(row * scale).astype(np.float32) for row, scale in zip(rows, self._scale, strict=True)]

    def _call(self, start: int, end: int | None) -> Any:
        import wfdb

        try:
            # Without smoothing: a mean over the samples of a frame would take a lead's own rate from it.
            return wfdb.rdrecord(self._record, sampfrom=start, sampto=end, smooth_frames=False)
        except Exception as error:  # the package raises whatever a corrupt file makes numpy raise
            why = str(error) if isinstance(error, OSError | ValueError) else "it broke off inside"
            raise RecordUnreadable("the wfdb package cannot read the record", record=self._record, why=why) from error


def beside(header: Path, name: str) -> Path:
    """Resolve a file named in a header.

    Headers that came with their files from another machine name folders of that one, or capitals that it did not heed:
    then it is the file of that name beside the header.

    Raises
    ------
    RecordUnreadable : it leads out of the header's folder, where no such file is.
    """
    folder = header.parent.resolve()
    path = (folder / name).resolve()
    is_inside = bool(name) and path.is_relative_to(folder)
    if is_inside and path.is_file():
        return header.parent / name
    if (moved := _moved(header.parent, name)) is not None:
        return moved
    if not is_inside:
        raise RecordUnreadable("the header names a file outside its folder", header=str(header), file=name)
    return header.parent / name


def _moved(folder: Path, name: str) -> Path | None:
    """The one file in a folder that is called like the end of a path, whatever its capitals."""
    *above, last = re.split(r"[/\\]", name.lower())
    if ".." in above:  # no machine names its own files so
        return None
    try:
        found = [path for path in folder.iterdir() if path.name.lower() == last and path.is_file()]
    except OSError:
        return None
    return found[0] if last and len(found) == 1 and found[0].resolve().parent == folder.resolve() else None


def _by_file(path: Path, header: Header) -> dict[str, list[SignalLine]]:
    groups: dict[str, list[SignalLine]] = {}
    for line in header.signals:
        groups.setdefault(line.file, []).append(line)
    for name, lines in groups.items():
        if len({line.format for line in lines}) > 1:
            raise RecordUnreadable("the signals of one file must have one format", header=str(path), file=name)
    return groups
