"""Synthetic patients with seizures of several kinds, and with what only looks like one.

They chose the limits of the seizure candidates. No population stands behind them: a figure on them says how the rule
behaves where the answer is known, and nothing about patients.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from biosignal.synthetic.brain import BrainState, BurstSuppression, Seizure, Sleep, Wake
from biosignal.synthetic.ictal import UnevenSeizure
from biosignal.synthetic.imitators import Chewing, Drowsy, Photic, RhythmicDelta
from biosignal.synthetic.montage import REFERENTIAL
from biosignal.synthetic.noise import Hiss, Mains, Motion, Muscle, Noise
from biosignal.synthetic.scenario import BrainSegment, Scenario

BEFORE_S = 150.0
"""So long a patient is seen before the seizure: longer than a baseline needs."""
LATE_S = 12.0
"""So long where the baseline is still the population's."""
SEIZURE_S = 45.0
BEHIND_S = 30.0
SEIZURES: Mapping[str, Seizure | UnevenSeizure] = {
    "focal": Seizure(first_uv=35, last_uv=120),
    "spike-wave": Seizure(focus="Fz", generalised=True, first_hz=3.3, last_hz=2.8, first_uv=150, last_uv=180),
    "fast": Seizure(focus="F3", first_hz=16, last_hz=6, first_uv=25, last_uv=100),
    "slow": Seizure(focus="T4", first_hz=4, last_hz=2, first_uv=50, last_uv=160),
    "rhythmic-delta": Seizure(focus="T3", first_hz=2.4, last_hz=1.6, first_uv=60, last_uv=180),
    "low-voltage": Seizure(focus="C4", first_hz=14, last_hz=4, first_uv=10, last_uv=120),
    "tonic-clonic": Seizure(focus="Cz", generalised=True, first_hz=10, last_hz=3, first_uv=60, last_uv=200),
    "posterior": Seizure(focus="O1", first_hz=6.5, last_hz=3, first_uv=45, last_uv=130),
    "uneven-temporal": UnevenSeizure(),
    "uneven-frontal": UnevenSeizure(focus="F4", first_hz=6.0, last_hz=2.5, irregularity=0.25, muscle_uv=25),
    "uneven-wide": UnevenSeizure(focus="Cz", first_hz=3.5, last_hz=1.8, first_uv=90, last_uv=220, muscle_uv=15),
    "uneven-low": UnevenSeizure(focus="T4", first_uv=35, last_uv=110, irregularity=0.15),
}
BACKGROUNDS: Mapping[str, BrainState] = {
    "awake": Wake(eyes_closed=False),
    "eyes-closed": Wake(),
    "asleep": Sleep(stage="N2"),
}
CALM: tuple[Noise, ...] = (Hiss(amplitude_mv=0.001),)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patient:
    """A scenario and what it is an example of: a kind of seizure, or of what is none."""

    kind: str
    scenario: Scenario
    has_seizure: bool


def with_seizures(*, before_s: float = BEFORE_S) -> list[Patient]:
    """Every kind of seizure behind every background, `before_s` into the recording."""
    made = []
    for kind, seizure in SEIZURES.items():
        for place, background in BACKGROUNDS.items():
            lasting = _lasting(seizure)
            parts = ((0.0, background), (before_s - lasting.after_s, lasting))
            scenario = _scenario(f"{kind}-{place}", parts, before_s + SEIZURE_S + BEHIND_S)
            made.append(Patient(kind=kind, scenario=scenario, has_seizure=True))
    return made


def imitators(*, lasts_s: float = 300.0) -> list[Patient]:
    """What is no seizure, `lasts_s` seconds each."""
    half = lasts_s / 2
    states: Mapping[str, tuple[tuple[float, BrainState], ...]] = {
        "eyes-open-closed": tuple((at * lasts_s / 6, Wake(eyes_closed=at % 2 == 1)) for at in range(6)),
        "falling-asleep": ((0.0, Wake()), (half / 2, Drowsy()), (1.5 * half, Sleep(stage="N2"))),
        "deep-sleep": ((0.0, Sleep(stage="N2")), (half, Sleep(stage="N3"))),
        "waking-up": ((0.0, Sleep(stage="N3")), (half, Wake(eyes_closed=False))),
        "dreaming": ((0.0, Sleep(stage="R")), (half, Wake())),
        "spindles": ((0.0, Wake()), (half / 2, Sleep(spindles_per_min=10.0, k_complexes_per_min=6.0))),
        "drowsy": ((0.0, Drowsy(bursts_per_min=6.0)),),
        "frontal-delta": ((0.0, RhythmicDelta()),),
        "spikes": ((0.0, Wake(eyes_closed=False, spikes_per_min=20.0)),),
        "photic": ((0.0, Wake()), (half / 2, Photic())),
        "chewing": ((0.0, Wake(eyes_closed=False)), (half / 2, Chewing())),
        "burst-suppression": ((0.0, BurstSuppression()),),
    }
    noises: Mapping[str, tuple[Noise, ...]] = {
        "mains": (Mains(start_s=half, duration_s=60.0, amplitude_mv=0.06),),
        "mains-on-one": (Mains(start_s=half, duration_s=60.0, amplitude_mv=0.3, electrodes=("C3",)),),
        "loose-electrode": (Motion(start_s=half, duration_s=100.0, amplitude_mv=0.15, electrodes=("T3",)),),
        "moving": (Motion(start_s=half, duration_s=60.0, amplitude_mv=0.08),),
        "clenching": (Muscle(start_s=half, duration_s=60.0, amplitude_mv=0.04),),
    }
    made = [(name, _scenario(name, parts, lasts_s)) for name, parts in states.items()]
    awake = ((0.0, Wake(eyes_closed=False)),)
    made += [(name, _scenario(name, awake, lasts_s, noise=(*CALM, *noise))) for name, noise in noises.items()]
    return [Patient(kind=kind, scenario=scenario, has_seizure=False) for kind, scenario in made]


def _lasting(seizure: Seizure | UnevenSeizure) -> Seizure | UnevenSeizure:
    return replace(seizure, seizure_s=SEIZURE_S, after_s=1.0)


def _scenario(
    name: str, parts: tuple[tuple[float, BrainState], ...], lasts_s: float, *, noise: tuple[Noise, ...] = CALM
) -> Scenario:
    return Scenario(
        name=name,
        about="for the seizure candidates",
        duration_s=lasts_s,
        fs_hz=256.0,
        leads=(),
        channels=REFERENTIAL,
        brain=tuple(BrainSegment(start_s=start_s, state=state) for start_s, state in parts),
        noise=noise,
    )
