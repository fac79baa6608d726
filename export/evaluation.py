"""A bundle's figures on recordings it was not trained on, by EC57."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.model.backend import Backend
from biosignal.scoring.calibration import calibration
from biosignal.scoring.ec57 import CLASSES as STANDARD
from biosignal.scoring.ec57 import ECTOPIC, KINDS, LEARNING_S, BeatScore, Detection, average, gross, score_record
from biosignal.scoring.score import Annotations
from biosignal.tasks.ecg_beats.kinds import CLASSES
from biosignal.tasks.ecg_beats.scorer import annotations_of
from biosignal.tasks.ecg_beats.windows import inputs_for_record, stacked
from export.dataset import UNLABELLED, find_beats
from export.recordings import LARGE_S_RECORD, Recording, beats_of, read_recording

CODES = np.array(STANDARD)
RESAMPLES = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a model said of one recording, on the reference beats and on those our detector found."""

    recording: Recording
    on_reference: Annotations
    on_detector: Annotations
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    unanswered: int


def answer(recording: Recording, backend: Backend, front: Backend | None) -> Answers:
    """Classify a recording both ways."""
    positions, labels = beats_of(recording.reference)
    scores = scores_at(recording, backend, positions)
    found = find_beats(recording, backend, front).marks
    return Answers(
        recording=recording,
        on_reference=Annotations(positions, CODES[scores.argmax(axis=1)].tolist()),
        on_detector=annotations_of(found),
        scores=scores[labels < UNLABELLED],
        labels=labels[labels < UNLABELLED],
        unanswered=sum(mark.label is None for mark in found),
    )


def scores_at(recording: Recording, backend: Backend, positions: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give the model's scores of the beats at these samples, shape (beat, class)."""
    windows = inputs_for_record(recording.samples, recording.fs_hz, positions)
    return backend.infer(stacked(windows))["scores"]


def evaluate(backend: Backend, folder: Path, names: Sequence[str], front: Backend | None = None) -> dict[str, Any]:
    """Score a model on records, behind a front end if there is one; progress goes to stderr.

    Returns
    -------
    Figures as plain values: `settings` (one entry per way of scoring), `records`, `calibration`, `interval`, `matrix`.
    """
    answers = []
    for name in names:
        print(f"evaluating record {name}", file=sys.stderr, flush=True)
        answers.append(answer(read_recording(folder, name), backend, front))
    scores = np.concatenate([one.scores for one in answers])
    labels = np.concatenate([one.labels for one in answers])
    found = calibration(scores, labels)
    main = {name: _scores(answers, name, LEARNING_S, escape_is_s=True) for name in ("reference", "detector")}
    return {
        "bundle": backend.bundle,
        "settings": [
            _setting(answers, beats, start_s, escape_is_s, without)
            for beats in ("reference", "detector")
            for start_s in (LEARNING_S, 0.0)
            for escape_is_s in (True, False)
            for without in (None, LARGE_S_RECORD)
        ],
        "records": [
            {"record": one.recording.name, "unanswered": one.unanswered}
            | {f"{beats} {kind}": _counts(take(main[beats][index])) for beats in main for kind, take in KINDS.items()}
            for index, one in enumerate(answers)
        ],
        "matrix": {beats: gross(scored).matrix.tolist() for beats, scored in main.items()},
        "interval": {
            beats: {kind: _interval(scored, KINDS[kind]) for kind in ECTOPIC} for beats, scored in main.items()
        },
        "rr_error_ms": _mean_rr_error(main["detector"]),
        "calibration": {
            "top_label": found.top_label,
            "weighted": found.weighted,
            "brier": found.brier,
            "by_class": dict(zip(CLASSES, found.by_class, strict=True)),
            "beats": int(labels.size),
        },
    }


def _scores(answers: list[Answers], beats: str, start_s: float, *, escape_is_s: bool) -> list[BeatScore]:
    return [
        score_record(
            one.recording.reference,
            one.on_reference if beats == "reference" else one.on_detector,
            fs_hz=one.recording.fs_hz,
            start_s=start_s,
            end=len(one.recording.samples),
            escape_is_s=escape_is_s,
        )
        for one in answers
    ]


def _setting(
    answers: list[Answers], beats: str, start_s: float, escape_is_s: bool, without: str | None
) -> dict[str, Any]:
    chosen = [one for one in answers if one.recording.name != without]
    scored = _scores(chosen, beats, start_s, escape_is_s=escape_is_s)
    pooled = gross(scored)
    return {
        "beats": beats,
        "start_s": start_s,
        "escape_is_s": escape_is_s,
        "without": without,
        "gross": {kind: _counts(take(pooled)) for kind, take in KINDS.items()},
        "average": {kind: dict(zip(("se", "pp"), average(scored, take), strict=True)) for kind, take in KINDS.items()},
        "gross S as sumstats": _counts(pooled.s_sumstats),
    }


def _counts(found: Detection) -> dict[str, float | int | None]:
    return {
        "tp": found.tp,
        "fn": found.fn,
        "fp": found.fp,
        "se": found.sensitivity,
        "pp": found.positive_predictivity,
    }


def _interval(scored: list[BeatScore], take: Callable[[BeatScore], Detection]) -> dict[str, list[float]]:
    """Give the 95 % interval of gross Se and +P when records are drawn with replacement."""
    counts = np.array([(one.tp, one.fn, one.fp) for one in map(take, scored)], np.float64)
    drawn = np.random.default_rng(0).integers(0, len(counts), (RESAMPLES, len(counts)))
    tp, fn, fp = counts[drawn].sum(axis=1).T
    both = {"se": tp / np.maximum(tp + fn, 1), "pp": tp / np.maximum(tp + fp, 1)}
    return {name: [float(np.quantile(values, part)) for part in (0.025, 0.975)] for name, values in both.items()}


def _mean_rr_error(scored: list[BeatScore]) -> float | None:
    errors = [one.rr_error_s for one in scored if one.rr_error_s is not None]
    return 1000.0 * float(np.mean(errors)) if errors else None
