"""Logs of what a sketch printed: labels, JSON or Teleplot on every line, read by the rules of the text decoder."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agent.sources.decoders.text_line import Line, parsed
from edge_agent.sources.decoders.text_streams import Streams
from edge_agent.sources.logs.dialect import Dialect

_SHARE = 0.5  # of the lines


@dataclass(frozen=True, slots=True)
class Labelled(Dialect):
    """Parts a line into the numbers behind its labels; a line of another stream is one cell of words."""

    shape: tuple[str, ...] = ()

    def cells(self, line: str) -> list[str]:
        """The numbers of a line of the stream, as they would be written in a table; else the line itself."""
        text = line.strip().encode()
        row = parsed(text, len(text))
        if row is None or (row.values and row.shape != self.shape):
            return [f"other: {line}"]
        return [repr(value) for value in row.values] if row.values else ["!"]


def labelled_of(lines: Sequence[str]) -> tuple[Labelled, tuple[str, ...], tuple[str, ...]] | None:
    """Dialect, names and units, where most lines have labels of their own; None where they have none."""
    rows: list[Line] = []
    for line in lines:
        text = line.strip().encode()
        row = parsed(text, len(text)) if text else None
        if row is not None and row.values and row.names:
            rows.append(row)
    if len(rows) <= _SHARE * sum(bool(line.strip()) for line in lines):
        return None
    streams = Streams(0)
    streams.choose(rows)
    shape, _ = Counter(row.shape for row in rows if streams.fits(row)).most_common(1)[0]
    return Labelled(",", shape=shape), streams.names, shape[1::2]
