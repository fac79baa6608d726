"""Beats as sums of Gaussian waves of the heart's dipole, and the leads that look at it.

Source: McSharry et al. 2003 (doi:10.1109/TBME.2003.808805): an ECG as Gaussians on the phase of the cycle, the T wave
moving with the square root of the RR interval; Sameni et al. 2007 (doi:10.1155/2007/43407): the same for the three
axes of the dipole; Dower et al. 1980 (doi:10.1016/S0022-0736(80)80015-3): from the dipole to the leads.
Departures: no differential equation is integrated: the waves are evaluated in closed form, P and QRS in seconds around
the R peak. Amplitudes were set by hand to textbook shapes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from biosignal.errors import BadInput
from biosignal.synthetic.draw import Array

Vector = tuple[float, float, float]
"""mV along x (to the patient's left), y (to the feet), z (to the back)."""
REACH = 5.0
"""A wave is drawn within this many standard deviations; what lies outside is under 4 nV."""
EDGE = 2.5
"""Standard deviations from the peak at which a wave counts as begun or ended: 4 % of its height."""


@dataclass(frozen=True, slots=True)
class Wave:
    """One Gaussian: `part` of the beat (P, QRS, ST, T, spike), centre relative to R (s), its width (s), dipole (mV)."""

    part: str
    at_s: float
    width_s: float
    vector: Vector


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What beats of one kind look like at 60 beats a minute; `symbol` is the WFDB code of such a beat."""

    symbol: str
    waves: tuple[Wave, ...]


def _p(at_s: float = -0.165, width_s: float = 0.021, vector: Vector = (0.06, 0.11, -0.02)) -> Wave:
    return Wave("P", at_s, width_s, vector)


def _qrs(at_s: float, width_s: float, *vector: float) -> Wave:
    return Wave("QRS", at_s, width_s, (vector[0], vector[1], vector[2]))


def _t(at_s: float, *vector: float, width_s: float = 0.05) -> tuple[Wave, Wave]:
    """Two Gaussians, for a T wave rises slower than it falls."""
    x, y, z = vector
    return (
        Wave("T", at_s - 0.035, width_s, (0.55 * x, 0.55 * y, 0.55 * z)),
        Wave("T", at_s + 0.012, 0.62 * width_s, (0.6 * x, 0.6 * y, 0.6 * z)),
    )


_P = _p()
_NARROW = (
    _qrs(-0.026, 0.0075, -0.12, -0.06, -0.16),
    _qrs(0.0, 0.011, 0.95, 0.90, 0.35),
    _qrs(0.027, 0.010, -0.12, -0.16, 0.50),
)
_T = _t(0.30, 0.25, 0.22, -0.13)
_LEFT = (
    _qrs(-0.032, 0.014, 0.25, 0.20, 0.30),
    _qrs(-0.004, 0.019, 0.70, 0.55, 0.75),
    _qrs(0.040, 0.019, 0.62, 0.42, 0.55),
)
_RIGHT = (*_NARROW[:2], _qrs(0.055, 0.021, -0.55, -0.05, -0.62))
_OUTFLOW = (
    _qrs(-0.032, 0.020, 0.20, 0.35, 0.35),
    _qrs(0.0, 0.027, 0.45, 1.15, 0.85),
    _qrs(0.052, 0.024, 0.15, 0.25, 0.45),
)
_APEX = (
    _qrs(-0.034, 0.020, -0.25, -0.25, -0.40),
    _qrs(0.0, 0.028, -0.60, -1.15, -0.95),
    _qrs(0.056, 0.026, 0.35, 0.45, -0.2),
)
_INFLOW = (
    _qrs(-0.030, 0.020, 0.45, -0.35, 0.2),
    _qrs(0.0, 0.026, 1.05, -0.95, 0.55),
    _qrs(0.05, 0.024, 0.30, -0.25, 0.30),
)


def _halved(wave: Wave) -> Wave:
    x, y, z = wave.vector
    return replace(wave, vector=(0.5 * x, 0.5 * y, 0.5 * z))


FORMS: Mapping[str, Form] = {
    "normal": Form(symbol="N", waves=(_P, *_NARROW, *_T)),
    "left-bundle": Form(symbol="L", waves=(_P, *_LEFT, *_t(0.32, -0.25, -0.18, -0.30))),
    "right-bundle": Form(symbol="R", waves=(_P, *_RIGHT, *_t(0.31, 0.22, 0.20, 0.05))),
    "atrial": Form(symbol="A", waves=(_p(-0.125, 0.019, (-0.05, -0.08, 0.01)), *_NARROW, *_T)),
    "junctional": Form(symbol="J", waves=(*_NARROW, *_T)),
    "junctional-escape": Form(symbol="j", waves=(*_NARROW, *_T)),
    "outflow": Form(symbol="V", waves=(*_OUTFLOW, *_t(0.33, -0.25, -0.40, -0.35, width_s=0.06))),
    "apex": Form(symbol="V", waves=(*_APEX, *_t(0.33, 0.25, 0.38, 0.35, width_s=0.06))),
    "inflow": Form(symbol="V", waves=(*_INFLOW, *_t(0.33, -0.40, 0.35, -0.25, width_s=0.06))),
    "ventricular-escape": Form(symbol="E", waves=(*_APEX, *_t(0.36, 0.25, 0.38, 0.35, width_s=0.06))),
    "fusion": Form(
        symbol="F",
        waves=(
            _P,
            *(_halved(wave) for wave in (*_NARROW, *_OUTFLOW)),
            *_t(0.31, 0.03, -0.08, -0.22),
        ),
    ),
    "paced": Form(symbol="/", waves=(*_INFLOW, *_t(0.34, -0.35, 0.40, -0.30, width_s=0.06))),
    # What IEC 60601-2-27 and EC13 feed: 1 mV and 100 ms wide; with `t_scale` 1 a T of 1 mV, 180 ms wide, QT 350 ms.
    "test": Form(
        symbol="N",
        waves=(_qrs(0.0, 0.020, 0.0, 1 / 1.066, 0.0), Wave("T", 0.21, 0.036, (0.0, 1 / 1.066, 0.0))),
    ),
}

_DOWER: Mapping[str, Vector] = {
    "I": (0.632, -0.235, 0.059),
    "II": (0.235, 1.066, -0.132),
    "V1": (-0.515, 0.157, -0.917),
    "V2": (0.044, 0.164, -1.387),
    "V3": (0.882, 0.098, -1.277),
    "V4": (1.213, 0.127, -0.601),
    "V5": (1.125, 0.127, -0.086),
    "V6": (0.831, 0.076, 0.230),
}
LIMB: Mapping[str, tuple[float, float]] = {
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
"""The other limb leads, out of I and II."""
TWELVE = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
ELECTRODES: Mapping[str, Mapping[str, float]] = {
    "I": {"LA": 1.0, "RA": -1.0},
    "II": {"LL": 1.0, "RA": -1.0},
    "III": {"LL": 1.0, "LA": -1.0},
    "aVR": {"RA": 1.0, "LA": -0.5, "LL": -0.5},
    "aVL": {"LA": 1.0, "RA": -0.5, "LL": -0.5},
    "aVF": {"LL": 1.0, "RA": -0.5, "LA": -0.5},
    **{f"V{n}": {f"V{n}": 1.0, "RA": -1 / 3, "LA": -1 / 3, "LL": -1 / 3} for n in range(1, 7)},
}
"""What each lead is the difference of: noise and lead-off are an electrode's, not a lead's."""


def lead_vector(lead: str) -> Vector:
    """How a lead sees the dipole.

    Raises
    ------
    BadInput : no such lead.
    """
    if lead in _DOWER:
        return _DOWER[lead]
    if lead not in LIMB:
        raise BadInput("no such ECG lead", lead=lead, remedy=f"name some of {', '.join(TWELVE)}")
    one, two = LIMB[lead]
    first, second = _DOWER["I"], _DOWER["II"]
    return (one * first[0] + two * second[0], one * first[1] + two * second[1], one * first[2] + two * second[2])


def st_waves(level_mv: float, until_s: float) -> tuple[Wave, ...]:
    """A shift of the ST segment that is `level_mv` in lead II: a plateau from behind the QRS to `until_s`."""
    step_s, width_s = 0.034, 0.030
    count = max(2, round((until_s - 0.075) / step_s) + 1)
    height = level_mv * step_s / (width_s * math.sqrt(2 * math.pi)) / _DOWER["II"][1]
    return tuple(Wave("ST", 0.075 + index * step_s, width_s, (0.0, height, 0.0)) for index in range(count))


def turned(vector: Vector, angle_rad: float) -> Vector:
    """Turn a dipole in the frontal plane."""
    x, y, z = vector
    cosine, sine = math.cos(angle_rad), math.sin(angle_rad)
    return (cosine * x - sine * y, sine * x + cosine * y, cosine * z)


def draw_wave(into: Array, wave: Wave, *, at_s: float, size: float, start: int, fs_hz: float) -> None:
    """Add a wave to the dipole `into`, shape (3, sample), whose first sample is `start`."""
    centre_s = at_s + wave.at_s
    first = max(math.ceil((centre_s - REACH * wave.width_s) * fs_hz), start)
    last = min(math.floor((centre_s + REACH * wave.width_s) * fs_hz), start + into.shape[1] - 1)
    if last < first:
        return
    seconds = np.arange(first, last + 1) / fs_hz - centre_s
    height = size * np.exp(-0.5 * (seconds / wave.width_s) ** 2)
    for axis in range(3):
        if wave.vector[axis]:
            into[axis, first - start : last + 1 - start] += wave.vector[axis] * height


def seen(waves: tuple[Wave, ...], lead: str, seconds: Array) -> Array:
    """What a lead shows of waves at `seconds` from R, mV."""
    towards = lead_vector(lead)
    shown = np.zeros_like(seconds)
    for wave in waves:
        height = sum(a * b for a, b in zip(wave.vector, towards, strict=True))
        shown += height * np.exp(-0.5 * ((seconds - wave.at_s) / wave.width_s) ** 2)
    return shown
