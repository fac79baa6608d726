"""The stage that finds QRS complexes on all leads together, says how fit they are to judge, and tells fibrillation.

While the network answers, what it sees holds. Where no network serves, or while one that came late has not yet seen
four seconds, the detector that needs no model looks at the first lead.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from biosignal.ecg.qrs import Detection, QrsDetector, QrsSettings
from biosignal.events import (
    Abstained,
    Event,
    Finding,
    FindingState,
    Mark,
    MarkState,
    Measure,
    Outcome,
    Prediction,
    QualityLevel,
    Rung,
    Unavailable,
    mark_id,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock, Samples, Unit
from biosignal.signal.filters import Array, Recursive, mains_notch
from biosignal.signal.holding import Held, HeldLeads
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_front.channels import RATE_HZ
from biosignal.tasks.ecg_front.fusion import Fibrillation, Peak, Peaks
from biosignal.tasks.ecg_front.kinds import (
    FIBRILLATES,
    FINDINGS,
    FIT,
    FITNESS,
    LATELY,
    NAME,
    QRS,
    QUANTITIES,
    SECOND_STEPS,
    STEPS,
    STILL,
    SWING,
    VENTRICULAR,
)
from biosignal.tasks.ecg_front.limits import FrontLimits
from biosignal.tasks.ecg_front.seen import Network
from biosignal.tasks.ecg_front.stillness import Stillness
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.peripheral_pulse.witness import PulseWitness
from biosignal.tasks.task import TaskFacts

QRS_FLOOR_MV = 0.05
"""Envelope of a QRS 70 ms wide and 0.14 mV high: AAMI EC13 asks that less than 0.15 mV is not counted."""
WARM_STEPS = 17
"""A network that comes in the middle of a stretch holds after so many steps, 4.4 s: by then it has seen its past."""
FIT_LEAST = 0.5
"""From this on the best lead is fit to judge."""
PULSE_BACK_S = 8.0
"""A pulse that went on for so long ends fibrillation, whatever the leads show."""
VF_OFF_STEPS = 4
"""Fibrillation is away when it was seen in no more than so many of the last five seconds' steps."""


class _Step(NamedTuple):
    """What the network said of all leads at a step: `at` is the sample it was known at."""

    at: int
    onset: int
    on: int
    probability: float
    fit: float
    swing: float
    still: float
    seconds: tuple[tuple[int, int], ...]


class _Unanswered(NamedTuple):
    """A step the network did not answer."""

    at: int


class _Classical:
    """The detector that needs no model, on the first lead."""

    def __init__(self, facts: TaskFacts, limits: FrontLimits, start: int) -> None:
        self._fs_hz = facts.fs_hz
        self._unit = facts.leads[0].unit
        self._held = Held(self._unit)
        self._notch: Recursive | None = mains_notch(facts.fs_hz, mains_hz=limits.mains_hz) if limits.mains_hz else None
        self._detector: QrsDetector | None = None
        self._end = start

    def push(self, samples: Samples) -> list[Detection]:
        x = self._held.push(samples)
        self._end += samples.shape[0]
        if not len(x):
            return []
        if self._detector is None:
            settings = QrsSettings(floor=0.0 if self._unit is Unit.RAW else QRS_FLOOR_MV)
            self._detector = QrsDetector(self._fs_hz, start=self._end - len(x), settings=settings)
        return list(self._detector.push(self._notch.push(x) if self._notch else x))

    def finish(self) -> list[Detection]:
        return [] if self._detector is None else list(self._detector.finish())


