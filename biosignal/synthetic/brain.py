"""What a brain does over time: background of five bands, events upon it, and the states that write both.

Band limits and stage features follow the AASM manual's definitions (alpha 8-13 Hz blocked by open eyes; spindles of
11-16 Hz and K complexes in N2; slow waves of 0.5-2 Hz over 75 uV in N3; low amplitude and eye movements in REM).
Amplitudes were set by hand. A new state is a class and a line in `states.py`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from biosignal.errors import BadInput
from biosignal.synthetic.draw import Array, band_taps, filtered
from biosignal.synthetic.montage import POSITIONS, spread

BANDS: Mapping[str, tuple[float, float, float]] = {
    "delta": (0.5, 3.5, 2.5),
    "theta": (4.0, 7.5, 1.0),
    "alpha": (8.3, 11.7, 1.2),
    "sigma": (12.5, 15.0, 1.0),
    "beta": (16.0, 30.0, 0.5),
}
"""Low and high limit in Hz, half length of the filter in s."""
COMMON = 0.45
"""Share of a band's power that all electrodes have in common."""
CHANGE_S = 1.0
"""One state goes over into the next within this time."""

LAG_S = 0.035
"""By how much a seizure comes later over the radius of the head."""

Levels = Mapping[str, tuple[float, float, float]]
"""Standard deviation of each band in uV: front, middle, back of the head."""


def _flat(**uv: float) -> dict[str, tuple[float, float, float]]:
    return {band: (level, level, level) for band, level in uv.items()}


