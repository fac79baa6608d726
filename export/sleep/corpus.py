"""Nights that train and test the network of sleep: what was measured of each epoch, and the stage readers gave it."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.epoch_powers import BANDS_HZ, NUMBERS
from biosignal.scoring.sleep import around_sleep
from biosignal.tasks.eeg_sleep.night import COUNT, DESCRIBED, SUMMED, VIEWS, Night, Values, inputs_of
from export.recordings import NoRecordings

SUBJECT = slice(3, 5)
"""Where a recording of Sleep-EDF cassette has its subject, as SC4ssN."""
PLACES = ("Fpz", "Pz")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scored:
    """A night as it was measured: `numbers` float64, shape (epoch, 7), in uV^2/Hz, uV^2; `stages` index the classes."""

    name: str
    place: str
    numbers: NDArray[np.float64]
    stages: NDArray[np.int64]

    @property
    def subject(self) -> str:
        """Whose night it is."""
        return self.name[SUBJECT]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Taught:
    """A night as it trains: inputs of each epoch, shape (epoch, `COUNT`), NaN where the set does not know them."""

    name: str
    subject: str
    place: str
    inputs: Values
    stages: NDArray[np.int64]


def read_scored(folder: Path, *, places: Iterable[str] = PLACES[:1]) -> list[Scored]:
    """Read the nights of ``bandpower20_abs.npz``.

    Raises
    ------
    NoRecordings : the file is not there, or is another.
    """
    arrays = _arrays(folder / "bandpower20_abs.npz", ("X", "y", "rec"))
    nights = []
    for place in places:
        first = PLACES.index(place) * len(NUMBERS)
        numbers = arrays["X"][:, first : first + len(NUMBERS)].astype(np.float64)
        for name in np.unique(arrays["rec"]).tolist():
            rows = arrays["rec"] == name
            stages = arrays["y"][rows].astype(np.int64)
            nights.append(Scored(name=str(name), place=place, numbers=numbers[rows], stages=stages))
    return nights


def taught(nights: Iterable[Scored]) -> list[Taught]:
    """Make inputs of nights, each from its first epoch on and once more as if the electrodes had come at bedtime."""
    made = []
    for night in nights:
        for first in (0, around_sleep(night.stages).start):
            inputs = inputs_of(night.numbers[first:])
            made.append(
                Taught(
                    name=night.name,
                    subject=night.subject,
                    place=night.place,
                    inputs=inputs,
                    stages=night.stages[first:],
                )
            )
    return made


def relative_nights(folder: Path, *, place: str = PLACES[0], most: int | None = None) -> list[Taught]:
    """Read the nights of ``bandpower153_rel.npz``, of which only the relative inputs hold live; the last if `most`.

    Its numbers were filtered and scaled night by night, so no input in microvolts is known, nor the gamma band,
    variance, mobility and drift. Its bands sigma and beta are one here.

    Raises
    ------
    NoRecordings : the file is not there, or is another.
    """
    arrays = _arrays(folder / "bandpower153_rel.npz", ("X", "y", "night", "cols"))
    columns = [str(name) for name in arrays["cols"]]
    logs = [arrays["X"][:, columns.index(f"{place}_log_{band}")].astype(np.float64) for band in (*SUMMED, "sigma")]
    delta, theta, alpha, beta, sigma = logs
    powers = np.stack([delta, theta, alpha, np.logaddexp(beta, sigma)], axis=1)
    said = np.full((len(powers), len(DESCRIBED)), np.nan)
    said[:, : len(SUMMED)] = powers - np.logaddexp.reduce(powers, axis=1, keepdims=True)
    said[:, len(SUMMED) : 2 * len(SUMMED)] = powers
    made = []
    for name in np.unique(arrays["night"]).tolist()[-(most or 0) :]:
        rows = np.flatnonzero(arrays["night"] == name)
        night = Night()
        inputs = np.array([night.add(row) for row in said[rows]], np.float32)
        inputs[:, len(SUMMED) : len(SUMMED) + len(BANDS_HZ)] = np.nan
        stages = arrays["y"][rows].astype(np.int64)
        made.append(Taught(name=str(name), subject=str(name)[:2], place=place, inputs=inputs, stages=stages))
    return made


def shared_inputs() -> NDArray[np.bool_]:
    """Which inputs both sets know: the relative ones, shape (`COUNT`,)."""
    known = np.zeros((len(VIEWS), len(DESCRIBED)), bool)
    known[:, : 2 * len(SUMMED)] = True
    known[0, len(SUMMED) :] = False
    return known.reshape(COUNT)


def _arrays(path: Path, wanted: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    try:
        with path.open("rb") as file:
            held = np.load(file, allow_pickle=False)
            return {name: held[name] for name in wanted}
    except (OSError, KeyError, ValueError, EOFError, IndexError, zipfile.BadZipFile) as error:
        raise NoRecordings(
            "the features of the Sleep-EDF nights cannot be read",
            file=str(path),
            reason=str(error),
            remedy="give the folder that holds bandpower20_abs.npz, and bandpower153_rel.npz to train",
        ) from error
