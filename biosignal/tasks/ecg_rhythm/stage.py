"""The stage that turns beats into rates, findings and minutes.

Source of the limits: what bedside monitors disclose under IEC 60601-2-27 (asystole after 4 s without a beat, heart
rate alarms within 10 s, ventricular tachycardia from a count of consecutive ventricular beats and a rate).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from biosignal.ecg.rr import ABSENT_S, HeartRateMeter
from biosignal.events import Event, Inputs, Mark, MarkState, QualityLevel, Reading
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_beats.kinds import NAME as ECG_BEATS
from biosignal.tasks.ecg_beats.kinds import RR_BEFORE
from biosignal.tasks.ecg_beats.windows import LENGTH
from biosignal.tasks.ecg_front.kinds import FITNESS
from biosignal.tasks.ecg_rhythm.alternating import AlternatingRule
from biosignal.tasks.ecg_rhythm.atrial import AtrialRule
from biosignal.tasks.ecg_rhythm.kinds import FINDINGS, HEART_RATE, NAME, QUANTITIES
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.naming import RhythmNamer
from biosignal.tasks.ecg_rhythm.rate import IrregularRule, RateRule
from biosignal.tasks.ecg_rhythm.silence import SilenceRule
from biosignal.tasks.ecg_rhythm.trend import TrendMeter
from biosignal.tasks.ecg_rhythm.ventricular import VentricularRule
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.peripheral_pulse.kinds import NAME as PERIPHERAL_PULSE
from biosignal.tasks.peripheral_pulse.witness import PulseWitness
from biosignal.tasks.signal_quality.kinds import NAME as SIGNAL_QUALITY
from biosignal.tasks.task import TaskFacts

FITNESS_HOLDS_S = 2.0
"""What the front end said of a second is known some time behind it, and holds so long."""


class RhythmStage:
    """Reads the beats and the seconds of signal quality of one lead, and how fit all leads are to judge.

    Every finding is closed or withdrawn at the latest by `finish`.
    """

    def __init__(self, facts: TaskFacts, model: Model, limits: RhythmLimits) -> None:
        self._facts = facts
        self._limits = limits
        log = FindingLog(facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES, extend_every_s=limits.extend_every_s)
        self._log = log
        self._pulse = PulseWitness(log.fs_hz)
        self._ventricular = VentricularRule(log, limits, self._pulse)
        self._silence = SilenceRule(log, limits, self._pulse)
        self._rate = RateRule(log, limits, self._pulse)
        self._irregular = IrregularRule(log, limits)
        self._namer = RhythmNamer(facts, model, limits)
        self._atrial = AtrialRule(log, limits)
        self._alternating = AlternatingRule(log)
        self._trend = TrendMeter(facts, self._atrial.covers)
        self.watermark = 0
        self._restart()

    def _restart(self) -> None:
        self._meter = HeartRateMeter()
        self._fitness: Mark | None = None
        self._start: int | None = None
        self._unconfirmed: set[int] = set()
        self._sound: int | None = None
        self._sound_before = False
        self._before: Mark | None = None
        self._rejected_since: int | None = None
        self._blind = False
        self._rejected_until = 0

    def set_limits(self, limits: RhythmLimits) -> None:
        """Take other limits from the next beat on; rates and regularity are counted anew, an open run goes on."""
        self._limits = limits
        self._log.extend_every_s = limits.extend_every_s
        self._ventricular.set_limits(limits)
        self._silence.set_limits(limits)
        self._rate.set_limits(limits, self._log.clock)
        self._irregular.set_limits(limits, self._log.clock)
        self._namer.limits = self._atrial.limits = limits

    def push(self, item: Item, /) -> Iterator[Event]:
        """Take a beat and what its classifier saw, a second of signal quality or of fitness, or a gap."""
        if isinstance(item, Gap):
            yield from self._push_gap(item)
        elif isinstance(item, Mark):
            yield from self._push_mark(item)
        elif isinstance(item, Inputs) and item.task == ECG_BEATS:
            self._namer.on_shape(item.id, np.frombuffer(item.tensors[0].data, "<f4")[:LENGTH])
            yield from self._named(self._namer.settle())
        yield from self._log.drain()

    def _push_mark(self, mark: Mark) -> Iterator[Event]:
        # What its classifier saw follows a beat at once, or not at all.
        yield from self._named(self._namer.settle())
        self._silence.on_time(mark.decided_at)
        if mark.task == ECG_BEATS:
            yield from self._push_beat(mark)
        elif mark.task == SIGNAL_QUALITY:
            yield from self._push_second(mark)
        elif mark.kind == FITNESS.name:
            self._fitness = mark
            self._silence.on_fitness(mark)
        elif mark.task == PERIPHERAL_PULSE:
            self._pulse.on_wave(mark)

    def advance(self, until: int, /) -> Iterable[Event]:
        """Tell a silence that is long enough by now, and name the rhythm up to the latest beat."""
        self._silence.on_time(until)
        yield from self._named(self._namer.settle())
        self.watermark = until
        yield from self._log.drain()

    def finish(self) -> Iterator[Event]:
        """Close what is open."""
        yield from self._named(self._namer.finish(self._log.clock))
        self._break_rhythm(self._log.clock)
        self._atrial.on_break()
        self._ventricular.finish()
        yield from self._trend.finish(self._log.clock)
        yield from self._log.drain()

    def _push_gap(self, gap: Gap) -> Iterator[Event]:
        self._log.clock = max(self._log.clock, gap.start)
        yield from self._named(self._namer.settle())
        self._break_rhythm(gap.start)
        self._atrial.on_break()
        self._namer.restart()
        self._pulse.on_break()
        self._restart()

    def _push_beat(self, beat: Mark) -> Iterator[Event]:
        if beat.state is MarkState.PROVISIONAL:
            self._unconfirmed.add(beat.start)
            self._silence.on_provisional(beat.start)
            return
        self._unconfirmed.discard(beat.start)
        if beat.state is MarkState.WITHDRAWN:
            self._silence.on_withdrawn(beat.start)
            return
        self._trend.add_beat(beat)
        yield from self._count(beat)
        self._log.clock = max(self._log.clock, beat.decided_at)
        before, self._before = self._before, beat
        if beat.quality is not QualityLevel.REJECTED:
            rr_s = beat.number(RR_BEFORE) if before is not None and self._is_sound(before) else None
            self._silence.on_beat(beat, rr_s)
            louder = self._silence.louder
            self._ventricular.on_beat(beat, rr_s, louder=louder)
            self._rate.on_beat(beat, rr_s, louder=louder)
            self._alternating.on_beat(beat, rr_s)
            self._irregular.on_beat(beat, rr_s, is_named=self._atrial.is_open)
            self._namer.on_beat(beat, rr_s)
            if beat.label == "S":
                self._atrial.on_early(beat.start)
        self._advance(beat.decided_at)

    def _named(self, marks: Iterable[Mark]) -> Iterator[Mark]:
        for mark in marks:
            self._atrial.on_mark(mark)
            yield mark

    def _is_sound(self, before: Mark) -> bool:
        return before.quality is not QualityLevel.REJECTED and before.start >= self._rejected_until

    def _advance(self, decided_at: int) -> None:
        self._log.clock = max(self._log.clock, decided_at)
        self._ventricular.on_time()
        self._atrial.on_time(decided_at)

    def _push_second(self, second: Mark) -> Iterator[Event]:
        yield from self._trend.add_second(second)
        second = self._with_fitness(second)
        if self._start is None:
            self._start = second.start
        last = max(self._start if self._sound is None else self._sound, self._start, *self._unconfirmed)
        if second.decided_at - last >= ABSENT_S * self._facts.fs_hz:
            self._meter.reset()
            yield self._reading(second.decided_at, second.decided_at)
        self._advance(second.decided_at)
        self._silence.on_second(second)
        self._watch_rejected(second)

    def _with_fitness(self, second: Mark) -> Mark:
        """Where another lead is fit, the second does not go for nothing because this one is not."""
        fitness = self._fitness
        if second.quality is not QualityLevel.REJECTED or fitness is None or len(fitness.leads) < 2:
            return second
        is_recent = second.end - fitness.end <= self._log.samples(FITNESS_HOLDS_S)
        is_fit = is_recent and fitness.quality is QualityLevel.USABLE
        return replace(second, quality=QualityLevel.DEGRADED) if is_fit else second

    def _watch_rejected(self, second: Mark) -> None:
        if second.quality is not QualityLevel.REJECTED:
            self._rejected_since = None
            self._blind = False
            return
        self._rejected_until = second.end
        if self._rejected_since is None:
            self._rejected_since = second.start
        lasting = second.end - self._rejected_since
        if not self._blind and lasting >= self._log.samples(self._limits.bad_signal_s):
            self._blind = True
            self._break_rhythm(self._rejected_since)

    def _break_rhythm(self, at: int) -> None:
        self._ventricular.on_break()
        self._silence.on_break(at)
        self._rate.on_break(at)
        self._irregular.on_break(at)
        self._alternating.on_break()
        self._before = None

    def _count(self, beat: Mark) -> Iterator[Event]:
        is_sound = beat.quality is not QualityLevel.REJECTED
        if is_sound:
            rr_s = beat.number(RR_BEFORE)
            self._meter.add(rr_s if self._sound_before and rr_s is not None and rr_s <= ABSENT_S else None)
            self._sound = beat.start
            yield self._reading(beat.start, beat.decided_at)
        self._sound_before = is_sound

    def _reading(self, sample: int, decided_at: int) -> Reading:
        """Make the reading of the heart rate: without another beat it holds until no rate is known any more."""
        return Reading(
            task=NAME,
            quantity=HEART_RATE,
            leads=self._facts.names,
            fs_hz=self._facts.fs_hz,
            at=decided_at,
            until=max(sample, decided_at) + self._log.samples(ABSENT_S),
            value=self._meter.bpm,
        )


def make_stage(facts: TaskFacts, model: Model | None, limits: RhythmLimits) -> RhythmStage:
    """Make the stage of one lead."""
    assert model is not None, "the task has a model contract, so it is given a model"
    return RhythmStage(facts, model, limits)
