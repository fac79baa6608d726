"""Bounds of waves held against those a reader marked.

A bound that was found and one that was marked make a pair where they lie within a tolerance, the nearest first and each
once. What was found beyond the first and the last mark of the reader, or in a pause in which the reader marked nothing,
does not count. Errors are found minus marked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

BOUNDS = ("P on", "P off", "QRS on", "QRS off", "T off")
WIDE_MS = 150.0
NARROW_MS: Mapping[str, float] = {"P on": 50.0, "P off": 50.0, "QRS on": 40.0, "QRS off": 40.0, "T off": 100.0}
CSE_SD_MS: Mapping[str, float] = {"P on": 10.2, "P off": 12.7, "QRS on": 6.5, "QRS off": 11.6, "T off": 30.6}
"""Twice the standard deviations among readers are the tolerances of the CSE working party (1985,
doi:10.1093/oxfordjournals.eurheartj.a061974); these are the limits commonly quoted from it."""
PAUSE_BEATS = 1.6
"""Where no QRS is marked for so many usual beats, nobody looked."""
BEFORE_QRS_MS = 400.0
"""A P wave belongs to the QRS complex that follows its onset within so long."""

Times = NDArray[np.float64]


@dataclass(slots=True)
class Tally:
    """Pairs of one bound: how many, what was missed, what was found beside, and the error of each pair in ms."""

    missed: int = 0
    extra: int = 0
    errors_ms: list[float] = field(default_factory=list)
    by_record: list[list[float]] = field(default_factory=list)
    """The same errors, a list for each recording."""

    def add(self, other: "Tally") -> None:
        """Count another recording in."""
        self.missed += other.missed
        self.extra += other.extra
        self.errors_ms += other.errors_ms
        self.by_record.append(other.errors_ms)

    def figures(self) -> dict[str, float | None]:
        """Sensitivity, positive predictivity and F1 in percent; mean and SD of the error in ms, over all pairs; the
        SD averaged over recordings."""
        pairs = len(self.errors_ms)
        sd = [float(np.std(one)) for one in self.by_record if len(one) > 1]
        return {
            "se": _percent(pairs, pairs + self.missed),
            "ppv": _percent(pairs, pairs + self.extra),
            "f1": _percent(2 * pairs, 2 * pairs + self.missed + self.extra),
            "mean_ms": float(np.mean(self.errors_ms)) if pairs else None,
            "sd_ms": float(np.std(self.errors_ms)) if pairs else None,
            "sd_by_record_ms": float(np.mean(sd)) if sd else None,
            "n": float(pairs + self.missed),
        }


def _percent(part: int, whole: int) -> float | None:
    return 100.0 * part / whole if whole else None


def pair(marked: Times, found: Times, *, within_ms: float) -> list[tuple[int, int]]:
    """Pair times in ms, both rising: the nearest first, each once; indices of marked and found."""
    candidates = []
    for row, time in enumerate(marked.tolist()):
        low, high = np.searchsorted(found, (time - within_ms, time + within_ms + 1e-9))
        candidates += [(abs(float(found[at]) - time), row, at) for at in range(int(low), int(high))]
    pairs, rows, columns = [], set(), set()
    for _, row, at in sorted(candidates):
        if row not in rows and at not in columns:
            rows.add(row)
            columns.add(at)
            pairs.append((row, at))
    return sorted(pairs)


@dataclass(frozen=True, slots=True)
class Looked:
    """Where a reader looked: stretches in ms, first and last inclusive."""

    stretches: tuple[tuple[float, float], ...]

    def inside(self, times: Times) -> Times:
        """Keep what lies inside."""
        kept = np.zeros(len(times), np.bool_)
        for first, last in self.stretches:
            kept |= (times >= first) & (times <= last)
        return times[kept]


def looked_at(marked: Mapping[str, Times]) -> Looked:
    """Find where a reader looked: between the first and the last mark, but for pauses without a QRS."""
    every = np.sort(np.concatenate([np.zeros(0), *marked.values()]))
    qrs = marked.get("QRS on", np.zeros(0))
    if not len(every):
        return Looked(())
    pauses = np.diff(qrs)
    usual = float(np.median(pauses)) if len(pauses) else np.inf
    stretches, begin = [], float(every[0])
    for at in np.flatnonzero(pauses > PAUSE_BEATS * usual).tolist():
        before, after = every[every < qrs[at + 1]], every[every >= qrs[at + 1]]
        first_after = after[0]
        # The P wave of the beat behind the pause belongs to it.
        near = before[before > qrs[at + 1] - BEFORE_QRS_MS]
        if len(near):
            before, first_after = before[: len(before) - len(near)], near[0]
        stretches.append((begin, float(before[-1])))
        begin = float(first_after)
    return Looked((*stretches, (begin, float(every[-1]))))


def tally(
    marked: Mapping[str, Times], found: Mapping[str, Times], *, within_ms: Mapping[str, float]
) -> dict[str, Tally]:
    """Hold what was found in one lead against what a reader marked; times in ms by bound."""
    looked = looked_at(marked)
    made = {}
    for bound in BOUNDS:
        reference, said = np.sort(marked.get(bound, np.zeros(0))), np.sort(found.get(bound, np.zeros(0)))
        pairs = pair(reference, said, within_ms=within_ms[bound])
        extra = len(looked.inside(np.delete(said, [at for _, at in pairs])))
        errors = [float(said[at] - reference[row]) for row, at in pairs]
        made[bound] = Tally(len(reference) - len(pairs), extra, errors)
    return made


@dataclass(slots=True)
class Atrial:
    """QRS complexes by whether a P wave is before them, and whether that was said; `withheld` was not decided."""

    present_found: int = 0
    present_missed: int = 0
    absent_said: int = 0
    absent_missed: int = 0
    withheld: int = 0

    def add(self, other: "Atrial") -> None:
        """Count another recording in."""
        self.present_found += other.present_found
        self.present_missed += other.present_missed
        self.absent_said += other.absent_said
        self.absent_missed += other.absent_missed
        self.withheld += other.withheld

    def figures(self) -> dict[str, float | None]:
        """Percent of the P waves that are there and were found, of those that are not and were not, and of both."""
        there, absent = self.present_found + self.present_missed, self.absent_said + self.absent_missed
        right = self.present_found + self.absent_said
        return {
            "present": _percent(self.present_found, there),
            "absent": _percent(self.absent_said, absent),
            "right": _percent(right, there + absent),
            "withheld": _percent(self.withheld, there + absent + self.withheld),
            "n_present": float(there),
            "n_absent": float(absent),
        }


def atrial(marked: Mapping[str, Times], found_ms: Times, withheld_ms: Times) -> Atrial:
    """Ask of each marked QRS complex whether a P wave begins in the 400 ms before it, in truth and as found.

    That there is none is known only where the reader looked at all of the 400 ms: the first complex of a recording is
    often marked without what lies before it.

    Parameters
    ----------
    withheld_ms : QRS complexes of which it was not said whether they have one.
    """
    made, looked = Atrial(), looked_at(marked)
    for onset in marked.get("QRS on", np.zeros(0)).tolist():
        is_there = _any(marked.get("P on", np.zeros(0)), onset - BEFORE_QRS_MS, onset)
        if not is_there and not len(looked.inside(np.array([onset - BEFORE_QRS_MS]))):
            continue
        is_found = _any(found_ms, onset - BEFORE_QRS_MS, onset)
        if not is_found and _any(withheld_ms, onset - WIDE_MS, onset + WIDE_MS):
            made.withheld += 1
        elif is_there:
            made.present_found += is_found
            made.present_missed += not is_found
        else:
            made.absent_said += not is_found
            made.absent_missed += is_found
    return made


def _any(times: Times, low: float, high: float) -> bool:
    return bool(np.any((times >= low) & (times <= high)))


def macro_f1(tallies: Mapping[str, Tally]) -> float:
    """Mean of the F1 of all bounds that were marked or found, in percent."""
    figures = [tallies[bound].figures()["f1"] for bound in BOUNDS]
    known = [one for one in figures if one is not None]
    return float(np.mean(known)) if known else 0.0
