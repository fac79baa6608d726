"""Which derivation of a recording is staged."""

from collections.abc import Sequence

import numpy as np

from biosignal.eeg.electrodes import derivation_of
from biosignal.eeg.montage import Made, Montage, montage
from biosignal.signal.blocks import MILLIVOLT_PER, Lead, Samples, Unit
from biosignal.signal.filters import Array

FRONTAL = (
    "Fpz-Cz", "Fp1-Cz", "Fp2-Cz", "Fp1-C3", "Fp2-C4", "Fp1-C4", "Fp2-C3",
    "F4-M1", "F3-M2", "F4-A1", "F3-A2", "AF3-Cz", "AF4-Cz", "Fz-Cz", "F3-C3", "F4-C4",
)  # fmt: skip
"""Fpz-Cz is what the network learned. Those behind it see much the same slow waves, vertex waves and eye movements:
first from the forehead to the middle of the head, then the frontal derivations of the AASM manual, then shorter ones,
whose amplitude is smaller and is judged apart."""
POSTERIOR = ("Pz-Oz",)
"""What the network learned less of: the alpha of the back of the head, fewer slow waves."""
BACK_OF_HEAD = ("P", "O", "I")


class Chosen:
    """One derivation out of the leads of a recording.

    `leads` are the names of those it is made of; `is_posterior` whether it lies at the back of the head; `has_scale`
    whether its microvolts are known.
    """

    def __init__(self, leads: Sequence[Lead]) -> None:
        names = [lead.name for lead in leads]
        found = montage(names, (*FRONTAL, *POSTERIOR)).rows
        row = found[0] if found else Made(names[0], 0)
        self._row = row
        rows = [row.plus] if row.minus is None else [row.plus, row.minus]
        self._scale = np.array([[MILLIVOLT_PER[leads[at].unit] * 1000.0] for at in rows])
        self._rows = rows
        made = Made(row.name, 0, None if row.minus is None else 1, row.sign)
        self._montage = Montage((made,))
        self.leads = tuple(names[at] for at in rows)
        self.name = row.name
        named = derivation_of(row.name)
        self.is_posterior = named is not None and named.anode.startswith(BACK_OF_HEAD)
        self.has_scale = all(leads[at].unit is not Unit.RAW for at in rows)

    def derive(self, samples: Samples) -> Array:
        """Make it of the samples of all leads, shape (lead, sample): microvolts, shape (sample,), NaN if invalid."""
        scaled = samples[self._rows].astype(np.float64) * self._scale
        made: Array = self._montage.derive(scaled)[0]
        return made
