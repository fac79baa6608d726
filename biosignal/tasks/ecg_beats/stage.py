"""The stage that classifies each heartbeat, by its shape on one lead and the rhythm around it."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from biosignal.events import (
    Abstained,
    Event,
    Inputs,
    Mark,
    MarkState,
    Outcome,
    Prediction,
    QualityLevel,
    inputs_id,
    mark_id,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, SampleBlock, Samples, Unit
from biosignal.signal.filters import Recent, Recursive, mains_notch
from biosignal.signal.holding import Held
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_beats.kinds import AMPLITUDE, BEAT, CLASSES, LIKENESS_BEFORE, NAME, RR_BEFORE
from biosignal.tasks.ecg_beats.limits import BeatLimits
from biosignal.tasks.ecg_beats.windows import AFTER, BEFORE, KERNEL_S, RATE_HZ, SHIFT, BeatInputs, BeatWindow, stacked
from biosignal.tasks.ecg_front.kinds import NAME as ECG_FRONT
from biosignal.tasks.ecg_front.kinds import QRS, VENTRICULAR
from biosignal.tasks.signal_quality.kinds import NAME as SIGNAL_QUALITY
from biosignal.tasks.task import TaskFacts

REACH_BEFORE_S = (BEFORE + SHIFT) / RATE_HZ + KERNEL_S
REACH_AFTER_S = (AFTER + SHIFT) / RATE_HZ + KERNEL_S
V = CLASSES[2]
INVALID_NEAR_S = 0.06
INVALID_SHARE = 0.25
"""With more than this share of invalid samples within `INVALID_NEAR_S` a beat is none: a hole's edge made it."""


class _Stretch:
    """Everything that must start anew behind a gap: filters, beat windows, which samples there were."""

    def __init__(self, *, lead: Lead, fs_hz: float, start: int, limits: BeatLimits) -> None:
        self.start = start
        self.end = start
        self.inputs: BeatInputs | None = None
        self._fs_hz = fs_hz
        self._held = Held(lead.unit)
        self._notch: Recursive | None = mains_notch(fs_hz, mains_hz=limits.mains_hz) if limits.mains_hz else None
        self._invalid = Recent(start=start, keep=round(8 * fs_hz))

    def push(self, samples: Samples) -> None:
        """Take the next samples, shape (sample,)."""
        self._invalid.append(1.0 - np.isfinite(samples))
        x = self._held.push(samples)
        self.end += samples.shape[0]
        if not len(x):
            return
        if self.inputs is None:
            self.start = self.end - len(x)
            self.inputs = BeatInputs(fs_hz=self._fs_hz, start=self.start)
        if self._notch:
            x = self._notch.push(x)
        self.inputs.extend(x.astype(np.float32))

    def cuts(self, sample: int, decided_at: int) -> bool:
        """Whether the window of the beat at `sample` reaches beyond the samples that exist."""
        before, after = round(REACH_BEFORE_S * self._fs_hz), round(REACH_AFTER_S * self._fs_hz)
        return sample - before < self.start or sample + after > decided_at

    def is_mostly_valid(self, sample: int) -> bool:
        """Whether there were samples round a beat."""
        near = round(INVALID_NEAR_S * self._fs_hz)
        around = self._invalid.between(sample - near, sample + near + 1)
        return float(np.add.reduce(around) / around.size) <= INVALID_SHARE


