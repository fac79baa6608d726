"""The ECG analysis in one piece: samples and gaps in; quality, beats, heart rate, findings and trends out.

The daemon, the evaluation and the gates all run this class. Events leave in the order of `decided_at`, and however the
samples are cut into blocks they are the same to the last bit.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from biosignal.ecg.qrs import Detection, QrsDetector, QrsSettings
from biosignal.ecg.rr import ABSENT_S, HeartRateMeter
from biosignal.errors import BadInput, BrokenStream
from biosignal.events import (
    Abstained,
    Beat,
    BeatState,
    Event,
    HeartRate,
    Outcome,
    Prediction,
    Quality,
    QualityLevel,
    Unavailable,
)
from biosignal.model.backend import Backend, BackendFailed
from biosignal.signal.blocks import Gap, Lead, SampleBlock, Samples, Unit
from biosignal.signal.filters import Array, Recent, Recursive, mains_notch
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_beats.windows import AFTER, BEFORE, KERNEL_S, RATE_HZ, SHIFT, BeatInputs, BeatWindow
from biosignal.tasks.ecg_rhythm.rules import RhythmRules, RuleSettings
from biosignal.tasks.ecg_rhythm.trend import TrendMeter
from biosignal.tasks.signal_quality.index import MILLIVOLT_PER, QualityIndex, QualitySettings

TASK = "ecg-beats"
CLASSES = ("N", "S", "V", "F")
REACH_BEFORE_S = (BEFORE + SHIFT) / RATE_HZ + KERNEL_S
REACH_AFTER_S = (AFTER + SHIFT) / RATE_HZ + KERNEL_S
QRS_FLOOR_MV = 0.05
"""Envelope of a QRS 70 ms wide and 0.14 mV high: AAMI EC13 asks that less than 0.15 mV is not counted."""
INVALID_NEAR_S = 0.06
INVALID_SHARE = 0.25
"""With more than this share of invalid samples within `INVALID_NEAR_S` a beat is none: a hole's edge made it."""

_Found: TypeAlias = Quality | Detection


@dataclass(frozen=True, kw_only=True, slots=True)
class EcgSettings:
    """What can be set about the analysis of one lead.

    `mains_hz` switches a notch on (50 or 60); the detector's bands and the classifier's window hold mains back anyway.
    """

    mains_hz: float | None = None
    qrs: QrsSettings = field(default_factory=lambda: QrsSettings(floor=QRS_FLOOR_MV))
    quality: QualitySettings = field(default_factory=QualitySettings)
    rules: RuleSettings = field(default_factory=RuleSettings)


