"""The standard leads of an ECG, and those that follow from others.

The limb leads are differences of three electrodes, so any two of I, II and III give the third and the augmented ones
(Einthoven 1913, Goldberger 1942). Nothing is made of one alone, and no chest lead of any other.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from biosignal.signal.filters import Array

LIMB = ("I", "II", "III", "aVR", "aVL", "aVF")
CHEST = ("V1", "V2", "V3", "V4", "V5", "V6")
TWELVE = (*LIMB, *CHEST)
INDEPENDENT = ("I", "II", *CHEST)
"""Eight leads that hold all that the twelve hold."""
_OF_I_II: Mapping[str, tuple[float, float]] = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
_SPELLED = {name.upper(): name for name in TWELVE} | {"MLI": "I", "MLII": "II", "MLIII": "III"}


def standard_name(name: str) -> str | None:
    """Give the standard name of a lead, such as ``aVR`` for ``ECG AVR`` or ``II`` for ``MLII``; None: it has none."""
    plain = name.strip().upper().replace("_", " ").replace("-", " ")
    for word in ("ECG", "EKG", "LEAD"):
        plain = plain.removeprefix(word).strip()
    return _SPELLED.get(plain)


def standard_rows(names: Sequence[str]) -> dict[str, int]:
    """Find the standard leads among others: the row of each, the first one where a lead is there twice."""
    found: dict[str, int] = {}
    for row, name in enumerate(names):
        if (standard := standard_name(name)) is not None:
            found.setdefault(standard, row)
    return found


def derived(known: Mapping[str, Array]) -> dict[str, Array]:
    """Give every standard lead that is there or follows, in the usual order; what is there stays as it is."""
    limb = [name for name in LIMB if name in known]
    made = dict(known)
    if len(limb) >= 2:
        weights = np.array([_OF_I_II[name] for name in limb[:2]])
        # Two different limb leads are never multiples of each other, so this has one solution.
        first, second = np.linalg.solve(weights, np.stack([known[name] for name in limb[:2]]))
        made |= {name: a * first + b * second for name, (a, b) in _OF_I_II.items() if name not in known}
    return {name: made[name] for name in TWELVE if name in made}
