"""The released network scored through the daemon's own stage: ``python -m export evaluate diagnosis``."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from biosignal.ecg.leads import INDEPENDENT, TWELVE, derived
from biosignal.events import Mark, Prediction
from biosignal.model.model import Model
from biosignal.model.similar import Neighbour, Similar
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, MAIN, NAME
from biosignal.tasks.ecg_diagnosis.seen import RATE_HZ
from biosignal.tasks.ecg_diagnosis.task import ECG_DIAGNOSIS
from biosignal.tasks.ecg_waves.task import ECG_WAVES
from biosignal.tasks.signal_quality.task import SIGNAL_QUALITY
from export.diagnosis.corpus import TRAINING, NoDiagnoses, Row, read_leads, read_table, targets_of
from export.diagnosis.figures import DRAWS, auc, ece, ece_if_true, interval, macro_auc, rounded
from export.report.served import Served

Floats = NDArray[Any]
Leads = Mapping[str, Floats]
NOISE_HZ = (15.0, 45.0)
NOISES_DB = (12.0, 6.0)
ASKED = (SIGNAL_QUALITY, ECG_WAVES, ECG_DIAGNOSIS)
SEARCHED, SEARCHES = 100_000, 50
SE_AT = 0.95
"""Sensitivity is told where so many of those without the statement are below."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Answered:
    """What was said of records: scores, shape (record, statement), NaN where nothing was answered."""

    rows: tuple[Row, ...]
    scores: Floats

    @property
    def targets(self) -> Floats:
        """What is stated of each, shape (record, statement)."""
        return np.array([targets_of(row, CLASSES) for row in self.rows])

    @property
    def is_answered(self) -> NDArray[np.bool_]:
        """Which records got an answer."""
        return np.asarray(np.isfinite(self.scores).all(axis=1))

    def of(self, chosen: NDArray[np.bool_]) -> "Answered":
        """Keep records only."""
        rows = tuple(row for row, is_kept in zip(self.rows, chosen, strict=True) if is_kept)
        return Answered(rows=rows, scores=self.scores[chosen])


def only(*names: str) -> Callable[[Leads, int], Leads]:
    """Show these leads only."""
    return lambda leads, seed: {name: leads[name] for name in names}


def all_twelve(leads: Leads, seed: int) -> Leads:
    """Show the limb leads that follow as well."""
    made = derived(leads)
    return {name: made[name].astype(np.float32) for name in TWELVE}


def noisy(level_db: float) -> Callable[[Leads, int], Leads]:
    """Add noise of the band of muscles to every lead, its own in each, its power against that of the QRS."""

    def add(leads: Leads, seed: int) -> Leads:
        random = np.random.default_rng(seed)
        return {name: (x + muscle(x, level_db, random)).astype(np.float32) for name, x in leads.items()}

    return add