class _Stretch:
    """Everything that must start anew behind a gap."""

    def __init__(self, facts: TaskFacts, model: Model, limits: FrontLimits, start: int) -> None:
        self.start = start
        self.end = start
        self.network: Network | None = None
        self.peaks = Peaks(len(facts.leads))
        self.fibrillation = Fibrillation(len(facts.leads))
        self.stillness = Stillness(len(facts.leads))
        self._tops: deque[Array] = deque(maxlen=SECOND_STEPS)
        self._bottoms: deque[Array] = deque(maxlen=SECOND_STEPS)
        self.second = start
        """Start of the second whose fitness is told next."""
        self._facts = facts
        self._model = model
        self._limits = limits
        self._held = HeldLeads([lead.unit for lead in facts.leads])
        self._can_be_seen = all(lead.unit is not Unit.RAW for lead in facts.leads)
        self._begin_network()
        self.is_seen = self.network is not None
        """Whether the network's answers hold; the classical detector is at work where they do not."""
        self.classical = None if self.is_seen else _Classical(facts, limits, start)

    def _begin_network(self) -> None:
        if self._can_be_seen and self.network is None and self._model.backend is not None:
            facts = self._facts
            self.network = Network(self._model, fs_hz=facts.fs_hz, rows=len(facts.leads), start=self.end)
            self.peaks = Peaks(len(facts.leads))
            self.fibrillation = Fibrillation(len(facts.leads))
            self.stillness = Stillness(len(facts.leads))

    def note_swing(self, samples: Array) -> None:
        """Take the samples of a step, shape (lead, sample), in mV."""
        self._tops.append(np.max(samples, axis=1))
        self._bottoms.append(np.min(samples, axis=1))

    @property
    def swing(self) -> float:
        """How far the quietest lead swung in the last second, peak to peak in mV."""
        return float(np.min(np.max(self._tops, axis=0) - np.min(self._bottoms, axis=0)))

    @property
    def decided_until(self) -> int:
        """Nothing that comes later is decided before this sample."""
        return min(self.end - 1, self.network.done_until) if self.is_seen and self.network is not None else self.end

    def push(self, samples: Samples) -> list[Detection]:
        """Take samples, shape (lead, sample); give what the classical detector says, if it is at work."""
        self._begin_network()
        held = self._held.push(samples)
        if self.network is not None:
            self.network.push(held.astype(np.float32))
        self.end += samples.shape[1]
        return self.classical.push(samples[0]) if self.classical is not None else []

    def fall_back(self) -> None:
        """The network does not answer: the classical detector begins here."""
        self.is_seen = False
        if self.classical is None:
            self.classical = _Classical(self._facts, self._limits, self.end)
        if self._model.backend is None:
            self.network = None

    def take_over(self) -> list[Detection]:
        """From here on the network's answers hold; give what the classical detector still owes."""
        owed = [] if self.classical is None else self.classical.finish()
        self.is_seen, self.classical = True, None
        return owed


