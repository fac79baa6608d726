"""A seizure as recordings show most of them: waves of uneven length and height that spread within seconds.

`Seizure` of `brain.py` is a pure rhythm; detectors find it too easily by its regularity and too late by its amplitude.
Here every wave is drawn for itself. Shapes and amplitudes were set by hand, after the figures that were measured on the
recordings at hand: line length and amplitude rise to 2 to 4 times within seconds, on most channels, and the
autocorrelation at the period is 0.3 to 0.6.
"""

import math
from dataclasses import dataclass

import numpy as np

from biosignal.errors import BadInput
from biosignal.synthetic.brain import OPEN, POSTICTAL, Brain, Level
from biosignal.synthetic.draw import Array
from biosignal.synthetic.imitators import JAWS, MUSCLE_HZ, TONES
from biosignal.synthetic.montage import POSITIONS, spread

UNEVEN_S = 0.03
"""Standard deviation of when electrodes see the same wave."""
SPREAD_S = 6.0
"""Within so long the whole head sees it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wave:
    """One wave: sharp, then slow. `late_s` and `size` are its delay and its share at each of `POSITIONS`, in order."""

    at_s: float
    height_uv: float
    width_s: float
    late_s: tuple[float, ...]
    size: tuple[float, ...]

    def draw(self, electrode: str, into: Array, seconds: Array) -> None:
        """Add what `electrode` sees."""
        if seconds[0] > self.at_s + 2.0 or seconds[-1] < self.at_s - 2.0:
            return
        place = list(POSITIONS).index(electrode)
        since = (seconds - self.at_s - self.late_s[place]) / self.width_s
        near = np.abs(since) < 8.0
        x = since[near]
        shape = -np.exp(-0.5 * x**2) + 0.6 * np.exp(-0.5 * ((x - 2.6) / 1.5) ** 2)
        into[near] += self.height_uv * self.size[place] * shape


@dataclass(frozen=True, kw_only=True, slots=True)
class Tension:
    """Muscles of jaws and forehead that tighten: tones as a frequency in Hz and a phase, a set for each of `JAWS`."""

    at_s: float
    end_s: float
    height_uv: float
    tones: tuple[tuple[tuple[float, float], ...], ...]

    def draw(self, electrode: str, into: Array, seconds: Array) -> None:
        """Add what `electrode` sees."""
        if seconds[-1] <= self.at_s or seconds[0] >= self.end_s or len(seconds) < 2:
            return
        swell = np.clip((seconds - self.at_s) / 3.0, 0, 1) * np.clip((self.end_s - seconds) / 1.0, 0, 1)
        highest_hz = 0.45 / (seconds[1] - seconds[0])
        for jaw, tones in zip(JAWS, self.tones, strict=True):
            share = spread(electrode, jaw, 0.5)
            heard = [np.sin(2 * np.pi * hz * seconds + turn) for hz, turn in tones if hz < highest_hz]
            if share > 0.02 and heard:
                into += self.height_uv * share * swell * math.sqrt(2 / TONES) * np.sum(heard, axis=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class UnevenSeizure:
    """A seizure of uneven waves, `after_s` into a waking segment, with muscle of `muscle_uv`; slow waves follow.

    `irregularity` is the standard deviation of the intervals, as a share of them.
    """

    after_s: float = 5.0
    seizure_s: float = 60.0
    focus: str = "T3"
    first_hz: float = 4.5
    last_hz: float = 2.0
    first_uv: float = 60.0
    last_uv: float = 160.0
    irregularity: float = 0.2
    muscle_uv: float = 0.0

    def play(self, brain: Brain) -> None:
        """Write the segment."""
        start_s = brain.start_s + self.after_s
        end_s = min(start_s + self.seizure_s, brain.end_s)
        if end_s <= start_s:
            raise BadInput("the seizure does not fit its segment", after_s=self.after_s, seizure_s=self.seizure_s)
        brain.levels.append(Level(start_s=brain.start_s, end_s=end_s, levels=OPEN))
        if end_s < brain.end_s:
            brain.levels.append(Level(start_s=end_s, end_s=brain.end_s, levels=POSTICTAL))
        brain.stages.append((brain.start_s, brain.end_s, "W"))
        brain.episodes.append(("seizure", start_s, end_s, self.focus))
        at_s = start_s
        while at_s < end_s:
            part = (at_s - start_s) / (end_s - start_s)
            period_s = 1.0 / (self.first_hz + (self.last_hz - self.first_hz) * part)
            brain.events.append(self._wave(brain, at_s, at_s - start_s, part, period_s))
            at_s += period_s * max(0.4, 1.0 + self.irregularity * float(brain.random.standard_normal()))
        if self.muscle_uv > 0:
            tones = tuple(
                tuple((brain.uniform(*MUSCLE_HZ), brain.uniform(0.0, 2 * math.pi)) for _ in range(TONES)) for _ in JAWS
            )
            brain.events.append(Tension(at_s=start_s + 3.0, end_s=end_s, height_uv=self.muscle_uv, tones=tones))

    def _wave(self, brain: Brain, at_s: float, since_s: float, part: float, period_s: float) -> Wave:
        reached = min(1.0, since_s / SPREAD_S)
        uneven = brain.random.standard_normal((2, len(POSITIONS)))
        near = np.array([spread(electrode, self.focus, 0.5) for electrode in POSITIONS])
        far = np.array([spread(electrode, self.focus, 1.4) for electrode in POSITIONS])
        size = (near + (1 - near) * far * reached) * np.clip(1.0 + 0.3 * uneven[1], 0.2, 2.0)
        return Wave(
            at_s=at_s,
            height_uv=(self.first_uv + (self.last_uv - self.first_uv) * min(1.0, 2.0 * part)) * brain.uniform(0.6, 1.4),
            width_s=0.11 * period_s,
            late_s=tuple(float(value) for value in UNEVEN_S * uneven[0]),
            size=tuple(float(value) for value in size),
        )
