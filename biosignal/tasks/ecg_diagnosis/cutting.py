"""Cutting leads into windows of ten seconds, aligned to sample 0 of the recording, and which leads can be shown."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from biosignal.ecg.leads import standard_rows
from biosignal.events import Mark, QualityLevel
from biosignal.signal.blocks import MILLIVOLT_PER, Lead, SampleBlock, Samples, Unit
from biosignal.tasks.ecg_diagnosis.seen import WINDOW_S


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Cut:
    """Samples [start, end) of the recording, shape (lead, sample), in the unit of each lead."""

    start: int
    end: int
    samples: Samples


class Cutter:
    """Cuts an unbroken stretch; make a new one behind a gap. A window that is not whole is never given.

    Parameters
    ----------
    start : absolute index of the first sample.
    """

    def __init__(self, fs_hz: float, start: int) -> None:
        self._length = WINDOW_S * fs_hz
        self._number = int(np.ceil(start / self._length - 1e-9))
        self._at = start
        self._held: list[Samples] = []

    def push(self, block: SampleBlock) -> Iterator[Cut]:
        """Take the next samples; give the windows that are whole."""
        self._held.append(block.samples)
        self._at = block.end
        while self._at >= (end := round((self._number + 1) * self._length)):
            whole = np.concatenate(self._held, axis=1)
            begin = self._at - whole.shape[1]
            start = round(self._number * self._length)
            yield Cut(start=start, end=end, samples=whole[:, start - begin : end - begin])
            self._held = [whole[:, end - begin :]]
            self._number += 1


class Showable:
    """The leads that have a place on the body and a scale, and which of their seconds cannot be assessed."""

    def __init__(self, leads: Sequence[Lead]) -> None:
        rows = standard_rows([lead.name for lead in leads])
        self.rows = {name: row for name, row in rows.items() if leads[row].unit is not Unit.RAW}
        """Row by standard name."""
        self.has_places = bool(rows)
        self.names = tuple(leads[row].name for row in sorted(self.rows.values()))
        """As the source calls them."""
        self._scale = {name: np.float32(MILLIVOLT_PER[leads[row].unit]) for name, row in self.rows.items()}
        self._called = {name: leads[row].name for name, row in self.rows.items()}
        self._rejected: dict[str, deque[Mark]] = {name: deque() for name in self.names}

    def on_second(self, mark: Mark) -> None:
        """Take what was said of a second of one lead."""
        if mark.quality is QualityLevel.REJECTED:
            for name in mark.leads:
                if name in self._rejected:
                    self._rejected[name].append(mark)

    def shown(self, cut: Cut, most_rejected: float) -> dict[str, Samples]:
        """Give the leads of a window that can be assessed, in mV, by their standard names."""
        found = {}
        for name, row in self.rows.items():
            if self._rejected_share(self._called[name], cut) <= most_rejected:
                found[name] = cut.samples[row] * self._scale[name]
        return found

    def called(self, names: Iterable[str]) -> tuple[str, ...]:
        """Give leads by the names of their source, in its order."""
        return tuple(self._called[name] for name in sorted(names, key=self.rows.__getitem__))

    def is_clean(self, cut: Cut) -> bool:
        """Whether no second of any lead was rejected."""
        return all(self._rejected_share(name, cut) == 0.0 for name in self.names)

    def _rejected_share(self, name: str, cut: Cut) -> float:
        seconds = self._rejected[name]
        while seconds and seconds[0].end <= cut.start:
            seconds.popleft()
        inside = sum(
            max(0, min(one.end, cut.end) - max(one.start, cut.start)) for one in seconds if one.decided_at < cut.end
        )
        return inside / (cut.end - cut.start)
