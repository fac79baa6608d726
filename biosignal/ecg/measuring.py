"""Measurements of ten seconds of an ECG: how tall and how large the waves of a beat are in each lead, and how long.

Amplitudes are against the last 20 ms before the QRS complex. Each is the median over the beats, so one premature beat
moves nothing. What cannot be measured is NaN: a lead that is missing, a wave that nobody saw.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.leads import LIMB, TWELVE
from biosignal.signal.filters import Array

BASE_S = 0.02
"""The mean of so long before a QRS complex is the level that amplitudes are measured from."""
ST_S = 0.06
"""ST is measured so long behind the end of the QRS complex."""
INITIAL_S = 0.04
"""How long the first part of a QRS complex is."""
FEWEST = 2
"""Fewer beats measure nothing."""
OF_QRS = ("r", "s", "q", "qrs_area", "initial", "terminal", "r_at")
OF_LEAD = (*OF_QRS, "j", "st", "t_high", "t_low", "t_area", "p_high", "p_low")
"""What is measured in each lead: mV, but `qrs_area` and `t_area` in mV s, and `r_at`, where R is, in s."""
OF_ALL = (
    "rr",
    "rr_spread",
    "rr_change",
    "qrs_long",
    "qrs_spread",
    "p_share",
    "p_duration",
    "pr",
    "qt",
    "qtc",
    "qrs_axis_x",
    "qrs_axis_y",
    "t_axis_x",
    "t_axis_y",
    "axes_apart",
    "sokolow",
    "cornell",
    "cornell_product",
    "swing_sum",
    "swing_limb",
    "degraded",
)
"""What is measured once: times in s, amplitudes in mV, shares and directions as numbers."""
NAMES = (*OF_ALL, *(f"{lead}.{what}" for lead in TWELVE for what in OF_LEAD))


@dataclass(frozen=True, kw_only=True, slots=True)
class Beat:
    """Bounds of the waves of a beat, in seconds of the window; None where none was seen. `is_degraded`: in noise."""

    qrs: tuple[float, float]
    p: tuple[float, float] | None = None
    t: tuple[float, float] | None = None
    is_degraded: bool = False


def measured(leads: Mapping[str, Array], fs_hz: float, beats: Sequence[Beat]) -> NDArray[np.float64]:
    """Measure a window.

    Parameters
    ----------
    leads : by their standard names, in mV, finite, of one length.
    beats : those that lie in the window, in order.

    Returns
    -------
    Numbers in the order of `NAMES`, NaN where not measured.
    """
    found = np.full(len(NAMES), np.nan)
    names = [name for name in TWELVE if name in leads]
    if len(beats) < FEWEST or not names:
        return found
    x = np.stack([np.asarray(leads[name], np.float64) for name in names])
    each = [one for beat in beats if (one := _of_beat(x, fs_hz, beat)) is not None]
    if len(each) < FEWEST:
        return found
    by_lead = dict(zip(names, _medians(np.stack(each)), strict=True))
    for name, row in by_lead.items():
        at = len(OF_ALL) + TWELVE.index(name) * len(OF_LEAD)
        found[at : at + len(OF_LEAD)] = row
    whole = _times(beats) | _of_leads({name: dict(zip(OF_LEAD, row, strict=True)) for name, row in by_lead.items()})
    whole["cornell_product"] = whole.get("cornell", np.nan) * whole["qrs_long"]
    found[: len(OF_ALL)] = [whole.get(name, np.nan) for name in OF_ALL]
    return found


def _medians(values: Array) -> Array:
    """Medians over the first axis of what is known there; NaN where nothing is."""
    is_known = np.isfinite(values).any(axis=0)
    return np.where(is_known, np.nanmedian(np.where(is_known, values, 0.0), axis=0), np.nan)


def _of_beat(x: Array, fs_hz: float, beat: Beat) -> Array | None:
    """Measure a beat in each lead, shape (lead, `OF_LEAD`); None where it is cut off by the window."""
    on, off = (round(at * fs_hz) for at in beat.qrs)
    before, st = max(1, round(BASE_S * fs_hz)), round(ST_S * fs_hz)
    if on - before < 0 or off <= on + 1 or off + st + 1 > x.shape[1]:
        return None
    flat = x - x[:, on - before : on].mean(axis=1, keepdims=True)
    found = [
        *_complex(flat[:, on:off], fs_hz),
        flat[:, off],
        flat[:, off + st - 1 : off + st + 2].mean(axis=1),
        *_wave(flat, beat.t, fs_hz),
        *_wave(flat, beat.p, fs_hz)[:2],
    ]
    return np.stack(found, axis=1)


def _complex(qrs: Array, fs_hz: float) -> list[Array]:
    """Measure a QRS complex in each lead: what `OF_QRS` names, each shape (lead,)."""
    at_r, third = qrs.argmax(axis=1), max(1, qrs.shape[1] // 3)
    early = np.arange(qrs.shape[1])[np.newaxis] <= at_r[:, np.newaxis]
    return [
        np.maximum(qrs.max(axis=1), 0.0),
        np.minimum(qrs.min(axis=1), 0.0),
        np.minimum(np.where(early, qrs, 0.0).min(axis=1), 0.0),
        qrs.sum(axis=1) / fs_hz,
        qrs[:, : max(1, round(INITIAL_S * fs_hz))].mean(axis=1),
        qrs[:, -third:].mean(axis=1),
        at_r / fs_hz,
    ]


def _wave(x: Array, bounds: tuple[float, float] | None, fs_hz: float) -> list[Array]:
    """The highest, the lowest and the sum of a wave, each shape (lead,); NaN where there is none."""
    nothing = np.full(len(x), np.nan)
    if bounds is None:
        return [nothing] * 3
    on, off = (round(at * fs_hz) for at in bounds)
    part = x[:, max(on, 0) : off]
    if part.shape[1] < 2:
        return [nothing] * 3
    return [part.max(axis=1), part.min(axis=1), part.sum(axis=1) / fs_hz]


def _times(beats: Sequence[Beat]) -> dict[str, float]:
    qrs = np.array([one.qrs for one in beats])
    rr, long = np.diff(qrs[:, 0]), qrs[:, 1] - qrs[:, 0]
    mean_rr = float(np.median(rr))
    per_rr = mean_rr if mean_rr > 0 else math.nan  # two beats at one place have no interval between them
    p = [(one.p[1] - one.p[0], one.qrs[0] - one.p[0]) for one in beats if one.p is not None]
    qt = [one.t[1] - one.qrs[0] for one in beats if one.t is not None]
    found = {
        "rr": mean_rr,
        "rr_spread": float(rr.std()) / per_rr,
        "rr_change": float(np.abs(np.diff(rr)).mean()) / per_rr if len(rr) > 1 else np.nan,
        "qrs_long": float(np.median(long)),
        "qrs_spread": float(np.ptp(long)),
        "p_share": len(p) / len(beats),
        "degraded": sum(one.is_degraded for one in beats) / len(beats),
    }
    if p:
        found |= {"p_duration": float(np.median([one for one, _ in p])), "pr": float(np.median([one for _, one in p]))}
    if qt:
        found |= {"qt": float(np.median(qt)), "qtc": float(np.median(qt)) / per_rr ** (1 / 3)}
    return found


def _of_leads(by_lead: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """What is measured of several leads together, as far as they are there."""
    swing = {name: one["r"] - one["s"] for name, one in by_lead.items()}
    found: dict[str, float] = {}
    if {"I", "aVF"} <= set(by_lead):
        first, second = by_lead["I"], by_lead["aVF"]
        qrs, t = (np.array([first[area], second[area]]) for area in ("qrs_area", "t_area"))
        qrs, t = qrs / (np.hypot(*qrs) + 1e-6), t / (np.hypot(*t) + 1e-6)
        found |= dict(zip(("qrs_axis_x", "qrs_axis_y", "t_axis_x", "t_axis_y"), (*qrs, *t), strict=True))
        found["axes_apart"] = float(qrs @ t)
        found["swing_limb"] = max(one for name, one in swing.items() if name in LIMB)
    if {"V1", "V5", "V6"} <= set(by_lead):
        found["sokolow"] = max(by_lead["V5"]["r"], by_lead["V6"]["r"]) - by_lead["V1"]["s"]
    if {"aVL", "V3"} <= set(by_lead):
        found["cornell"] = by_lead["aVL"]["r"] - by_lead["V3"]["s"]
    if len(swing) == len(TWELVE):
        found["swing_sum"] = sum(swing.values())
    return found
