"""The minutes of a recording in numbers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from biosignal.events import Column, Mark, QualityLevel, Series, stable_id
from biosignal.tasks.ecg_beats.kinds import RR_BEFORE
from biosignal.tasks.ecg_rhythm.kinds import NAME, QUANTITIES
from biosignal.tasks.task import TaskFacts

MINUTE_S = 60
SETTLE_S = 8
"""A minute is emitted this long behind its end: by then its last beat is confirmed."""


@dataclass(slots=True)
class _Minute:
    beats: int = 0
    v_beats: int = 0
    s_beats: list[int] = field(default_factory=list)
    usable: int = 0
    seen_until: int = 0
    intervals_s: list[float] = field(default_factory=list)


class TrendMeter:
    """Counts one lead's beats and usable samples per minute; minutes start at multiples of 60 s of the recording.

    Where the atria fibrillate or flutter no beat is early or late: a beat called S there is none that was assessed, and
    is counted apart. `fibrillates` says of a sample whether they did, as far as it is known when the minute is emitted.
    """

    def __init__(self, facts: TaskFacts, fibrillates: Callable[[int], bool]) -> None:
        self._facts = facts
        self._fibrillates = fibrillates
        self._length = round(MINUTE_S * facts.fs_hz)
        self._settle = round(SETTLE_S * facts.fs_hz)
        self._minutes: dict[int, _Minute] = {}

    def add_beat(self, beat: Mark) -> None:
        """Count a confirmed beat."""
        minute = self._minute(beat.start)
        minute.beats += 1
        minute.v_beats += beat.label == "V"
        if beat.label == "S":
            minute.s_beats.append(beat.start)
        rr_s = beat.number(RR_BEFORE)
        if rr_s is not None and beat.quality is not QualityLevel.REJECTED:
            minute.intervals_s.append(rr_s)

    def add_second(self, second: Mark) -> list[Series]:
        """Count a graded stretch; emit the minutes that are settled by its end."""
        start = second.start
        while start < second.end:
            minute = self._minute(start)
            end = min(second.end, (start // self._length + 1) * self._length)
            minute.seen_until = end
            if second.quality is not QualityLevel.REJECTED:
                minute.usable += end - start
            start = end
        settled = (second.end - self._settle) // self._length
        return [
            self._series(index, self._length, second.decided_at) for index in sorted(self._minutes) if index < settled
        ]

    def finish(self, at: int) -> list[Series]:
        """Give the minutes still open; the last one ends with the recording, at sample `at`."""
        indices = sorted(self._minutes)
        return [
            self._series(
                index,
                self._minutes[index].seen_until - index * self._length if index == indices[-1] else self._length,
                at,
            )
            for index in indices
        ]

    def _minute(self, sample: int) -> _Minute:
        return self._minutes.setdefault(sample // self._length, _Minute())

    def _series(self, index: int, length: int, decided_at: int) -> Series:
        minute = self._minutes.pop(index)
        start = index * self._length
        intervals = minute.intervals_s
        unassessed = sum(map(self._fibrillates, minute.s_beats))
        columns = {
            "beats": minute.beats,
            "mean_heart_rate": 60 * len(intervals) / sum(intervals) if intervals else None,
            "v_beats": minute.v_beats,
            "s_beats": len(minute.s_beats) - unassessed,
            "s_unassessed": unassessed,
            "usable_share": minute.usable / max(length, 1),
        }
        facts = self._facts
        return Series(
            id=stable_id(facts.recording, facts.stream, NAME, "minutes", ",".join(facts.names), start),
            task=NAME,
            recording=facts.recording,
            leads=facts.names,
            fs_hz=facts.fs_hz,
            start=start,
            end=start + length,
            decided_at=decided_at,
            step=self._length,
            columns=tuple(
                Column(quantity=name, values=(None if value is None else round(value, QUANTITIES[name].decimals),))
                for name, value in columns.items()
            ),
        )
