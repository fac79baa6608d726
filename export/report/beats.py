"""Beats by their class: where our detector put them, or at the reference's positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.model.model import Model
from biosignal.scoring.ec57 import KINDS, BeatScore, Detection, gross, score_record
from biosignal.scoring.score import Annotations
from biosignal.signal.blocks import LeadKind
from biosignal.tasks.ecg_beats.episodes import EARLY, NOT_EARLY_IN
from biosignal.tasks.ecg_beats.kinds import CLASSES, NAME
from biosignal.tasks.lookup import finding_kind
from export.evaluation import scores_at
from export.recordings import NoRecordings, Recording, beats_of
from export.report.analysed import Analysed
from export.report.interval import interval, mean, share
from export.report.reading import Signals


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ClassScore:
    """One record: its matrix with e and j as S, and the same without, as most papers count.

    `as_reported` are both once more, in this order, by what a report tells: in what the pipeline itself named
    fibrillation or flutter no beat is early, so those called so there (`unassessed`) count as N. None at the
    reference's positions, where nothing names a rhythm.
    """

    record: str
    score: BeatScore
    escape_as_n: BeatScore
    unanswered: int
    as_reported: tuple[BeatScore, BeatScore] | None = None
    unassessed: int = 0


def score_classes(
    signals: Signals, found: Analysed, models: Mapping[str, Model], *, from_s: float, at_reference: bool
) -> ClassScore:
    """Score one record from `from_s` on.

    Raises
    ------
    NoRecordings : it has no reference annotations.
    """
    if signals.reference is None:
        raise NoRecordings("a record has no reference annotations to score beats by", record=signals.name)
    test = _at_reference(signals, models) if at_reference else found.annotations()
    kept, plain = _both(signals, test, from_s)
    said = ClassScore(record=signals.name, score=kept, escape_as_n=plain, unanswered=0)
    if at_reference:
        return said
    unassessed = early_unassessed(test, found.named, signals.fs_hz)
    return replace(
        said,
        unanswered=sum(mark.label is None for mark in found.beats),
        as_reported=_both(signals, _without(test, unassessed), from_s),
        unassessed=int(unassessed[np.asarray(test.samples, np.int64) >= from_s * signals.fs_hz].sum()),
    )


def early_unassessed(
    test: Annotations, named: Mapping[str, Sequence[tuple[float, float]]], fs_hz: float
) -> NDArray[np.bool_]:
    """Whether each beat is called early where no beat is.

    Parameters
    ----------
    test : the beats as they were called.
    named : stretches of the findings that are a rhythm, by their kind, in seconds.
    fs_hz : the rate at which `test` counts samples.

    Returns
    -------
    bool, shape (beat,).
    """
    at = np.asarray(test.samples, np.int64)
    inside = np.zeros(at.size, bool)
    for kind, stretches in named.items():
        if finding_kind(kind).wfdb_rhythm in NOT_EARLY_IN:
            for start_s, end_s in stretches:
                inside |= (at >= round(start_s * fs_hz)) & (at <= round(end_s * fs_hz))
    early: NDArray[np.bool_] = np.array([symbol == EARLY for symbol in test.symbols], np.bool_)
    return inside & early


def _without(test: Annotations, unassessed: NDArray[np.bool_]) -> Annotations:
    symbols = [CLASSES[0] if skip else symbol for symbol, skip in zip(test.symbols, unassessed, strict=True)]
    return replace(test, symbols=symbols)


def _both(signals: Signals, test: Annotations, from_s: float) -> tuple[BeatScore, BeatScore]:
    """Score with e and j as S, then as N."""
    return (
        _score(signals, test, from_s=from_s, escape_is_s=True),
        _score(signals, test, from_s=from_s, escape_is_s=False),
    )


def _score(signals: Signals, test: Annotations, *, from_s: float, escape_is_s: bool) -> BeatScore:
    assert signals.reference is not None
    end = signals.samples.shape[1]
    return score_record(signals.reference, test, fs_hz=signals.fs_hz, start_s=from_s, end=end, escape_is_s=escape_is_s)


def _at_reference(signals: Signals, models: Mapping[str, Model]) -> Annotations:
    """Classify the first ECG lead at the reference's beats."""
    backend = models[NAME].backend
    assert backend is not None, "every model here was admitted"
    assert signals.reference is not None
    row = next(row for row, lead in enumerate(signals.leads) if lead.kind is LeadKind.ECG)
    recording = Recording(signals.name, signals.fs_hz, signals.samples[row], signals.reference)
    positions, _ = beats_of(signals.reference)
    scores = scores_at(recording, backend, positions)
    return Annotations(positions, [CLASSES[index] for index in scores.argmax(axis=1)])


def class_figures(scores: Sequence[ClassScore], groups: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Put the records together: `gross`, `average`, `groups`, `interval`, `matrix`, a row each in `records`.

    Of beats that our detector found there is also `as_reported`, see `ClassScore`.
    """
    rows: list[dict[str, Any]] = [
        {"record": one.record, "unanswered": one.unanswered} | _figures(one.score) | _reported([one]) for one in scores
    ]
    pooled = gross(one.score for one in scores)
    return {
        "gross": _figures(pooled)
        | {"s_as_sumstats": _counts(pooled.s_sumstats)}
        | {"escape_as_n": _figures(gross(one.escape_as_n for one in scores))},
        **_reported(scores),
        "average": {
            kind: {name: mean([row[kind][name] for row in rows]) for name in ("se", "ppv")} for kind in _kinds()
        },
        "interval": {kind: _intervals([take(one.score) for one in scores]) for kind, take in _kinds().items()},
        "matrix": pooled.matrix.tolist(),
        "groups": {
            name: _figures(gross(chosen)) | {"records": len(chosen)}
            for name, records in groups.items()
            if (chosen := [one.score for one in scores if one.record in records])
        },
        "records": rows,
    }


def _reported(scores: Sequence[ClassScore]) -> dict[str, Any]:
    reported = [one.as_reported for one in scores if one.as_reported is not None]
    if not reported:
        return {}
    escape_as_n = _figures(gross(plain for _, plain in reported))
    figures = _figures(gross(kept for kept, _ in reported)) | {"escape_as_n": escape_as_n}
    return {"as_reported": figures | {"s_unassessed": sum(one.unassessed for one in scores)}}


def _kinds() -> dict[str, Any]:
    return {name.lower(): take for name, take in KINDS.items()}


def _figures(score: BeatScore) -> dict[str, Any]:
    return {kind: _counts(take(score)) for kind, take in _kinds().items()}


def _counts(kind: Detection) -> dict[str, Any]:
    return {
        "tp": kind.tp,
        "fn": kind.fn,
        "fp": kind.fp,
        "se": share(kind.tp, kind.tp + kind.fn),
        "ppv": share(kind.tp, kind.tp + kind.fp),
    }


def _intervals(kinds: Sequence[Detection]) -> dict[str, list[float] | None]:
    counts = np.array([(one.tp, one.fn, one.fp) for one in kinds], np.float64)
    return {
        "se": interval(counts, lambda sums: 100 * sums[:, 0] / (sums[:, 0] + sums[:, 1])),
        "ppv": interval(counts, lambda sums: 100 * sums[:, 0] / (sums[:, 0] + sums[:, 2])),
    }
