"""Atrial fibrillation and flutter by their duration, as EC57 counts: seconds named rightly, wrongly and not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from export.recordings import PACED, NoRecordings
from export.report.analysed import Analysed, Rhythm
from export.report.beat_lists import BeatList
from export.report.interval import interval, mean, share
from export.report.onset import Beginning, beginning_figures, beginnings_of
from export.report.reading import Signals
from export.report.reference import reference_of
from export.report.sureness import calibration_error

GRID_HZ = 10
FIBRILLATION, FLUTTER = ("AFIB",), ("AFL",)
EITHER = ("AFIB/AFL",)
"""A label that does not say which of the two it was."""
UNKNOWN = ("Noise", "", "Unclassifiable", "NOISE")
OURS_AF, OURS_AFL = "af", "afl"
PATIENT_S = 30.0
"""A patient has fibrillation, or is said to, from so many seconds on."""
Grid = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class AfScore:
    """One recording, in tenths of a second.

    Parameters
    ----------
    af, afl : right, missed and wrong, of fibrillation and of flutter. Where the reference says flutter, fibrillation is
        not scored; `af_strict` scores it there as wrong.
    false_in, time_in : of each rhythm of the reference that is neither: how much was called one of the two, and how
        much there was.
    scores, truth : each second that was scored: how probable one of the two was said to be, and whether it was one.
    patient : whether there was fibrillation or flutter, and whether it was said, for `PATIENT_S` or more.
    onsets : where fibrillation began behind something else, and when that was told.
    """

    record: str
    af: tuple[int, int, int]
    af_strict: tuple[int, int, int]
    afl: tuple[int, int, int]
    false_in: Mapping[str, int]
    time_in: Mapping[str, int]
    patient: tuple[bool, bool]
    onsets: tuple[Beginning, ...] = ()
    scores: NDArray[np.float32] = field(repr=False)
    truth: Grid = field(repr=False)


def score_af(signals: Signals, found: Analysed, *, from_s: float) -> AfScore:
    """Score one recording from `from_s` on against its rhythm annotations.

    Raises
    ------
    NoRecordings : it has none.
    """
    rhythms = reference_of(signals).rhythms
    if not rhythms:
        raise NoRecordings("a record has no rhythm annotations to score fibrillation by", record=signals.name)
    known = [(f"{name}, paced" if signals.name in PACED else name, start, end) for name, start, end in rhythms]
    beats_s = [mark.start / signals.fs_hz for mark in found.beats]
    return _scored(signals.name, known, found, beats_s, from_s=from_s, seconds=signals.seconds)


def score_af_of_beats(known: BeatList, found: Analysed, *, from_s: float) -> AfScore:
    """Score a list of beats from `from_s` on: what its holes are is not known, so they are not scored."""
    stretches = list(known.stretches())
    return _scored(known.name, stretches, found, known.beats_s, from_s=from_s, seconds=known.seconds)


def _scored(
    record: str,
    rhythms: Sequence[tuple[str, float, float]],
    found: Analysed,
    beats_s: Sequence[float],
    *,
    from_s: float,
    seconds: float,
) -> AfScore:
    size = int(seconds * GRID_HZ) + 1
    names = sorted({name for name, _, _ in rhythms})
    truth = {name: _grid([(s, e) for one, s, e in rhythms if one == name], size) for name in names}
    said_af, said_afl = (_grid(found.named.get(kind, ()), size) for kind in (OURS_AF, OURS_AFL))
    counted = np.zeros(size, bool)
    counted[int(from_s * GRID_HZ) :] = True
    counted &= _any(truth, [name for name in names if name not in UNKNOWN], size)
    either, af, afl = (_any(truth, names, size) & counted for names in (EITHER, FIBRILLATION, FLUTTER))
    # Where the reference does not tell one from the other, both of ours are right.
    ours = said_af | (said_afl & either)
    others = {name: truth[name] & counted for name in names if name not in (*UNKNOWN, *EITHER, *FIBRILLATION, *FLUTTER)}
    seconds_at = np.flatnonzero(counted)[::GRID_HZ]
    scores = _probable(found.rhythms, size)[seconds_at]
    is_said = ~np.isnan(scores)
    atrial = either | af | afl
    return AfScore(
        record=record,
        af=_counts(ours, either | af, counted & ~afl),
        af_strict=_counts(ours, either | af, counted),
        afl=_counts(said_afl, afl, counted & ~either),
        false_in={name: int(np.sum(one & (said_af | said_afl))) for name, one in others.items()},
        time_in={name: int(np.sum(one)) for name, one in others.items()},
        patient=(
            bool(np.sum(atrial) >= PATIENT_S * GRID_HZ),
            bool(np.sum((said_af | said_afl) & counted) >= PATIENT_S * GRID_HZ),
        ),
        onsets=tuple(beginnings_of(rhythms, found, beats_s, (*EITHER, *FIBRILLATION), FLUTTER)),
        scores=scores[is_said],
        truth=atrial[seconds_at][is_said],
    )


def _grid(stretches: Sequence[tuple[float, float]], size: int) -> Grid:
    grid = np.zeros(size, bool)
    for start, end in stretches:
        grid[round(start * GRID_HZ) : round(end * GRID_HZ)] = True
    return grid


def _any(truth: Mapping[str, Grid], names: Sequence[str], size: int) -> Grid:
    whole = np.zeros(size, bool)
    for name in names:
        if name in truth:
            whole |= truth[name]
    return whole


def _counts(said: Grid, truth: Grid, counted: Grid) -> tuple[int, int, int]:
    return (
        int(np.sum(said & truth & counted)),
        int(np.sum(~said & truth & counted)),
        int(np.sum(said & ~truth & counted)),
    )


def _probable(rhythms: Sequence[Rhythm], size: int) -> NDArray[np.float32]:
    """How probable one of the two was said to be at each moment; NaN where nothing was said."""
    grid = np.full(size, np.nan, np.float32)
    for one in rhythms:
        if one.scores:
            grid[int(one.start_s * GRID_HZ) : int(one.end_s * GRID_HZ) + 1] = one.scores[OURS_AF] + one.scores[OURS_AFL]
    return grid


def af_figures(scores: Sequence[AfScore], groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Put the recordings together: `gross`, `average`, `groups`, `interval`, a row each in `records`.

    In percent, but `auroc` (by the second) and counts. `ece` is the expected calibration error by the second, of the
    probability of one of the two. `se`, `ppv` are of fibrillation, flutter left out of the
    scoring; `se_strict`, `ppv_strict` with flutter called fibrillation as wrong; `false_in` by rhythm, of its time.
    `onset` is when its beginnings were told, of whole records.
    """
    rows = [{"record": one.record} | _figures([one]) for one in scores]
    counts = np.array([one.af for one in scores], np.float64).reshape(-1, 3)
    return {
        "gross": _figures(scores)
        | {"auroc": _auroc(scores), "ece": _ece(scores)}
        | _patients(scores)
        | {"onset": beginning_figures([each for one in scores for each in one.onsets])},
        "average": {name: mean([row[name] for row in rows]) for name in ("se", "ppv")},
        "interval": {
            "se": interval(counts, lambda sums: 100 * sums[:, 0] / (sums[:, 0] + sums[:, 1])),
            "ppv": interval(counts, lambda sums: 100 * sums[:, 0] / (sums[:, 0] + sums[:, 2])),
        },
        "groups": {
            name: _figures(chosen) | {"records": len(chosen)}
            for name, records in groups.items()
            if (chosen := [one for one in scores if one.record in records])
        },
        "records": rows,
    }


