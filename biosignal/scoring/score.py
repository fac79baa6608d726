"""What every scorer takes and gives, so that whoever scores a recording needs to know no task."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.events import Mark


@dataclass(frozen=True, slots=True, eq=False)
class Annotations:
    """Annotations in WFDB's codes: rising `samples`, one symbol each; `subtypes` matter for `~` only."""

    samples: Sequence[int] | NDArray[np.int64]
    symbols: Sequence[str]
    subtypes: Sequence[int] | NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if len(self.samples) != len(self.symbols) or (
            self.subtypes is not None and len(self.subtypes) != len(self.symbols)
        ):
            raise BadInput("annotations need one symbol per sample", samples=len(self.samples))
        if np.any(np.diff(np.asarray(self.samples, np.int64)) < 0):
            raise BadInput("annotations must be in the order of their samples")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """Figures as people read them: a name in the first cell of each row, one cell for each column of `head`."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self, *, indent: str = "") -> list[str]:
        """Write it in columns: the names to the left, the figures to the right."""
        whole = (self.head, *self.rows)
        widths = [max(len(cell) for cell in column) for column in zip(*whole, strict=True)]
        return [
            indent
            + "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
            for row in whole
        ]


class Scored(Protocol):
    """How what was found compares to the reference of one recording."""

    @property
    def protocol(self) -> str:
        """The standard or paper that says how it is counted."""

    @property
    def start_s(self) -> float:
        """Length of the stretch at the beginning that was left out."""

    def to_json(self) -> dict[str, Any]:
        """Write the figures by name, as JSON values."""

    def table(self) -> Table:
        """Write the figures for people."""


class Scorer(Protocol):
    """Compares the marks that a task made of one recording to the reference.

    Parameters
    ----------
    reference : what experts said, in WFDB's codes.
    marks : of the task, from its leads in this recording, in any order; those not confirmed are left out.
    fs_hz : the rate at which both count samples.
    end : length of the recording in samples.
    start_s : stretch at the beginning that is left out; None: as the protocol asks for a recording of this length.
    unusable : stretches [start, end) in which the signal could not be assessed.
    """

    def __call__(
        self,
        reference: Annotations,
        marks: Iterable[Mark],
        *,
        fs_hz: float,
        end: int,
        start_s: float | None = None,
        unusable: Iterable[tuple[int, int]] = (),
    ) -> Scored:
        """Compare."""