class BeatStage:
    """Heartbeats of one lead as marks: provisional early, then confirmed with their class, or withdrawn.

    It needs the QRS complexes that the front end finds, and the seconds of signal quality of its lead: a beat is
    confirmed when its second was graded. Where that lead is rejected but the front end saw the beat on another one that
    is fit, the beat counts, without a class. With each confirmed beat comes what the classifier saw of it.
    """

    def __init__(self, facts: TaskFacts, model: Model, limits: BeatLimits) -> None:
        self._facts = facts
        self._fs_hz = facts.fs_hz
        self._lead = facts.leads[0]
        self._model = model
        self._limits = limits
        self.watermark = 0
        self._restart()

    def set_limits(self, limits: BeatLimits) -> None:
        """Take other limits; they hold from the next gap on, as filters must not change within a stretch."""
        self._limits = limits

    def _restart(self) -> None:
        self._stretch: _Stretch | None = None
        self._due: list[Mark] = []
        self._seconds: deque[Mark] = deque(maxlen=16)
        self._waiting: deque[BeatWindow] = deque()
        self._unconfirmed: deque[int] = deque()
        self._seen: dict[int, float] = {}
        self._elsewhere: set[int] = set()
        self._last: int | None = None
        self._now = 0

    def push(self, item: Item, /) -> Iterable[Event]:
        """Take samples of the lead, a second of its quality, or a gap."""
        if isinstance(item, SampleBlock):
            if self._stretch is None:
                self._stretch = _Stretch(lead=self._lead, fs_hz=self._fs_hz, start=item.start, limits=self._limits)
            self._stretch.push(item.samples[0])
        elif isinstance(item, Mark):
            self._due.append(item)
        elif isinstance(item, Gap):
            return self._end_stretch()
        return ()

    def advance(self, until: int, /) -> list[Event]:
        """Emit what fell due before sample `until`."""
        self.watermark = until
        if self._stretch is None:
            return []
        due = [one for one in self._due if one.decided_at < until]
        self._due = [one for one in self._due if one.decided_at >= until]
        return [*self._walk(self._stretch, due), *self._settle(self._stretch, until)]

    def finish(self) -> Iterator[Event]:
        """End the recording."""
        return self._end_stretch()

    def _end_stretch(self) -> Iterator[Event]:
        stretch = self._stretch
        if stretch is not None:
            yield from self._walk(stretch, self._due)
            if stretch.inputs is not None:
                self._waiting.extend(stretch.inputs.flush())
            self._now = stretch.end - 1
            yield from self._confirm(stretch)
        self._restart()

    def _walk(self, stretch: _Stretch, due: list[Mark]) -> Iterator[Event]:
        # At the same sample quality comes first, so that a beat knows its second.
        for each in sorted(due, key=lambda one: (one.decided_at, one.task == ECG_FRONT)):
            yield from self._settle(stretch, each.decided_at)
            self._now = each.decided_at
            if each.task == SIGNAL_QUALITY:
                self._seconds.append(each)
            elif each.kind == QRS.name and each.start >= stretch.start and stretch.is_mostly_valid(each.start):
                yield from self._push_qrs(stretch, each)
            yield from self._confirm(stretch)

    def _settle(self, stretch: _Stretch, until: int) -> Iterator[Event]:
        """Confirm what fell due before sample `until`."""
        if stretch.inputs is None:
            return
        for window in stretch.inputs.advance(until):
            self._waiting.append(window)
            self._now = max(self._now, window.decided_at)
            yield from self._confirm(stretch)

    def _push_qrs(self, stretch: _Stretch, found: Mark) -> Iterator[Event]:
        """Announce a QRS, take it back, or let its window be cut; one that is sure at once does the first and last."""
        sample = found.start
        is_known = sample in self._unconfirmed
        if found.state is MarkState.WITHDRAWN:
            if not is_known:
                return  # it was announced before this stage began
            self._unconfirmed.remove(sample)
        if found.state is not MarkState.CONFIRMED or not is_known:
            yield self._announced(found)
        seen = found.number(VENTRICULAR)
        if seen is not None:
            self._seen[sample] = seen
            if len(found.leads) > 1 and found.quality is QualityLevel.USABLE:
                self._elsewhere.add(sample)
        if found.state is MarkState.CONFIRMED and stretch.inputs is not None:
            self._waiting.extend(stretch.inputs.add_beat(sample, found.decided_at))

    def _announced(self, found: Mark) -> Mark:
        sample = found.start
        is_withdrawn = found.state is MarkState.WITHDRAWN
        before = self._unconfirmed[-1] if self._unconfirmed else self._last
        if not is_withdrawn:
            self._unconfirmed.append(sample)
        state = MarkState.WITHDRAWN if is_withdrawn else MarkState.PROVISIONAL
        second = self._second_of(sample) or (self._seconds[-1] if self._seconds else None)
        return self._mark(
            sample,
            decided_at=found.decided_at,
            state=state,
            quality=QualityLevel.DEGRADED if second is None else second.quality,
            outcome=Abstained(task=NAME, reason=f"{state.value}: not classified"),
            rr_before_s=None if before is None else (sample - before) / self._fs_hz,
        )

    def _second_of(self, sample: int) -> Mark | None:
        return next((second for second in self._seconds if second.start <= sample < second.end), None)

    def _confirm(self, stretch: _Stretch) -> Iterator[Event]:
        while self._waiting and (second := self._second_of(self._waiting[0].sample)):
            window = self._waiting.popleft()
            self._last = self._unconfirmed.popleft()
            tensors = window.tensors()
            ventricular = self._seen.pop(window.sample, None)
            outcome = self._outcome(window, second, cut=stretch.cuts(window.sample, self._now))
            seen = Inputs(id=inputs_id(tensors), task=NAME, tensors=tensors)
            unit = self._lead.unit
            quality = second.quality
            if window.sample in self._elsewhere:
                self._elsewhere.discard(window.sample)
                quality = QualityLevel.DEGRADED if quality is QualityLevel.REJECTED else quality
            yield self._mark(
                window.sample,
                decided_at=self._now,
                state=MarkState.CONFIRMED,
                quality=quality,
                outcome=outcome if ventricular is None else with_seen(outcome, ventricular),
                rr_before_s=window.rr_before_s,
                amplitude=None if unit is Unit.RAW else window.amplitude,
                likeness_before=window.likeness_before,
                ventricular=ventricular,
                inputs=seen.id,
            )
            yield seen

    def _mark(
        self,
        sample: int,
        *,
        decided_at: int,
        state: MarkState,
        quality: QualityLevel,
        outcome: Outcome,
        rr_before_s: float | None,
        amplitude: float | None = None,
        likeness_before: float | None = None,
        ventricular: float | None = None,
        inputs: str | None = None,
    ) -> Mark:
        numbers = (
            (RR_BEFORE, rr_before_s),
            (AMPLITUDE, amplitude),
            (LIKENESS_BEFORE, likeness_before),
            (VENTRICULAR, ventricular),
        )
        leads = self._facts.names
        return Mark(
            id=mark_id(recording=self._facts.recording, task=NAME, kind=BEAT.name, leads=leads, start=sample),
            task=NAME,
            kind=BEAT.name,
            recording=self._facts.recording,
            leads=leads,
            start=sample,
            end=sample,
            decided_at=decided_at,
            state=state,
            quality=quality,
            outcome=outcome,
            numbers=tuple((name, value) for name, value in numbers if value is not None),
            inputs=inputs,
        )

    def _outcome(self, window: BeatWindow, second: Mark, *, cut: bool) -> Outcome:
        if self._model.backend is not None:
            if second.quality is QualityLevel.REJECTED:
                return Abstained(task=NAME, reason=f"quality: {second.label}")
            if cut:
                return Abstained(task=NAME, reason="gap: the window reaches beyond the samples")
        return self._model.answer(stacked([window]))


def with_seen(outcome: Outcome, ventricular: float) -> Outcome:
    """Join what the classifier said of a beat with how ventricular the front end saw it, on all leads.

    Class V is as probable as the two say on average; the other classes share the rest as the classifier shared it.
    """
    if not isinstance(outcome, Prediction):
        return outcome
    said = dict(outcome.scores)
    joined = 0.5 * (said[V] + ventricular)
    rest = (1 - joined) / max(1 - said[V], 1e-4)
    scores = {label: round(joined if label == V else rest * score, 4) for label, score in said.items()}
    return replace(outcome, label=max(scores, key=lambda label: scores[label]), scores=tuple(scores.items()))


def make_stage(facts: TaskFacts, model: Model | None, limits: BeatLimits) -> BeatStage:
    """Make the stage of one lead."""
    assert model is not None, "the task has a model contract, so it is given a model"
    return BeatStage(facts, model, limits)
