"""The stage that marks spindles and slow waves of one lead, and counts them by the minute."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from biosignal.eeg.bank import HELD_S, REACH_S, FilterBank
from biosignal.eeg.electrodes import derivation_of
from biosignal.eeg.seconds import Piece, SecondCutter
from biosignal.events import Column, Event, Mark, MarkState, QualityLevel, Series, mark_id, stable_id
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock
from biosignal.signal.filters import Array
from biosignal.stream.stage import Item
from biosignal.tasks.eeg_seconds import FitSeconds
from biosignal.tasks.eeg_sleep.kinds import EPOCH, REM, WAKE
from biosignal.tasks.eeg_sleep.kinds import NAME as SLEEP
from biosignal.tasks.eeg_spindles.kinds import (
    AMPLITUDE,
    FREQUENCY,
    NAME,
    QUANTITIES,
    RATES,
    SLOW_WAVE,
    SPINDLE,
    by_rule,
)
from biosignal.tasks.eeg_spindles.limits import SpindleLimits
from biosignal.tasks.eeg_spindles.slow_waves import SLOW_HZ, SlowWave, SlowWaveFinder
from biosignal.tasks.eeg_spindles.spindles import ALPHA_HZ, BINS, FASTER_HZ, SIGMA_HZ, Spindle, SpindleFinder
from biosignal.tasks.task import MarkKind, TaskFacts

PREFERRED = ("C4", "C3", "Cz", "Fz", "F4", "F3", "Fpz", "FCz", "CPz", "Pz")
"""Where spindles and slow waves are seen best; central leads first, as blinks look like slow waves in front."""
MINUTE_S = 60
LEAST_S = 30
"""Of a minute so many seconds must have been looked at for a rate."""


NEITHER = (WAKE, REM)
"""Stages in which there are no spindles, and slow waves are eyes, movement or drowsiness."""


class SpindleStage:
    """Looks at one lead of those it is given, a second at a time, once two more are in.

    While the latest epoch of sleep was awake or REM nothing is marked: an epoch is known only when it is over, so the
    first half minute of the sleep behind it has no marks. Where no stage is known all that looks like one is marked.
    """

    def __init__(self, facts: TaskFacts, limits: SpindleLimits) -> None:
        self._facts, self._limits = facts, limits
        self._row = best_lead(facts.names)
        self._lead = (facts.names[self._row],)
        self._cutter = SecondCutter((facts.leads[self._row],), facts.fs_hz)
        self._fit = FitSeconds(self._lead)
        self._bank = FilterBank(
            facts.fs_hz, {"sigma": SIGMA_HZ, "faster": FASTER_HZ, "alpha": ALPHA_HZ, "slow": SLOW_HZ}
        )
        self.watermark = 0
        self._stage: str | None = None
        self._clock = 0
        self._number = 0
        """The second that is looked at next."""
        self._minute: int | None = None
        self._seen_until = 0
        self._clear_minute()
        self._restart()

    def set_limits(self, limits: SpindleLimits) -> None:
        """Take other limits from the next second on."""
        self._limits = limits
        self._spindles.limits = self._slow_waves.limits = limits

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of the leads, what was said of their quality, or a gap."""
        if isinstance(item, SampleBlock):
            self._cutter.push(_row_of(item, self._row))
        elif isinstance(item, Mark) and (item.task, item.kind) == (SLEEP, EPOCH.name):
            self._stage = item.label
        elif isinstance(item, Mark):
            self._fit.on_mark(item)
        elif isinstance(item, Gap):
            return self._push_gap(item)
        return ()

    def advance(self, until: int, /) -> Iterator[Event]:
        """Look at the seconds that are complete and graded."""
        for piece in self._cutter.take(until):
            yield from self._push_piece(piece)
        self.watermark = until

    def finish(self) -> Iterator[Event]:
        """Give the minute that was begun; what has not ended is left out."""
        for piece in self._cutter.flush():
            yield from self._push_piece(piece)
        yield from self._end_stretch()
        yield from self._turn(None)

    def _push_gap(self, gap: Gap) -> Iterator[Event]:
        for piece in self._cutter.flush():
            yield from self._push_piece(piece)
        yield from self._end_stretch()
        self._fit.reset()
        self._stage = None
        yield from self._turn(gap.end // self._cutter.length)

    def _restart(self) -> None:
        """Begin a stretch."""
        self._held: list[Array] = []
        self._begins: int | None = None
        self._spindles = SpindleFinder(self._limits, self._cutter.length)
        self._slow_waves = SlowWaveFinder(self._limits, self._cutter.length)

    def _push_piece(self, piece: Piece) -> Iterator[Event]:
        self._clock = max(self._clock, piece.end - 1)
        self._seen_until = piece.end
        if not self._fit.fit(piece)[0]:
            yield from self._end_stretch()
            yield from self._turn(piece.number + 1 if piece.is_whole else piece.number)
            return
        if self._begins is None:
            self._begins = self._number = piece.number
            self._held = [np.full(self._cutter.length, piece.x[0, 0])] * REACH_S
        yield from self._hold(piece.x[0])

    def _end_stretch(self) -> Iterator[Event]:
        """Look at the last seconds, as if the first and the last sample had been there before and behind."""
        if self._begins is not None:
            last = np.full(self._cutter.length, self._held[-1][-1])
            for _ in range(REACH_S):
                yield from self._hold(last)
        self._restart()

    def _hold(self, second: Array) -> Iterator[Event]:
        self._held = [*self._held[1 - HELD_S :], second]
        if len(self._held) == HELD_S:
            number, self._number = self._number, self._number + 1
            yield from self._look(number)
            yield from self._turn(self._number)

    def _look(self, number: int) -> Iterator[Event]:
        sigma, faster, alpha, slow = self._bank.middle(np.concatenate(self._held))
        spindles = self._spindles.push(sigma, faster, alpha)
        waves = self._slow_waves.push(slow)
        self._minute = number // MINUTE_S
        if self._stage in NEITHER:
            spindles, waves = [], []
        self._counts += (len(spindles), len(waves), 1)
        for spindle in spindles:
            yield self._mark(SPINDLE, spindle, ((AMPLITUDE, spindle.uv), (FREQUENCY, spindle.hz)))
        for wave in waves:
            yield self._mark(SLOW_WAVE, wave, ((AMPLITUDE, wave.uv),))

    def _mark(self, kind: MarkKind, found: Spindle | SlowWave, numbers: Sequence[tuple[str, float]]) -> Mark:
        facts, start = self._facts, self._sample(found.first)
        return Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind=kind.name, leads=self._lead, start=start),
            task=NAME,
            kind=kind.name,
            recording=facts.recording,
            leads=self._lead,
            start=start,
            end=self._sample(found.last),
            decided_at=self._clock,
            state=MarkState.CONFIRMED,
            quality=QualityLevel.USABLE,
            outcome=by_rule(kind),
            numbers=tuple((name, round(value, QUANTITIES[name].decimals)) for name, value in numbers),
        )

    def _sample(self, place: int) -> int:
        """Give the sample at which a bin since the stretch began begins."""
        assert self._begins is not None, "bins are counted from a beginning"
        second = self._cutter.length
        return (self._begins + place // BINS) * second + place % BINS * second // BINS

    def _clear_minute(self) -> None:
        self._minute = None
        self._counts = np.zeros(len(RATES))

    def _turn(self, number: int | None) -> Iterator[Series]:
        """Give the minute that is over when a second is next, or (None) when none follows."""
        minute = self._minute
        if minute is None or (number is not None and number // MINUTE_S <= minute):
            return
        facts, length = self._facts, MINUTE_S * self._cutter.length
        spindles, waves, seconds = self._counts.tolist()
        rates = (60.0 * spindles / seconds, 60.0 * waves / seconds) if seconds >= LEAST_S else (None, None)
        start = minute * length
        values = (*rates, seconds / MINUTE_S)
        yield Series(
            id=stable_id(facts.recording, facts.stream, NAME, "rates", ",".join(self._lead), start),
            task=NAME,
            recording=facts.recording,
            leads=self._lead,
            fs_hz=facts.fs_hz,
            start=start,
            end=min(start + length, self._seen_until),
            decided_at=self._clock,
            step=length,
            columns=tuple(
                Column(quantity=name, values=(None if value is None else round(value, QUANTITIES[name].decimals),))
                for name, value in zip(RATES, values, strict=True)
            ),
        )
        self._clear_minute()


def best_lead(names: Sequence[str]) -> int:
    """Choose the lead by its first electrode: the first there is of `PREFERRED`, else the first one."""
    anodes = [None if (found := derivation_of(name)) is None else found.anode for name in names]
    return next((anodes.index(place) for place in PREFERRED if place in anodes), 0)


def _row_of(block: SampleBlock, row: int) -> SampleBlock:
    return SampleBlock(
        recording=block.recording,
        start=block.start,
        fs_hz=block.fs_hz,
        leads=(block.leads[row],),
        samples=block.samples[row : row + 1],
    )


def make_stage(facts: TaskFacts, _model: Model | None, limits: SpindleLimits) -> SpindleStage:
    """Make the stage that looks at the best of the leads."""
    return SpindleStage(facts, limits)
