"""A CSV file as a source: one row a sample, with or without header and time, read some rows at a time."""

import codecs
import hashlib
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biosignal.signal.blocks import Gap, Lead, SampleBlock, Signal
from edge_agent.sources.csv_cells import number
from edge_agent.sources.csv_layout import HEAD_ROWS, Row, is_row, read_layout, rows
from edge_agent.sources.lead_kinds import kinds_of
from edge_agent.sources.port import RecordUnreadable, SourceFacts, SourceHealth, SourceState
from edge_agent.sources.wfdb_header import known_unit

BLOCK_ROWS = 4096
SKIPPED = "times-skipped"


class CsvRecord:
    """Numbers in columns; an empty cell or ``nan`` is an invalid sample.

    Parameters
    ----------
    path : the file; UTF-8 or Latin-1, cells set apart by comma, semicolon, tab or blanks.
    fs_hz : the rate, where no time column gives it.
    time_column : name or index (from 0) of that column; absent, it is looked for.

    Raises
    ------
    RecordUnreadable : no numbers, no rate, a column that is not there.
    """

    def __init__(self, path: Path, *, fs_hz: float | None = None, time_column: str | None = None) -> None:
        if fs_hz is not None and not 0 < fs_hz < float("inf"):
            raise RecordUnreadable("a rate must be positive", fs_hz=fs_hz, remedy="`--fs 250`")
        self._path = path
        self._file = _look_at(path)
        with _opened(path, self._file.encoding) as lines:
            head = list(itertools.islice(lines, HEAD_ROWS + 50))
        self._layout = read_layout(path, head, fs_hz=fs_hz, time_column=time_column)
        scales = [known_unit(unit) for _, _, unit in self._layout.signals]
        kinds = kinds_of([(name, unit) for _, name, unit in self._layout.signals])
        self._leads = tuple(
            Lead(name=name, unit=unit, kind=kind)
            for (_, name, _), (unit, _), kind in zip(self._layout.signals, scales, kinds, strict=True)
        )
        self._scale = np.asarray([[factor] for _, factor in scales])
        self._recording = ""
        self._closed = threading.Event()
        self._done = False

    def recording_facts(self) -> SourceFacts:
        """Return name, leads, rate, and the length where no time column may leave rows out."""
        layout = self._layout
        notes = (f"left out: {', '.join(layout.left_out)} (no numbers)",) if layout.left_out else ()
        if self._is_torn:
            notes = (*notes, "the last line is torn and is left out")
        return SourceFacts(
            name=self._path.stem,
            leads=self._leads,
            fs_hz=layout.fs_hz,
            live=False,
            content_hash=self._file.digest,
            length=None if layout.time else self._file.rows - layout.header_rows - self._is_torn,
            path=str(self._path),
            notes=notes,
        )

    def open(self, recording_id: str) -> None:
        """Set the recording id of what `read` yields."""
        self._recording = recording_id

    def read(self) -> Iterator[Signal]:
        """Yield the rows; where the times leave some out, a `Gap`.

        Raises
        ------
        RecordUnreadable : a row cannot be read; the message names its line.
        """
        self._done = False
        time, fs_hz, at = self._layout.time, self._layout.fs_hz, 0
        before_s: float | None = None
        waiting: list[list[float]] = []
        for line, cells in self._rows():
            values, now_s = self._values(line, cells)
            missing = 0
            if time is not None and before_s is not None and now_s is not None:
                if now_s < before_s and time.is_clock and before_s - now_s > 43_200:
                    before_s -= 86_400  # midnight, on a clock without a date
                if now_s < before_s:
                    raise RecordUnreadable("the time goes back", file=str(self._path), line=line)
                if now_s - before_s > time.longest_step_s:
                    missing = round((now_s - before_s) * fs_hz) - 1
            if waiting and (missing > 0 or len(waiting) == BLOCK_ROWS):
                if self._closed.is_set():
                    return
                yield self._block(at, waiting)
                at, waiting = at + len(waiting), []
            if missing > 0:
                yield Gap(recording=self._recording, start=at, length=missing, reason=SKIPPED)
                at += missing
            waiting.append(values)
            before_s = now_s
        if waiting and not self._closed.is_set():
            yield self._block(at, waiting)
        self._done = not self._closed.is_set()

    def close(self) -> None:
        """Make `read` end behind the current block."""
        self._closed.set()

    def health(self) -> SourceHealth:
        """Whether the file is through."""
        return SourceHealth(state=SourceState.ENDED if self._done else SourceState.STREAMING, since_monotonic_s=0.0)

    def _rows(self) -> Iterator[Row]:
        last = self._file.rows - self._is_torn
        with _opened(self._path, self._file.encoding) as lines:
            yield from itertools.islice(rows(lines, self._layout.delimiter), self._layout.header_rows, last)

    def _values(self, line: int, cells: list[str]) -> tuple[list[float], float | None]:
        layout = self._layout
        if len(cells) < layout.columns or any(cell.strip() for cell in cells[layout.columns :]):
            raise RecordUnreadable(
                f"line {line} has {len(cells)} cells where {layout.columns} are expected",
                file=str(self._path),
                line=line,
            )
        try:
            values = [number(cells[at], decimal_comma=layout.decimal_comma) for at, _, _ in layout.signals]
            time = layout.time
            now_s = None if time is None else time.at_s(cells[time.column], decimal_comma=layout.decimal_comma)
        except ValueError as error:
            raise RecordUnreadable(
                f"line {line} holds a cell that is no number", file=str(self._path), line=line, why=str(error)
            ) from error
        return values, now_s

    def _block(self, start: int, values: list[list[float]]) -> SampleBlock:
        samples = np.ascontiguousarray((np.asarray(values).T * self._scale).astype(np.float32))
        return SampleBlock(
            recording=self._recording, start=start, fs_hz=self._layout.fs_hz, leads=self._leads, samples=samples
        )

    @property
    def _is_torn(self) -> bool:
        """Whether the last line has no end and cannot be read."""
        if self._file.ends_whole:
            return False
        last = list(rows([self._file.last_line], self._layout.delimiter))
        try:
            self._values(0, last[0][1])
        except (RecordUnreadable, IndexError):
            return True
        return False


@dataclass(frozen=True, slots=True)
class _File:
    """What one pass over the bytes finds. `rows` are lines that are neither blank nor comments."""

    digest: str
    encoding: str
    rows: int
    last_line: str
    ends_whole: bool


def _look_at(path: Path) -> _File:
    digest = hashlib.sha256()
    encoding, count, last = "utf-8-sig", 0, b""
    try:
        with path.open("rb") as file:
            for line in file:
                digest.update(line)
                if b"\0" in line:
                    raise RecordUnreadable(
                        "this is no plain text", file=str(path), line=count + 1, remedy="save it as CSV in UTF-8"
                    )
                if is_row(line.removeprefix(codecs.BOM_UTF8).decode("latin-1")):
                    count, last = count + 1, line
                if encoding != "latin-1" and not line.isascii() and not _is_utf8(line):
                    encoding = "latin-1"
    except OSError as error:
        raise RecordUnreadable("cannot read the file", file=str(path), why=error.strerror) from error
    return _File(digest.hexdigest(), encoding, count, last.decode(encoding), last.endswith(b"\n"))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _opened(path: Path, encoding: str) -> Iterator[Iterator[str]]:
    try:
        with path.open(encoding=encoding, newline="\n") as file:
            yield file
    except OSError as error:
        raise RecordUnreadable("cannot read the file", file=str(path), why=error.strerror) from error
