"""Which of the streams on a line of text is read: lines of one shape are one; what else is said is counted."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from biosignal.signal.blocks import LeadKind
from edge_agent.sources.decoders.text_line import Line
from edge_agent.sources.lead_kinds import kind_of

MOST_COLUMNS = 64
MOST_STREAMS = 16  # told apart; what is printed under more names than these is counted together
WORDS = "words"


class Streams:
    """The stream that is read, once it is chosen, and how many lines there were of others.

    Parameters
    ----------
    width : numbers of a line, where a person says it; 0 where the first lines say it.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.names: tuple[str, ...] = ()
        self._shape: tuple[str, ...] = ()
        self._title = ""
        self._others: dict[str, int] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What is read and what is not, where there is more than one stream."""
        if not self._others:
            return ()
        others = ", ".join(f"{name} ({count} lines)" for name, count in self._others.items())
        return (f"read: {self._title or 'nothing yet'}; not read: {others}",)

    def fits(self, row: Line) -> bool:
        """Whether a line is of the stream that is read; of any, before one is."""
        if not row.values:
            return True
        if self._shape:
            return row.shape == self._shape
        return not self.width or len(row.values) == self.width

    def choose(self, rows: Sequence[Line]) -> None:
        """Choose the stream: one named as an ECG, else the one with the most lines."""
        fitting = [row for row in rows if row.values and self.fits(row)]
        if self._shape or not fitting:
            return
        counts = Counter(row.shape for row in fitting)
        most = counts.most_common(1)[0][1]
        first = {row.shape: row for row in reversed(fitting)}
        named = (
            shape
            for shape, count in counts.items()
            if count >= most / 2 and any(kind_of(name) is LeadKind.ECG for name in first[shape].names)
        )
        self._shape = next(named, counts.most_common(1)[0][0])
        row = first[self._shape]
        self.width, self.names, self._title = min(len(row.values), MOST_COLUMNS), row.names, row.title

    def count_other(self, title: str) -> None:
        """Count a line that is none of the stream's."""
        known = title if title in self._others or len(self._others) < MOST_STREAMS else "others"
        self._others[known] = self._others.get(known, 0) + 1

    def is_near(self, row: Line) -> bool:
        """Whether a line differs from ours by one character of its labels: then it is ours, damaged."""
        if len(row.values) != self.width or not any(self._shape):
            return False
        ours, theirs = "\0".join(self._shape), "\0".join(row.shape)
        if len(ours) == len(theirs):
            return sum(one != other for one, other in zip(ours, theirs, strict=True)) == 1
        short, long = sorted((ours, theirs), key=len)
        return len(long) - len(short) == 1 and any(long[:at] + long[at + 1 :] == short for at in range(len(long)))

    def begins_like_ours(self, text: bytes) -> bool:
        """Whether a line that cannot be read begins with the first label of the stream."""
        return any(self._shape) and bool(self._shape[0]) and text[:2] == self._shape[0].encode()[:2]

    def is_whole(self, opening: Line, rows: Sequence[Line]) -> bool:
        """Whether the line that was in progress at the start is as long as `rows`, and its numbers lie among theirs."""
        ours = [row for row in rows if row.values and self.fits(row)]
        if not opening.values or not self.fits(opening) or not ours:
            return False
        table = np.asarray([row.values for row in ours])
        if np.isnan(table).all(axis=0).any():
            return False
        low, high, values = np.nanmin(table, axis=0), np.nanmax(table, axis=0), np.asarray(opening.values)
        among = ((values >= low - (high - low)) & (values <= high + (high - low))) | np.isnan(values)
        return opening.size >= min(row.size for row in ours) and bool(among.all())
