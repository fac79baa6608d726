"""Montages: which derivations can be made of the leads a recording has, and making them sample by sample.

The pairs of the longitudinal and transverse bipolar montages follow the guideline of the American Clinical
Neurophysiology Society (Acharya 2016, doi:10.1097/WNP.0000000000000317).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.electrodes import Derivation, derivation_of

LONGITUDINAL = (
    "Fp1-F7", "F7-T7", "T7-P7", "P7-O1", "Fp1-F3", "F3-C3", "C3-P3", "P3-O1", "Fz-Cz", "Cz-Pz",
    "Fp2-F4", "F4-C4", "C4-P4", "P4-O2", "Fp2-F8", "F8-T8", "T8-P8", "P8-O2",
)  # fmt: skip
TRANSVERSE = (
    "F7-Fp1", "Fp1-Fp2", "Fp2-F8", "F7-F3", "F3-Fz", "Fz-F4", "F4-F8", "T7-C3", "C3-Cz", "Cz-C4", "C4-T8",
    "P7-P3", "P3-Pz", "Pz-P4", "P4-P8", "P7-O1", "O1-O2", "O2-P8",
)  # fmt: skip
FEWEST_PAIRS = 4
"""A board with fewer pairs is read as it comes: against its own reference."""


@dataclass(frozen=True, slots=True)
class Made:
    """One row of a montage: ``sign * (lead[plus] - lead[minus])``; `minus` is None where the lead is taken as it is.

    `plus` and `minus` are rows of the recording's leads.
    """

    name: str
    plus: int
    minus: int | None = None
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Montage:
    """Derivations made of a recording's leads, in the order of `rows`."""

    rows: tuple[Made, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the derivations."""
        return tuple(row.name for row in self.rows)

    def derive(self, samples: NDArray[np.floating]) -> NDArray[np.float64]:
        """Make the derivations: shape (lead, sample) to (derivation, sample), NaN where a lead of the pair has NaN."""
        given = samples.astype(np.float64, copy=False)
        made = given[[row.plus for row in self.rows]]
        pairs = [number for number, row in enumerate(self.rows) if row.minus is not None]
        if pairs:
            made[pairs] -= given[[row.minus for row in self.rows if row.minus is not None]]
        turned = [number for number, row in enumerate(self.rows) if row.sign < 0]
        if turned:
            made[turned] *= -1.0
        return made


def montage(leads: Sequence[str], wanted: Iterable[str]) -> Montage:
    """Make the derivations named that these leads can give; those they cannot are left out.

    Parameters
    ----------
    leads : names of EEG leads, as the recording has them.
    wanted : derivations by 10-20 or 10-10 names, ``Fp1-F7`` or ``Cz`` (against the recording's reference).
    """
    known = [derivation_of(lead) for lead in leads]
    rows = []
    for name in wanted:
        asked = derivation_of(name)
        made = None if asked is None else _made(name, asked, known)
        if made is not None:
            rows.append(made)
    return Montage(tuple(rows))


def as_recorded(leads: Sequence[str]) -> Montage:
    """Take every lead as it comes, leaving out what repeats another or turns it over."""
    rows: list[Made] = []
    seen: set[tuple[str, str | None]] = set()
    for number, lead in enumerate(leads):
        found = derivation_of(lead)
        if found is not None:
            if (found.anode, found.cathode) in seen or (found.cathode, found.anode) in seen:
                continue
            seen.add((found.anode, found.cathode))
        rows.append(Made(lead if found is None else found.name, number))
    return Montage(tuple(rows))


def bipolar(leads: Sequence[str]) -> Montage:
    """Pairs that see one place each: those recorded so, else the longitudinal ones, else the leads themselves."""
    known = [derivation_of(lead) for lead in leads]
    recorded = [one for one in known if one is not None and not one.is_referential]
    if len(recorded) * 2 > len(leads):
        return as_recorded(leads)
    pairs = montage(leads, LONGITUDINAL)
    return pairs if len(pairs.rows) >= FEWEST_PAIRS else as_recorded(leads)


def _made(name: str, asked: Derivation, known: Sequence[Derivation | None]) -> Made | None:
    """Find the leads of a derivation: the lead itself, it turned over, or two against one reference."""
    if asked.cathode is None:
        against = [row for row, lead in enumerate(known) if lead and lead.is_referential and lead.anode == asked.anode]
        return Made(name, against[0]) if against else None
    if asked in known:
        return Made(name, known.index(asked))
    turned = Derivation(asked.cathode, asked.anode)
    if turned in known:
        return Made(name, known.index(turned), sign=-1)
    for plus, lead in enumerate(known):
        if lead is not None and lead.is_referential and lead.anode == asked.anode:
            other = Derivation(asked.cathode, lead.cathode)
            if other in known:
                return Made(name, plus, known.index(other))
    return None
