"""What the task of the waves saw in a window, and what is measured of it there."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.leads import INDEPENDENT, derived
from biosignal.ecg.measuring import NAMES, Beat, measured
from biosignal.events import Mark, QualityLevel
from biosignal.tasks.ecg_diagnosis.cutting import Cut
from biosignal.tasks.ecg_diagnosis.seen import RATE_HZ
from biosignal.tasks.ecg_waves.kinds import NAME as WAVES
from biosignal.tasks.ecg_waves.kinds import P_WAVE, PRESENT, QRS_COMPLEX, T_WAVE

SEEN = (QRS_COMPLEX.name, P_WAVE.name, T_WAVE.name)
KNOWN = (2, len(NAMES))
"""Shape of what the network is given: the numbers, and 1 for each that was measured; the others are 0."""


@dataclass(slots=True)
class _Seen:
    qrs: Mark
    p: Mark | None = None
    t: Mark | None = None


class SeenWaves:
    """The waves of the last seconds. A wave that is told behind the end of a window is not of it."""

    def __init__(self) -> None:
        self._beats: deque[_Seen] = deque()
        self.is_heard = False
        """Whether that task reads these leads: since the last gap it has seen a wave, and since then could go on."""

    def on_mark(self, mark: Mark) -> None:
        """Take what was said of a wave: a QRS complex begins a beat, the others are of the one before."""
        if mark.task != WAVES:
            return
        self.is_heard = mark.kind in SEEN
        if mark.kind == QRS_COMPLEX.name:
            self._beats.append(_Seen(mark))
        elif self._beats and mark.kind == P_WAVE.name and mark.label == PRESENT:
            self._beats[-1].p = mark
        elif self._beats and mark.kind == T_WAVE.name:
            self._beats[-1].t = mark

    def clear(self) -> None:
        """Forget them, behind a gap."""
        self._beats.clear()
        self.is_heard = False

    def inside(self, cut: Cut, fs_hz: float) -> list[Beat]:
        """Give the beats of a window, in seconds of it, and forget those before it."""
        while self._beats and self._beats[0].qrs.start < cut.start:
            self._beats.popleft()

        def bounds(mark: Mark | None) -> tuple[float, float] | None:
            if mark is None or mark.start < cut.start or mark.end > cut.end or mark.decided_at >= cut.end:
                return None
            return (mark.start - cut.start) / fs_hz, (mark.end - cut.start) / fs_hz

        found = []
        for one in self._beats:
            if (qrs := bounds(one.qrs)) is not None:
                is_degraded = one.qrs.quality is not QualityLevel.USABLE
                found.append(Beat(qrs=qrs, p=bounds(one.p), t=bounds(one.t), is_degraded=is_degraded))
        return found


def numbers_of(ecg: NDArray[np.float32], mask: NDArray[np.float32], beats: Sequence[Beat]) -> NDArray[np.float32]:
    """Measure a window as it is shown: leads, shape (8, `WINDOW`), mask, shape (8,); gives shape `KNOWN`."""
    there: Mapping[str, NDArray[np.float64]] = {
        name: ecg[row].astype(np.float64) for row, name in enumerate(INDEPENDENT) if mask[row]
    }
    found = measured(derived(there), RATE_HZ, beats)
    is_known = np.isfinite(found)
    return np.stack([np.where(is_known, found, 0.0), is_known]).astype(np.float32)
