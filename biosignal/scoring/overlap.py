"""Events compared by how far they overlap, as spindle detectors are compared with experts.

An event that was found and one of the reference are the same where the samples they share are a fifth or more of those
that either covers; each is matched once, those that overlap most first (Warby et al. 2014, doi:10.1038/nmeth.2855).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from biosignal.errors import BadInput

LEAST_OVERLAP = 0.2
Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class EventScore:
    """Events of the reference that were found and missed, and found ones that are none; figures None without events.

    `overlaps` are those of the matched pairs, the largest first.
    """

    tp: int
    fn: int
    fp: int
    overlaps: tuple[float, ...]

    @property
    def recall(self) -> float | None:
        """Share of the reference's events that were found."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def precision(self) -> float | None:
        """Share of what was found that is in the reference."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two."""
        events = 2 * self.tp + self.fn + self.fp
        return 2 * self.tp / events if events else None


def overlap_of(one: Span, other: Span) -> float:
    """Share of the samples that either covers which both cover, 0 to 1."""
    both = min(one[1], other[1]) - max(one[0], other[0])
    return max(both, 0) / (max(one[1], other[1]) - min(one[0], other[0]))


def score_events(reference: Sequence[Span], found: Sequence[Span], *, least: float = LEAST_OVERLAP) -> EventScore:
    """Match events [start, end), in any order.

    Raises
    ------
    BadInput : an event has no length, or the least overlap is no share above 0.
    """
    if not 0 < least <= 1:
        raise BadInput("the least overlap is a share", least=least, remedy="give one above 0 and up to 1, such as 0.2")
    empty = [one for one in (*reference, *found) if one[1] <= one[0]]
    if empty:
        raise BadInput(
            "an event has no length", events=empty, remedy="give each as its first sample and the one behind"
        )
    pairs = sorted(
        (
            (-overlap, row, column)
            for row, one in enumerate(reference)
            for column, other in enumerate(found)
            if one[0] < other[1] and other[0] < one[1] and (overlap := overlap_of(one, other)) >= least
        ),
    )
    rows: set[int] = set()
    columns: set[int] = set()
    overlaps = []
    for overlap, row, column in pairs:
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            overlaps.append(-overlap)
    matched = len(overlaps)
    return EventScore(matched, len(reference) - matched, len(found) - matched, tuple(overlaps))
