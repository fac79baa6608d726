"""Intervals of hundreds of patients with the rhythm they were in: clean, and with beats missed, made up and moved."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biosignal.tasks.ecg_rhythm.intervals import LEAST, MOST
from biosignal.tasks.ecg_rhythm.seen import LONGEST_S, SHORTEST_S, intervals_of
from export.beat_annotations import wfdb_beats
from export.recordings import NoRecordings
from export.report.beat_lists import is_beat_list, read_beats
from export.rhythm.corpus import AF, AFL, OTHER, SINUS, Allowed

Array = NDArray[np.float64]
FIBRILLATION = (AF, AFL)
"""The sets of beats seldom say which of the two."""
UNUSUAL = (SINUS, OTHER)
"""Not sinus rhythm, and often as regular."""
ARRDB: Mapping[str, Allowed] = {
    "N": UNUSUAL,
    "AFIB/AFL": FIBRILLATION,
    "SND": UNUSUAL,
    "AVB": UNUSUAL,
    "SR-mPVC-BT": (OTHER,),
    "SR-mPAC-BT": (OTHER,),
    "MAT": (OTHER,),
    "SVTA": (OTHER,),
    "VT": (OTHER,),
}
LTAFDB: Mapping[str, Allowed] = {
    "(N": UNUSUAL,
    "(SBR": UNUSUAL,
    "(AFIB": FIBRILLATION,
    "(SVTA": (OTHER,),
    "(AB": (OTHER,),
    "(B": (OTHER,),
    "(T": (OTHER,),
    "(VT": (OTHER,),
    "(IVR": (OTHER,),
}
RARE = ("SND", "AVB")
"""Rhythms that leave open what sinus rhythm does, and are drawn apart from it."""
EVERY = {"arrdb": 4, "ltafdb": 60}
"""A history is taken every so many beats."""
SPOILT = ((0.0, 0.0, 0.0), (0.01, 0.01, 0.006), (0.03, 0.03, 0.010), (0.05, 0.05, 0.020))
"""Share of beats missed and made up, and by how many seconds beats are moved (standard deviation)."""
LENGTHS = (7, 8, 10, 12, 16, 24, 32, 48) + (MOST,) * 12
TWICE_S = 0.05
NEAREST_S = 0.15


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Histories:
    """Described intervals, shape (history, number), the rhythm of each by its index in `rhythms`, and the patient."""

    described: NDArray[np.float32]
    rhythm: NDArray[np.int64]
    patient: NDArray[np.str_]
    spoilt: NDArray[np.int64]
    rhythms: tuple[str, ...]

    def where(self, chosen: NDArray[np.bool_]) -> "Histories":
        """Keep some of them."""
        return Histories(
            described=self.described[chosen],
            rhythm=self.rhythm[chosen],
            patient=self.patient[chosen],
            spoilt=self.spoilt[chosen],
            rhythms=self.rhythms,
        )


def histories(data: Path, *, seed: int = 1, quick: bool = False) -> Histories:
    """Read both sets of beats under the folder that holds the sets; two patients of each if `quick`.

    Raises
    ------
    NoRecordings : a set is not there, or a file cannot be read.
    """
    random = np.random.default_rng(seed)
    names = (*ARRDB, *LTAFDB)
    parts: list[tuple[NDArray[np.float32], NDArray[np.int64], str, int]] = []
    for group, reader in (("arrdb", _arrdb), ("ltafdb", _ltafdb)):
        if not (data / group).is_dir():
            raise NoRecordings("a set that trains is not there", folder=str(data / group))
        for patient, at_s, rhythm in islice(reader(data / group), 2 if quick else None):
            for spoilt, (missed, made_up, moved_s) in enumerate(SPOILT):
                every = EVERY[group] * (2 if spoilt else 1)
                seen_s, source = spoil(at_s, missed=missed, made_up=made_up, moved_s=moved_s, random=random)
                x, labels = _histories(seen_s, [rhythm[index] for index in source], every, random)
                known = [index for index, label in enumerate(labels) if label in names]
                at = np.array([names.index(labels[index]) for index in known], np.int64)
                parts.append((x[known], at, f"{group}/{patient}", spoilt))
    return Histories(
        described=np.concatenate([x for x, _, _, _ in parts]),
        rhythm=np.concatenate([at for _, at, _, _ in parts]),
        patient=np.concatenate([np.full(len(at), patient) for _, at, patient, _ in parts]),
        spoilt=np.concatenate([np.full(len(at), spoilt) for _, at, _, spoilt in parts]),
        rhythms=names,
    )


def allowed(name: str) -> Allowed:
    """The classes that a rhythm of the two sets leaves open."""
    return ARRDB[name] if name in ARRDB else LTAFDB[name]


def _arrdb(folder: Path) -> Iterator[tuple[str, Array, Sequence[str]]]:
    for path in sorted(path for path in folder.glob("*.csv") if is_beat_list(path)):
        known = read_beats(folder, path.stem)
        yield known.name, np.array(known.beats_s), known.rhythms


def _ltafdb(folder: Path) -> Iterator[tuple[str, Array, Sequence[str]]]:
    for path in sorted(folder.glob("*.atr")):
        known = wfdb_beats(path)
        yield known.name, known.time_s, known.rhythms


def spoil(
    at_s: Array, *, missed: float, made_up: float, moved_s: float, random: np.random.Generator
) -> tuple[Array, NDArray[np.int64]]:
    """Miss, make up and move beats as a detector on a poor lead does.

    Returns
    -------
    Beats in order, and for each the index of the true beat it is or follows.
    """
    moved = at_s + (random.normal(0.0, moved_s, len(at_s)) if moved_s else 0.0)
    index = np.flatnonzero(random.random(len(at_s)) >= missed)
    seen = moved[index]
    count = int(made_up * len(at_s)) if len(at_s) > 1 else 0
    if count:
        behind = random.integers(0, len(at_s) - 1, count)
        extra = at_s[behind] + (at_s[behind + 1] - at_s[behind]) * random.uniform(0.2, 0.8, count)
        seen, index = np.concatenate([seen, extra]), np.concatenate([index, behind])
    order = np.argsort(seen, kind="stable")
    seen, index = seen[order], index[order]
    apart = NEAREST_S if moved_s or made_up else TWICE_S
    kept = np.concatenate([[True], np.diff(seen) > apart]) if len(seen) else np.zeros(0, bool)
    return seen[kept], index[kept]


def _histories(
    at_s: Array, rhythm: Sequence[str], every: int, random: np.random.Generator
) -> tuple[NDArray[np.float32], list[str]]:
    between = np.diff(at_s)
    log_s = np.log(np.minimum(np.maximum(between, SHORTEST_S), LONGEST_S))
    torn = np.concatenate([[0], np.cumsum(between > LONGEST_S)])
    kept: list[Array] = []
    labels: list[str] = []
    for end in range(MOST + int(random.integers(every)), len(log_s), every):
        length = int(random.choice(LENGTHS))
        if length >= LEAST and torn[end + 1] == torn[end + 1 - length]:
            kept.append(log_s[end + 1 - length : end + 1])
            labels.append(rhythm[end + 1])
    return intervals_of(kept), labels