class _Stretch:
    """Everything that must start anew behind a gap: filters, detector, beat windows, quality."""

    def __init__(
        self, *, recording: str, leads: tuple[Lead, ...], lead: int, fs_hz: float, start: int, settings: EcgSettings
    ) -> None:
        self.start = start
        self.end = start
        self.inputs: BeatInputs | None = None
        self._fs_hz = fs_hz
        self._lead = lead
        self._settings = settings
        self._unit = leads[lead].unit
        self._qualities = [
            QualityIndex(recording=recording, lead=each, fs_hz=fs_hz, start=start, settings=settings.quality)
            for each in leads
        ]
        self._notch: Recursive | None = mains_notch(fs_hz, mains_hz=settings.mains_hz) if settings.mains_hz else None
        self._detector: QrsDetector | None = None
        self._invalid = Recent(start=start, keep=round(8 * fs_hz))
        self._value = 0.0

    def push(self, samples: Samples) -> list[_Found]:
        """Take the next samples, shape (lead, sample); tell what was found, in order of `decided_at`."""
        found: list[_Found] = [q for index, row in zip(self._qualities, samples, strict=True) for q in index.push(row)]
        x = self._valid(samples[self._lead])
        self.end += samples.shape[1]
        if not len(x):
            return found
        if self._detector is None or self.inputs is None:
            first = self.start = self.end - len(x)
            qrs = replace(self._settings.qrs, floor=0.0) if self._unit is Unit.RAW else self._settings.qrs
            self._detector = QrsDetector(self._fs_hz, start=first, settings=qrs)
            self.inputs = BeatInputs(fs_hz=self._fs_hz, start=first)
        if self._notch:
            x = self._notch.push(x)
        self.inputs.extend(x.astype(np.float32))
        found.extend(beat for beat in self._detector.push(x) if self._is_whole(beat))
        return _in_order(found)

    def finish(self) -> list[_Found]:
        """End the stretch."""
        found: list[_Found] = [quality for index in self._qualities for quality in index.finish()]
        if self._detector is not None:
            found.extend(beat for beat in self._detector.finish() if self._is_whole(beat))
        return _in_order(found)

    def cuts(self, sample: int, decided_at: int) -> bool:
        """Tell whether the window of the beat at `sample` reaches beyond the samples that exist."""
        before, after = round(REACH_BEFORE_S * self._fs_hz), round(REACH_AFTER_S * self._fs_hz)
        return sample - before < self.start or sample + after > decided_at

    def _valid(self, x: Samples) -> Array:
        """Hold the last valid value over invalid samples; drop those before the first valid one. In mV if known."""
        valid = np.isfinite(x)
        self._invalid.append(1.0 - valid)
        scaled = x.astype(np.float64) * MILLIVOLT_PER[self._unit]
        if not valid.all():
            if self._detector is None:
                first = int(np.argmax(valid)) if valid.any() else len(x)
                valid, scaled = valid[first:], scaled[first:]
            latest = np.maximum.accumulate(np.where(valid, np.arange(len(valid)), -1))
            scaled = np.where(latest < 0, self._value, scaled[np.maximum(latest, 0)])
        if len(scaled):
            self._value = float(scaled[-1])
        return scaled

    def _is_whole(self, found: Detection) -> bool:
        near = round(INVALID_NEAR_S * self._fs_hz)
        around = self._invalid.between(found.sample - near, found.sample + near + 1)
        return float(around.mean()) <= INVALID_SHARE


