"""A log as a source: one row a sample, with or without head, clock and counter, read some rows at a time."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Signal, Unit
from edge_agent.sources.logs.layout import HEAD_ROWS, Layout, read_layout
from edge_agent.sources.logs.lists import has_lists, is_json, written_out
from edge_agent.sources.logs.own_rows import MARK, OwnRows
from edge_agent.sources.logs.rows import RowReader, What
from edge_agent.sources.logs.survey import Survey, numbered, survey
from edge_agent.sources.logs.text_file import TextFile, look_at
from edge_agent.sources.logs.wide import Wide, wide_of
from edge_agent.sources.port import (
    Description,
    LeadDescription,
    RecordUnreadable,
    Remark,
    SourceFacts,
    SourceHealth,
    SourceState,
)
from edge_agent.sources.wfdb_header import known_unit

BLOCK_ROWS = 4096


class CsvRecord:
    """Numbers as text: a row a sample, or a line a lead. A cell that holds no number is an invalid sample.

    Parameters
    ----------
    path : the file; UTF-8, UTF-16 or Latin-1, cells set apart by comma, semicolon, tab, bar or blanks.
    fs_hz : the rate, where neither head nor times give it.
    time_column : name or index (from 0) of that column; absent, it is looked for.

    Raises
    ------
    RecordUnreadable : no numbers, no rate, a column that is not there, more damage than a log may have.
    """

    def __init__(self, path: Path, *, fs_hz: float | None = None, time_column: str | None = None) -> None:
        if fs_hz is not None and not 0 < fs_hz < float("inf"):
            raise RecordUnreadable("a rate must be positive", fs_hz=fs_hz, remedy="`--fs 250`")
        self._path = path
        self._file = look_at(path)
        self._notes: tuple[str, ...] = ()
        with self._file.lines() as lines:
            head = list(itertools.islice(lines, HEAD_ROWS))
        if (in_json := is_json(head)) or has_lists(head):
            log = written_out(path, self._file, is_table=not in_json)
            self._file, self._notes = replace(self._file, written_out=log.lines), log.notes
        with self._file.lines() as lines:
            head = list(itertools.islice(lines, HEAD_ROWS))
            is_own = bool(head) and head[0].startswith(MARK)
            wide = None if is_own else wide_of(head, lines)
        if is_own:
            self._rows: _Rows | _Lines | OwnRows = OwnRows(path, self._file, head[0])
        elif wide is not None:
            self._rows = _Lines(path, wide, fs_hz=fs_hz)
        else:
            layout = read_layout(path, head, time_column=time_column, fs_hz=fs_hz)
            self._rows = _Rows(self._file, layout, survey(path, self._file, layout, fs_hz=fs_hz))
        scales = [known_unit(unit) for _, unit, _ in self._rows.leads]
        self._leads = tuple(
            Lead(name=name, unit=unit, kind=kind)
            for (name, _, kind), (unit, _) in zip(self._rows.leads, scales, strict=True)
        )
        self._scale = np.asarray([[factor] for _, factor in scales])
        self._recording = ""
        self._closed = threading.Event()
        self._done = False

    def recording_facts(self) -> SourceFacts:
        """Return name, leads, rate, length with what is missing, and notes about what was left out."""
        return SourceFacts(
            name=self._path.stem,
            leads=self._leads,
            fs_hz=self._rows.fs_hz,
            live=False,
            content_hash=self._file.digest,
            length=self._rows.length,
            path=str(self._path),
            notes=(*self._notes, *self._rows.notes),
        )

    def description(self) -> Description:
        """Units as the file writes them, and what a file of `edge-agent convert` says more."""
        if isinstance(self._rows, OwnRows):
            return self._rows.description
        return Description(leads=tuple(_described(unit) for _, unit, _ in self._rows.leads))

    def remarks(self) -> list[Remark]:
        """The annotations that `edge-agent convert` wrote beside the file."""
        return self._rows.remarks() if isinstance(self._rows, OwnRows) else []

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the rows; a `Gap` where some are missing, of length 0 where nobody knows how many.

        Raises
        ------
        RecordUnreadable : the file went away meanwhile.
        """
        self._done = False
        at = 0
        for values, count, reason in self._rows.stretches():
            if self._closed.is_set():
                return
            if values is None:
                yield Gap(recording=self._recording, start=at, length=count, reason=reason)
                at += count
                continue
            yield self._block(at, values)
            at += values.shape[1]
        self._done = not self._closed.is_set()

    def close(self) -> None:
        """Make `read` end behind the current block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """Whether the file is through."""
        return SourceHealth(state=SourceState.ENDED if self._done else SourceState.STREAMING, since_monotonic_s=0.0)

    def _block(self, start: int, values: NDArray[np.float64]) -> SampleBlock:
        samples = np.ascontiguousarray((values * self._scale).astype(np.float32))
        return SampleBlock(
            recording=self._recording, start=start, fs_hz=self._rows.fs_hz, leads=self._leads, samples=samples
        )


def _described(unit_text: str) -> LeadDescription:
    unit = known_unit(unit_text)[0]
    return LeadDescription(unit_text=unit_text if unit is Unit.RAW else unit.value)


_Stretch: TypeAlias = tuple[NDArray[np.float64] | None, int, str]


class _Rows:
    """A row a sample."""

    def __init__(self, file: TextFile, layout: Layout, found: Survey) -> None:
        self._file, self._layout, self._found = file, layout, found
        self.fs_hz = found.fs_hz
        self.leads = tuple((one.name, one.unit, one.kind) for one in layout.columns.signals)
        self.length = found.rows + sum(one.count for one in found.missing)
        self.notes = (*_said(layout), *found.notes)

    def stretches(self) -> Iterator[_Stretch]:
        """Values of shape (lead, row), or None with how many are missing and why."""
        missing = {one.row: one for one in self._found.missing}
        waiting: list[list[float]] = []
        for row, values in enumerate(self._values()):
            gap = missing.get(row)
            if waiting and (gap is not None or len(waiting) == BLOCK_ROWS):
                yield np.asarray(waiting, np.float64).T, 0, ""
                waiting = []
            if gap is not None:
                yield None, gap.count, gap.reason
            waiting.append(values)
        if waiting:
            yield np.asarray(waiting, np.float64).T, 0, ""

    def _values(self) -> Iterator[list[float]]:
        reader = RowReader(self._layout)
        with self._file.lines() as lines:
            for place, line in numbered(lines, self._layout.first_line):
                if place >= self._found.end_line:
                    return
                parsed = reader.parse(line)
                if parsed is not None and parsed.what in (What.SAMPLE, What.DAMAGED):
                    yield parsed.values


class _Lines:
    """A line a lead, or all samples in one line."""

    def __init__(self, path: Path, wide: Wide, *, fs_hz: float | None) -> None:
        rate_hz = fs_hz or wide.fs_hz
        if rate_hz is None:
            raise RecordUnreadable(
                "nothing in the file says its rate",
                file=str(path),
                samples=wide.values.shape[1],
                remedy="say it with `--fs 250` (daemon: source.fs_hz)",
            )
        self._values = wide.values
        self.fs_hz = rate_hz
        self.leads: tuple[tuple[str, str, LeadKind], ...] = wide.leads
        self.length = wide.values.shape[1]
        self.notes = wide.notes

    def stretches(self) -> Iterator[_Stretch]:
        """Values of shape (lead, sample), some thousand at a time."""
        for start in range(0, self._values.shape[1], BLOCK_ROWS):
            yield self._values[:, start : start + BLOCK_ROWS], 0, ""


def _said(layout: Layout) -> tuple[str, ...]:
    notes = []
    if layout.maker is not None:
        notes.append(f"read as a file of {layout.maker.name}")
    if layout.columns.left_out:
        some = [f"{name} ({why})" for name, why in layout.columns.left_out[:8]]
        more = len(layout.columns.left_out) - len(some)
        notes.append(f"left out: {', '.join(some)}" + (f" and {more} more" if more else ""))
    return tuple(notes)
