"""Which seconds of EEG leads can be relied on, by what the tasks that grade the signal say of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.seconds import Piece
from biosignal.events import Mark, QualityLevel
from biosignal.tasks.eeg_quality.kinds import NAME as EEG_QUALITY
from biosignal.tasks.eeg_quality.kinds import SECOND

GRADED_BY = EEG_QUALITY
"""The task that the tasks of the EEG need for this."""


class FitSeconds:
    """Remembers the rejected stretches of several leads until they are asked for."""

    def __init__(self, leads: Sequence[str]) -> None:
        self._rows = {name: row for row, name in enumerate(leads)}
        self._rejected: list[tuple[int, int, int]] = []

    def reset(self) -> None:
        """Forget what was said: a gap follows."""
        self._rejected.clear()

    def on_mark(self, mark: Mark) -> None:
        """Take what was said of a second."""
        if mark.task == GRADED_BY and mark.kind == SECOND.name and mark.quality is QualityLevel.REJECTED:
            self._rejected += [(self._rows[name], mark.start, mark.end) for name in mark.leads if name in self._rows]

    def fit(self, piece: Piece) -> NDArray[np.bool_]:
        """Say of each lead whether all of a second is there, valid and not rejected, shape (lead,)."""
        fit = piece.valid & piece.is_whole
        for row, start, end in self._rejected:
            if start < piece.end and end > piece.start:
                fit[row] = False
        self._rejected = [one for one in self._rejected if one[2] > piece.end]
        return fit
