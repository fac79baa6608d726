"""The plain generator that golden vectors rest on: one ECG lead, beats of class N, S, V or F. Its output never changes.

For everything else see `biosignal.synthetic.recording`.

Source: the waves-as-Gaussians idea of McSharry et al. 2003 (doi:10.1109/TBME.2003.808805). Departures: no differential
equation; waves are placed in time directly, and ectopic beats have their own waves and timing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput


@dataclass(frozen=True, slots=True)
class Wave:
    """One Gaussian: centre relative to the R peak (s), height (mV), standard deviation (s)."""

    at_s: float
    height_mv: float
    width_s: float


_NORMAL = (
    Wave(-0.17, 0.12, 0.022),
    Wave(-0.028, -0.10, 0.008),
    Wave(0.0, 1.10, 0.011),
    Wave(0.030, -0.22, 0.010),
    Wave(0.27, 0.28, 0.045),
)
_SUPRAVENTRICULAR = (Wave(-0.13, -0.06, 0.020), *_NORMAL[1:])
_VENTRICULAR = (Wave(-0.01, 1.45, 0.036), Wave(0.075, -0.45, 0.040), Wave(0.30, -0.38, 0.060))
_FUSION = (
    *(Wave(wave.at_s, 0.5 * wave.height_mv, wave.width_s) for wave in _NORMAL),
    *(Wave(wave.at_s, 0.5 * wave.height_mv, wave.width_s) for wave in _VENTRICULAR),
)
WAVES: Mapping[str, tuple[Wave, ...]] = {"N": _NORMAL, "S": _SUPRAVENTRICULAR, "V": _VENTRICULAR, "F": _FUSION}
_PREMATURITY: Mapping[str, float] = {"N": 1.0, "S": 0.68, "V": 0.62, "F": 0.90}
_PAUSE: Mapping[str, float] = {"N": 1.0, "S": 1.08, "V": 1.38, "F": 1.05}


@dataclass(frozen=True, kw_only=True, slots=True)
class Patient:
    """What the synthetic patient is like; shares are of all beats, noise and wander in mV."""

    rate_bpm: float = 72.0
    variability: float = 0.03
    s_share: float = 0.06
    v_share: float = 0.06
    f_share: float = 0.02
    gain: float = 1.0
    noise_mv: float = 0.015
    wander_mv: float = 0.10


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticEcg:
    """`samples` float32 mV, shape (sample,); `beats` are the R peaks' sample indices, `labels` their classes."""

    fs_hz: float
    samples: NDArray[np.float32]
    beats: NDArray[np.int64]
    labels: tuple[str, ...]


def synthetic_ecg(*, seed: int, fs_hz: float, duration_s: float, patient: Patient | None = None) -> SyntheticEcg:
    """Make a recording; the same arguments give the same samples.

    Raises
    ------
    BadInput : a rate under 50 Hz, no duration, or shares that are no shares.
    """
    patient = patient or Patient()
    shares = (patient.s_share, patient.v_share, patient.f_share)
    if fs_hz < 50.0 or not 0.0 < duration_s < 90_000.0 or min(shares) < 0.0 or sum(shares) > 0.9:
        raise BadInput("a synthetic ECG cannot be made so", fs_hz=fs_hz, duration_s=duration_s, shares=shares)
    random = np.random.default_rng(seed)
    samples = np.zeros(int(duration_s * fs_hz))
    beats, labels = [], []
    for at_s, label in _schedule(patient, duration_s, random):
        _draw(samples, fs_hz, at_s, WAVES[label], random)
        if 0 <= (position := round(at_s * fs_hz)) < samples.size:
            beats.append(position)
            labels.append(label)
    seconds = np.arange(samples.size) / fs_hz
    wander = np.sin(2 * np.pi * (0.23 * seconds + random.uniform())) + 0.4 * np.sin(2 * np.pi * 0.07 * seconds)
    samples = patient.gain * samples + patient.wander_mv * wander
    samples += random.normal(0.0, patient.noise_mv, samples.size)
    return SyntheticEcg(fs_hz, samples.astype(np.float32), np.array(beats, np.int64), tuple(labels))


def _schedule(patient: Patient, duration_s: float, random: np.random.Generator) -> Iterator[tuple[float, str]]:
    """Yield when which beat comes; an ectopic beat follows a normal one."""
    at_s, pause, label = 0.5, 1.0, "N"
    while at_s < duration_s:
        yield at_s, label
        drawn = random.choice(("S", "V", "F", "N"), p=_chances(patient)) if label == "N" else "N"
        breath = 1.0 + patient.variability * np.sin(2 * np.pi * 0.25 * at_s)
        usual_s = 60.0 / patient.rate_bpm * breath * (1.0 + 0.3 * patient.variability * random.normal())
        pause, label = _PAUSE[label], str(drawn)
        at_s += usual_s * (pause if label == "N" else _PREMATURITY[label])


def _chances(patient: Patient) -> tuple[float, float, float, float]:
    ectopic = (patient.s_share, patient.v_share, patient.f_share)
    free = 1.0 - sum(ectopic)  # an ectopic beat can only follow a normal one
    s, v, f = (share / free for share in ectopic)
    return (s, v, f, 1.0 - s - v - f) if s + v + f < 1.0 else (s / (s + v + f), v / (s + v + f), f / (s + v + f), 0.0)


def _draw(
    samples: NDArray[np.float64], fs_hz: float, at_s: float, waves: tuple[Wave, ...], random: np.random.Generator
) -> None:
    first = max(int((at_s - 0.45) * fs_hz), 0)
    seconds = np.arange(first, min(int((at_s + 0.65) * fs_hz), samples.size)) / fs_hz - at_s
    size = 1.0 + 0.03 * random.normal()
    for wave in waves:
        samples[first : first + seconds.size] += (
            size * wave.height_mv * np.exp(-0.5 * ((seconds - wave.at_s) / wave.width_s) ** 2)
        )
