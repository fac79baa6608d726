"""Which channels of a montage can be trusted in a second, from what was said of the seconds of their leads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.montage import Montage
from biosignal.events import Mark, QualityLevel
from biosignal.tasks.eeg_quality.kinds import NAME, SECOND


class ChannelQuality:
    """Remembers the seconds of the leads until they are asked for. A channel is as good as the worse of its leads."""

    def __init__(self, leads: Sequence[str], montage: Montage) -> None:
        self._row = {name: row for row, name in enumerate(leads)}
        self._plus = [made.plus for made in montage.rows]
        self._minus = [made.plus if made.minus is None else made.minus for made in montage.rows]
        self._rejected: dict[int, NDArray[np.bool_]] = {}

    def push(self, mark: Mark) -> None:
        """Take a second of a lead; other marks are left alone."""
        if mark.task != NAME or mark.kind != SECOND.name:
            return
        rejected = self._rejected.get(mark.end)
        if rejected is None:
            rejected = self._rejected[mark.end] = np.zeros(len(self._row), np.bool_)
        rejected[self._row[mark.leads[0]]] = mark.quality is QualityLevel.REJECTED

    def trusted(self, end: int) -> NDArray[np.bool_]:
        """Say of each channel whether both its leads can be trusted in the second ending at `end`; forget what was."""
        rejected = self._rejected.get(end)
        self._rejected = {at: row for at, row in self._rejected.items() if at > end}
        if rejected is None:
            return np.zeros(len(self._plus), np.bool_)
        return np.asarray(~(rejected[self._plus] | rejected[self._minus]))
