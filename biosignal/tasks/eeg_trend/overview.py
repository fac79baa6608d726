"""What a report says of the trends of a whole recording: the lowest, mean and highest of all derivations over time."""

from collections.abc import Mapping, Sequence

import numpy as np

from biosignal.events import Series
from biosignal.signal.filters import Array
from biosignal.tasks.eeg_trend.kinds import AEEG_LOWER, AEEG_UPPER, ALPHA_DELTA, BSR, BURST, QUANTITIES, SEF95
from biosignal.tasks.overview import Figure, Heard, Scale, Section, Trend

MEASURED = (SEF95, ALPHA_DELTA, AEEG_LOWER, AEEG_UPPER, BSR)
DRAWN = (SEF95, ALPHA_DELTA, BSR)
MARGIN_S = 15.0
"""A margin is given each 15 s."""
NOTE = (
    "Each curve is the mean of all derivations, between the lowest and the highest. Spectra are of the leads as "
    "recorded, amplitude and suppression of pairs of neighbours where there are four or more. What quality forbids is "
    "left out."
)


def overview(heard: Heard) -> tuple[Section, ...]:
    """Make the section of the trends; none where nothing was measured."""
    values = {name: _values(heard.series, name) for name in MEASURED}
    if not any(np.isfinite(value).any() for _, value in values.values()):
        return ()
    (first, last), *_ = heard.rows()
    step_s = (last - first) / heard.fs_hz
    return (
        Section(
            name="eeg-trends",
            title="Trends of the EEG",
            figures=(*(_figure(name, value) for name, (_, value) in values.items()), _bursts(heard)),
            trends=(*(_trend(name, *values[name], step_s, heard.length_s) for name in DRAWN), _margins(heard, values)),
            notes=(NOTE,),
        ),
    )


def _values(series: Sequence[Series], name: str) -> tuple[Array, Array]:
    """Give all values of a quantity, of whatever derivation, and the seconds at which their steps begin."""
    found = [
        ((one.start + number * one.step) / one.fs_hz, np.nan if value is None else value)
        for one in series
        for column in one.columns
        if column.quantity == name
        for number, value in enumerate(column.values)
    ]
    at_s, values = np.array(found, np.float64).reshape(-1, 2).T
    return at_s, values


def _figure(name: str, values: Array) -> Figure:
    quantity, known = QUANTITIES[name], values[np.isfinite(values)]
    return Figure(
        name=name,
        label=f"{quantity.label}, median",
        value=float(np.median(known)) if len(known) else None,
        unit=quantity.unit,
        decimals=quantity.decimals,
        why="" if len(known) else "too little could be assessed",
    )


def _bursts(heard: Heard) -> Figure:
    count = float(len(heard.marks[BURST.name].starts))
    return Figure(name="bursts", label="bursts of the whole head", value=count, unit="")


def _margins(heard: Heard, values: Mapping[str, tuple[Array, Array]]) -> Trend:
    """Put the two margins together, each the mean of all derivations."""
    lower, upper = (
        _trend(name, *values[name], step_s=MARGIN_S, length_s=heard.length_s).mean for name in (AEEG_LOWER, AEEG_UPPER)
    )
    return Trend(
        name="aeeg",
        title="amplitude-integrated EEG",
        unit=QUANTITIES[AEEG_LOWER].unit,
        step_s=MARGIN_S,
        low=lower,
        mean=(None,) * len(lower),
        high=upper,
        about="lower to upper margin",
        scale=Scale.AMPLITUDE,
    )


def _trend(name: str, at_s: Array, values: Array, step_s: float, length_s: float) -> Trend:
    quantity = QUANTITIES[name]
    low: list[float | None] = []
    mean: list[float | None] = []
    high: list[float | None] = []
    rows = np.floor(at_s / step_s)
    for row in range(max(1, int(np.ceil(length_s / step_s)))):
        inside = values[rows == row]
        known = inside[np.isfinite(inside)]
        low.append(float(known.min()) if len(known) else None)
        mean.append(float(known.mean()) if len(known) else None)
        high.append(float(known.max()) if len(known) else None)
    return Trend(
        name=name,
        title=quantity.label,
        unit=quantity.unit,
        step_s=step_s,
        low=tuple(low),
        mean=tuple(mean),
        high=tuple(high),
    )