CLOSED: Levels = {**_flat(delta=6, theta=5, sigma=3, beta=4), "alpha": (6, 9, 22)}
OPEN: Levels = {**_flat(delta=7, theta=5, sigma=3, beta=5), "alpha": (3, 3.5, 4.5)}
STAGES: Mapping[str, Levels] = {
    "N1": _flat(delta=8, theta=11, alpha=4, sigma=2.5, beta=3),
    "N2": _flat(delta=17, theta=12, alpha=5, sigma=4, beta=2.5),
    "N3": {**_flat(theta=14, alpha=4, sigma=4, beta=2), "delta": (62, 52, 40)},
    "R": _flat(delta=6.5, theta=8, alpha=3.5, sigma=2, beta=3.5),
}
SUPPRESSED: Levels = _flat(delta=1.0, theta=0.7, alpha=0.6, sigma=0.4, beta=0.5)
BURST: Levels = _flat(delta=45, theta=28, alpha=16, sigma=7, beta=8)
POSTICTAL: Levels = _flat(delta=24, theta=10, alpha=3, sigma=1.5, beta=1.5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """Background between two times, reached within `change_s` at either border."""

    start_s: float
    end_s: float
    levels: Levels
    change_s: float = CHANGE_S

    def share(self, seconds: Array) -> Array:
        """Square-root weights, so that the power of two levels that overlap adds up."""
        half = self.change_s / 2
        rise = np.clip((seconds - self.start_s + half) / self.change_s, 0, 1) if self.start_s > 0 else 1.0
        fall = np.clip((self.end_s + half - seconds) / self.change_s, 0, 1)
        weights: Array = np.sqrt(rise * fall)
        return weights


@dataclass(frozen=True, kw_only=True, slots=True)
class Graphoelement:
    """An event: `kind` says its shape, `height_uv` is its peak under `focus`, `hz` where it oscillates."""

    kind: str
    at_s: float
    height_uv: float
    focus: str
    width: float = 0.6
    length_s: float = 0.0
    hz: float = 0.0

    def draw(self, electrode: str, into: Array, seconds: Array) -> None:
        """Add what `electrode` sees."""
        if seconds[0] > self.at_s + 4.0 + self.length_s or seconds[-1] < self.at_s - 4.0:
            return
        share = spread(electrode, self.focus, self.width)
        if self.kind == "eye-movement":
            share *= math.copysign(1.0, POSITIONS[electrode][0]) * (POSITIONS[electrode][0] != 0.0)
        into += self.height_uv * share * _shape(self, seconds - self.at_s)


def _bump(since: Array, at_s: float, width_s: float) -> Array:
    bump: Array = np.exp(-0.5 * ((since - at_s) / width_s) ** 2)
    return bump


def _shape(event: Graphoelement, since: Array) -> Array:
    """Shapes by their time after the event's time; the scalp's negative is negative here."""
    if event.kind == "spindle":
        middle = event.length_s / 2
        return _bump(since, middle, event.length_s / 5) * np.sin(2 * np.pi * event.hz * (since - middle))
    if event.kind == "k-complex":
        return -_bump(since, 0.0, 0.08) + 0.75 * _bump(since, 0.34, 0.14)
    if event.kind == "vertex":
        return -_bump(since, 0.0, 0.045) + 0.35 * _bump(since, 0.14, 0.07)
    if event.kind == "spike":
        return -_bump(since, 0.0, 0.014) + 0.35 * _bump(since, 0.05, 0.02) - 0.45 * _bump(since, 0.22, 0.08)
    if event.kind == "eye-movement":
        return np.clip(since / 0.06, 0, 1) * np.exp(-np.maximum(since, 0) / 0.5)
    assert event.kind == "blink"
    return _bump(since, 0.0, 0.07) - 0.2 * _bump(since, 0.25, 0.1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Discharge:
    """A seizure's rhythm: from `first_hz` down to `last_hz`, growing from `first_uv` to `last_uv` and spreading.

    What is further from the focus sees it later, else channels between two electrodes would not see it at all.
    """

    start_s: float
    end_s: float
    focus: str
    first_hz: float
    last_hz: float
    first_uv: float
    last_uv: float
    generalised: bool

    def draw(self, electrode: str, into: Array, seconds: Array) -> None:
        """Add what `electrode` sees."""
        length_s = self.end_s - self.start_s
        since = seconds - self.start_s
        if since[-1] <= 0 or since[0] >= length_s:
            return
        part = np.clip(since / length_s, 0, 1)
        far = spread(electrode, self.focus, 1.0)
        if self.generalised:
            share = np.full_like(since, 0.1 + 0.9 * far)
        else:
            near = spread(electrode, self.focus, 0.45)
            share = near + (1 - near) * (0.25 + 0.55 * far) * np.clip(2.0 * part - 0.5, 0, 1)
        late = since - LAG_S * math.sqrt(-math.log2(far))
        # The phase is the integral of a frequency that falls linearly.
        cycles = self.first_hz * late + (self.last_hz - self.first_hz) * late**2 / (2 * length_s)
        angle = 2 * np.pi * cycles
        sharp = np.sin(angle) + 0.45 * np.sin(2 * angle + 0.6) + 0.2 * np.sin(3 * angle + 1.1)
        height = self.first_uv + (self.last_uv - self.first_uv) * np.minimum(1.0, 1.4 * part)
        edges = np.clip(since / 0.5, 0, 1) * np.clip((length_s - since) / 0.4, 0, 1)
        into += height * share * sharp * edges


class Drawn(Protocol):
    """Something upon the background that draws itself."""

    def draw(self, electrode: str, into: Array, seconds: Array, /) -> None:
        """Add what `electrode` sees."""


@dataclass(slots=True)
class Brain:
    """The time line that states write on. `start_s` and `end_s` bound the segment being played."""

    random: np.random.Generator
    start_s: float = 0.0
    end_s: float = 0.0
    levels: list[Level] = field(default_factory=list)
    events: list[Drawn] = field(default_factory=list)
    stages: list[tuple[float, float, str]] = field(default_factory=list)
    episodes: list[tuple[str, float, float, str]] = field(default_factory=list)

    def uniform(self, low: float, high: float) -> float:
        """Draw between two limits."""
        return low + (high - low) * float(self.random.random())

    def times(self, per_min: float, *, apart_s: float) -> list[float]:
        """Draw times of events, so many a minute, `apart_s` from each other and from the borders."""
        found: list[float] = []
        at_s = self.start_s + apart_s
        while per_min > 0:
            at_s += apart_s - max(60.0 / per_min - apart_s, 0.05) * math.log(1.0 - float(self.random.random()))
            if at_s > self.end_s - apart_s:
                break
            found.append(at_s)
        return found

    def level(self, levels: Levels) -> None:
        """Set the background of the whole segment."""
        self.levels.append(Level(start_s=self.start_s, end_s=self.end_s, levels=levels))

    def event(self, kind: str, at_s: float, height_uv: float, focus: str, *, ends_s: float, **more: float) -> None:
        """Add an event of a shape, and list it as an episode from `at_s` to `ends_s` seconds behind it."""
        self.events.append(Graphoelement(kind=kind, at_s=at_s, height_uv=height_uv, focus=focus, **more))
        self.episodes.append((kind, at_s if kind == "spindle" else at_s - 0.1, at_s + ends_s, focus))

    def spikes(self, per_min: float, focus: str) -> None:
        """Add epileptiform spikes with their slow wave."""
        for at_s in self.times(per_min, apart_s=0.6):
            self.event("spike", at_s, self.uniform(90, 160), focus, ends_s=0.4, width=0.4)


class BrainState(Protocol):
    """Plays one segment."""

    def play(self, brain: Brain) -> None:
        """Write the segment ``brain.start_s`` to ``brain.end_s``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wake:
    """Awake. Closed eyes: alpha at the back; open eyes: none, and blinks."""

    eyes_closed: bool = True
    blinks_per_min: float = 14.0
    spikes_per_min: float = 0.0
    focus: str = "T3"

    def play(self, brain: Brain) -> None:
        """Write the segment."""
        brain.level(CLOSED if self.eyes_closed else OPEN)
        brain.stages.append((brain.start_s, brain.end_s, "W"))
        brain.episodes.append(("eyes-closed" if self.eyes_closed else "eyes-open", brain.start_s, brain.end_s, ""))
        if not self.eyes_closed:
            for at_s in brain.times(self.blinks_per_min, apart_s=0.8):
                height = brain.uniform(90, 150)
                for focus in ("Fp1", "Fp2"):
                    brain.events.append(
                        Graphoelement(kind="blink", at_s=at_s, height_uv=0.8 * height, focus=focus, width=0.35)
                    )
                brain.episodes.append(("blink", at_s - 0.1, at_s + 0.35, "Fp1 Fp2"))
        brain.spikes(self.spikes_per_min, self.focus)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sleep:
    """A stage of sleep (N1, N2, N3, R) with the events that belong to it."""

    stage: str = "N2"
    spindles_per_min: float = 5.0
    k_complexes_per_min: float = 2.0
    spikes_per_min: float = 0.0
    focus: str = "T3"

    def play(self, brain: Brain) -> None:
        """Write the segment."""
        brain.level(STAGES[self.stage])
        brain.stages.append((brain.start_s, brain.end_s, self.stage))
        if self.stage == "N1":
            for at_s in brain.times(2.0, apart_s=2.0):
                brain.event("vertex", at_s, brain.uniform(50, 90), "Cz", ends_s=0.3, width=0.5)
        if self.stage in ("N2", "N3"):
            calm = 1.0 if self.stage == "N2" else 0.3
            for at_s in brain.times(calm * self.spindles_per_min, apart_s=2.0):
                length_s = brain.uniform(0.7, 1.4)
                more = {"length_s": length_s, "hz": brain.uniform(12.8, 14.4), "width": 0.7}
                brain.event("spindle", at_s, brain.uniform(35, 60), "Cz", ends_s=length_s, **more)
        if self.stage == "N2":
            for at_s in brain.times(self.k_complexes_per_min, apart_s=3.0):
                brain.event("k-complex", at_s, brain.uniform(110, 160), "Fz", ends_s=0.7, width=0.7)
        if self.stage == "R":
            for at_s in brain.times(9.0, apart_s=0.8):
                side = 1 if float(brain.random.random()) < 0.5 else -1
                for focus in ("F7", "F8"):
                    event = Graphoelement(kind="eye-movement", at_s=at_s, height_uv=side * 45, focus=focus, width=0.4)
                    brain.events.append(event)
                brain.episodes.append(("eye-movement", at_s, at_s + 1.0, "F7 F8"))
        brain.spikes(self.spikes_per_min, self.focus)


@dataclass(frozen=True, kw_only=True, slots=True)
class Seizure:
    """A seizure of `seizure_s` seconds, `after_s` into a waking segment; slow waves follow a focal one.

    Focal: it begins under `focus` and spreads; generalised: 3 Hz everywhere at once, give ``first_hz = 3.2``.
    """

    after_s: float = 5.0
    seizure_s: float = 60.0
    focus: str = "T3"
    generalised: bool = False
    first_hz: float = 7.0
    last_hz: float = 2.5
    first_uv: float = 20.0
    last_uv: float = 120.0

    def play(self, brain: Brain) -> None:
        """Write the segment."""
        start_s = brain.start_s + self.after_s
        end_s = min(start_s + self.seizure_s, brain.end_s)
        if end_s <= start_s:
            raise BadInput("the seizure does not fit its segment", after_s=self.after_s, seizure_s=self.seizure_s)
        brain.levels.append(Level(start_s=brain.start_s, end_s=end_s, levels=OPEN))
        if end_s < brain.end_s:
            after = CLOSED if self.generalised else POSTICTAL
            brain.levels.append(Level(start_s=end_s, end_s=brain.end_s, levels=after))
        brain.stages.append((brain.start_s, brain.end_s, "W"))
        brain.episodes.append(("seizure", start_s, end_s, "all" if self.generalised else self.focus))
        brain.events.append(
            Discharge(
                start_s=start_s,
                end_s=end_s,
                focus=self.focus,
                first_hz=self.first_hz,
                last_hz=self.last_hz,
                first_uv=self.first_uv,
                last_uv=self.last_uv,
                generalised=self.generalised,
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BurstSuppression:
    """Bursts of high, mixed activity between stretches of almost nothing; the lengths vary by a third."""

    burst_s: float = 2.0
    suppression_s: float = 6.0

    def play(self, brain: Brain) -> None:
        """Write the segment."""
        at_s, bursts = brain.start_s, False
        while at_s < brain.end_s:
            length_s = (self.burst_s if bursts else self.suppression_s) * brain.uniform(0.67, 1.33)
            end_s = min(at_s + length_s, brain.end_s)
            brain.levels.append(Level(start_s=at_s, end_s=end_s, levels=BURST if bursts else SUPPRESSED, change_s=0.2))
            brain.episodes.append(("burst" if bursts else "suppression", at_s, end_s, ""))
            at_s, bursts = end_s, not bursts


def electrode_uv(brain: Brain, electrode: str, start: int, end: int, *, fs_hz: float, seed: int) -> Array:
    """Potential of an electrode against the ears for samples [start, end), uV."""
    seconds = np.arange(start, end) / fs_hz
    region = 0 if POSITIONS[electrode][1] > 0.3 else 2 if POSITIONS[electrode][1] < -0.3 else 1
    made = np.zeros_like(seconds)
    near = [
        (level, level.share(seconds))
        for level in brain.levels
        if level.start_s - level.change_s < seconds[-1] and level.end_s + level.change_s > seconds[0]
    ]
    for band, (low_hz, high_hz, reach_s) in BANDS.items():
        power = np.zeros_like(seconds)
        for level, share in near:
            power += (share * level.levels[band][region]) ** 2
        taps = band_taps(fs_hz, low_hz, high_hz, reach_s=reach_s)
        own = filtered(seed, f"eeg.{electrode}.{band}", start, end, taps)
        common = filtered(seed, f"eeg.common.{band}", start, end, taps)
        made += np.sqrt(power) * (math.sqrt(1 - COMMON) * own + math.sqrt(COMMON) * common)
    for event in brain.events:
        event.draw(electrode, made, seconds)
    return made
