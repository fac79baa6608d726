"""What a heart does over time: strokes, lone P waves and fibrillation, put on a time line by the rhythms."""

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from biosignal.synthetic.draw import Array
from biosignal.synthetic.truth import Fiducials, TrueBeat
from biosignal.synthetic.waves import EDGE, FORMS, REACH, Form, Wave, draw_wave, seen, st_waves, turned

LATEST_P_S = 0.5
SPIKE_S = 0.0008
"""Standard deviation of a pacemaker's spike behind the front end's low-pass; at least half a sample."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stroke:
    """One beat of the ventricles. `at_s` is where its form has its origin, near the R peak."""

    at_s: float
    form: str
    rr_s: float
    size: float = 1.0
    symbol: str = ""
    pr_s: float | None = None
    has_p: bool = True
    st_mv: float = 0.0
    t_scale: float = 1.0
    angle_rad: float = 0.0
    spike_mv: float = 0.0

    def waves(self) -> tuple[Wave, ...]:
        """All waves of the beat: T and ST moved with the square root of the RR interval, P to its PR interval."""
        form = FORMS[self.form]
        pace = 1.0 if self.form == "test" else math.sqrt(min(max(self.rr_s, 0.3), 1.4))
        waves: list[Wave] = []
        for wave in form.waves:
            vector = wave.vector
            if self.angle_rad:
                vector = turned(vector, self.angle_rad)
            if wave.part == "T":
                scaled = (self.t_scale * vector[0], self.t_scale * vector[1], self.t_scale * vector[2])
                waves.append(Wave("T", wave.at_s * pace, wave.width_s * pace, scaled))
            elif wave.part == "P":
                if self.has_p:
                    at_s = wave.at_s if self.pr_s is None else self._q_s(form) - self.pr_s + EDGE * wave.width_s
                    waves.append(Wave("P", at_s, wave.width_s, vector))
            else:
                waves.append(Wave(wave.part, wave.at_s, wave.width_s, vector))
        if self.st_mv:
            waves.extend(st_waves(self.st_mv, 0.25 * pace))
        return tuple(waves)

    @staticmethod
    def _q_s(form: Form) -> float:
        return min(wave.at_s - EDGE * wave.width_s for wave in form.waves if wave.part == "QRS")

    def draw(self, into: Array, *, start: int, fs_hz: float) -> None:
        """Add the beat to the dipole `into`, shape (3, sample), whose first sample is `start`."""
        for wave in self.waves():
            draw_wave(into, wave, at_s=self.at_s, size=self.size, start=start, fs_hz=fs_hz)
        if self.spike_mv:
            width_s = max(SPIKE_S, 0.5 / fs_hz)
            spike = Wave("spike", self._q_s(FORMS[self.form]) - 0.01, width_s, (0.0, self.spike_mv, 0.0))
            draw_wave(into, spike, at_s=self.at_s, size=1.0, start=start, fs_hz=fs_hz)

    def truth(self, lead: str, fs_hz: float) -> TrueBeat:
        """What is true of the beat on `lead`."""
        waves = self.waves()
        parts = {part: tuple(wave for wave in waves if wave.part == part) for part in ("P", "QRS", "T")}
        found = {part: self._fiducials(these, lead, fs_hz) for part, these in parts.items()}
        qrs = found["QRS"]
        assert qrs is not None
        symbol = self.symbol or FORMS[self.form].symbol
        return TrueBeat(sample=qrs.peak, symbol=symbol, qrs=qrs, p=found["P"], t=found["T"], st_mv=self.st_mv)

    def _fiducials(self, these: tuple[Wave, ...], lead: str, fs_hz: float) -> Fiducials | None:
        if not these:
            return None
        first = min(wave.at_s - EDGE * wave.width_s for wave in these)
        last = max(wave.at_s + EDGE * wave.width_s for wave in these)
        if these[0].part == "T":  # all of it moves with the pace: the peak, too
            unmoved = tuple(wave for wave in FORMS[self.form].waves if wave.part == "T")
            peak = _peak_s(unmoved, lead) * these[0].at_s / unmoved[0].at_s
        else:
            peak = _peak_s(these, lead)
        on, peak_at, off = (round((self.at_s + each) * fs_hz) for each in (first, peak, last))
        return Fiducials(on=on, peak=peak_at, off=off)

    @property
    def reach_s(self) -> tuple[float, float]:
        """Times between which the beat shows."""
        return self.at_s - LATEST_P_S - 0.2, self.at_s + 0.9


@lru_cache(maxsize=4096)
def _peak_s(waves: tuple[Wave, ...], lead: str) -> float:
    """When `lead` shows the greatest deflection of these waves."""
    first = min(wave.at_s - EDGE * wave.width_s for wave in waves)
    last = max(wave.at_s + EDGE * wave.width_s for wave in waves)
    seconds = np.arange(first, last, 0.00025)
    return float(seconds[int(np.argmax(np.abs(seen(waves, lead, seconds))))])


P_WAVE = next(wave for wave in FORMS["normal"].waves if wave.part == "P")
P_REACH_S = REACH * P_WAVE.width_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Tremble:
    """Activity without beats from `start_s` to `end_s`: f waves, flutter waves, ventricular fibrillation.

    Source: the sum of harmonics with modulated amplitude and frequency of Stridh and Sörnmo 2001
    (doi:10.1109/10.900255). `tones` are (frequency in Hz, height as a share, phase); `axes` is the dipole in mV per
    tone group; `drift_hz` by how much a slow modulation moves the frequency; `fades_s` halves the height.
    """

    start_s: float
    end_s: float
    vectors: tuple[tuple[float, float, float], ...]
    tones: tuple[tuple[float, float, float], ...]
    drift_hz: float = 0.0
    swell: float = 0.0
    fades_s: float = 0.0
    edge_s: float = 0.3

    def draw(self, into: Array, *, start: int, fs_hz: float) -> None:
        """Add the activity to the dipole `into`, shape (3, sample), whose first sample is `start`."""
        first = max(math.ceil(self.start_s * fs_hz), start)
        last = min(math.floor(self.end_s * fs_hz), start + into.shape[1] - 1)
        if last < first:
            return
        seconds = np.arange(first, last + 1) / fs_hz
        since = seconds - self.start_s
        height = np.minimum(1.0, np.minimum(since, self.end_s - seconds) / self.edge_s)
        if self.fades_s:
            height = height * (0.25 + 0.75 * np.exp2(-since / self.fades_s))
        for index, (hz, share, phase) in enumerate(self.tones):
            slow_hz = 0.11 + 0.037 * index
            bend = self.drift_hz / slow_hz * hz / self.tones[0][0] * np.sin(2 * np.pi * slow_hz * since + 2 * phase)
            wave = share * np.sin(2 * np.pi * hz * since + bend + phase)
            wave *= 1.0 + self.swell * np.sin(2 * np.pi * (0.17 + 0.05 * index) * since + 3 * phase)
            vector = self.vectors[index % len(self.vectors)]
            for axis in range(3):
                into[axis, first - start : last + 1 - start] += vector[axis] * height * wave


@dataclass(slots=True)
class Heart:
    """The time line that rhythms write on. `start_s` and `end_s` bound the segment being played."""

    random: np.random.Generator
    breath_hz: float
    start_s: float = 0.0
    end_s: float = 0.0
    strokes: list[Stroke] = field(default_factory=list)
    lone_p_s: list[float] = field(default_factory=list)
    spikes: list[tuple[float, float]] = field(default_factory=list)
    trembles: list[Tremble] = field(default_factory=list)
    rhythms: list[tuple[float, str]] = field(default_factory=list)
    episodes: list[tuple[str, float, float]] = field(default_factory=list)

    @property
    def last_s(self) -> float | None:
        """When the last beat was."""
        return self.strokes[-1].at_s if self.strokes else None

    def first(self, interval_s: float) -> float:
        """When the first beat of a segment comes that beats every `interval_s`."""
        if self.last_s is None:
            return self.start_s + 0.5 * interval_s + 0.1
        return max(self.start_s + 0.1, self.last_s + interval_s)

    def normal(self) -> float:
        """A number of the standard normal distribution, held within three deviations."""
        return min(max(float(self.random.standard_normal()), -3.0), 3.0)

    def breath(self, at_s: float) -> float:
        """Where the breath is, -1 to 1."""
        return math.sin(2 * math.pi * self.breath_hz * at_s)

    def interval_s(self, at_s: float, rate_per_min: float, variability: float) -> float:
        """RR interval of a sinus node: breath, a slow wave of 0.1 Hz and some chance (McSharry's two peaks)."""
        slow = math.sin(2 * math.pi * 0.1 * at_s + 1.0)
        swing = 0.85 * self.breath(at_s) + 0.7 * slow + 0.4 * self.normal()
        return 60.0 / rate_per_min * (1.0 + variability * swing)

    def beat(self, at_s: float, form: str, *, rr_s: float | None = None, **more: float | bool | str | None) -> Stroke:
        """Put a beat on the time line; its size follows the breath a little."""
        before = self.last_s
        rr_s = rr_s if rr_s is not None else 0.85 if before is None else at_s - before
        size = 1.0 if form == "test" else 1.0 + 0.03 * self.breath(at_s) + 0.01 * self.normal()
        stroke = Stroke(at_s=at_s, form=form, rr_s=rr_s, **{"size": size, **more})  # type: ignore[arg-type]  # by name
        self.strokes.append(stroke)
        return stroke

    def rhythm(self, aux: str, at_s: float | None = None) -> None:
        """Note that from here on the rhythm is `aux`."""
        at_s = self.start_s if at_s is None else at_s
        if not self.rhythms or self.rhythms[-1][1] != aux:
            self.rhythms.append((at_s, aux))

    def episode(self, kind: str, start_s: float, end_s: float) -> None:
        """Note that something was so from `start_s` to `end_s`."""
        self.episodes.append((kind, start_s, end_s))
