"""An EDF, EDF+ or BDF file as a source, some records at a time, each signal at its own rate."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import listed
from biosignal.signal.blocks import Gap, SampleBlock, Signal
from edge_agent.sources.edf_description import ENDED, HOLE, INVALID, describe, holes_of, invalid_stretches
from edge_agent.sources.edf_holes import as_gaps
from edge_agent.sources.edf_layout import JUMP_S, Layout, read_layout
from edge_agent.sources.edf_signals import EdfSignals, describe_signals, read_counts
from edge_agent.sources.port import Description, RecordUnreadable, Remark, SourceFacts, SourceHealth, SourceState
from edge_agent.sources.rates import goes_on_at
from edge_agent.sources.wfdb_record import BLOCK_SAMPLES

BLOCK_BYTES = 4 << 20  # of the file held at a time, where one record is not larger than that
DISCONTINUOUS = "discontinuous"


class EdfRecord:
    """All signals of a file; the facts' notes name what a torn file lacks.

    Parameters
    ----------
    path : the file.

    Raises
    ------
    RecordUnreadable : no EDF or BDF, torn before its first whole record, or its records lie out of order.
    """

    def __init__(self, path: Path) -> None:
        self._layout = read_layout(path)
        self._signals = describe_signals(self._layout)
        self._own = self._signals.groups[0]
        self._starts, jumps = _record_starts(self._layout, self._own.per_record, self._own.fs_hz)
        self._runs = _runs(self._starts, self._own.per_record)
        self._notes = (*_notes(self._layout, self._signals), *jumps)
        self._hash = _content_hash(self._layout)
        said = self._layout.annotations()
        self._invalid = invalid_stretches(said)
        self._holes = holes_of(said, self._own.fs_hz)
        self._recording = ""
        self._closed = threading.Event()
        self._done = False

    def recording_facts(self) -> SourceFacts:
        """Return name, leads, rates and length, notes, and the hash that names the content without the patient."""
        return SourceFacts(
            name=self._layout.path.stem,
            leads=self._signals.leads,
            fs_hz=self._own.fs_hz,
            live=False,
            content_hash=self._hash,
            length=self._holes.length(int(self._starts[-1]) + self._own.per_record),
            path=str(self._layout.path),
            notes=self._notes,
        )

    def description(self) -> Description:
        """Scales, start, patient and recording as the header says them."""
        return describe(self._layout, self._signals)

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the file from its start; time that passes between records is a `Gap`."""
        return self.read_from(0)

    def read_from(self, sample: int) -> Iterator[Signal]:
        """Yield the file from the record that holds `sample` on, or from the gap before it."""
        items = self._items(sample)
        return as_gaps(items, self._holes, len(self._signals.groups)) if self._holes else items

    def _items(self, sample: int) -> Iterator[Signal]:
        self._done = False
        starts, size = self._starts, self._own.per_record
        first = max(0, int(np.searchsorted(starts, sample, side="right")) - 1)
        largest = max(group.per_record for group in self._signals.groups)
        at_once = max(1, min(BLOCK_SAMPLES // largest, BLOCK_BYTES // self._layout.record_bytes))
        while first < starts.size:
            if self._closed.is_set():
                return
            end = min(first + at_once, self._run_end(first))
            yield from self._blocks(first, end)
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
        """Whether the file is through."""
        return SourceHealth(state=SourceState.ENDED if self._done else SourceState.STREAMING, since_monotonic_s=0.0)

    def remarks(self) -> list[Remark]:
        """The annotations of EDF+, each at the sample its onset falls on."""
        return [
            Remark(sample=max(0, round(at_s * self._own.fs_hz)), for_s=for_s, text=text)
            for at_s, for_s, text in self._layout.annotations()
            if text not in (HOLE, ENDED) and not text.startswith(INVALID)
        ]

    def _blocks(self, first: int, end: int) -> Iterator[SampleBlock]:
        """One block a rate for the records [first, end), which follow each other without a gap."""
        counts = read_counts(self._layout, self._layout.data(first, end))
        run = self._run_begin(first)
        for group in self._signals.groups:
            # Behind a gap all rates begin anew, in step with the recording's own.
            begin = goes_on_at(int(self._starts[run]), self._own.fs_hz, group.fs_hz)
            start, samples = begin + (first - run) * group.per_record, group.samples(counts)
            for one in self._invalid:
                for row, lead in enumerate(group.leads):
                    if lead.name == one.lead:
                        from_to = (max(0, round(at_s * group.fs_hz) - start) for at_s in (one.start_s, one.end_s))
                        samples[row, slice(*from_to)] = np.nan
            yield SampleBlock(
                recording=self._recording, start=start, fs_hz=group.fs_hz, leads=group.leads, samples=samples
            )

    def _run_begin(self, record: int) -> int:
        return int(self._runs[np.searchsorted(self._runs, record, side="right") - 1])

    def _run_end(self, record: int) -> int:
        behind = np.searchsorted(self._runs, record, side="right")
        return int(self._runs[behind]) if behind < self._runs.size else self._layout.records


def _runs(starts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """First record of every run of records without a gap between them."""
    return np.concatenate([np.zeros(1, np.int64), 1 + np.flatnonzero(np.diff(starts) != size)])


def _record_starts(layout: Layout, size: int, fs_hz: float) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """First sample of every record at a rate that has `size` samples a record, and what is odd about these."""
    onsets_s, notes = _all_onsets(layout)
    if not layout.is_discontinuous:
        return _continuous_starts(layout, size, np.diff(onsets_s), fs_hz)
    steps = np.diff(np.rint(onsets_s * fs_hz)).astype(np.int64)
    # A record that begins off the sample grid may seem to begin one sample early.
    steps[steps == size - 1] = size
    if (steps < size).any():
        record = int(np.argmax(steps < size)) + 1
        raise RecordUnreadable(
            "a data record begins before the one before it has ended", file=str(layout.path), record=record
        )
    return _summed(steps), notes


def _all_onsets(layout: Layout) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Onsets of all records; one that does not say its own follows the one before it."""
    onsets_s = layout.onsets_s()
    lost, known = np.flatnonzero(~np.isfinite(onsets_s)), np.flatnonzero(np.isfinite(onsets_s))
    if not known.size:
        onsets_s = np.arange(layout.records, dtype=np.float64) * layout.record_s
    elif lost.size:
        first = known[0]
        onsets_s[:first] = onsets_s[first] - layout.record_s * np.arange(first, 0, -1)
        for record in lost[lost > first]:
            onsets_s[record] = onsets_s[record - 1] + layout.record_s
    note = f"{lost.size} of {layout.records} records do not say when they begin: taken to follow the one before them"
    return onsets_s - onsets_s[0], (note,) if lost.size else ()


def _continuous_starts(
    layout: Layout, size: int, steps_s: NDArray[np.float64], fs_hz: float
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Where records begin in a file that says it is continuous: a jump of their times is a gap all the same."""
    steps = np.full(len(steps_s), size, np.int64)
    beyond_s = steps_s - layout.record_s
    back, ahead = beyond_s < -JUMP_S, beyond_s > JUMP_S
    if not back.any() and not ahead.any():
        return _summed(steps), ()
    if back.any() or (len(steps) > 1 and ahead.all()):
        return _summed(steps), ("the times of the data records contradict their length: taken to follow each other",)
    steps[ahead] += np.rint(beyond_s[ahead] * fs_hz).astype(np.int64)
    times, sum_s = int(ahead.sum()), beyond_s[ahead].sum()
    return _summed(steps), (f"the file says it is continuous, but its times jump, by {sum_s:g} s in all: gaps={times}",)


def _summed(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(steps)])


def _notes(layout: Layout, signals: EdfSignals) -> tuple[str, ...]:
    notes = list(layout.notes)
    promised = layout.header.records
    if layout.torn_bytes or promised not in (None, layout.records):
        count = "no number of" if promised is None else str(promised)
        torn = f" and {layout.torn_bytes} bytes of a torn one" if layout.torn_bytes else ""
        notes.append(
            f"the header gives {count} records of {layout.record_s:g} s, the file has {layout.records} whole{torn}: "
            f"{layout.records * layout.record_s:g} s are read"
        )
    if signals.empty:
        notes.append(f"left out: {listed(signals.empty)} (no samples)")
    if signals.unscaled:
        notes.append(f"without a scale, since its range is no number or empty: {listed(signals.unscaled)}")
    return tuple(notes)


def _content_hash(layout: Layout) -> str:
    """Hash of signals and data, without the patient, the recording's name and its date."""
    digest = hashlib.sha256(layout.hashed)
    at_once = max(1, BLOCK_BYTES // layout.record_bytes)
    for first in range(0, layout.records, at_once):
        digest.update(layout.data(first, min(first + at_once, layout.records)))
    return digest.hexdigest()
