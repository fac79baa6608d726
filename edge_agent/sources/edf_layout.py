"""How an EDF or BDF file is laid out: its records, its signals in a record, when each record begins, its annotations.

Sources: Kemp and Olivan 2003 (EDF+), Kemp et al. 1992 (EDF), and BioSemi's page on BDF. Scales and samples are read by
the edfio package, which in turn knows neither torn files of BDF larger than memory nor where a record of EDF+D begins.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.port import RecordUnreadable

FIXED_BYTES = 256  # of the header's first part, and of each signal's part
RECORDS_AT = slice(236, 244)
_TAL = re.compile(rb"([+-]\d+(?:\.\d*)?)(?:\x15(\d+(?:\.\d*)?))?\x14([^\0]*)\x14\0")
_FIELD_BYTES_BEFORE_SAMPLES = 16 + 80 + 8 + 8 + 8 + 8 + 8 + 80


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A signal in a data record: its label, samples a record, and where in the record its bytes begin."""

    label: str
    samples: int
    first_byte: int

    @property
    def is_annotations(self) -> bool:
        """Whether it holds annotations rather than samples."""
        return self.label in ("EDF Annotations", "BDF Annotations")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A file's layout. `records` are there whole, `promised` by the header (-1: it does not say)."""

    path: Path
    header: bytes
    is_bdf: bool
    columns: tuple[Column, ...]
    record_s: float
    record_bytes: int
    records: int
    promised: int
    torn_bytes: int

    @property
    def is_discontinuous(self) -> bool:
        """Whether the header says that time may pass between records (EDF+D, BDF+D)."""
        return self.header[192:197] in (b"EDF+D", b"BDF+D")

    def data(self, first: int, end: int) -> bytes:
        """Bytes of the records [first, end).

        Raises
        ------
        RecordUnreadable : the file went away or became shorter.
        """
        wanted = (end - first) * self.record_bytes
        try:
            with self.path.open("rb") as file:
                file.seek(len(self.header) + first * self.record_bytes)
                found = file.read(wanted)
        except OSError as error:
            raise RecordUnreadable("cannot read the file", file=str(self.path), why=error.strerror) from error
        if len(found) != wanted:
            raise RecordUnreadable("the file became shorter while it was read", file=str(self.path))
        return found

    def onsets_s(self) -> NDArray[np.float64]:
        """Beginning of every record, in seconds since the first; shape (records,).

        Raises
        ------
        RecordUnreadable : a record does not say when it begins.
        """
        column = next((one for one in self.columns if one.is_annotations), None)
        if column is None:
            raise RecordUnreadable("a discontinuous file without annotations says no times", file=str(self.path))
        onsets = np.zeros(self.records)
        for record, texts in self._annotation_bytes(column):
            stamp = _TAL.match(texts)
            if stamp is None:
                raise RecordUnreadable("a data record does not say when it begins", file=str(self.path), record=record)
            onsets[record] = float(stamp[1])
        onsets -= onsets[0]
        return onsets

    def annotations(self) -> list[tuple[float, float | None, str]]:
        """All annotations as (onset and duration in seconds since the first sample, text), in order of onset."""
        found: list[tuple[float, float | None, str]] = []
        zero_s = 0.0
        for number, column in enumerate(one for one in self.columns if one.is_annotations):
            for record, texts in self._annotation_bytes(column):
                for place, stamp in enumerate(_TAL.finditer(texts)):
                    if number == record == place == 0:
                        zero_s = float(stamp[1])
                    for text in stamp[3].split(b"\x14"):
                        if text:
                            length_s = float(stamp[2]) if stamp[2] else None
                            found.append((float(stamp[1]) - zero_s, length_s, text.decode("utf-8", "replace")))
        return sorted(found, key=lambda one: one[0])

    def _annotation_bytes(self, column: Column) -> list[tuple[int, bytes]]:
        size = column.samples * (3 if self.is_bdf else 2)
        found = []
        with self.path.open("rb") as file:
            for record in range(self.records):
                file.seek(len(self.header) + record * self.record_bytes + column.first_byte)
                found.append((record, file.read(size)))
        return found


def read_layout(path: Path) -> Layout:
    """Read where things are in a file.

    Raises
    ------
    RecordUnreadable : missing, no EDF or BDF, without samples, or not one record is whole.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            fixed = file.read(FIXED_BYTES)
            signals = _whole(fixed[252:256], "number of signals", path) if len(fixed) == FIXED_BYTES else 0
            header = fixed + file.read(FIXED_BYTES * max(0, signals))
    except OSError as error:
        raise RecordUnreadable("cannot read the file", file=str(path), why=error.strerror) from error
    if signals < 1 or len(header) != FIXED_BYTES * (1 + signals) or header[:1] not in (b"0", b"\xff"):
        raise RecordUnreadable("this is no EDF or BDF file, or its header is torn", file=str(path))
    is_bdf = header[:1] == b"\xff"
    columns, record_bytes = _columns(header, signals, 3 if is_bdf else 2, path)
    try:
        record_s = float(header[244:252])
    except ValueError:
        record_s = 0.0
    if not 0 < record_s < float("inf") or all(one.is_annotations for one in columns) or record_bytes <= 0:
        raise RecordUnreadable("the file holds no signals with a rate", file=str(path), record_s=record_s)
    records, torn_bytes = divmod(size - len(header), record_bytes)
    if records < 1:
        raise RecordUnreadable("the file holds not one whole data record", file=str(path))
    return Layout(
        path=path,
        header=header,
        is_bdf=is_bdf,
        columns=columns,
        record_s=record_s,
        record_bytes=record_bytes,
        records=records,
        promised=_whole(header[RECORDS_AT], "number of data records", path),
        torn_bytes=torn_bytes,
    )


def _columns(header: bytes, signals: int, width: int, path: Path) -> tuple[tuple[Column, ...], int]:
    columns: list[Column] = []
    first_byte = 0
    samples_at = FIXED_BYTES + signals * _FIELD_BYTES_BEFORE_SAMPLES
    for index in range(signals):
        label = header[FIXED_BYTES + 16 * index : FIXED_BYTES + 16 * (index + 1)].decode("latin-1").strip()
        samples = _whole(header[samples_at + 8 * index : samples_at + 8 * (index + 1)], f"samples of {label!r}", path)
        if samples < 0:
            raise RecordUnreadable("a signal cannot have fewer than no samples", file=str(path), signal=label)
        columns.append(Column(label=label, samples=samples, first_byte=first_byte))
        first_byte += samples * width
    return tuple(columns), first_byte


def _whole(field: bytes, what: str, path: Path) -> int:
    try:
        return int(field)
    except ValueError:
        raise RecordUnreadable(f"the header's {what} is no number", file=str(path), found=field) from None
