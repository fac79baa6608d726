"""What the network of the waves is trained on: leads at 250 Hz, and what is known of each of their samples."""

import ast
import csv
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.tasks.ecg_waves.kinds import CLASSES
from biosignal.tasks.ecg_waves.seen import RATE_HZ, brought_to_rate
from export.recordings import NoRecordings

NONE, P, QRS, T = range(len(CLASSES))
UNKNOWN, NOT_P = -1, -2
"""What is said of a sample besides a class: nothing, and that it is of no P wave."""
OPENED, CLOSED = "(", ")"
WAVE_OF = {"p": P, "t": T, "u": NONE, **dict.fromkeys("NABVQaJSVEjLRFfe/", QRS)}
"""Which class a mark of a reader belongs to; a U wave is none of the three."""
LUDB_LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
FOLDS = 5
PTBXL_TRAINS = 8
"""Folds of `ptbxl` up to this one train."""
FIBRILLATING = "AFIB"
LONGEST_PAUSE_S = 1.6


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Strip:
    """A lead as it trains.

    Parameters
    ----------
    group, name : the set and the record; all leads of a record are in one fold.
    x : float64, shape (sample,), at 250 Hz.
    said : int8, shape (sample,): a class, `UNKNOWN` or `NOT_P`.
    """

    group: str
    name: str
    x: NDArray[np.float64]
    said: NDArray[np.int8]


def corpus(data: Path, *, quick: bool = False) -> list[Strip]:
    """Read everything that may train, below the folder that holds the sets; two records of each set if `quick`.

    Raises
    ------
    NoRecordings : a set is not there, or a record cannot be read.
    """
    found: list[Strip] = []
    for group, reader in (("ludb", _ludb), ("qtdb", _qtdb), ("ptbxl", _fibrillating)):
        folder = data / group
        if not folder.is_dir():
            raise NoRecordings("a set that trains is not there", folder=str(folder))
        names = []
        for strip in reader(folder):
            if strip.name not in names:
                names.append(strip.name)
            if quick and len(names) > 2:
                break
            found.append(strip)
    return found


def fold_of(strips: list[Strip]) -> list[int]:
    """Give the fold of each strip: records of each set in turn, all leads of a record in one."""
    order: dict[str, list[str]] = {}
    for strip in strips:
        names = order.setdefault(strip.group, [])
        if strip.name not in names:
            names.append(strip.name)
    return [sorted(order[strip.group]).index(strip.name) % FOLDS for strip in strips]


def may_train(name: str) -> bool:
    """Whether a record of `qtdb` may train: those named by three digits are excerpts of sets that only test."""
    digits = name.removeprefix("sel")
    return not (len(digits) == 3 and digits.isdecimal())


def _ludb(folder: Path) -> Iterator[Strip]:
    for header in sorted(folder.rglob("*.hea"), key=lambda path: int(path.stem)):
        path = header.with_suffix("")
        samples, fs_hz = _read(path)
        for row, lead in enumerate(LUDB_LEADS):
            marks = _annotated(path, lead)
            yield Strip(group="ludb", name=path.name, x=samples[row], said=said_of(marks, len(samples[row]), fs_hz))


def _qtdb(folder: Path) -> Iterator[Strip]:
    for header in sorted(folder.rglob("*.hea")):
        path = header.with_suffix("")
        if may_train(path.name):
            samples, fs_hz = _read(path)
            marks = _annotated(path, "q1c")
            # The cardiologist marked both leads together.
            yield Strip(group="qtdb", name=path.name, x=samples[0], said=said_of(marks, samples.shape[1], fs_hz))


def _fibrillating(folder: Path) -> Iterator[Strip]:
    """Records in atrial fibrillation: where there is no P wave, and nothing else is said."""
    with (folder / "ptbxl_database.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if int(row["strat_fold"]) > PTBXL_TRAINS or FIBRILLATING not in ast.literal_eval(row["scp_codes"]):
                continue
            samples, _ = _read(folder / row["filename_lr"])
            for lead in samples[[0, 1, 2, 6]]:
                said = np.full(len(lead), NOT_P, np.int8)
                yield Strip(group="ptbxl", name=row["ecg_id"], x=lead, said=said)


def _read(path: Path) -> tuple[NDArray[np.float64], float]:
    """Read a record: float64, shape (lead, sample), at 250 Hz, and the rate it was recorded at."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas' deprecations, which wfdb meets on import and on reading
            import wfdb

            record = wfdb.rdrecord(str(path))
    except (OSError, ValueError, IndexError, TypeError) as error:
        raise NoRecordings("a record cannot be read", record=str(path), reason=str(error)) from error
    return at_rate(np.ascontiguousarray(record.p_signal.T, np.float32), float(record.fs)), float(record.fs)


def at_rate(samples: NDArray[np.float32], fs_hz: float) -> NDArray[np.float64]:
    """Bring a whole recording, shape (lead, sample), to 250 Hz as the device does, the last value held at its end."""
    made = brought_to_rate(fs_hz, len(samples))
    made.push(np.nan_to_num(samples))
    count = int((samples.shape[1] - 1) * RATE_HZ / fs_hz) + 1
    made.push(np.repeat(made.last, made.needs(count) - samples.shape[1] + 2, axis=1))
    return made.take(count).astype(np.float64)


def _annotated(path: Path, extension: str) -> list[tuple[int, str, int]]:
    """Marks of an annotation file: sample, symbol, and which wave a bound is of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb

        found = wfdb.rdann(str(path), extension)
    return list(zip(found.sample.tolist(), found.symbol, found.num.tolist(), strict=True))


def said_of(marks: list[tuple[int, str, int]], length: int, fs_hz: float) -> NDArray[np.int8]:
    """Say what is known of each sample at 250 Hz between the first and the last mark.

    Bounds stand around the mark of their wave. A wave whose onset nobody marked is known from its peak on, and nothing
    is between it and the wave before. Where no wave is marked for longer than a beat lasts, nobody looked.
    """
    said = np.full(length, UNKNOWN, np.int8)
    ratio = RATE_HZ / fs_hz
    end: int | None = None
    opened: int | None = None
    peak: tuple[int, int] | None = None
    for sample, symbol, _ in marks:
        at = round(sample * ratio)
        if symbol == OPENED:
            opened = at
            if end is not None and at - end < LONGEST_PAUSE_S * RATE_HZ:
                said[end:at] = NONE
        elif symbol == CLOSED and peak is not None:
            said[(peak[0] if opened is None else opened) : at + 1] = peak[1]
            end, opened, peak = at + 1, None, None
        elif symbol != CLOSED:
            if symbol not in WAVE_OF:
                raise NoRecordings("a mark of a wave that is not known", symbol=symbol, sample=sample)
            peak = at, WAVE_OF[symbol]
    return said
