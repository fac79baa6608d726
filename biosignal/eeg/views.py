"""The montages in which an EEG is looked at: what each trace shows, made of the leads that a recording has.

Longitudinal and transverse bipolar, against the average and against Cz, and as recorded, in the orders in which they
are read (Acharya 2016, doi:10.1097/WNP.0000000000000316 and 10.1097/WNP.0000000000000317).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.electrodes import EARS, derivation_of
from biosignal.eeg.montage import FEWEST_PAIRS, LONGITUDINAL, TRANSVERSE, Made, as_recorded, montage

READING_ORDER = (
    "Fp1", "F7", "T7", "P7", "F3", "C3", "P3", "O1", "Fpz", "Fz", "Cz", "Pz", "Oz",
    "Fp2", "F4", "C4", "P4", "F8", "T8", "P8", "O2",
)  # fmt: skip
CENTRE = "Cz"
FEWEST_IN_AVERAGE = 8
"""The mean of fewer electrodes is far from zero: what one of them sees is then shown on all."""


class Side(str, Enum):
    """The side of the head a trace is of; across the midline it is `MIDDLE`."""

    LEFT = "left"
    MIDDLE = "middle"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace: what `made` gives, less the mean of the rows `against` where there are some."""

    made: Made
    side: Side
    against: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A montage by name, its traces from top to bottom."""

    name: str
    label: str
    traces: tuple[Trace, ...]

    def derive(self, samples: NDArray[np.floating]) -> NDArray[np.float64]:
        """Make the traces: shape (lead, sample) to (trace, sample), NaN where a lead that a trace is of has none.

        A lead without a sample is left out of the mean.
        """
        given = samples.astype(np.float64, copy=False)
        return np.stack([_derived(trace, given) for trace in self.traces])


def views(leads: Sequence[str]) -> tuple[View, ...]:
    """Give the montages that these EEG leads can be read in; the last one is what was recorded.

    Parameters
    ----------
    leads : names of EEG leads of one rate and unit, as the recording has them.
    """
    given = [
        View("longitudinal", "Longitudinal bipolar", _traces(montage(leads, LONGITUDINAL).rows)),
        View("transverse", "Transverse bipolar", _traces(montage(leads, TRANSVERSE).rows)),
        View("average", "Average reference", _against_average(leads)),
        View("centre", f"{CENTRE} reference", _traces(montage(leads, _against_centre()).rows)),
    ]
    recorded = View("recorded", "As recorded", _traces(as_recorded(leads).rows))
    return (*(one for one in given if len(one.traces) >= FEWEST_PAIRS), recorded)


def side_of(name: str) -> Side:
    """Say on which side a derivation lies: electrodes with odd numbers are left, with even ones right."""
    found = derivation_of(name)
    if found is None:
        return Side.MIDDLE
    seen = [found.anode] + ([found.cathode] if found.cathode and found.cathode not in EARS else [])
    sides = {_side(one) for one in seen} - {Side.MIDDLE}
    return sides.pop() if len(sides) == 1 else Side.MIDDLE


def _side(electrode: str) -> Side:
    return Side.MIDDLE if electrode.endswith("z") else Side.LEFT if int(electrode[-1]) % 2 else Side.RIGHT


def _traces(rows: Iterable[Made]) -> tuple[Trace, ...]:
    return tuple(Trace(row, side_of(row.name)) for row in rows)


def _against_centre() -> list[str]:
    return [f"{one}-{CENTRE}" for one in READING_ORDER if one != CENTRE]


def _against_average(leads: Sequence[str]) -> tuple[Trace, ...]:
    """Every electrode that is measured against the reference most are, less the mean of them all."""
    known = {row: found for row, lead in enumerate(leads) if (found := derivation_of(lead)) and found.is_referential}
    references = [found.cathode for found in known.values()]
    if not references:
        return ()
    usual = max(dict.fromkeys(references), key=references.count)
    rows: Mapping[str, int] = {
        found.anode: row for row, found in reversed(known.items()) if found.cathode == usual and found.anode not in EARS
    }
    if len(rows) < FEWEST_IN_AVERAGE:
        return ()
    order = [*(one for one in READING_ORDER if one in rows), *sorted(rows.keys() - set(READING_ORDER))]
    mean = tuple(sorted(rows.values()))
    return tuple(Trace(Made(f"{one}-Av", rows[one]), side_of(one), mean) for one in order)


def _derived(trace: Trace, given: NDArray[np.float64]) -> NDArray[np.float64]:
    made: NDArray[np.float64] = given[trace.made.plus].copy()
    if trace.made.minus is not None:
        made -= given[trace.made.minus]
    if trace.against:
        others = given[list(trace.against)]
        there = np.isfinite(others)
        made -= np.where(there, others, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    made *= trace.made.sign
    return made
