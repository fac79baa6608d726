"""Numbers as text, a line a sample: AD8232 on an Arduino, and columns of numbers in general.

Source: SparkFun's `Heart_Rate_Display_Arduino` sketch (a decimal a line, ``!`` while either lead-off pin is high) and
the variants seen with it: columns separated by comma, semicolon, tab or space, ``label:value``, Teleplot, JSON, tuples,
units, a heading line, a column that is time. Lines of one shape (labels, units, how many numbers) are a stream; one
stream is read, and what else is printed between its lines is counted and said.
"""

import re
from collections import Counter, deque
from dataclasses import replace

import numpy as np

from biosignal.signal.blocks import Lead, Unit
from edge_agent.sources.decoders.gaps import whole_turns
from edge_agent.sources.decoders.port import (
    DEFAULTS,
    BoardSettings,
    Counters,
    Decoded,
    DecoderFacts,
    Loss,
    Samples,
    Values,
    merged,
)
from edge_agent.sources.decoders.sample_clock import SampleClock
from edge_agent.sources.decoders.text_line import LONGEST_LINE, Line, heading_of, is_remark, parsed
from edge_agent.sources.decoders.text_streams import MOST_COLUMNS, WORDS, Streams
from edge_agent.sources.decoders.text_time import TimeColumn, time_column
from edge_agent.sources.lead_kinds import kind_of
from edge_agent.sources.port import unique_names

_LINE_END = re.compile(rb"\r?\n|\r(?=[^\r\n])")
"""LF, CR LF, or CR alone where more follows: at the end of what came in its LF may still be under way."""
LINKS, RELINKS = 8, 3  # good lines of one shape before the first is believed
MOST_HELD_BYTES = 2900  # of lines, until one shape is believed
GIVE_UP = 8  # damaged lines in a row: this is not our text any more


