"""Annotated beats of the sets without samples, `arrdb` and `ltafdb`: when each was, its kind, its rhythm."""

import csv
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.scoring.ec57 import class_of
from export.recordings import NoRecordings

TIME, KIND, RHYTHM_OF, IS_BAD = "time_second", "beat_type", "rhythm_label", "bad_signal_quality"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AnnotatedBeats:
    """The beats of one record in order, first axis the beat.

    Parameters
    ----------
    time_s : float64, on the record's own clock.
    kinds : as the set writes them: N, S, V, U in `arrdb`, WFDB's symbols in `ltafdb`.
    rhythms : as the set writes them, empty before the first that is named.
    bad : whether the signal is said to be bad there; nobody says so in `ltafdb`.
    """

    name: str
    time_s: NDArray[np.float64]
    kinds: tuple[str, ...]
    rhythms: tuple[str, ...]
    bad: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.kinds)


def listed_beats(path: Path) -> AnnotatedBeats:
    """Read a CSV file as `arrdb` has them; its columns may be in any order, its rows too.

    Rows of the same moment stay in the order of the file.

    Raises
    ------
    NoRecordings : it cannot be read, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [
                (float(row[TIME]), row[KIND], row[RHYTHM_OF], row.get(IS_BAD) == "True") for row in csv.DictReader(file)
            ]
            rows.sort(key=lambda row: row[0])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoRecordings(
            "a list of beats cannot be read",
            file=str(path),
            reason=f"{type(error).__name__}: {error}",
            remedy=f"it is a CSV file with the columns {TIME}, {KIND} and {RHYTHM_OF}",
        ) from error
    return AnnotatedBeats(
        name=path.stem,
        time_s=np.array([time_s for time_s, _, _, _ in rows], np.float64),
        kinds=tuple(kind for _, kind, _, _ in rows),
        rhythms=tuple(rhythm for _, _, rhythm, _ in rows),
        bad=tuple(is_bad for _, _, _, is_bad in rows),
    )


def wfdb_beats(path: Path) -> AnnotatedBeats:
    """Read the annotations of a WFDB record, ``NAME.atr`` beside ``NAME.hea``: a rhythm lasts until the next one.

    Raises
    ------
    NoRecordings : a file is missing or cannot be read.
    """
    record = str(path.with_suffix(""))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas' deprecations, which wfdb meets on import
            import wfdb

            found = wfdb.rdann(record, "atr")
            fs_hz = float(wfdb.rdheader(record).fs)
    except (OSError, ValueError, IndexError, TypeError, AttributeError) as error:
        raise NoRecordings("annotations cannot be read", file=str(path), reason=str(error)) from error
    time_s: list[float] = []
    kinds: list[str] = []
    rhythms: list[str] = []
    now = ""
    for sample, symbol, aux in zip(found.sample, found.symbol, found.aux_note, strict=True):
        if symbol == "+":
            now = aux.strip("\0 ")
        elif class_of(symbol) is not None:
            time_s.append(int(sample) / fs_hz)
            kinds.append(symbol)
            rhythms.append(now)
    return AnnotatedBeats(
        name=path.stem,
        time_s=np.array(time_s, np.float64),
        kinds=tuple(kinds),
        rhythms=tuple(rhythms),
        bad=(False,) * len(kinds),
    )