def _figures(scores: Sequence[AfScore]) -> dict[str, Any]:
    af, strict, afl = (
        [sum(column) for column in zip(*parts, strict=True)]
        for parts in ([one.af for one in scores], [one.af_strict for one in scores], [one.afl for one in scores])
    )
    names = sorted({name for one in scores for name in one.time_in})
    time = {name: sum(one.time_in.get(name, 0) for one in scores) for name in names}
    false = {name: sum(one.false_in.get(name, 0) for one in scores) for name in names}
    return {
        "se": share(af[0], af[0] + af[1]),
        "ppv": share(af[0], af[0] + af[2]),
        "se_strict": share(strict[0], strict[0] + strict[1]),
        "ppv_strict": share(strict[0], strict[0] + strict[2]),
        "af_s": (af[0] + af[1]) / GRID_HZ,
        "flutter": {
            "se": share(afl[0], afl[0] + afl[1]),
            "ppv": share(afl[0], afl[0] + afl[2]),
            "s": (afl[0] + afl[1]) / GRID_HZ,
        },
        "false_in": {name: share(false[name], time[name]) for name in names},
    }


def _patients(scores: Sequence[AfScore]) -> dict[str, int]:
    return {
        "patients": sum(one.patient[0] for one in scores),
        "patients_found": sum(one.patient == (True, True) for one in scores),
        "patients_without": sum(not one.patient[0] for one in scores),
        "patients_false": sum(one.patient == (False, True) for one in scores),
    }


def _auroc(scores: Sequence[AfScore]) -> float | None:
    """Give the chance that a second of fibrillation or flutter scores above another second; None without both."""
    score = np.concatenate([one.scores for one in scores])
    truth = np.concatenate([one.truth for one in scores])
    count, other = int(truth.sum()), int((~truth).sum())
    if not count or not other:
        return None
    above = float(rankdata(score)[truth].sum()) - count * (count + 1) / 2
    return round(above / (count * other), 4)


def _ece(scores: Sequence[AfScore]) -> float | None:
    parts = [(one.scores, one.truth) for one in scores]
    if not parts:
        return None
    stated, happened = (np.concatenate(column) for column in zip(*parts, strict=True))
    return calibration_error(stated.astype(np.float64), happened)
