"""A scenario: what a synthetic patient's heart and brain do, when, and what disturbs the recording of it."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from biosignal.errors import BadInput
from biosignal.synthetic.brain import STAGES, BrainState, Sleep
from biosignal.synthetic.montage import POSITIONS, channel_electrodes
from biosignal.synthetic.noise import Bridge, Noise
from biosignal.synthetic.rhythms import AvBlock, Pattern, Rhythm
from biosignal.synthetic.waves import FORMS, lead_vector

GENERATOR = 1
"""Counted up whenever the same scenario and seed would give other samples."""
LONGEST_S = 7 * 86_400.0
LIMITS: Mapping[str, tuple[float, float]] = {
    "start_s": (0.0, LONGEST_S),
    "duration_s": (0.001, LONGEST_S),
    "rate_per_min": (10.0, 600.0),
    "atrial_rate_per_min": (10.0, 600.0),
    "escape_per_min": (10.0, 300.0),
    "p_waves_per_min": (0.0, 300.0),
    "variability": (0.0, 0.3),
    "irregularity": (0.0, 0.5),
    "pvc_share": (0.0, 0.5),
    "sveb_share": (0.0, 0.5),
    "coupling_s": (0.2, 3.0),
    "run_s": (0.2, 3.0),
    "pause_s": (0.5, 60.0),
    "pr_s": (0.08, 0.5),
    "twist_s": (0.5, 60.0),
    "fades_s": (0.0, LONGEST_S),
    "every": (2, 1000),
    "ratio": (1, 20),
    "fails_every": (0, 1000),
    "t_scale": (-5.0, 5.0),
    "scale": (0.01, 20.0),
    "amplitude_mv": (0.0, 20.0),
    "f_wave_mv": (0.0, 5.0),
    "wave_mv": (0.0, 5.0),
    "spike_mv": (-20.0, 20.0),
    "level_mv": (-5.0, 5.0),
    "ramp_s": (0.1, LONGEST_S),
    "limit_mv": (0.01, 30.0),
    "offset_mv": (-30.0, 30.0),
    "rail_mv": (-32.0, 32.0),
    "bursts": (0.0, 1.0),
    "mains_hz": (10.0, 400.0),
    "jolts_per_min": (0.1, 600.0),
    "tau_s": (0.01, 60.0),
    "blinks_per_min": (0.0, 60.0),
    "spikes_per_min": (0.0, 90.0),
    "spindles_per_min": (0.0, 20.0),
    "k_complexes_per_min": (0.0, 15.0),
    "after_s": (0.0, LONGEST_S),
    "seizure_s": (2.0, 7200.0),
    "first_hz": (0.5, 30.0),
    "last_hz": (0.5, 30.0),
    "first_uv": (0.0, 1000.0),
    "last_uv": (0.0, 1000.0),
    "burst_s": (0.3, 60.0),
    "suppression_s": (0.3, 600.0),
    "bursts_per_min": (0.0, 20.0),
    "bout_s": (2.0, 600.0),
    "driven_uv": (0.0, 500.0),
    "muscle_uv": (0.0, 1000.0),
    "tongue_uv": (0.0, 1000.0),
}
"""What each setting of a rhythm, state or disturbance may be."""
KNOWN_ELECTRODES = ("RA", "LA", "LL", *(f"V{n}" for n in range(1, 7)), *POSITIONS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Segment:
    """From `start_s` on, until the next segment, the heart beats so."""

    start_s: float
    rhythm: Rhythm


@dataclass(frozen=True, kw_only=True, slots=True)
class BrainSegment:
    """From `start_s` on, until the next segment, the brain is so."""

    start_s: float
    state: BrainState


@dataclass(frozen=True, kw_only=True, slots=True)
class StShift:
    """The ST segment of lead II moves to `level_mv` within `ramp_s`, stays, and is back at the end."""

    start_s: float
    duration_s: float
    level_mv: float
    ramp_s: float = 20.0

    def at(self, at_s: float) -> float:
        """The shift at a time, mV."""
        rise = (at_s - self.start_s) / self.ramp_s
        fall = (self.start_s + self.duration_s - at_s) / self.ramp_s
        return self.level_mv * max(0.0, min(1.0, rise, fall))


@dataclass(frozen=True, kw_only=True, slots=True)
class Scenario:
    """All of a recording but the seed.

    Parameters
    ----------
    leads : ECG leads (I ... V6), in mV.
    channels : EEG channels, in uV: an electrode against the ears (``C3``), or two (``Fp1-F7``).
    heart, brain : segments in order of their start, the first at 0.
    gain : of the ECG; all its waves are so many times as high.
    """

    name: str
    about: str
    duration_s: float
    fs_hz: float = 250.0
    leads: tuple[str, ...] = ("II", "V1")
    channels: tuple[str, ...] = ()
    heart: tuple[Segment, ...] = ()
    brain: tuple[BrainSegment, ...] = ()
    noise: tuple[Noise, ...] = ()
    st: tuple[StShift, ...] = ()
    gain: float = 1.0
    breath_hz: float = 0.25

    def __post_init__(self) -> None:
        self._check_sizes()
        for lead in self.leads:
            lead_vector(lead)
        for channel in self.channels:
            channel_electrodes(channel)
        for name, needed, starts in (
            ("heart", self.leads, [segment.start_s for segment in self.heart]),
            ("brain", self.channels, [segment.start_s for segment in self.brain]),
        ):
            if bool(needed) != bool(starts):
                raise BadInput(f"leads and segments belong together: see `{name}`", scenario=self.name)
            if starts and (starts[0] != 0.0 or any(b <= a for a, b in pairwise(starts))):
                raise BadInput(f"the segments of `{name}` start at 0 and follow each other", scenario=self.name)
            if starts and starts[-1] >= self.duration_s:
                raise BadInput(f"a segment of `{name}` starts behind the end", scenario=self.name)
        for segment in self.heart:
            _check_rhythm(segment.rhythm)
        parts = [*(one.rhythm for one in self.heart), *(one.state for one in self.brain), *self.noise, *self.st]
        for part in parts:
            _check_limits(part)

    def _check_sizes(self) -> None:
        if not (math.isfinite(self.duration_s) and 1.0 <= self.duration_s <= LONGEST_S):
            raise BadInput("a scenario lasts 1 s to a week", scenario=self.name, duration_s=self.duration_s)
        if not 100.0 <= self.fs_hz <= 2000.0:
            raise BadInput("a scenario has 100 to 2000 samples a second", scenario=self.name, fs_hz=self.fs_hz)
        if not (self.leads or self.channels) or len(set(self.leads + self.channels)) < len(self.leads + self.channels):
            raise BadInput("a scenario needs leads or channels, each once", scenario=self.name)
        if not 0.0 < self.gain <= 20.0:
            raise BadInput("the gain is above 0 and at most 20", scenario=self.name, gain=self.gain)

    def identity(self, seed: int) -> str:
        """Hash that names the samples of this scenario with this seed."""
        unnamed = replace(self, name="", about="")
        return hashlib.sha256(f"{GENERATOR}|{seed}|{unnamed!r}".encode()).hexdigest()


def _check_limits(part: object) -> None:
    """Refuse numbers that would play forever or make no sense."""
    for name, (low, high) in LIMITS.items():
        value = getattr(part, name, None)
        if value is not None and not low <= value <= high:
            raise BadInput(
                f"{name} is {low:g} to {high:g}", kind=type(part).__name__, value=value, remedy="change that number"
            )
    for electrode in getattr(part, "electrodes", ()):
        if electrode not in KNOWN_ELECTRODES:
            raise BadInput("no such electrode", electrode=electrode, remedy=f"one of {', '.join(KNOWN_ELECTRODES)}")
    if isinstance(part, Bridge) and not (len(part.electrodes) >= 2 and set(part.electrodes) <= set(POSITIONS)):
        raise BadInput(
            "a bridge joins two electrodes of the head or more",
            electrodes=part.electrodes,
            remedy="such as `electrodes = ['C3', 'P3']`",
        )
    if isinstance(part, Sleep) and part.stage not in STAGES:
        raise BadInput("no such stage of sleep", stage=part.stage, remedy=f"one of {', '.join(STAGES)}")
    if getattr(part, "focus", "Cz") not in POSITIONS:
        raise BadInput("no such electrode", electrode=getattr(part, "focus", ""), remedy="one of the 10-20 system")


def _check_rhythm(rhythm: Rhythm) -> None:
    forms = (getattr(rhythm, "form", "normal"), *getattr(rhythm, "forms", ()), *getattr(rhythm, "pvc_forms", ()))
    for form in (*forms, getattr(rhythm, "escape_form", "normal")):
        if form not in FORMS:
            raise BadInput("no such form of beats", form=form, remedy=f"one of {', '.join(FORMS)}")
    if () in (getattr(rhythm, "forms", None), getattr(rhythm, "pvc_forms", None)):
        raise BadInput("at least one form of beats is needed", kind=type(rhythm).__name__)
    if isinstance(rhythm, Pattern) and not (rhythm.order.startswith("N") and set(rhythm.order) <= set("NVA")):
        raise BadInput("an order begins with N and has only N, V and A", order=rhythm.order)
    if isinstance(rhythm, AvBlock) and rhythm.degree not in ("first", "wenckebach", "mobitz", "complete"):
        raise BadInput("no such degree of block", degree=rhythm.degree)
