"""The stage that reads the waves of all leads together."""

from collections import deque
from collections.abc import Iterable, Iterator
from statistics import median

import numpy as np

from biosignal.ecg.waves import Bounds, Labels, Shape, WaveReader
from biosignal.events import (
    Abstained,
    Event,
    Mark,
    MarkState,
    Outcome,
    Prediction,
    QualityLevel,
    Reading,
    Unavailable,
    mark_id,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, SampleBlock, Samples
from biosignal.signal.filters import Array
from biosignal.signal.holding import HeldLeads
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_waves.intervals import BEFORE_QRS, Beat, Beats, Minutes
from biosignal.tasks.ecg_waves.kinds import (
    ABSENT,
    CLASSES,
    NAME,
    P_DURATION,
    P_WAVE,
    PR,
    QRS,
    QRS_COMPLEX,
    QRS_DURATION,
    QT,
    QTC,
    QUANTITIES,
    T_WAVE,
    UNSEEN,
    P,
    T,
)
from biosignal.tasks.ecg_waves.limits import WavesLimits
from biosignal.tasks.ecg_waves.network import Answer, Network
from biosignal.tasks.ecg_waves.seen import DELAY, RATE_HZ, STEP
from biosignal.tasks.task import MarkKind, TaskFacts

SHAPES = (
    Shape(kind=P, bridged=6, shortest=8),
    Shape(kind=QRS, bridged=6, shortest=8),
    Shape(kind=T, bridged=6, shortest=12),
)
"""Pauses of less than 24 ms are bridged; a wave lasts for 32 ms, a T wave for 48 ms."""
PROBABILITIES_HELD = round(2.0 * RATE_HZ)
SHOWN_BEATS = 8
"""Numbers that are shown are medians of so many beats."""
SHOWN_S = 10.0
UNSEEN_STEPS = 10
"""About a second that the network did not answer."""


class _Stretch:
    """Everything that must start anew behind a gap."""

    def __init__(self, facts: TaskFacts, model: Model, start: int) -> None:
        self.network = Network(model, fs_hz=facts.fs_hz, rows=len(facts.leads), start=start)
        self.start, self.end = start, start
        self.beats = Beats()
        self.probabilities: Array = np.zeros((0, len(CLASSES)))
        self.known = -DELAY
        """The first place nothing is known of."""
        self.unseen: list[Answer] = []
        self._held = HeldLeads([lead.unit for lead in facts.leads])
        self._reader = WaveReader(SHAPES, start=-DELAY)

    def push(self, samples: Samples) -> None:
        """Take samples, shape (lead, sample)."""
        self.network.push(self._held.push(samples).astype(np.float32))
        self.end += samples.shape[1]

    def read(self, answer: Answer, *, is_last: bool) -> list[Bounds]:
        """Take an answer; give the waves that are over."""
        labels: Labels = np.zeros(STEP, np.int8) if answer.labels is None else answer.labels
        self.probabilities = np.concatenate([self.probabilities, answer.probabilities])[-PROBABILITIES_HELD:]
        self.known = answer.start + STEP
        return self._reader.push(labels, is_last=is_last)

    def probability(self, kind: int, onset: int, end: int) -> Array:
        """What was given to a class from one place to another, as far back as it is held."""
        begin = self.known - len(self.probabilities)
        return self.probabilities[max(onset - begin, 0) : max(end - begin, 0), kind]


class WavesStage:
    """Bounds of the waves of all leads together; a lead counts by how little muscle noise is in it."""

    def __init__(self, facts: TaskFacts, model: Model, limits: WavesLimits) -> None:
        self._facts, self._model, self._limits = facts, model, limits
        self._minutes = Minutes(facts, limits.least_beats)
        self._shown: dict[str, deque[float]] = {}
        self._stretch: _Stretch | None = None
        self.watermark = 0

    def set_limits(self, limits: WavesLimits, /) -> None:
        """Take other limits from now on."""
        self._limits = limits
        self._minutes.least_beats = limits.least_beats

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of all leads, or a gap."""
        if isinstance(item, Gap):
            return list(self._end_stretch())
        return list(self._see(item)) if isinstance(item, SampleBlock) else ()

    def advance(self, until: int, /) -> Iterable[Event]:
        """Nothing waits: what a sample decides is said when it is in."""
        self.watermark = until
        return ()

    def finish(self) -> Iterable[Event]:
        """As if the last sample went on until there is an answer about all there are."""
        return list(self._end_stretch())

    def _see(self, block: SampleBlock) -> Iterator[Event]:
        if self._stretch is None:
            self._stretch = _Stretch(self._facts, self._model, block.start)
        stretch = self._stretch
        stretch.push(block.samples)
        while stretch.network.is_due:
            yield from self._answered(stretch, stretch.network.step(), is_last=False)

    def _end_stretch(self) -> Iterator[Event]:
        stretch, self._stretch = self._stretch, None
        self._shown.clear()
        if stretch is None:
            return
        stretch.network.owe(stretch.end)
        while stretch.network.is_due:
            answer = stretch.network.step()
            yield from self._answered(stretch, answer, is_last=not stretch.network.is_due)
        yield from self._unseen(stretch, least=1)
        yield from self._minutes.finish(stretch.end - 1)

    def _answered(self, stretch: _Stretch, answer: Answer, *, is_last: bool) -> Iterator[Event]:
        at = min(answer.known_at, stretch.end - 1)
        if answer.labels is None:
            stretch.unseen.append(answer)
        yield from self._unseen(stretch, least=UNSEEN_STEPS if answer.labels is None else 1)
        for wave in stretch.read(answer, is_last=is_last):
            if wave.onset >= 0 and stretch.network.sample_of(wave.onset) < stretch.end:
                yield from self._emitted(stretch, wave, answer, at)
        yield from self._minutes.settled(at)

    def _unseen(self, stretch: _Stretch, *, least: int) -> Iterator[Mark]:
        """Say of a stretch that the network did not answer."""
        if len(stretch.unseen) < least:
            return
        answers, stretch.unseen = stretch.unseen, []
        places = (max(answers[0].start, 0), max(answers[-1].start + STEP, 0))
        onset, end = (stretch.network.sample_of(place) for place in places)
        outcome = Unavailable(task=NAME, reason=answers[-1].reason)
        at = min(answers[-1].known_at, stretch.end - 1)
        yield self._mark(UNSEEN, onset, min(end, stretch.end), at, outcome, QualityLevel.DEGRADED)

    def _emitted(self, stretch: _Stretch, wave: Bounds, answer: Answer, at: int) -> Iterator[Event]:
        beat = stretch.beats.push(wave)
        if beat is None:
            return
        quality = QualityLevel.USABLE if answer.signal_db >= self._limits.absent_db else QualityLevel.DEGRADED
        numbers = beat.numbers()
        onset = stretch.network.sample_of(beat.qrs.onset)
        if wave.kind == T:
            yield self._wave(stretch, T_WAVE, wave, at, self._seen(stretch, T_WAVE, wave), quality, numbers)
            yield from self._noted(onset, at, numbers, (QT, QTC))
            return
        self._minutes.add_beat(onset)
        yield self._wave(stretch, QRS_COMPLEX, wave, at, self._seen(stretch, QRS_COMPLEX, wave), quality, numbers)
        yield self._atrial(stretch, beat, answer, at, quality, numbers)
        yield from self._noted(onset, at, numbers, (QRS_DURATION, P_DURATION, PR))

    def _atrial(
        self,
        stretch: _Stretch,
        beat: Beat,
        answer: Answer,
        at: int,
        quality: QualityLevel,
        numbers: dict[str, float],
    ) -> Mark:
        """Say whether a P wave is before a QRS complex: that there is none only where it would be seen."""
        if beat.p is not None:
            return self._wave(stretch, P_WAVE, beat.p, at, self._seen(stretch, P_WAVE, beat.p), quality, numbers)
        place = Bounds(kind=P, onset=beat.qrs.onset, end=beat.qrs.onset)
        if answer.signal_db < self._least_db(answer):
            hidden = Abstained(task=NAME, reason="a P wave would not be seen in the noise")
            return self._wave(stretch, P_WAVE, place, at, hidden, quality, {})
        before = stretch.probability(P, beat.qrs.onset - BEFORE_QRS, beat.qrs.onset)
        highest = float(np.max(before, initial=0.0))
        return self._wave(stretch, P_WAVE, place, at, self._said(ABSENT, 1.0 - highest), quality, {})

    def _seen(self, stretch: _Stretch, kind: MarkKind, wave: Bounds) -> Outcome:
        """Say that a wave is there, as probable as it was in the mean."""
        share = float(np.mean(stretch.probability(wave.kind, wave.onset, wave.end)))
        return self._said(kind.label, share)

    def _least_db(self, answer: Answer) -> float:
        limits = self._limits
        return limits.absent_db if answer.leads >= limits.absent_leads else limits.absent_alone_db

    def _said(self, label: str, probability: float) -> Outcome:
        backend = self._model.backend
        if backend is None:
            return Unavailable(task=NAME, reason=self._model.reason)
        scores = ((label, round(probability, 4)),)
        return Prediction(task=NAME, bundle=backend.bundle, rung=backend.rung, label=label, scores=scores)

    def _noted(self, onset: int, at: int, numbers: dict[str, float], names: tuple[str, ...]) -> Iterator[Reading]:
        """Count intervals in, and show the median of the last beats."""
        for name in names:
            if name in numbers:
                self._minutes.add(onset, name, numbers[name])
                lately = self._shown.setdefault(name, deque(maxlen=SHOWN_BEATS))
                lately.append(numbers[name])
                if len(lately) == SHOWN_BEATS and name != P_DURATION:
                    yield self._reading(name, round(median(lately), QUANTITIES[name].decimals), at)

    def _reading(self, name: str, value: float, at: int) -> Reading:
        facts = self._facts
        until = at + round(SHOWN_S * facts.fs_hz)
        return Reading(task=NAME, quantity=name, leads=facts.names, fs_hz=facts.fs_hz, at=at, until=until, value=value)

    def _wave(
        self,
        stretch: _Stretch,
        kind: MarkKind,
        wave: Bounds,
        at: int,
        outcome: Outcome,
        quality: QualityLevel,
        numbers: dict[str, float],
    ) -> Mark:
        onset, end = stretch.network.sample_of(wave.onset), stretch.network.sample_of(wave.end)
        own = {name: numbers[name] for name in kind.numbers if name in numbers}
        return self._mark(kind, onset, min(end, at + 1), at, outcome, quality, own)

    def _mark(
        self,
        kind: MarkKind,
        onset: int,
        end: int,
        at: int,
        outcome: Outcome,
        quality: QualityLevel,
        numbers: dict[str, float] | None = None,
    ) -> Mark:
        facts = self._facts
        return Mark(
            id=mark_id(recording=facts.recording, task=NAME, kind=kind.name, leads=facts.names, start=onset),
            task=NAME,
            kind=kind.name,
            recording=facts.recording,
            leads=facts.names,
            start=onset,
            end=end,
            decided_at=at,
            state=MarkState.CONFIRMED,
            quality=quality,
            outcome=outcome,
            numbers=tuple((name, round(value, QUANTITIES[name].decimals)) for name, value in (numbers or {}).items()),
        )


def make_stage(facts: TaskFacts, model: Model | None, limits: WavesLimits) -> WavesStage:
    """Make the stage of all leads."""
    assert model is not None, "the task has a model contract, so it is given a model"
    return WavesStage(facts, model, limits)
