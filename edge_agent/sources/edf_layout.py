"""How an EDF or BDF file is laid out: its records, its signals in a record, when each record begins, its annotations.

Where the header does not say how long a record is, or how many samples one signal has in it, the size of the file and
the times in its records do, if they can.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.edf_header import HASHED, EdfHeader, SignalField, read_edf_header, text_of
from edge_agent.sources.port import RecordUnreadable

LONGEST_S = 1e8  # three years; what lies further away is no time of this recording
JUMP_S = 0.02
"""A continuous file whose records begin so much apart from where they should has a hole there."""
_TAL = re.compile(rb"([+-]\d+(?:[.,]\d*)?)(?:\x15(\d+(?:[.,]\d*)?))?\x14([^\0]*)\x14\0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A signal in a data record: what the header says of it, samples a record, and where its bytes begin."""

    field: SignalField
    samples: int
    first_byte: int

    @property
    def label(self) -> str:
        """Its name in the file."""
        return self.field.label

    @property
    def is_annotations(self) -> bool:
        """Whether it holds texts in place of samples."""
        return self.field.is_annotations


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """A file's layout. `records` are there whole; `notes` say what the header left open and how it was found."""

    path: Path
    header: EdfHeader
    columns: tuple[Column, ...]
    record_s: float
    record_bytes: int
    records: int
    torn_bytes: int
    notes: tuple[str, ...] = ()

    @property
    def is_discontinuous(self) -> bool:
        """Whether the header says that time may pass between records (EDF+D, BDF+D)."""
        return self.header.kind.endswith("+D")

    @property
    def hashed(self) -> bytes:
        """What the header says of the signals, without the patient, the recording's name and its date."""
        return b"".join(self.header.content[part] for part in HASHED)

    def data(self, first: int, end: int) -> bytes:
        """Bytes of the records [first, end).

        Raises
        ------
        RecordUnreadable : the file went away or became shorter.
        """
        wanted = (end - first) * self.record_bytes
        try:
            with self.path.open("rb") as file:
                file.seek(len(self.header.content) + first * self.record_bytes)
                found = file.read(wanted)
        except OSError as error:
            raise RecordUnreadable("cannot read the file", file=str(self.path), why=error.strerror) from error
        if len(found) != wanted:
            raise RecordUnreadable("the file became shorter while it was read", file=str(self.path))
        return found

    def onsets_s(self) -> NDArray[np.float64]:
        """Beginning of every record, in seconds since the first; NaN where one does not say it. Shape (records,)."""
        onsets = np.full(self.records, np.nan)
        column = next((one for one in self.columns if one.is_annotations and one.samples), None)
        for record, texts in [] if column is None else self._annotation_bytes(column):
            stamp = _TAL.match(texts)
            if stamp is not None and abs(_seconds(stamp[1])) <= LONGEST_S:
                onsets[record] = _seconds(stamp[1])
        return onsets - (onsets[0] if np.isfinite(onsets[0]) else 0.0)

    def first_onset_s(self) -> float:
        """By how many seconds the first sample lies behind the start that the header says; 0 where nothing says it."""
        column = next((one for one in self.columns if one.is_annotations and one.samples), None)
        if column is None:
            return 0.0
        texts = self.data(0, 1)[column.first_byte : column.first_byte + column.samples * self.header.width]
        stamp = _TAL.match(texts)
        return _seconds(stamp[1]) if stamp is not None and 0 <= _seconds(stamp[1]) <= LONGEST_S else 0.0

    def annotations(self) -> list[tuple[float, float | None, str]]:
        """All annotations as (onset and duration in seconds since the first sample, text), in order of onset."""
        found: list[tuple[float, float | None, str]] = []
        zero_s = 0.0
        for number, column in enumerate(one for one in self.columns if one.is_annotations):
            for record, texts in self._annotation_bytes(column):
                for place, stamp in enumerate(_TAL.finditer(texts)):
                    if number == record == place == 0:
                        zero_s = _seconds(stamp[1])
                    if abs(_seconds(stamp[1]) - zero_s) > LONGEST_S:
                        continue
                    for text in stamp[3].split(b"\x14"):
                        if text:
                            length_s = _seconds(stamp[2]) if stamp[2] else None
                            found.append((_seconds(stamp[1]) - zero_s, length_s, text_of(text)))
        return sorted(found, key=lambda one: one[0])

    def _annotation_bytes(self, column: Column) -> list[tuple[int, bytes]]:
        size = column.samples * (self.header.width)
        found = []
        with self.path.open("rb") as file:
            for record in range(self.records):
                file.seek(len(self.header.content) + record * self.record_bytes + column.first_byte)
                found.append((record, file.read(size)))
        return found


def read_layout(path: Path, *, of_texts: bool = False) -> Layout:
    """Read where things are in a file; `of_texts`: of one that holds annotations alone, such as a hypnogram.

    Raises
    ------
    RecordUnreadable : missing, no EDF or BDF, without samples, or not one record is whole.
    """
    header = read_edf_header(path)
    size = path.stat().st_size - len(header.content)
    notes: list[str] = []
    samples = _samples(path, header, size, notes)
    columns, record_bytes = _columns(header, samples)
    if not any(one.samples and (of_texts or not one.is_annotations) for one in columns):
        raise RecordUnreadable("the file holds no signals with samples", file=str(path))
    records, torn_bytes = divmod(size, record_bytes)
    if records < 1:
        raise RecordUnreadable("the file holds not one whole data record", file=str(path))
    found = Layout(
        path=path,
        header=header,
        columns=columns,
        record_s=header.record_s or 1.0,
        record_bytes=record_bytes,
        records=records,
        torn_bytes=torn_bytes,
        notes=tuple(notes),
    )
    return found if header.record_s is not None or of_texts else _with_duration(found)


def _samples(path: Path, header: EdfHeader, size: int, notes: list[str]) -> list[int]:
    """Samples of each signal in a record; those of one that does not say it are what is left of the record."""
    said = [one.samples for one in header.signals]
    unsaid = [index for index, samples in enumerate(said) if samples is None]
    if unsaid:
        rest, over = divmod(size, (header.records or 1) * header.width)
        left = rest - sum(samples or 0 for samples in said)
        if len(unsaid) > 1 or header.records is None or over or left < 1:
            label = header.signals[unsaid[0]].label
            raise RecordUnreadable(
                "the header does not say how many samples a signal has", file=str(path), signal=label
            )
        said[unsaid[0]] = left
        label = header.signals[unsaid[0]].label
        notes.append(f"{label}: the header does not say its samples a record, by the size of the file they are {left}")
    return [samples or 0 for samples in said]


def _columns(header: EdfHeader, samples: Sequence[int]) -> tuple[tuple[Column, ...], int]:
    columns: list[Column] = []
    first_byte = 0
    for field, count in zip(header.signals, samples, strict=True):
        columns.append(Column(field=field, samples=count, first_byte=first_byte))
        first_byte += count * header.width
    return tuple(columns), first_byte


def _with_duration(layout: Layout) -> Layout:
    """The layout with the usual step from one record's time to the next as the length of a record."""
    steps = np.diff(layout.onsets_s())
    steps = steps[np.isfinite(steps) & (steps > 0)]
    if not steps.size:
        raise RecordUnreadable(
            "the header does not say how long a data record is: the file holds no signals with a rate",
            file=str(layout.path),
        )
    record_s = float(np.median(steps))
    note = f"the header does not say how long a record is, by the times in them it is {record_s:g} s"
    return replace(layout, record_s=record_s, notes=(*layout.notes, note))


def _seconds(digits: bytes) -> float:
    return float(digits.replace(b",", b"."))