class EcgPipeline:
    """Analyses one lead of a recording; the quality of all leads is told.

    Parameters
    ----------
    device, recording, stream : written into the events; `stream` is "live" or "shadow:BUNDLE".
    fs_hz : sampling frequency, 100-1000 Hz.
    leads : layout of every block.
    lead : name of the lead to analyse, the first if absent.
    backend : classifies the beats; without one every beat is `Unavailable` for `backend_reason`.

    Raises
    ------
    BadInput : no such lead, or a sampling frequency out of range.
    """

    def __init__(
        self,
        *,
        device: str,
        recording: str,
        fs_hz: float,
        leads: tuple[Lead, ...],
        lead: str | None = None,
        stream: str = "live",
        backend: Backend | None = None,
        backend_reason: str = "",
        settings: EcgSettings | None = None,
    ) -> None:
        names = [each.name for each in leads]
        if not leads or (lead is not None and lead not in names):
            raise BadInput("the recording has no such lead", lead=lead, leads=names)
        if not 100.0 <= fs_hz <= 1000.0:
            raise BadInput("the ECG analysis needs 100 to 1000 samples a second", fs_hz=fs_hz)
        self._recording = recording
        self._fs_hz = fs_hz
        self._leads = leads
        self._index = 0 if lead is None else names.index(lead)
        self._lead = leads[self._index]
        self._settings = settings or EcgSettings()
        self._backend = backend
        self._reason = backend_reason
        self._rules = RhythmRules(
            device=device,
            recording=recording,
            fs_hz=fs_hz,
            lead=self._lead.name,
            stream=stream,
            settings=self._settings.rules,
        )
        self._trend = TrendMeter(recording=recording, lead=self._lead.name, fs_hz=fs_hz, stream=stream)
        self._next: int | None = None
        self._restart()

    def _restart(self) -> None:
        self._stretch: _Stretch | None = None
        self._heart_rate = HeartRateMeter()
        self._seconds: deque[Quality] = deque(maxlen=16)
        self._waiting: deque[BeatWindow] = deque()
        self._unconfirmed: deque[int] = deque()
        self._last: int | None = None
        self._sound: int | None = None
        self._sound_before = False
        self._now = 0

    def switch(self, backend: Backend | None, reason: str = "") -> None:
        """Classify with another backend from the next beat on; no beat goes unanswered in between."""
        self._backend = backend
        self._reason = reason

    def set_limits(self, rules: RuleSettings) -> None:
        """Judge rates and rhythm by other limits from the next item on."""
        self._settings = replace(self._settings, rules=rules)
        self._rules.set_limits(rules)

    def push(self, item: Item, /) -> list[Item]:
        """Take the next samples or a gap; tell what was found.

        Raises
        ------
        BrokenStream : the samples do not continue where the last ones ended, or have another layout.
        """
        if isinstance(item, SampleBlock):
            return self._judge(self._take_block(item))
        if isinstance(item, Gap):
            return self._judge(self._take_gap(item))
        return [item]

    def finish(self) -> list[Item]:
        """End the recording: tell everything held back."""
        items = self._judge([*self._end_stretch(), *self._trend.finish()])
        items.extend(self._rules.finish())
        return items

    def _judge(self, items: Iterable[Item]) -> list[Item]:
        return [out for item in items for out in self._rules.push(item)]

    def _check(self, recording: str, start: int) -> None:
        if recording != self._recording or (self._next is not None and start != self._next):
            raise BrokenStream(
                "the samples do not go on where the last ones ended",
                recording=recording,
                start=start,
                expected_recording=self._recording,
                expected_start=self._next,
            )

    def _take_block(self, block: SampleBlock) -> Iterator[Event]:
        self._check(block.recording, block.start)
        if block.leads != self._leads or block.fs_hz != self._fs_hz:
            raise BrokenStream("a block has another layout than announced", leads=block.leads, fs_hz=block.fs_hz)
        self._next = block.end
        if self._stretch is None:
            self._stretch = _Stretch(
                recording=self._recording,
                leads=self._leads,
                lead=self._index,
                fs_hz=self._fs_hz,
                start=block.start,
                settings=self._settings,
            )
        yield from self._walk(self._stretch, self._stretch.push(block.samples))
        yield from self._advance(self._stretch, block.end)

    def _take_gap(self, gap: Gap) -> Iterator[Item]:
        self._check(gap.recording, gap.start)
        self._next = gap.end
        yield from self._end_stretch()
        yield gap

    def _end_stretch(self) -> Iterator[Event]:
        stretch = self._stretch
        if stretch is not None:
            yield from self._walk(stretch, stretch.finish())
            if stretch.inputs is not None:
                self._waiting.extend(stretch.inputs.flush())
            self._now = stretch.end - 1
            yield from self._confirm(stretch)
        self._restart()

    def _walk(self, stretch: _Stretch, found: list[_Found]) -> Iterator[Event]:
        for each in found:
            yield from self._advance(stretch, each.decided_at)
            self._now = each.decided_at
            if isinstance(each, Quality):
                yield from self._take_quality(stretch, each)
            else:
                yield from self._take_detection(stretch, each)
            yield from self._confirm(stretch)

    def _advance(self, stretch: _Stretch, until: int) -> Iterator[Event]:
        """Confirm what fell due before sample `until`."""
        if stretch.inputs is None:
            return
        for window in stretch.inputs.advance(until):
            self._waiting.append(window)
            self._now = max(self._now, window.decided_at)
            yield from self._confirm(stretch)

    def _take_quality(self, stretch: _Stretch, quality: Quality) -> Iterator[Event]:
        yield quality
        if quality.lead != self._lead.name:
            return
        self._seconds.append(quality)
        yield from self._trend.add_quality(quality)
        last = max(self._sound or stretch.start, *self._unconfirmed, stretch.start)
        if quality.decided_at - last >= ABSENT_S * self._fs_hz:
            self._heart_rate.reset()
            yield self._rate(quality.decided_at)

    def _take_detection(self, stretch: _Stretch, found: Detection) -> Iterator[Event]:
        if found.state is BeatState.CONFIRMED:
            if stretch.inputs is not None:
                self._waiting.extend(stretch.inputs.add_beat(found.sample, found.decided_at))
            return
        withdrawn = found.state is BeatState.WITHDRAWN
        if withdrawn:
            self._unconfirmed.remove(found.sample)
        before = self._unconfirmed[-1] if self._unconfirmed else self._last
        if not withdrawn:
            self._unconfirmed.append(found.sample)
        quality = self._quality_at(found.sample) or (self._seconds[-1] if self._seconds else None)
        yield Beat(
            recording=self._recording,
            lead=self._lead.name,
            sample=found.sample,
            decided_at=found.decided_at,
            state=found.state,
            rr_before_s=None if before is None else (found.sample - before) / self._fs_hz,
            amplitude=None,
            quality=QualityLevel.DEGRADED if quality is None else quality.level,
            outcome=Abstained(task=TASK, reason=f"{found.state.value}: not classified"),
        )

    def _quality_at(self, sample: int) -> Quality | None:
        return next((quality for quality in self._seconds if quality.start <= sample < quality.end), None)

    def _confirm(self, stretch: _Stretch) -> Iterator[Event]:
        while self._waiting and (quality := self._quality_at(self._waiting[0].sample)):
            window = self._waiting.popleft()
            self._last = self._unconfirmed.popleft()
            beat = Beat(
                recording=self._recording,
                lead=self._lead.name,
                sample=window.sample,
                decided_at=self._now,
                state=BeatState.CONFIRMED,
                rr_before_s=window.rr_before_s,
                amplitude=None if self._lead.unit is Unit.RAW else window.amplitude / MILLIVOLT_PER[self._lead.unit],
                quality=quality.level,
                outcome=self._outcome(window, quality, cut=stretch.cuts(window.sample, self._now)),
                inputs=window.tensors(),
            )
            yield beat
            self._trend.add_beat(beat)
            yield from self._count(beat)

    def _count(self, beat: Beat) -> Iterator[Event]:
        sound = beat.quality is not QualityLevel.REJECTED
        if sound:
            rr_s = beat.rr_before_s
            self._heart_rate.add(rr_s if self._sound_before and rr_s is not None and rr_s <= ABSENT_S else None)
            self._sound = beat.sample
            yield self._rate(beat.sample)
        self._sound_before = sound

    def _rate(self, sample: int) -> HeartRate:
        return HeartRate(
            recording=self._recording,
            lead=self._lead.name,
            sample=sample,
            decided_at=self._now,
            bpm=self._heart_rate.bpm,
        )

    def _outcome(self, window: BeatWindow, quality: Quality, *, cut: bool) -> Outcome:
        if self._backend is None:
            return Unavailable(task=TASK, reason=self._reason)
        if quality.level is QualityLevel.REJECTED:
            return Abstained(task=TASK, reason=f"quality: {quality.reason}")
        if cut:
            return Abstained(task=TASK, reason="gap: the window reaches beyond the samples")
        try:
            outputs = self._backend.infer({"beat": window.beat[np.newaxis], "rr": window.rr[np.newaxis]})
        except BackendFailed as failure:
            return Unavailable(task=TASK, reason=str(failure))
        scores = [round(float(score), 4) for score in outputs["scores"][0]]
        return Prediction(
            task=TASK,
            bundle=self._backend.bundle,
            rung=self._backend.rung,
            label=CLASSES[int(np.argmax(scores))],
            scores=tuple(zip(CLASSES, scores, strict=True)),
        )


def _in_order(found: Iterable[_Found]) -> list[_Found]:
    """Sort by `decided_at`; at the same sample quality comes first, so that a beat knows its second."""
    return sorted(found, key=lambda each: (each.decided_at, isinstance(each, Detection)))
