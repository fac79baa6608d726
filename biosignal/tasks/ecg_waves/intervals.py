"""Which waves belong to one beat, how long they last, and the medians of a minute."""

from dataclasses import dataclass, field
from statistics import median

from biosignal.ecg.waves import Bounds
from biosignal.events import Column, Series, stable_id
from biosignal.tasks.ecg_waves.kinds import (
    MEASURED,
    NAME,
    P_DURATION,
    PR,
    QRS_DURATION,
    QT,
    QTC,
    QUANTITIES,
    P,
    T,
)
from biosignal.tasks.ecg_waves.seen import RATE_HZ
from biosignal.tasks.task import TaskFacts

BEFORE_QRS = round(0.4 * RATE_HZ)
"""A P wave begins no earlier before its complex."""
BEHIND_QRS = round(0.7 * RATE_HZ)
"""A T wave ends no later behind the onset of its complex."""
LONGEST_RR_S = 2.5
MINUTE_S = 60
SETTLE_S = 3
MS = 1000.0 / RATE_HZ


@dataclass(slots=True)
class Beat:
    """The waves of one beat, at 250 Hz. `rr_s` is the time since the onset of the QRS complex before."""

    qrs: Bounds
    p: Bounds | None
    rr_s: float | None
    t: Bounds | None = None

    def numbers(self) -> dict[str, float]:
        """How long its waves and intervals last, in ms."""
        found = {QRS_DURATION: (self.qrs.end - self.qrs.onset) * MS}
        if self.p is not None:
            found[P_DURATION] = (self.p.end - self.p.onset) * MS
            found[PR] = (self.qrs.onset - self.p.onset) * MS
        if self.t is not None:
            found[QT] = (self.t.end - self.qrs.onset) * MS
            if self.rr_s is not None:
                found[QTC] = found[QT] / self.rr_s ** (1 / 3)
        return found


class Beats:
    """Puts the waves of a stretch together as they are read."""

    def __init__(self) -> None:
        self._p: Bounds | None = None
        self._last: Beat | None = None

    def push(self, wave: Bounds) -> Beat | None:
        """Take the next wave; give the beat that it is of: a QRS complex begins one, a T wave is of the one before."""
        if wave.kind == P:
            self._p = wave
            return None
        if wave.kind == T:
            return self._with_t(wave)
        last, p = self._last, self._p
        rr_s = None if last is None else (wave.onset - last.qrs.onset) / RATE_HZ
        is_its_own = (
            p is not None
            and wave.onset - BEFORE_QRS <= p.onset < p.end <= wave.onset + 1
            and (last is None or p.onset >= last.qrs.end)
        )
        self._p = None
        self._last = Beat(wave, p if is_its_own else None, rr_s if rr_s is not None and rr_s <= LONGEST_RR_S else None)
        return self._last

    def _with_t(self, wave: Bounds) -> Beat | None:
        beat = self._last
        if beat is None or beat.t is not None or not beat.qrs.end <= wave.onset + 1:
            return None
        if wave.end - beat.qrs.onset > BEHIND_QRS:
            return None
        beat.t = wave
        return beat


@dataclass(slots=True)
class _Minute:
    beats: int = 0
    numbers: dict[str, list[float]] = field(default_factory=dict)


class Minutes:
    """Medians of the intervals by the minute; minutes start at multiples of 60 s of the recording."""

    def __init__(self, facts: TaskFacts, least_beats: int) -> None:
        self._facts = facts
        self.least_beats = least_beats
        self._length = round(MINUTE_S * facts.fs_hz)
        self._settle = round(SETTLE_S * facts.fs_hz)
        self._open: dict[int, _Minute] = {}

    def add_beat(self, at: int) -> None:
        """Count a QRS complex that begins at a sample of the recording."""
        self._open.setdefault(at // self._length, _Minute()).beats += 1

    def add(self, at: int, name: str, value: float) -> None:
        """Take an interval of the beat that begins there."""
        minute = self._open.setdefault(at // self._length, _Minute())
        minute.numbers.setdefault(name, []).append(value)

    def settled(self, known_at: int) -> list[Series]:
        """Give the minutes to which nothing is added any more once this sample is known."""
        until = (known_at - self._settle) // self._length
        return [self._series(index, known_at) for index in sorted(self._open) if index < until]

    def finish(self, at: int) -> list[Series]:
        """Give the minutes still open."""
        return [self._series(index, at) for index in sorted(self._open)]

    def _series(self, index: int, decided_at: int) -> Series:
        minute, facts, start = self._open.pop(index), self._facts, index * self._length
        values: dict[str, float | None] = {
            name: median(found) if len(found := minute.numbers.get(name, [])) >= self.least_beats else None
            for name in (PR, QRS_DURATION, QTC, QT, P_DURATION)
        }
        values[MEASURED] = 100.0 * len(minute.numbers.get(QT, [])) / minute.beats if minute.beats else None
        rounded = {name: None if one is None else round(one, QUANTITIES[name].decimals) for name, one in values.items()}
        return Series(
            id=stable_id(facts.recording, facts.stream, NAME, "minutes", ",".join(facts.names), start),
            task=NAME,
            recording=facts.recording,
            leads=facts.names,
            fs_hz=facts.fs_hz,
            start=start,
            end=min(start + self._length, decided_at + 1),
            decided_at=decided_at,
            step=self._length,
            columns=tuple(Column(quantity=name, values=(value,)) for name, value in rounded.items()),
        )