class TextDecoder:
    """Decoder of lines of numbers. Holds a line, and `LINKS` rows before it is sure that they are rows.

    The line in progress at the start may be incomplete and look complete: it is a sample only where it is as long as
    the others and its numbers lie among theirs. A damaged line is a sample that was taken and arrived damaged: NaN, so
    that the count of samples holds; a line of another shape, or of words, is none. The stream that is read is the first
    of which `LINKS` lines came, and before all others one named as an ECG. The unit is raw unless the settings give a
    scale, which then is that of every column.
    """

    def __init__(self, settings: BoardSettings = DEFAULTS) -> None:
        self._settings = settings
        self._counters = Counters()
        self._rest, self._skip, self._first = b"", True, True
        self._held: list[Line] = []
        self._held_bytes = 0
        self._opening: Line | None = None
        self._streams = Streams(settings.channels or 0)
        self._names: tuple[str, ...] = ()
        self._headings: deque[tuple[str, ...]] = deque(maxlen=8)
        self._time: TimeColumn | None = None
        self._locked = self._ever = self._rejoin = False
        self._bad = 0
        self._index = 0
        self._rows: list[tuple[float, ...]] = []
        self._found: list[Decoded] = []
        self._clock = SampleClock(settings.fs_hz or 0.0)

    @property
    def facts(self) -> DecoderFacts:
        """Columns and rate; learned from the lines where the settings do not say them."""
        columns = max(self._streams.width - (self._time is not None), 1)
        names = self._names
        if self._time is not None and len(names) == self._streams.width:
            names = (*names[: self._time.place], *names[self._time.place + 1 :])
        if len(names) != columns:
            names = tuple(f"A{n + 1}" for n in range(columns)) if columns > 1 else ("ECG",)
        names = unique_names(list(names))
        unit = Unit.RAW if self._settings.mv_per_count is None else Unit.MILLIVOLT
        fs_hz = self._settings.fs_hz or (self._time.fs_hz if self._time else 0.0)
        return DecoderFacts(
            protocol="text",
            fs_hz=fs_hz,
            channels=tuple(Lead(name=name, unit=unit, kind=kind_of(name)) for name in names),
            frame_hz=fs_hz,
            frame_bytes=0,
            notes=self._streams.notes,
        )

    @property
    def counters(self) -> Counters:
        """What came in so far; `frames_ok` counts lines."""
        return self._counters

    def feed(self, data: bytes, now_s: float | None = None) -> list[Decoded]:
        """Decode the lines that `data` completes; see `Decoder`."""
        self._counters.bytes_in += len(data)
        before = self._index
        self._take_in(data)
        self._flush()
        found, self._found = self._found, []
        if now_s is not None and self._index > before:
            found = self._by_time(found, before, now_s)
            self._clock.note(now_s, self._index)
        return merged(found)

    def finish(self) -> list[Decoded]:
        """Take a last line that has no end, and rows still held."""
        rest, self._rest = self._rest, b""
        if rest and not self._skip:
            self._line(rest, len(rest))
        else:
            self._counters.bytes_skipped += len(rest)
        ours = sum(self._streams.fits(row) for row in self._held)
        if ours >= (RELINKS if self._ever else 1):
            self._lock()
        self._drop_held()
        self._flush()
        found, self._found = self._found, []
        return merged(found)

    def restart(self) -> None:
        """Forget the line in progress: the port was closed."""
        self._counters.bytes_skipped += len(self._rest)
        self._drop_held()
        self._rest, self._skip, self._locked, self._rejoin = b"", True, False, self._ever
        if self._time is not None:
            self._time.forget()

    def _take_in(self, data: bytes) -> None:
        whole, begin = self._rest + data, 0
        for end in _LINE_END.finditer(whole):
            line, size = whole[begin : end.start()], end.end() - begin
            begin = end.end()
            if self._skip or len(line) > LONGEST_LINE:
                if self._first and (heading := heading_of(line)):
                    self._headings.append(heading)
                elif self._first and self._skip:
                    self._opening = parsed(line.strip(), size) if len(line) <= LONGEST_LINE else None
                if self._first and self._opening is not None:
                    self._skip = self._first = False
                    continue
                self._counters.bytes_skipped += size
                self._counters.malformed += not self._skip
                self._skip = self._first = False
            else:
                self._line(line, size)
        rest = whole[begin:]
        if len(rest) > LONGEST_LINE:
            # No line end for so long: not our text. What is held is dropped with the rest of that line.
            self._counters.malformed += not self._skip
            self._counters.bytes_skipped += len(rest)
            self._skip, self._first, rest = True, False, b""
        self._rest = rest

    def _line(self, line: bytes, size: int) -> None:
        text = line.strip()
        if not text:
            self._counters.bytes_skipped += size
            return
        row = parsed(text, size)
        if row is not None and (self._streams.fits(row) or not self._locked):
            self._good(row)
            return
        self._counters.bytes_skipped += size
        heading = heading_of(text)
        if heading:
            self._headings.append(heading)
        if row is not None and not self._streams.is_near(row):
            self._aside(row.title)
        elif row is None and (heading or is_remark(text)) and not self._streams.begins_like_ours(text):
            self._aside(WORDS)
        else:
            self._damaged()

    def _damaged(self) -> None:
        self._counters.malformed += 1
        self._bad += 1
        if not self._locked:
            self._drop_held()
        elif self._bad >= GIVE_UP:
            self._locked = False
            self._rejoin = True
        else:
            self._rows.append(())

    def _aside(self, title: str) -> None:
        """Count a line of another stream: no sample was taken for it."""
        self._counters.aside += 1
        self._streams.count_other(title)

    def _good(self, row: Line) -> None:
        self._bad = 0
        if self._locked:
            self._sample(row)
            return
        self._held.append(row)
        self._held_bytes += row.size
        while self._held_bytes > MOST_HELD_BYTES:
            first = self._held.pop(0)
            self._held_bytes -= first.size
            self._counters.bytes_skipped += first.size
        shapes = Counter(held.shape for held in self._held if held.values and self._streams.fits(held))
        off = sum(not held.values for held in self._held)
        if shapes and max(shapes.values()) + off >= (RELINKS if self._ever else LINKS):
            self._lock()

    def _lock(self) -> None:
        self._streams.choose(self._held)
        if not self._ever:
            ours = [row for row in self._held if row.values and self._streams.fits(row)]
            fitting = (each for each in reversed(self._headings) if len(each) == self._streams.width)
            self._names = self._streams.names or next(fitting, ())
            self._time = time_column([row.values for row in ours], self._names)
        if self._rejoin:
            self._flush()
            self._lose(0, certain=False)
            self._rejoin = False
        self._counters.resyncs += self._ever
        self._locked = self._ever = True
        held, self._held, self._held_bytes = self._held, [], 0
        if self._opening is not None and self._streams.is_whole(self._opening, held):
            held.insert(0, self._opening)
            self._opening = None
        self._drop_opening()
        for row in held:
            if self._streams.fits(row):
                self._sample(row)
            else:
                self._counters.bytes_skipped += row.size
                self._aside(row.title)

    def _drop_opening(self) -> None:
        if self._opening is not None:
            self._counters.bytes_skipped += self._opening.size
            self._opening = None

    def _drop_held(self) -> None:
        self._drop_opening()
        self._counters.bytes_skipped += sum(row.size for row in self._held)
        self._held, self._held_bytes = [], 0

    def _sample(self, row: Line) -> None:
        self._counters.frames_ok += 1
        self._counters.frame_bytes += row.size
        self._counters.leads_off += not row.values
        if self._time is not None and row.values:
            lost = self._time.lost(row.values[self._time.place], since=1 + _trailing(self._rows))
            if lost is None or lost > 0:
                self._flush()
                self._lose(lost or 0, certain=lost is not None)
        self._rows.append(row.values)

    def _lose(self, count: int, *, certain: bool) -> None:
        self._found.append(Loss(at=self._index, count=count, certain=certain, at_least=count if certain else 0))
        self._index += count
        self._counters.lost += count
        self._counters.lost_by_counter += count
        self._counters.ambiguous += not certain

    def _flush(self) -> None:
        if not self._rows:
            return
        nothing = (np.nan,) * max(self._streams.width, 1)
        table = np.asarray([row[:MOST_COLUMNS] if row else nothing for row in self._rows], np.float64).T
        if self._time is not None:
            table = np.delete(table, self._time.place, axis=0)
        scale = self._settings.mv_per_count
        if scale is not None:
            table = (table - self._settings.zero_count) * scale
        self._found.append(Samples(start=self._index, samples=table.astype(np.float32)))
        self._index += len(self._rows)
        self._rows = []

    def _by_time(self, found: list[Decoded], before: int, now_s: float) -> list[Decoded]:
        """Put before the lines of this feed what time says is missing, for boards without a time column."""
        missing = self._clock.missing(now_s, self._index) if self._time is None else None
        if missing is None:
            return found
        verdict = whole_turns(None, missing=missing, error=0.0, jitter=self._clock.jitter)
        if verdict is None:
            return found
        count = verdict.count
        self._index += count
        self._counters.lost += count
        self._counters.lost_by_time += count
        self._counters.ambiguous += 1
        moved: list[Decoded] = [Loss(at=before, count=count, certain=False)]
        for item in found:
            at = (item.start if isinstance(item, Samples) else item.at) + count
            moved.append(replace(item, start=at) if isinstance(item, Samples) else replace(item, at=at))
        return moved


def _trailing(rows: list[tuple[float, ...]]) -> int:
    """How many rows at the end have no numbers: their times are unknown."""
    count = 0
    while count < len(rows) and not rows[-1 - count]:
        count += 1
    return count


def encode(samples: Values, *, first: int = 0, separator: str = ",", line_end: str = "\r\n", digits: int = 0) -> bytes:
    """Lines that hold `samples`, shape (column, sample); a sample that is NaN in every column is ``!``, leads off.

    Parameters
    ----------
    first : index of the first sample; a line counts nothing.
    digits : decimals of each number.
    """
    del first
    lines = [
        "!" if np.isnan(row).all() else separator.join(f"{value:.{digits}f}" for value in row)
        for row in np.asarray(samples, np.float64).T
    ]
    return "".join(line + line_end for line in lines).encode()
