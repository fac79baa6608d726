"""A scenario played with a seed: any samples of it, and all that is true of it.

Samples are made in pages counted from sample 0 and rounded to the steps of a front end (1 uV for ECG, 0.1 uV for EEG),
so that neither the size of the blocks nor the last bit of a floating-point library changes them.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Samples, Signal, Unit
from biosignal.synthetic.brain import Brain, electrode_uv
from biosignal.synthetic.draw import Array, generator
from biosignal.synthetic.heart import P_REACH_S, P_WAVE, SPIKE_S, Heart, Stroke
from biosignal.synthetic.montage import EYES, channel_electrodes
from biosignal.synthetic.noise import Additive, Bridge, Dropout, FlatChannel, FlatLine, Hiss, LeadOff, Saturation
from biosignal.synthetic.scenario import Scenario
from biosignal.synthetic.truth import Episode, RhythmChange, StageOfSleep, TrueBeat, Truth
from biosignal.synthetic.waves import ELECTRODES, Wave, draw_wave, lead_vector

PAGE = 2048
PER_MV = 1000.0
PER_UV = 10.0
"""Counts of the front end per unit."""
FULL_SCALE = 32_000
"""Counts at which the front end ends: 32 mV and 3.2 mV (EEG)."""
Counts = NDArray[np.int16]


class SyntheticRecording:
    """The samples and the truth of `scenario` with `seed`.

    Attributes
    ----------
    leads : ECG leads in mV, then EEG channels in uV.
    length : samples per lead, those of gaps included.
    truth : all that is known.
    gaps : samples [start, end) that were lost, in order.
    """

    def __init__(self, scenario: Scenario, *, seed: int = 1) -> None:
        if not 0 <= seed < 2**63:
            raise BadInput("a seed is a whole number from 0 on", seed=seed)
        self.scenario = scenario
        self.seed = seed
        self.fs_hz = scenario.fs_hz
        self.length = round(scenario.duration_s * scenario.fs_hz)
        ecg = tuple(Lead(name=name, unit=Unit.MILLIVOLT, kind=LeadKind.ECG) for name in scenario.leads)
        eeg = tuple(Lead(name=name, unit=Unit.MICROVOLT, kind=_kind_of(name)) for name in scenario.channels)
        self.leads = ecg + eeg
        self.per_unit = tuple(PER_MV if lead.unit is Unit.MILLIVOLT else PER_UV for lead in self.leads)
        self._heart = _played_heart(scenario, seed)
        self._brain = _played_brain(scenario, seed)
        self._begins = np.array([stroke.reach_s[0] for stroke in self._heart.strokes])
        self._electrodes = _electrodes_of(scenario)
        spans = [noise for noise in scenario.noise if isinstance(noise, Dropout)]
        self.gaps = _joined([self._samples(span.start_s, span.end_s) for span in spans])
        self.truth = self._all_true()
        self._page = lru_cache(maxsize=4)(self._make_page)

    def counts(self, start: int, end: int) -> Counts:
        """Counts of samples [start, end), shape (lead, sample), gaps not left out.

        Raises
        ------
        BadInput : they are not all in the recording.
        """
        if not 0 <= start <= end <= self.length:
            raise BadInput("the recording has no such samples", start=start, end=end, length=self.length)
        pages = [self._page(page) for page in range(start // PAGE, -(-end // PAGE))]
        whole = np.concatenate(pages, axis=1) if pages else np.zeros((len(self.leads), 0), np.int16)
        first = start % PAGE
        return np.ascontiguousarray(whole[:, first : first + end - start])

    def samples(self, start: int, end: int) -> Samples:
        """Samples [start, end) in the unit of each lead, shape (lead, sample), gaps not left out."""
        steps = np.array([[1.0 / per_unit] for per_unit in self.per_unit])
        samples: Samples = (self.counts(start, end) * steps).astype(np.float32)
        return samples

    def blocks(self, recording: str, *, block: int = PAGE) -> Iterator[Signal]:
        """Yield the recording from its start, in blocks of `block` samples; what was lost is a `Gap`."""
        if block < 1:
            raise BadInput("a block has at least one sample", block=block)
        at = 0
        for start, end in (*self.gaps, (self.length, self.length)):
            while at < start:
                until = min(start, (at // block + 1) * block)
                samples = self.samples(at, until)
                yield SampleBlock(recording=recording, start=at, fs_hz=self.fs_hz, leads=self.leads, samples=samples)
                at = until
            if end > start:
                yield Gap(recording=recording, start=start, length=end - start, reason="dropout")
                at = end

    def clean(self, start: int, end: int) -> Array:
        """ECG leads without any noise for samples [start, end), mV, not rounded, shape (lead, sample)."""
        dipole = np.zeros((3, end - start))
        heart, fs_hz = self._heart, self.fs_hz
        first = int(np.searchsorted(self._begins, start / fs_hz - 3.0))
        last = int(np.searchsorted(self._begins, end / fs_hz))
        for stroke in heart.strokes[first:last]:
            stroke.draw(dipole, start=start, fs_hz=fs_hz)
        for at_s in heart.lone_p_s:
            if start / fs_hz - P_REACH_S < at_s < end / fs_hz + P_REACH_S:
                wave = Wave("P", 0.0, P_WAVE.width_s, P_WAVE.vector)
                draw_wave(dipole, wave, at_s=at_s, size=1.0, start=start, fs_hz=fs_hz)
        for at_s, height_mv in heart.spikes:
            wave = Wave("spike", 0.0, max(SPIKE_S, 0.5 / fs_hz), (0.0, height_mv, 0.0))
            draw_wave(dipole, wave, at_s=at_s, size=1.0, start=start, fs_hz=fs_hz)
        for tremble in heart.trembles:
            tremble.draw(dipole, start=start, fs_hz=fs_hz)
        towards = np.array([lead_vector(lead) for lead in self.scenario.leads]).reshape(-1, 3)
        seen: Array = self.scenario.gain * (towards @ dipole)
        return seen

    def _make_page(self, page: int) -> Counts:
        start = page * PAGE
        end = min(start + PAGE, self.length)
        noises = {electrode: self._noise(electrode, start, end) for electrode in self._electrodes}
        rows = np.empty((len(self.leads), end - start))
        if self.scenario.leads:
            rows[: len(self.scenario.leads)] = self.clean(start, end)
        for row, name in enumerate(self.scenario.leads):
            for electrode, weight in ELECTRODES[name].items():
                rows[row] += weight * noises[electrode]
        self._add_eeg(rows, noises, start, end)
        for row, lead in enumerate(self.leads):
            self._spoil(rows[row], lead, start, end)
            rows[row] *= self.per_unit[row]
        counts = np.clip(np.rint(rows), -FULL_SCALE, FULL_SCALE).astype(np.int16)
        return self._obey_einthoven(counts, start, end)

    def _add_eeg(self, rows: Array, noises: dict[str, Array], start: int, end: int) -> None:
        potentials: dict[str, Array] = {}
        for row, channel in enumerate(self.scenario.channels, len(self.scenario.leads)):
            first, second = channel_electrodes(channel)
            for electrode in (first, second):
                if electrode is not None and electrode not in potentials:
                    potentials[electrode] = self._potential(electrode, noises, start, end)
            rows[row] = potentials[first] - (potentials[second] if second else 0.0)

    def _potential(self, electrode: str, noises: dict[str, Array], start: int, end: int) -> Array:
        """Potential of an electrode, uV; where it is bridged, the mean of those it is joined to, and its own hiss."""
        own = self._unbridged(electrode, noises, start, end)
        for noise in self.scenario.noise:
            if isinstance(noise, Bridge) and electrode in noise.electrodes:
                part = noise.within(start, end, self.fs_hz)
                if part.start < part.stop:
                    hisses = {one: 1000.0 * self._noise(one, start, end, only=Hiss) for one in noise.electrodes}
                    joined = [self._unbridged(one, noises, start, end) - hisses[one] for one in noise.electrodes]
                    own[part] = (np.mean(joined, axis=0) + hisses[electrode])[part]
        return own

    def _unbridged(self, electrode: str, noises: dict[str, Array], start: int, end: int) -> Array:
        background = electrode_uv(self._brain, electrode, start, end, fs_hz=self.fs_hz, seed=self.seed)
        noise = noises[electrode] if electrode in noises else self._noise(electrode, start, end)
        seen: Array = background + 1000.0 * noise
        return seen

    def _noise(self, electrode: str, start: int, end: int, *, only: type[Additive] = Additive) -> Array:
        made = np.zeros(end - start)
        for index, noise in enumerate(self.scenario.noise):
            if isinstance(noise, only) and noise.touches(start, end, self.fs_hz):
                if noise.electrodes and electrode not in noise.electrodes:
                    continue
                name = f"{noise.kind}.{index}"
                made += noise.on(electrode, start, end, fs_hz=self.fs_hz, seed=self.seed, name=name)
        return made

    def _spoil(self, row: Array, lead: Lead, start: int, end: int) -> None:
        scale = 1.0 if lead.unit is Unit.MILLIVOLT else 1000.0
        for noise in self.scenario.noise:
            part = noise.within(start, end, self.fs_hz)
            if isinstance(noise, Saturation):
                row[part] = np.clip(
                    row[part] + scale * noise.offset_mv, -scale * noise.limit_mv, scale * noise.limit_mv
                )
            elif isinstance(noise, LeadOff) and set(noise.electrodes) & _needed(lead):
                row[part] = scale * noise.rail_mv
            elif isinstance(noise, FlatLine) or (
                isinstance(noise, FlatChannel) and set(noise.electrodes) & _needed(lead)
            ):
                row[part] = 0.0

    def _obey_einthoven(self, counts: Counts, start: int, end: int) -> Counts:
        """Rounding may not break III = II - I."""
        names = list(self.scenario.leads)
        if {"I", "II", "III"} <= set(names):
            one, two, three = (counts[names.index(name)].astype(np.int32) for name in ("I", "II", "III"))
            near = np.abs(two - one - three) <= 1
            counts[names.index("III")] = np.where(near, two - one, three)
        return counts

    def _samples(self, start_s: float, end_s: float) -> tuple[int, int]:
        end = self.length if end_s * self.fs_hz >= self.length else round(end_s * self.fs_hz)
        return min(round(start_s * self.fs_hz), self.length), end

    def _all_true(self) -> Truth:
        heart, brain, fs_hz = self._heart, self._brain, self.fs_hz
        lead = self.scenario.leads[0] if self.scenario.leads else ""
        beats = [stroke.truth(lead, fs_hz) for stroke in heart.strokes]
        rhythms = [RhythmChange(sample=round(at_s * fs_hz), aux=aux) for at_s, aux in heart.rhythms]
        spans = [(kind, start_s, end_s, "") for kind, start_s, end_s in heart.episodes] + brain.episodes
        for noise in self.scenario.noise:
            note = " ".join(getattr(noise, "electrodes", ()))
            spans.append((noise.kind, noise.start_s, noise.end_s, note))
        spans += [("st-shift", shift.start_s, shift.start_s + shift.duration_s, "") for shift in self.scenario.st]
        episodes = []
        for kind, start_s, end_s, note in spans:
            start, end = self._samples(start_s, end_s)
            if start < end:
                episodes.append(Episode(kind=kind, start=start, end=end, note=note))
        return Truth(
            beats=tuple(sorted((beat for beat in beats if self._is_there(beat)), key=lambda beat: beat.sample)),
            lone_p=tuple(sorted(round(at_s * fs_hz) for at_s in heart.lone_p_s if at_s * fs_hz < self.length - 1)),
            rhythms=tuple(change for change in rhythms if change.sample < self.length),
            episodes=tuple(sorted(episodes, key=lambda episode: (episode.start, episode.end, episode.kind))),
            stages=tuple(
                StageOfSleep(start=round(start_s * fs_hz), end=round(end_s * fs_hz), stage=stage)
                for start_s, end_s, stage in brain.stages
            ),
        )

    def _is_there(self, beat: TrueBeat) -> bool:
        lost = any(start <= beat.sample < end for start, end in self.gaps)
        return 0 <= beat.sample < self.length and not lost


def _played_heart(scenario: Scenario, seed: int) -> Heart:
    heart = Heart(random=generator(seed, "heart"), breath_hz=scenario.breath_hz)
    starts = [segment.start_s for segment in scenario.heart]
    for segment, end_s in zip(scenario.heart, [*starts[1:], scenario.duration_s], strict=False):
        heart.start_s, heart.end_s = segment.start_s, end_s
        segment.rhythm.play(heart)
    if scenario.st:
        heart.strokes = [_shifted(stroke, scenario) for stroke in heart.strokes]
    return heart


def _shifted(stroke: Stroke, scenario: Scenario) -> Stroke:
    return replace(stroke, st_mv=sum(shift.at(stroke.at_s) for shift in scenario.st))


def _played_brain(scenario: Scenario, seed: int) -> Brain:
    brain = Brain(random=generator(seed, "brain"))
    starts = [segment.start_s for segment in scenario.brain]
    for segment, end_s in zip(scenario.brain, [*starts[1:], scenario.duration_s], strict=False):
        brain.start_s, brain.end_s = segment.start_s, end_s
        segment.state.play(brain)
    return brain


def _needed(lead: Lead) -> set[str]:
    if lead.unit is Unit.MILLIVOLT:
        return set(ELECTRODES[lead.name])
    return {electrode for electrode in channel_electrodes(lead.name) if electrode}


def _kind_of(channel: str) -> LeadKind:
    return LeadKind.EOG if channel_electrodes(channel)[0] in EYES else LeadKind.EEG


def _electrodes_of(scenario: Scenario) -> tuple[str, ...]:
    ecg = [electrode for lead in scenario.leads for electrode in ELECTRODES[lead]]
    eeg = [electrode for name in scenario.channels for electrode in channel_electrodes(name) if electrode]
    return tuple(dict.fromkeys(ecg + eeg))


def _joined(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    whole: list[tuple[int, int]] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return tuple(whole)