class FrontStage:
    """QRS complexes as marks, seconds of fitness, and the finding `vf`, which waits while the pulse goes on."""

    def __init__(self, facts: TaskFacts, model: Model, limits: FrontLimits) -> None:
        self._facts = facts
        self._model = model
        self._limits = limits
        self._log = FindingLog(
            facts, task=NAME, kinds=FINDINGS, quantities=QUANTITIES, extend_every_s=limits.extend_every_s
        )
        self._piece = max(1, int(facts.fs_hz / 8))
        """So many samples are looked at together: a detector that gives way to the other does so within them."""
        self._pulse = PulseWitness(facts.fs_hz)
        self._waves: deque[Mark] = deque()
        self._vf: Finding | None = None
        self._vf_until = 0
        """Sample at which it was last seen."""
        self._stretch: _Stretch | None = None
        self._due: list[Mark | Finding] = []
        self._steps: deque[_Step | _Unanswered] = deque()
        self.watermark = 0

    def set_limits(self, limits: FrontLimits) -> None:
        """Take other limits; the notch changes behind the next gap."""
        self._limits = limits

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of all leads, a wave of the pulse, or a gap."""
        if isinstance(item, SampleBlock):
            if self._stretch is None:
                self._stretch = _Stretch(self._facts, self._model, self._limits, item.start)
            for start in range(0, item.samples.shape[1], self._piece):
                self._due += [
                    self._found(one) for one in self._stretch.push(item.samples[:, start : start + self._piece])
                ]
                self._see(self._stretch)
        elif isinstance(item, Mark):
            self._waves.append(item)
        elif isinstance(item, Gap):
            return self._end_stretch()
        return ()

    def advance(self, until: int, /) -> Iterable[Event]:
        """Emit what fell due."""
        decided_until = until if self._stretch is None else min(until, self._stretch.decided_until)
        self.watermark = max(self.watermark, decided_until)
        while self._steps and self._steps[0].at < self.watermark:
            self._decide(self._steps.popleft())
        ready = [one for one in self._due if one.decided_at < self.watermark]
        self._due = [one for one in self._due if one.decided_at >= self.watermark]
        return sorted(ready, key=_order)

    def finish(self) -> Iterable[Event]:
        """End the recording."""
        return self._end_stretch()

    def _end_stretch(self) -> list[Mark | Finding]:
        stretch, self._stretch = self._stretch, None
        if stretch is not None:
            if stretch.is_seen and stretch.network is not None:
                # As if the last sample went on until the network has answered about all there are.
                stretch.network.owe(stretch.end)
                self._see(stretch, is_last=True)
            if stretch.classical is not None:
                self._due += [self._found(one) for one in stretch.classical.finish()]
            while self._steps:
                self._decide(self._steps.popleft())
            self._close_vf(stretch.end - 1)
        self._pulse.on_break()
        self._waves.clear()
        due, self._due = self._due, []
        return sorted(due, key=_order)

    def _see(self, stretch: _Stretch, *, is_last: bool = False) -> None:
        """Let the network do the steps whose samples are in."""
        while (network := stretch.network) is not None and network.is_due:
            first, scores = network.step()
            at = min(network.step_decided_at, stretch.end - 1)
            if scores is None:
                if stretch.is_seen:
                    self._steps.append(_Unanswered(at))
                stretch.peaks.push(network.nothing_said, network.taken)
                stretch.fall_back()
                continue
            peaks = stretch.peaks.push(scores, network.taken)
            stretch.fibrillation.push(scores)
            stretch.stillness.push(network.taken, scores)
            stretch.note_swing(network.taken)
            if not stretch.is_seen and network.seen_steps >= WARM_STEPS:
                self._due += [self._found(one) for one in stretch.take_over()]
            if stretch.is_seen:
                self._due += self._seen(stretch, network, peaks)
                if not is_last:
                    self._steps.append(self._step(stretch, network, first + scores.shape[1], at))
        if not stretch.is_seen and not is_last:
            self._emit_unseen(stretch)

    def _seen(self, stretch: _Stretch, network: Network, peaks: list[Peak]) -> Iterator[Mark]:
        for peak in peaks:
            sample = network.sample_of(peak.at)
            if sample < stretch.end:
                decided_at = min(network.decided_at(peak.known), stretch.end - 1)
                decided_at = max(decided_at, self.watermark)
                quality = QualityLevel.USABLE if peak.fit >= FIT_LEAST else QualityLevel.DEGRADED
                seen = ((VENTRICULAR, round(peak.ventricular, 2)),)
                yield self._qrs(sample, decided_at, MarkState.CONFIRMED, quality, seen)

    def _found(self, one: Detection) -> Mark:
        return self._qrs(one.sample, one.decided_at, one.state, QualityLevel.DEGRADED)

    def _qrs(
        self,
        sample: int,
        decided_at: int,
        state: MarkState,
        quality: QualityLevel,
        numbers: tuple[tuple[str, float], ...] = (),
    ) -> Mark:
        return self._mark(
            QRS.name,
            sample,
            sample,
            decided_at,
            state=state,
            quality=quality,
            outcome=Abstained(task=NAME, reason="found, not classified"),
            numbers=numbers,
        )

    def _mark(
        self,
        kind: str,
        start: int,
        end: int,
        decided_at: int,
        *,
        state: MarkState,
        quality: QualityLevel,
        outcome: Outcome,
        numbers: tuple[tuple[str, float], ...] = (),
    ) -> Mark:
        facts = self._facts
        return Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind=kind, leads=facts.names, start=start),
            task=NAME,
            kind=kind,
            recording=facts.recording,
            leads=facts.names,
            start=start,
            end=end,
            decided_at=decided_at,
            state=state,
            quality=quality,
            outcome=outcome,
            numbers=numbers,
        )

    def _step(self, stretch: _Stretch, network: Network, until: int, at: int) -> _Step:
        """Keep what holds at the answer before `until` until the waves of the pulse up to there are in."""
        fibrillation = stretch.fibrillation
        on = fibrillation.steps_on()
        return _Step(
            at=at,
            onset=max(stretch.start, network.sample_of(until - STEPS * on)),
            on=on,
            probability=fibrillation.probability,
            fit=round(fibrillation.fit, 2),
            swing=round(stretch.swing, 2),
            still=round(stretch.stillness.share, 2),
            seconds=tuple(self._seconds(stretch, network.sample_of(until))),
        )

    def _decide(self, step: _Step | _Unanswered) -> None:
        """Say what holds at a step: fibrillation each time, fitness each second."""
        at = step.at
        self._log.clock = max(self._log.clock, at)
        while self._waves and self._waves[0].decided_at <= at:
            self._pulse.on_wave(self._waves.popleft())
        if isinstance(step, _Unanswered):
            self._close_vf(at)
            return
        probability = step.probability
        is_on = step.on > VF_OFF_STEPS
        if is_on:
            self._vf_until = at
        lasts = step.on * STEPS / RATE_HZ >= self._limits.vf_s
        if self._vf is None and lasts and not self._pulse.goes_on(step.onset, at):
            self._vf = self._log.open(
                "vf",
                onset=step.onset,
                end=at,
                outcome=self._said(probability),
                measures=self._measures(probability, step.onset, at),
                quality=QualityLevel.USABLE,
            )
        elif self._vf is not None and self._is_over(self._vf, at):
            self._close_vf(at)
        elif self._vf is not None and is_on and self._log.is_due(self._vf):
            measures = self._measures(probability, self._vf.onset, at)
            self._vf = self._log.revise(self._vf, FindingState.EXTENDED, end=at, measures=measures)
        self._due += self._log.drain()
        label = "none"
        if self._vf is not None:
            label = FIBRILLATES if is_on else LATELY
        elif 2 * step.on > Fibrillation.WITHIN:
            label = FIBRILLATES
        for start, end in step.seconds:
            self._due.append(
                self._mark(
                    FITNESS.name,
                    start,
                    end,
                    at,
                    state=MarkState.CONFIRMED,
                    quality=QualityLevel.USABLE if step.fit >= FIT_LEAST else QualityLevel.REJECTED,
                    outcome=self._said(probability, label=label),
                    numbers=((FIT, step.fit), (SWING, step.swing), (STILL, step.still)),
                )
            )

    def _emit_unseen(self, stretch: _Stretch) -> None:
        """Say of each second that nobody judges it."""
        backend = self._model.backend
        reason = self._model.reason if backend is None else "the network does not answer, or not for long enough yet"
        for start, end in self._seconds(stretch, stretch.end):
            self._due.append(
                self._mark(
                    FITNESS.name,
                    start,
                    end,
                    max(end - 1, self.watermark),
                    state=MarkState.CONFIRMED,
                    quality=QualityLevel.DEGRADED,
                    outcome=Unavailable(task=NAME, reason=reason or "no network serves"),
                )
            )

    def _seconds(self, stretch: _Stretch, until: int) -> Iterator[tuple[int, int]]:
        while (end := stretch.second + round(self._facts.fs_hz)) <= until:
            yield stretch.second, end
            stretch.second = end

    def _said(self, probability: float, *, label: str = FIBRILLATES) -> Prediction:
        backend = self._model.backend
        return Prediction(
            task=NAME,
            bundle=backend.bundle if backend is not None else "none/0.0.0",
            rung=backend.rung if backend is not None else Rung.RULES,
            label=label,
            scores=((FIBRILLATES, round(probability, 4)),),
        )

    def _measures(self, probability: float, onset: int, end: int) -> tuple[Measure, ...]:
        return (
            self._log.measure("vf_probability", probability),
            self._log.measure("duration", self._log.seconds(end - onset)),
        )

    def _is_over(self, vf: Finding, at: int) -> bool:
        if at - self._vf_until > self._log.samples(self._limits.vf_hold_s):
            return True
        lately = at - self._log.samples(PULSE_BACK_S)
        return lately > vf.onset and self._pulse.goes_on(lately, at, usual_until=vf.onset)

    def _close_vf(self, at: int) -> None:
        if self._vf is not None:
            self._log.clock = max(self._log.clock, at)
            end = max(self._vf_until, self._vf.end)
            duration = self._log.measure("duration", self._log.seconds(end - self._vf.onset))
            kept = tuple(one for one in self._vf.evidence.measures if one.name != "duration")
            self._log.revise(self._vf, FindingState.CLOSED, end=end, measures=(*kept, duration))
            self._due += self._log.drain()
        self._vf = None


def _order(event: Mark | Finding) -> int:
    return event.decided_at


def make_stage(facts: TaskFacts, model: Model | None, limits: FrontLimits) -> FrontStage:
    """Make the stage of all leads."""
    assert model is not None, "the task has a model contract, so it is given a model"
    return FrontStage(facts, model, limits)
