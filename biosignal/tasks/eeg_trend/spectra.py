"""The spectrum of each lead, of each side and between the sides, every ten seconds."""

from collections.abc import Iterator

import numpy as np

from biosignal.eeg.seconds import Piece
from biosignal.eeg.spectrum import BANDS, WHOLE_HZ, Welch
from biosignal.events import Series
from biosignal.signal.filters import Array
from biosignal.tasks.eeg_trend.derivations import Derivations, Truth, fit_rows
from biosignal.tasks.eeg_trend.kinds import (
    ALPHA_DELTA,
    ARRAY,
    ASYMMETRY,
    SEF90,
    SEF95,
    SPECTRUM,
    SYMMETRY_INDEX,
)
from biosignal.tasks.eeg_trend.minutes import Minutes
from biosignal.tasks.task import TaskFacts

STEP_S = 10
LEAST_WINDOWS = 2
"""Of the four windows of a step so many must be fit."""


class SpectrumMeter:
    """Collects the seconds of a step and measures it when it is over."""

    def __init__(self, facts: TaskFacts, derivations: Derivations) -> None:
        rows = derivations.recorded.rows
        self._welch = Welch(facts.fs_hz, seconds=STEP_S)
        self._montage, self._derivations = derivations.recorded, derivations
        self._places = [row.plus for row in rows]
        self._sides, self._mirrors = derivations.sides(), derivations.mirrors()
        self._second = round(facts.fs_hz)
        self._x = np.zeros((len(rows), STEP_S * self._second))
        self._fit = np.zeros((len(rows), STEP_S), np.bool_)
        self._number: int | None = None
        leads = [derivations.named(row) for row in rows]
        self._leads = Minutes(facts, "spectrum", leads=leads, columns=SPECTRUM, step_s=STEP_S)
        sides = [tuple(name for row in side for name in leads[row]) for side in self._sides]
        self._array = Minutes(facts, "array", leads=sides, columns=ARRAY, step_s=STEP_S)
        between = tuple(name for pair in self._mirrors for row in pair for name in leads[row])
        self._between = Minutes(
            facts,
            "symmetry",
            leads=[between] if between else [],
            columns=(ASYMMETRY, SYMMETRY_INDEX),
            step_s=STEP_S,
        )

    def push(self, piece: Piece, fit: Truth) -> None:
        """Take a second; `fit` is of each lead."""
        if piece.is_whole:
            place = piece.number % STEP_S
            self._number = piece.number
            x = piece.x[self._places]
            self._x[:, place * self._second : (place + 1) * self._second] = x
            self._fit[:, place] = fit_rows(self._montage, x, fit)

    def end_step(self) -> dict[str, float]:
        """Measure the step that is over; give what holds now of all leads together."""
        if self._number is None:
            return {}
        density = self._welch.density(self._x, self._fit, least=LEAST_WINDOWS)
        values = measured(self._welch, density)
        self._leads.put(self._number, values)
        self._array.put(self._number, self._lines(density))
        if self._mirrors:
            left, right = (density[[pair[side] for pair in self._mirrors]] for side in (0, 1))
            contrast = self._welch.asymmetry(left, right)
            index = self._welch.symmetry_index(left, right)
            self._between.put(self._number, np.array([[100.0 * mean_known(contrast), index]]))
        self._number = None
        self._fit[:] = False
        return {name: median_known(values[:, SPECTRUM.index(name)]) for name in (SEF95, ALPHA_DELTA)}

    def end_minute(self, seen_until: int, decided_at: int) -> Iterator[Series]:
        """Give the minute that is over."""
        for minutes in (self._leads, self._array, self._between):
            yield from minutes.close(seen_until, decided_at)

    def _lines(self, density: Array) -> Array:
        lines = self._welch.lines_db(density)
        of_sides = []
        for side in self._sides:
            known = [row for row in side if np.isfinite(lines[row]).all()]
            of_sides.append(lines[known].mean(axis=0) if known else np.full(lines.shape[1], np.nan))
        return np.stack(of_sides)


def measured(welch: Welch, density: Array) -> Array:
    """Measure spectra, shape (row, frequency): the columns `SPECTRUM` of each, shape (row, column)."""
    powers = {band: welch.power(density, *limits) for band, limits in BANDS.items()}
    whole = welch.power(density, *WHOLE_HZ)
    wider = whole + powers["gamma"]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = [100.0 * power / (wider if band == "gamma" else whole) for band, power in powers.items()]
        others = {
            SEF90: welch.edge(density, 0.90),
            SEF95: welch.edge(density, 0.95),
            ALPHA_DELTA: powers["alpha"] / powers["delta"],
        }
    return np.stack([*powers.values(), *shares, *others.values()], axis=1)


def mean_known(values: Array) -> float:
    """Average what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def median_known(values: Array) -> float:
    """Give the middle of what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
