"""A scenario: what a synthetic patient's heart and brain do, when, and what disturbs the recording of it."""

import hashlib
import math
from dataclasses import dataclass, replace
from itertools import pairwise

from biosignal.errors import BadInput
from biosignal.synthetic.brain import BrainState
from biosignal.synthetic.montage import channel_electrodes
from biosignal.synthetic.noise import Noise
from biosignal.synthetic.rhythms import AvBlock, Pattern, Rhythm
from biosignal.synthetic.waves import FORMS, lead_vector

GENERATOR = 1
"""Counted up whenever the same scenario and seed would give other samples."""
LONGEST_S = 7 * 86_400.0


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


def _check_rhythm(rhythm: Rhythm) -> None:
    """Refuse what would play forever or cannot be played."""
    for name in ("rate_per_min", "atrial_rate_per_min", "escape_per_min"):
        rate = getattr(rhythm, name, 60.0)
        if not 10.0 <= rate <= 600.0:
            raise BadInput("a rate is 10 to 600 a minute", kind=type(rhythm).__name__, setting=name, value=rate)
    for name in ("variability", "irregularity", "pvc_share", "sveb_share"):
        share = getattr(rhythm, name, 0.0)
        if not 0.0 <= share <= 0.5:
            raise BadInput("a share is 0 to 0.5", kind=type(rhythm).__name__, setting=name, value=share)
    forms = (getattr(rhythm, "form", "normal"), *getattr(rhythm, "forms", ()), *getattr(rhythm, "pvc_forms", ()))
    for form in (*forms, getattr(rhythm, "escape_form", "normal")):
        if form not in FORMS:
            raise BadInput("no such form of beats", form=form, remedy=f"one of {', '.join(FORMS)}")
    if isinstance(rhythm, Pattern) and not (
        "N" in rhythm.order and set(rhythm.order) <= set("NVA") and rhythm.order[0] == "N"
    ):
        raise BadInput("an order begins with N and has only N, V and A", order=rhythm.order)
    if isinstance(rhythm, AvBlock) and rhythm.degree not in ("first", "wenckebach", "mobitz", "complete"):
        raise BadInput("no such degree of block", degree=rhythm.degree)
