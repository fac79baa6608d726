"""Samples of an ECG that are not there, filled for the eye alone: nothing that measures, states or alarms may see them.

A limb lead follows from two others. Any lead follows nearly from a few samples of the others around the missing one, by
least squares on the seconds in which all are known. Where no other lead shows the time, it goes on for a short while as
an autoregressive process from both sides. A lead of which nothing is known follows from the others by how leads hang
together in the records of PTB-XL that train (`TOGETHER`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.leads import INDEPENDENT, derived
from biosignal.signal.blocks import Samples

Floats = NDArray[np.float64]
LAGS_S = (-0.02, -0.01, 0.0, 0.01, 0.02)
FEWEST_KNOWN_S = 2.0
"""A lead of which less is known is taken for lost."""
FEWEST_LEADS = 3
"""From fewer of the eight leads a lost one is not guessed."""
RIDGE = 1e-3
JOIN_S = 0.1
"""At its edges what is filled meets what is known, and forgets it within this time."""
ORDER_S, MOST_ALONE_S = 0.8, 0.5
"""How far an autoregressive process looks back, and the longest gap that it is trusted with."""
TOGETHER = np.array(
    (
        (38.7, 13.2, -18.7, -8.4, 6.2, 20.6, 26.5, 22.3),
        (13.2, 26.7, -14.0, -6.5, 12.4, 27.1, 28.7, 23.3),
        (-18.7, -14.0, 50.5, 49.4, 26.9, -4.9, -23.3, -24.1),
        (-8.4, -6.5, 49.4, 114.7, 76.2, 28.7, -6.9, -16.8),
        (6.2, 12.4, 26.9, 76.2, 106.9, 62.8, 25.5, 8.0),
        (20.6, 27.1, -4.9, 28.7, 62.8, 85.7, 55.9, 35.3),
        (26.5, 28.7, -23.3, -6.9, 25.5, 55.9, 75.5, 49.0),
        (22.3, 23.3, -24.1, -16.8, 8.0, 35.3, 49.0, 55.9),
    )
)
"""Mean products of the eight leads about their medians, in 1e-3 mV^2: 2,331 records of PTB-XL, folds 1 to 8."""


class How(str, Enum):
    """By what samples were filled."""

    LIMBS = "the other limb leads"
    LEADS = "the other leads"
    USUAL = "what is usual of the other leads"
    ITSELF = "the lead itself"


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """A stretch [start, end) of a lead, in samples, that was filled."""

    lead: str
    start: int
    end: int
    how: How


def completed(known: Mapping[str, Samples], fs_hz: float) -> tuple[dict[str, Floats], tuple[Filled, ...]]:
    """Fill what is missing of some seconds of standard leads, all of one length, in mV, NaN where invalid.

    Returns
    -------
    The leads, those that were given and at most one that was lost, and what of them was filled. What cannot be filled
    stays NaN.
    """
    leads = {name: np.asarray(x, np.float64).copy() for name, x in known.items()}
    whole = {name: x for name, x in leads.items() if np.isfinite(x).all()}
    found: list[Filled] = []
    for name, x in leads.items():
        others = derived({key: one for key, one in whole.items() if key != name})
        found += _fill(name, x, others, fs_hz)
    lost = [name for name in INDEPENDENT if name not in derived(leads) or not np.isfinite(derived(leads)[name]).any()]
    base = _independent(derived(whole))
    if len(lost) == 1 and len(base) >= FEWEST_LEADS:
        leads[lost[0]] = usual(lost[0], base)
        found = [one for one in found if one.lead != lost[0]]
        found.append(Filled(lead=lost[0], start=0, end=len(leads[lost[0]]), how=How.USUAL))
    return leads, tuple(found)


def _independent(leads: Mapping[str, Floats]) -> dict[str, Floats]:
    return {name: leads[name] for name in INDEPENDENT if name in leads}


def _fill(name: str, x: Floats, others: Mapping[str, Floats], fs_hz: float) -> Iterator[Filled]:
    is_missing = ~np.isfinite(x)
    if not is_missing.any() or (~is_missing).sum() < FEWEST_KNOWN_S * fs_hz:
        return
    gaps = list(_runs(is_missing))
    if name in others:
        x[is_missing], how = others[name][is_missing], How.LIMBS
    elif base := _independent(others):
        x[is_missing], how = by_others(x, list(base.values()), fs_hz)[is_missing], How.LEADS
    else:
        gaps = [(start, end) for start, end in gaps if end - start <= MOST_ALONE_S * fs_hz]
        fill, how = by_itself(x, fs_hz), How.ITSELF
        for start, end in gaps:
            x[start:end] = fill[start:end]
    yield from (Filled(lead=name, start=start, end=end, how=how) for start, end in gaps if np.isfinite(x[start]))


def _runs(is_missing: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.r_[0, is_missing.astype(np.int8), 0]))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def by_interpolation(x: Floats) -> Floats:
    """Draw a straight line over what is missing: what the others are compared with."""
    at, is_known = np.arange(len(x)), np.isfinite(x)
    return np.asarray(np.where(is_known, x, np.interp(at, at[is_known], x[is_known])), np.float64)


def by_others(x: Floats, others: list[Floats], fs_hz: float) -> Floats:
    """Give a lead by the others around each sample, shape (sample,); it meets what is known at the edges of a gap."""
    is_known = np.isfinite(x)
    seen = np.stack([np.ones(len(x)), *(_moved(one, round(lag * fs_hz)) for one in others for lag in LAGS_S)], axis=1)
    known, target = seen[is_known], x[is_known]
    squares = known.T @ known
    pull = np.full(len(squares), RIDGE * np.trace(squares[1:, 1:]) / (len(squares) - 1) + 1e-12)
    pull[0] = 0.0
    fitted = np.asarray(seen @ np.linalg.solve(squares + np.diag(pull), known.T @ target), np.float64)
    return fitted + _joins(np.where(is_known, x - fitted, np.nan), fs_hz)


def _moved(x: Floats, by: int) -> Floats:
    return x[np.clip(np.arange(len(x)) + by, 0, len(x) - 1)]


def _joins(rest: Floats, fs_hz: float) -> Floats:
    """Give what the edges of each gap are off by, less and less into it."""
    added = np.zeros(len(rest))
    for start, end in _runs(~np.isfinite(rest)):
        into = np.arange(end - start)
        for at, steps in ((start - 1, into + 1), (end, end - start - into)):
            if 0 <= at < len(rest):
                added[start:end] += rest[at] * np.exp(-steps / (JOIN_S * fs_hz))
    return added


def by_itself(x: Floats, fs_hz: float) -> Floats:
    """Give a lead as it goes on from both sides of each gap, shape (sample,); straight on where too little is known."""
    order, middle = max(2, round(ORDER_S * fs_hz)), float(np.nanmedian(x))
    whole, gaps = by_interpolation(x) - middle, list(_runs(~np.isfinite(x)))
    weights = _going_on(x - middle, order)
    if weights is None:
        return whole + middle
    for start, end in gaps:
        before = _onward(whole, start, end, weights)
        behind = _onward(whole[::-1], len(x) - end, len(x) - start, weights)
        if before is not None and behind is not None:
            share = (np.arange(end - start) + 1.0) / (end - start + 1.0)
            whole[start:end] = before * (1.0 - share) + behind[::-1] * share
    return whole + middle


def _going_on(x: Floats, order: int) -> Floats | None:
    """Fit each sample to the ones before it, and to the ones behind; None where too few stretches are whole."""
    if len(x) <= order:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(x, order + 1)
    windows = windows[np.isfinite(windows).all(axis=1)]
    if len(windows) < order:
        return None
    before = np.concatenate([windows[:, :-1][:, ::-1], windows[:, 1:]])
    target = np.concatenate([windows[:, -1], windows[:, 0]])
    squares = before.T @ before
    pull = RIDGE * np.trace(squares) / order + 1e-12
    return np.asarray(np.linalg.solve(squares + pull * np.eye(order), before.T @ target), np.float64)


def _onward(x: Floats, start: int, end: int, weights: Floats) -> Floats | None:
    order = len(weights)
    if start < order:
        return None
    held = np.concatenate([x[start - order : start], np.zeros(end - start)])
    limit = float(np.abs(x).max())
    for at in range(order, len(held)):
        held[at] = np.clip(held[at - order : at][::-1] @ weights, -limit, limit)
    return held[order:]


def usual(name: str, others: Mapping[str, Floats]) -> Floats:
    """Give a lost lead of the eight as it usually follows from the others that are there, about their medians."""
    rows = [INDEPENDENT.index(one) for one in others]
    weights = np.linalg.solve(TOGETHER[np.ix_(rows, rows)], TOGETHER[rows, INDEPENDENT.index(name)])
    return np.asarray(sum(w * (x - np.median(x)) for w, x in zip(weights, others.values(), strict=True)), np.float64)
