"""An EDF, EDF+ or BDF file as a source, some records at a time, through the edfio package."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import Gap, Lead, SampleBlock, Samples, Signal
from edge_agent.sources.edf_layout import HEADER_BYTES_AT, RECORDS_AT, Layout, read_layout
from edge_agent.sources.port import (
    LeadUnknown,
    RecordUnreadable,
    Remark,
    SourceFacts,
    SourceHealth,
    SourceState,
    unique_names,
)
from edge_agent.sources.wfdb_header import known_unit
from edge_agent.sources.wfdb_record import BLOCK_SAMPLES

BLOCK_BYTES = 4 << 20  # of the file held at a time, where one record is not larger than that
LARGEST = 1e30  # of any unit; what is beyond is no scale
DISCONTINUOUS = "discontinuous"


class EdfRecord:
    """The signals of one rate of a file; the facts' notes name those left out and what a torn file lacks.

    Parameters
    ----------
    path : the file.
    lead : decides the rate. Absent, an index or ``all``: the rate of the first signal labelled ECG or EKG, else the
        rate that most calibrated signals have, of two the higher.

    Raises
    ------
    RecordUnreadable : no EDF or BDF, torn before its first whole record, or its records lie out of order.
    LeadUnknown : no such signal.
    """

    def __init__(self, path: Path, *, lead: str | None = None) -> None:
        self._layout = read_layout(path)
        layout = self._layout
        signals = _signals(layout, b"")
        columns = [one for one in layout.columns if not one.is_annotations]
        if len(signals) != len(columns):
            raise RecordUnreadable("the header names its signals in two ways", file=str(path))
        names = unique_names([one.label for one in columns])
        scales = [_scale(signal, str(path)) for signal in signals]
        units = [
            known_unit(signal.physical_dimension, calibrated=scale[2])
            for signal, scale in zip(signals, scales, strict=True)
        ]
        leads = [Lead(name=name, unit=unit) for name, (unit, _) in zip(names, units, strict=True)]
        per_record = _chosen([one.samples for one in columns], leads, lead)
        self._rows = [index for index, one in enumerate(columns) if one.samples == per_record]
        self._leads = tuple(leads[index] for index in self._rows)
        self._gain = np.asarray([[scales[index][0] * units[index][1]] for index in self._rows])
        self._offset = np.asarray([[scales[index][1] * units[index][1]] for index in self._rows])
        self._per_record = per_record
        self._fs_hz = per_record / layout.record_s
        self._starts = self._record_starts()
        left_out = [
            f"{name} ({one.samples / layout.record_s:g} Hz)"
            for name, one in zip(names, columns, strict=True)
            if one.samples != per_record
        ]
        self._notes = _notes(layout, left_out, self._fs_hz)
        self._hash = _content_hash(layout)
        self._recording = ""
        self._closed = threading.Event()
        self._done = False

    def recording_facts(self) -> SourceFacts:
        """Tell name, leads, rate and length, notes, and the hash that names the content without the patient."""
        return SourceFacts(
            name=self._layout.path.stem,
            leads=self._leads,
            fs_hz=self._fs_hz,
            live=False,
            content_hash=self._hash,
            length=int(self._starts[-1]) + self._per_record,
            path=str(self._layout.path),
            notes=self._notes,
        )

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the file from its start; time that passes between records of EDF+D is a `Gap`."""
        return self.read_from(0)

    def read_from(self, sample: int) -> Iterator[Signal]:
        """Yield the file from the record that holds `sample` on, or from the gap before it."""
        self._done = False
        starts, size = self._starts, self._per_record
        first = max(0, int(np.searchsorted(starts, sample, side="right")) - 1)
        at_once = max(1, min(BLOCK_SAMPLES // size, BLOCK_BYTES // self._layout.record_bytes))
        while first < starts.size:
            if self._closed.is_set():
                return
            end = first + 1
            while end < min(first + at_once, starts.size) and starts[end] == starts[end - 1] + size:
                end += 1
            yield SampleBlock(
                recording=self._recording,
                start=int(starts[first]),
                fs_hz=self._fs_hz,
                leads=self._leads,
                samples=self._samples(first, end),
            )
            behind = int(starts[end - 1]) + size
            if end < starts.size and starts[end] > behind:
                missing = int(starts[end]) - behind
                yield Gap(recording=self._recording, start=behind, length=missing, reason=DISCONTINUOUS)
            first = end
        self._done = True

    def close(self) -> None:
        """Make `read` end behind the current block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """Tell whether the file is through."""
        return SourceHealth(state=SourceState.ENDED if self._done else SourceState.STREAMING, since_monotonic_s=0.0)

    def remarks(self) -> list[Remark]:
        """The annotations of EDF+, each at the sample its onset falls on."""
        return [
            Remark(sample=max(0, round(at_s * self._fs_hz)), for_s=for_s, text=text)
            for at_s, for_s, text in self._layout.annotations()
        ]

    def _samples(self, first: int, end: int) -> Samples:
        signals = _signals(self._layout, self._layout.data(first, end))
        counts = np.stack([signals[row].digital for row in self._rows]).astype(np.float64)
        return np.ascontiguousarray((counts * self._gain + self._offset).astype(np.float32))

    def _record_starts(self) -> NDArray[np.int64]:
        """First sample of every record."""
        layout, size = self._layout, self._per_record
        even = np.arange(layout.records, dtype=np.int64) * size
        if not layout.is_discontinuous:
            return even
        starts = np.rint(layout.onsets_s() * self._fs_hz).astype(np.int64)
        steps = np.diff(starts)
        # A record that begins off the sample grid may seem to begin one sample early.
        steps[steps == size - 1] = size
        if (steps < size).any():
            record = int(np.argmax(steps < size)) + 1
            raise RecordUnreadable(
                "a data record begins before the one before it has ended", file=str(layout.path), record=record
            )
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)])


def _signals(layout: Layout, data: bytes) -> list[Any]:
    """The ordinary signals as edfio reads them, with so many whole records of data."""
    import edfio

    records = len(data) // layout.record_bytes
    whole = bytearray(layout.header)
    whole[HEADER_BYTES_AT] = str(len(whole)).ljust(8).encode()
    whole[RECORDS_AT] = str(records).ljust(8).encode()
    try:
        read = edfio.read_bdf if layout.is_bdf else edfio.read_edf
        return list(read(bytes(whole) + data, header_encoding="latin-1").signals)
    except (ValueError, KeyError, IndexError, ArithmeticError) as error:
        raise RecordUnreadable("the edfio package cannot read it", file=str(layout.path), why=str(error)) from error


def _scale(signal: Any, path: str) -> tuple[float, float, bool]:
    """(gain, value at count 0, whether these mean anything) of a signal."""
    try:
        physical, digital = signal.physical_range, signal.digital_range
        low, high = float(physical.min), float(physical.max)
        first, last = int(digital.min), int(digital.max)
    except ValueError as error:
        raise RecordUnreadable("a signal's range is no number", file=path, signal=signal.label) from error
    if first == last or low == high or not max(abs(low), abs(high)) < LARGEST:
        return 1.0, 0.0, False
    gain = (high - low) / (last - first)
    return gain, low - first * gain, True


def _chosen(samples: list[int], leads: list[Lead], wanted: str | None) -> int:
    """Samples a record of the rate that is read."""
    names = [lead.name for lead in leads]
    if wanted in names:
        return samples[names.index(wanted)]
    if wanted and wanted != "all" and not wanted.isdecimal():
        raise LeadUnknown("the file has no such signal", lead=wanted, leads=names)
    for name, count in zip(names, samples, strict=True):
        if name.upper().startswith(("ECG", "EKG")) and count:
            return count
    votes: dict[int, int] = {}
    for lead, count in zip(leads, samples, strict=True):
        votes[count] = votes.get(count, 0) + (lead.unit.value != "raw")
    return max((count for count in votes if count), key=lambda count: (votes[count], count))


def _notes(layout: Layout, left_out: list[str], fs_hz: float) -> tuple[str, ...]:
    notes = []
    if layout.torn_bytes or layout.promised not in (-1, layout.records):
        promised = "no number of" if layout.promised < 0 else str(layout.promised)
        torn = f" and {layout.torn_bytes} bytes of a torn one" if layout.torn_bytes else ""
        notes.append(
            f"the header gives {promised} records of {layout.record_s:g} s, the file has {layout.records} whole{torn}: "
            f"{layout.records * layout.record_s:g} s are read"
        )
    if left_out:
        notes.append(f"read are the signals at {fs_hz:g} Hz; left out: {', '.join(left_out)}")
    return tuple(notes)


def _content_hash(layout: Layout) -> str:
    """Hash of signals and data, without the patient, the recording's name and its date."""
    digest = hashlib.sha256(layout.header[192 : RECORDS_AT.start] + layout.header[RECORDS_AT.stop :])
    at_once = max(1, BLOCK_BYTES // layout.record_bytes)
    for first in range(0, layout.records, at_once):
        digest.update(layout.data(first, min(first + at_once, layout.records)))
    return digest.hexdigest()
