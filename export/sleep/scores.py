"""Nights of measured epochs through the released network as the device runs it, and the figures of them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.eeg.epoch_powers import EPOCH_S
from biosignal.events import Prediction
from biosignal.model.model import Model
from biosignal.scoring.sleep import UNSCORED, WAKE, around_sleep, onset_of, score_stages, surest
from biosignal.tasks.eeg_sleep.kinds import CLASSES, NAME
from biosignal.tasks.eeg_sleep.limits import SleepLimits
from biosignal.tasks.eeg_sleep.staging import Stager
from export.report.served import Served
from export.sleep.corpus import PLACES, Scored, read_scored

SHARES = (1.0, 0.95, 0.9, 0.8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """What of a night the network is shown: amplitude times `gain`, microvolts or not, which derivation."""

    gain: float = 1.0
    has_scale: bool = True
    place: str = PLACES[0]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Answered:
    """A night with the probabilities of each epoch, shape (epoch, class); NaN where there was no answer."""

    night: Scored
    scores: NDArray[np.float64]


def answer(night: Scored, model: Model, shown: Shown) -> Answered:
    """Stage a night from its first epoch on, as the daemon does behind its measuring."""
    stager = Stager(model, is_posterior=shown.place != PLACES[0], has_scale=shown.has_scale)
    numbers = night.numbers.copy()
    numbers[:, :-1] *= shown.gain**2  # powers and variance; mobility has no unit
    rows = np.full((len(numbers), len(CLASSES)), np.nan)
    for place, row in enumerate(numbers):
        outcome = stager.stage(row).outcome
        if isinstance(outcome, Prediction):
            rows[place] = [score for _, score in outcome.scores]
    return Answered(night=night, scores=rows)


def evaluate_sleep(folder: Path, answering: Served, shown: Shown) -> dict[str, Any]:
    """Score every night of a folder by the bundle that serves.

    Raises
    ------
    NoRecordings : the folder has no nights.
    """
    model = answering.models()[NAME]
    nights = read_scored(folder, places=(shown.place,))
    about = {"bundles": [one for one in answering.to_json() if one["task"] == NAME]}
    return about | figures_of([answer(night, model, shown) for night in nights], shown)


def figures_of(answered: Sequence[Answered], shown: Shown) -> dict[str, Any]:
    """Put the scores of nights together: around sleep, whole, night by night."""
    around = [_around(one) for one in answered]
    whole = [(one.night.stages, one.scores) for one in answered]
    gross = _joined(around)
    return {
        "what": "sleep",
        "nights": len(answered),
        "gain": shown.gain,
        "microvolts": shown.has_scale,
        "derivation": "Fpz-Cz" if shown.place == PLACES[0] else "Pz-Oz",
        "gross": score_stages(*gross, stages=CLASSES).to_json() | {"surest": _surest(*gross)},
        "whole": score_stages(*_joined(whole), stages=CLASSES).to_json(),
        "unanswered": int(sum(np.isnan(one.scores[:, 0]).sum() for one in answered)),
        "records": [_row(one, part) for one, part in zip(answered, around, strict=True)],
    }


def _around(one: Answered) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    span = around_sleep(one.night.stages)
    return one.night.stages[span], one.scores[span]


def _joined(
    parts: Sequence[tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return np.concatenate([stages for stages, _ in parts]), np.concatenate([scores for _, scores in parts])


def _surest(stages: NDArray[np.int64], scores: NDArray[np.float64]) -> list[Mapping[str, float]]:
    rows: list[Mapping[str, float]] = []
    for share in SHARES:
        found = surest(stages, scores, share)
        if found is not None:
            rows.append(
                {
                    "share": round(100.0 * share, 1),
                    "accuracy": round(100.0 * found[0], 2),
                    "from_probability": round(found[1], 3),
                }
            )
    return rows


def _row(one: Answered, part: tuple[NDArray[np.int64], NDArray[np.float64]]) -> dict[str, Any]:
    score = score_stages(*part, stages=CLASSES).to_json()
    onset, called = onsets(one)
    return {
        "record": one.night.name,
        **{name: score[name] for name in ("epochs", "accuracy", "macro_f1", "kappa", "ece")},
        "f1": score["f1"],
        "onset_min": None if onset is None else onset * EPOCH_S / 60.0,
        "onset_called_min": None if called is None else called * EPOCH_S / 60.0,
    }


def onsets(one: Answered) -> tuple[int | None, int | None]:
    """Epoch at which sleep began by persistence, for the reader and as called, both from half an hour before sleep on.

    The hours awake before that are in no night at the bedside.
    """
    limits, span = SleepLimits(), around_sleep(one.night.stages)
    called = np.where(np.isnan(one.scores[:, 0]), UNSCORED, one.scores.argmax(axis=1))

    def begins(stages: NDArray[np.int64]) -> int | None:
        at = onset_of(stages[span] > WAKE, limits.onset_epochs, but=limits.onset_awake, known=stages[span] > UNSCORED)
        return None if at is None else at + span.start

    return begins(one.night.stages), begins(called)
