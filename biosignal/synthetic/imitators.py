"""What looks like a seizure to a detector and is none: rhythms of drowsiness and of light, and chewing.

Frequencies and places follow descriptions in the literature (hypnagogic hypersynchrony 3-5 Hz, photic driving at the
rate of the flashes over the back of the head, frontal intermittent rhythmic delta: Hirsch 2021,
doi:10.1097/WNP.0000000000000806; Kane 2017, doi:10.1016/j.cnp.2017.07.002). Amplitudes were set by hand.
"""

import math
from dataclasses import dataclass

import numpy as np

from biosignal.synthetic.brain import CLOSED, OPEN, STAGES, Brain
from biosignal.synthetic.draw import Array
from biosignal.synthetic.montage import POSITIONS, spread

LAG_S = 0.02
"""By how much a rhythm comes later over the radius of the head."""
JAWS = ("T3", "T4", "F7", "F8")
TONES = 48
"""So many tones of `MUSCLE_HZ` together sound like a muscle."""
MUSCLE_HZ = (22.0, 95.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Train:
    """Waves of one frequency for `length_s`, `height_uv` high under `focus`; `sharp` adds a second harmonic."""

    at_s: float
    length_s: float
    hz: float
    height_uv: float
    focus: str
    width: float
    sharp: float = 0.2
    rise_s: float = 0.3

    def draw(self, electrode: str, into: Array, seconds: Array) -> None:
        """Add what `electrode` sees."""
        since = seconds - self.at_s
        if since[-1] <= 0 or since[0] >= self.length_s:
            return
        share = spread(electrode, self.focus, self.width)
        angle = 2 * np.pi * self.hz * (since - LAG_S * math.sqrt(-math.log2(share)))
        edges = np.clip(since / self.rise_s, 0, 1) * np.clip((self.length_s - since) / self.rise_s, 0, 1)
        into += self.height_uv * share * edges * (np.sin(angle) + self.sharp * np.sin(2 * angle + 0.5))


@dataclass(frozen=True, kw_only=True, slots=True)
class Bites:
    """Jaws that chew `hz` times a second: bursts of both temporal muscles, and the slow sway of the tongue below them.

    `tones` are frequency in Hz, phase and share of each tone of the muscle, one set for each of `JAWS`.
    """

    at_s: float
    length_s: float
    hz: float
    muscle_uv: float
    tongue_uv: float
    tones: tuple[tuple[tuple[float, float], ...], ...]

    def draw(self, electrode: str, into: Array, seconds: Array) -> None:
        """Add what `electrode` sees."""
        since = seconds - self.at_s
        if since[-1] <= 0 or since[0] >= self.length_s:
            return
        inside = (since > 0) & (since < self.length_s)
        phase = np.sin(2 * np.pi * self.hz * since)
        bite = np.clip(phase, 0, 1) ** 2 * inside
        highest_hz = 0.45 / (seconds[1] - seconds[0]) if len(seconds) > 1 else 0.0
        for jaw, tones in zip(JAWS, self.tones, strict=True):
            share = spread(electrode, jaw, 0.45)
            if share > 0.02:
                heard = [np.sin(2 * np.pi * hz * seconds + turn) for hz, turn in tones if hz < highest_hz]
                if heard:
                    into += self.muscle_uv * share * bite * math.sqrt(2 / TONES) * np.sum(heard, axis=0)
        front = max(0.0, POSITIONS[electrode][1])
        into += self.tongue_uv * front * phase * inside


@dataclass(frozen=True, kw_only=True, slots=True)
class Drowsy:
    """Falling asleep, with bursts of theta of one to four seconds over the middle of the head."""

    bursts_per_min: float = 4.0

    def play(self, brain: Brain) -> None:
        """Write the segment."""
        brain.level(STAGES["N1"])
        brain.stages.append((brain.start_s, brain.end_s, "N1"))
        for at_s in brain.times(self.bursts_per_min, apart_s=4.5):
            length_s = brain.uniform(1.0, 4.0)
            train = Train(
                at_s=at_s,
                length_s=length_s,
                hz=brain.uniform(3.5, 6.0),
                height_uv=brain.uniform(40.0, 90.0),
                focus="Fz" if brain.uniform(0, 1) < 0.5 else "Cz",
                width=0.8,
            )
            brain.events.append(train)
            brain.episodes.append(("theta-burst", at_s, at_s + length_s, train.focus))


@dataclass(frozen=True, kw_only=True, slots=True)
class RhythmicDelta:
    """Awake with intermittent rhythmic delta, 2 to 3 Hz over the front, `burst_s` at a time."""

    bursts_per_min: float = 3.0
    burst_s: float = 3.0

    def play(self, brain: Brain) -> None:
        """Write the segment."""
        brain.level(CLOSED)
        brain.stages.append((brain.start_s, brain.end_s, "W"))
        for at_s in brain.times(self.bursts_per_min, apart_s=self.burst_s + 2.0):
            train = Train(
                at_s=at_s,
                length_s=self.burst_s,
                hz=brain.uniform(2.0, 2.8),
                height_uv=brain.uniform(50.0, 100.0),
                focus="Fz",
                width=0.7,
            )
            brain.events.append(train)
            brain.episodes.append(("rhythmic-delta", at_s, at_s + self.burst_s, "Fz"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Photic:
    """Flashes before closed eyes: trains of ten seconds, each faster, that the back of the head follows."""

    driven_uv: float = 30.0

    def play(self, brain: Brain) -> None:
        """Write the segment."""
        brain.level(CLOSED)
        brain.stages.append((brain.start_s, brain.end_s, "W"))
        at_s, rates_hz = brain.start_s + 5.0, (3.0, 5.0, 8.0, 10.0, 12.0, 15.0, 18.0, 20.0)
        number = 0
        while at_s + 10.0 < brain.end_s:
            hz = rates_hz[number % len(rates_hz)]
            for focus in ("O1", "O2"):
                brain.events.append(
                    Train(at_s=at_s, length_s=10.0, hz=hz, height_uv=self.driven_uv, focus=focus, width=0.5, sharp=0.5)
                )
            brain.episodes.append(("photic", at_s, at_s + 10.0, f"{hz:g}"))
            at_s, number = at_s + 15.0, number + 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Chewing:
    """Eating with open eyes: bouts of `bout_s` with pauses as long."""

    bout_s: float = 12.0
    muscle_uv: float = 70.0
    tongue_uv: float = 40.0

    def play(self, brain: Brain) -> None:
        """Write the segment."""
        brain.level(OPEN)
        brain.stages.append((brain.start_s, brain.end_s, "W"))
        at_s = brain.start_s + 3.0
        while at_s + self.bout_s < brain.end_s:
            tones = tuple(
                tuple((brain.uniform(*MUSCLE_HZ), brain.uniform(0.0, 2 * math.pi)) for _ in range(TONES)) for _ in JAWS
            )
            brain.events.append(
                Bites(
                    at_s=at_s,
                    length_s=self.bout_s,
                    hz=brain.uniform(1.0, 1.8),
                    muscle_uv=self.muscle_uv * brain.uniform(0.5, 1.5),
                    tongue_uv=self.tongue_uv * brain.uniform(0.3, 1.5),
                    tones=tones,
                )
            )
            brain.episodes.append(("chewing", at_s, at_s + self.bout_s, ""))
            at_s += 2 * self.bout_s
