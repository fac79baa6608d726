"""Which derivations are measured: the leads as they come for spectra, bipolar pairs for amplitude and suppression."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.electrodes import derivation_of, mirrored, side_of
from biosignal.eeg.montage import Made, Montage, as_recorded, bipolar, montage
from biosignal.signal.filters import Array

FLAT_UV = 2.0
"""What swings by less in a second is no scalp, whatever is measured there: a reference against itself, a short."""
MOST = 24
"""More derivations than this cost more than they show: then those of the 10-20 system are measured."""
TEN_TWENTY = (
    "Fp1", "Fpz", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8",
    "P7", "P3", "Pz", "P4", "P8", "O1", "Oz", "O2",
)  # fmt: skip

Truth = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Derivations:
    """What is measured of the leads named.

    Parameters
    ----------
    recorded : rows of which the spectrum is taken: leads as they were recorded.
    pairs : rows of which amplitude and suppression are measured.
    """

    leads: tuple[str, ...]
    recorded: Montage
    pairs: Montage

    def named(self, row: Made) -> tuple[str, ...]:
        """Give the leads behind a row, the one that is taken off last."""
        return tuple(self.leads[one] for one in (row.plus, row.minus) if one is not None)

    def sides(self) -> tuple[tuple[int, ...], ...]:
        """Give the rows of `recorded` on the left and on the right; where none has a side, all of them."""
        found = [derivation_of(row.name) for row in self.recorded.rows]
        of_each = [0 if one is None else side_of(one) for one in found]
        sides = [tuple(row for row, side in enumerate(of_each) if side == wanted) for wanted in (-1, 1)]
        return tuple(side for side in sides if side) or (tuple(range(len(of_each))),)

    def mirrors(self) -> tuple[tuple[int, int], ...]:
        """Give the rows of `recorded` that lie at the same place of both sides: left, right."""
        known: dict[str, int] = {}
        for row, made in enumerate(self.recorded.rows):
            found = derivation_of(made.name)
            if found is not None:
                known.setdefault(mirrored(mirrored(found)).name, row)
        pairs = []
        for row, made in enumerate(self.recorded.rows):
            found = derivation_of(made.name)
            if found is not None and side_of(found) < 0 and (other := known.get(mirrored(found).name)) is not None:
                pairs.append((row, other))
        return tuple(pairs)


def derivations_of(leads: Sequence[str]) -> Derivations:
    """Choose the derivations of a recording's EEG leads."""
    recorded = as_recorded(leads)
    if len(recorded.rows) > MOST:
        usual = montage(leads, TEN_TWENTY)
        recorded = usual if len(usual.rows) else Montage(recorded.rows[:MOST])
    return Derivations(tuple(leads), recorded, Montage(bipolar(leads).rows[:MOST]))


def fit_rows(made: Montage, x: Array, fit: Truth) -> Truth:
    """Say of each row whether all its leads are fit and it is not flat.

    Parameters
    ----------
    x : the rows over a second, shape (row, sample), uV.
    fit : shape (lead,).
    """
    plus = fit[[row.plus for row in made.rows]]
    minus = fit[[row.plus if row.minus is None else row.minus for row in made.rows]]
    return np.asarray(plus & minus & (np.ptp(x, axis=1) >= FLAT_UV))