def muscle(x: Floats, level_db: float, random: np.random.Generator) -> Floats:
    """Draw Gaussian noise between 15 and 45 Hz: an eighth of the squared swing of a usual second lies so far above."""
    seconds = x[: len(x) // 100 * 100].reshape(-1, 100)
    swing = float(np.median(np.ptp(seconds, axis=1)))
    sections = signal.butter(4, NOISE_HZ, "bandpass", fs=RATE_HZ, output="sos")
    drawn = signal.sosfiltfilt(sections, random.normal(0.0, 1.0, len(x)))
    return np.asarray(drawn / drawn.std() * np.sqrt(swing**2 / 8.0 * 10.0 ** (-level_db / 10.0)))


WAYS: Mapping[str, Callable[[Leads, int], Leads]] = {
    "eight leads": only(*INDEPENDENT),
    "twelve leads": all_twelve,
    "I and II": only("I", "II"),
    "II": only("II"),
    "I": only("I"),
    **{f"{level:g} dB of noise": noisy(level) for level in NOISES_DB},
}
"""How the records are shown; the first way is what is reported."""


def evaluate_diagnosis(folder: Path, answering: Served, *, fold: int | None, draws: int = DRAWS) -> dict[str, Any]:
    """Score every record that trained nothing, or those of one fold; progress goes to stderr.

    Returns
    -------
    Plain values: `gross`, then `sources`, `shown` (other leads, noise) and `statements`.

    Raises
    ------
    NoDiagnoses : the folder holds no such set, or no record that may be scored.
    """
    rows = scored_rows(read_table(folder), fold=fold, folder=folder)
    models = answering.models()
    said = {}
    for name, show in WAYS.items():
        said[name] = answered(rows, models, show)
        print(f"{name}: {len(rows)} records", file=sys.stderr, flush=True)
    first = said[next(iter(WAYS))]
    return {
        "what": "diagnosis",
        "folds": sorted({row.fold for row in rows}),
        "bundles": [one for one in answering.to_json() if one["task"] == NAME],
        "sources": _by_source(first, draws),
        "shown": {name: main_figures(one, draws=draws) for name, one in said.items() if one is not first},
        "statements": statement_figures(first),
        "similar": similar_figures(first, answering.bundles[NAME].similar()),
        "gross": main_figures(first, draws=draws),
    }


def scored_rows(rows: Sequence[Row], *, fold: int | None, folder: Path) -> tuple[Row, ...]:
    """Choose the records that are scored: none of a fold that trained.

    Raises
    ------
    NoDiagnoses : there is none, or the fold trained.
    """
    if fold in TRAINING:
        raise NoDiagnoses("records of this fold trained the network", fold=fold, remedy="score fold 9 or 10")
    chosen = tuple(row for row in rows if (row.fold not in TRAINING if fold is None else row.fold == fold))
    if not chosen:
        raise NoDiagnoses("no record of the table may be scored", folder=str(folder), fold=fold, trained="folds 1 to 8")
    return chosen


def answered(rows: Sequence[Row], models: Mapping[str, Model], show: Callable[[Leads, int], Leads]) -> Answered:
    """Send records through the stage of the daemon."""
    scores = [scores_of(show(read_leads(row), place), models) for place, row in enumerate(rows)]
    return Answered(rows=tuple(rows), scores=np.array(scores))


def scores_of(leads: Leads, models: Mapping[str, Model]) -> list[float]:
    """Give what the stage says of ten seconds, NaN for each statement where it says nothing."""
    declared = tuple(Lead(name=name, kind=LeadKind.ECG) for name in leads)
    recorded = Recorded(device="evaluation", recording="record", fs_hz=RATE_HZ, leads=declared)
    pipeline = Pipeline(ASKED, recorded, models=models)
    samples = np.stack(list(leads.values())).astype(np.float32)
    block = SampleBlock(recording="record", start=0, fs_hz=RATE_HZ, leads=declared, samples=samples)
    for event in (*pipeline.push(block), *pipeline.finish()):
        if isinstance(event, Mark) and event.task == NAME and isinstance(event.outcome, Prediction):
            return [dict(event.outcome.scores)[code] for code in CLASSES]
    return [float("nan")] * len(CLASSES)


def main_figures(said: Answered, *, draws: int) -> dict[str, Any]:
    """Give the figures of the main statements over the records that have one and were answered."""
    has_one = np.array([bool(row.superclasses) for row in said.rows])
    kept = said.of(has_one & said.is_answered)
    targets, scores = kept.targets[:, : len(MAIN)], kept.scores[:, : len(MAIN)]
    each = {code: rounded(auc(targets[:, at], scores[:, at])) for at, code in enumerate(MAIN)} if len(targets) else {}
    return {
        "records": len(kept.rows),
        "unanswered": int(np.count_nonzero(has_one & ~said.is_answered)),
        "macro_auc": rounded(macro_auc(targets, scores)) if len(targets) else None,
        "ci": [rounded(one) for one in interval(targets, scores, draws=draws)] if len(targets) else None,
        "auc": each,
        "ece": rounded(ece(targets, scores)) if len(targets) else None,
        "ece_if_true": [rounded(one) for one in ece_if_true(scores)] if len(targets) else None,
    }


def _by_source(said: Answered, draws: int) -> dict[str, Any]:
    sources = sorted({row.src for row in said.rows} - {""})
    return {
        name: main_figures(said.of(np.array([row.src == name for row in said.rows])), draws=draws) for name in sources
    }


def statement_figures(said: Answered) -> dict[str, Any]:
    """Give, for each of the other statements, its area, and its sensitivity where 95 of 100 without it are below."""
    kept = said.of(said.is_answered)
    found = {}
    for at, code in enumerate(CLASSES[len(MAIN) :], len(MAIN)):
        is_so, score = kept.targets[:, at] > 0, kept.scores[:, at]
        if is_so.any() and not is_so.all():
            limit = np.quantile(score[~is_so], SE_AT)
            found[code] = {
                "records": int(is_so.sum()),
                "auc": rounded(auc(is_so, score)),
                "sensitivity": rounded(float(np.mean(score[is_so] > limit))),
            }
    return found


def similar_figures(said: Answered, similar: Similar | None) -> dict[str, Any] | None:
    """Say how often the nearest reviewed records share a main statement with a record, and how long a search takes.

    Returns
    -------
    `share` of the nearest three, `any` of the three, `chance` of a record drawn at random; `search_ms` among
    `SEARCHED` records, the median of some. None where the bundle brings no reviewed records.
    """
    if similar is None:
        return None
    kept = said.of(np.array([bool(row.superclasses) for row in said.rows]) & said.is_answered)
    every = main_stated(similar.to(np.full(len(CLASSES), 0.5), count=similar.count))
    targets = kept.targets[:, : len(MAIN)] > 0
    shared = [
        (main_stated(similar.to(scores)) & stated).any(axis=1)
        for stated, scores in zip(targets, kept.scores, strict=True)
    ]
    chance = [np.mean((every & stated).any(axis=1)) for stated in targets]
    return {
        "records": len(shared),
        "reviewed": similar.count,
        "share": rounded(float(np.mean(shared))),
        "any": rounded(float(np.mean([one.any() for one in shared]))),
        "chance": rounded(float(np.mean(chance))),
        "search_ms": rounded(_search_ms(similar, kept.scores), 2),
    }


def main_stated(found: Sequence[Neighbour]) -> NDArray[np.bool_]:
    """Say which main statements people made of each record, shape (record, main statement)."""
    return np.array([[at in one.stated for at in range(len(MAIN))] for one in found])


def _search_ms(similar: Similar, scores: Floats) -> float:
    many, spent = similar.repeated(SEARCHED), []
    for one in scores[:SEARCHES]:
        began_s = time.perf_counter()
        many.to(one)
        spent.append(time.perf_counter() - began_s)
    return 1000.0 * float(np.median(spent))


def diagnosis_lines(figures: Mapping[str, Any]) -> list[str]:
    """Write the figures for people."""
    folds = ", ".join(str(fold) for fold in figures["folds"])
    lines = [f"folds {folds}", _line("eight leads", figures["gross"])]
    lines += [_line(f"  {name}", one) for name, one in figures["sources"].items()]
    lines += [_line(name, one) for name, one in figures["shown"].items()]
    if (one := figures.get("similar")) is not None:
        lines.append(
            f"nearest three of {one['reviewed']} reviewed records: {one['share']} share a main statement, {one['any']} "
            f"have one that does, chance {one['chance']}; {one['search_ms']} ms a search of {SEARCHED:,}"
        )
    for code, one in figures["statements"].items():
        lines.append(f"  {code}: {one['records']} records, AUC {one['auc']}, Se at Sp .95 {one['sensitivity']}")
    return lines


def _line(name: str, one: Mapping[str, Any]) -> str:
    each = " ".join(f"{code} {value}" for code, value in one["auc"].items())
    calibrated = f"ECE {one['ece']} (if true {one['ece_if_true']})"
    return f"{name}: macro AUC {one['macro_auc']} {one['ci']}, {each}, {calibrated}, unanswered {one['unanswered']}"
