"""Scores a set of recordings: each through the daemon's pipeline, several side by side, the figures at the end."""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biosignal.model.model import Model
from export.recordings import DS2
from export.report.af import af_figures, score_af, score_af_of_beats
from export.report.alarms import alarm_figures, score_alarms
from export.report.analysed import Analysed, analyse
from export.report.beat_lists import analyse_beats, read_beats
from export.report.beats import class_figures, score_classes
from export.report.challenge import challenge_figures, score_challenge
from export.report.qrs import qrs_figures, score_qrs
from export.report.quality import quality_figures, score_quality
from export.report.reading import read_signals
from export.report.served import Served, served
from export.report.sets import KEPT_OUT_FOLDS, NORMAL, NoSet, RecordSet, Truth, labels_of, records_of, set_of
from export.report.strips import score_stated, score_strip, stated_figures, strip_figures
from export.report.vf import score_vf, vf_figures

WHAT = ("qrs", "beats", "alarms", "vf", "af", "rhythm", "quality", "challenge")
LABELLED = ("alarms", "rhythm", "quality", "challenge")
ONLY_AF = (Truth.BEAT_LIST, Truth.STATEMENTS)
LEARNING_S = {"beats": 300.0, "af": 300.0}
"""From where a record is scored unless it is said: EC57's five minutes for classes and fibrillation, the first second
for the rest and for lists of beats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What to score; the fields are the verb's flags."""

    what: str
    folder: Path
    records: tuple[str, ...] = ()
    from_s: float | None = None
    at_reference: bool = False
    leads: str = "all"
    bundle: Path | None = None
    jobs: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a process needs to score any record of the request."""

    request: Request
    known: RecordSet
    labels: Mapping[str, tuple[str, ...]]
    answering: Served

    @property
    def begins_s(self) -> float:
        """From where each record is scored."""
        asked_s = self.request.from_s
        if asked_s is not None or self.known.truth in ONLY_AF:
            return asked_s or 0.0
        return LEARNING_S.get(self.request.what, 0.0)


def evaluate(request: Request) -> dict[str, Any]:
    """Score the records; progress goes to stderr.

    Returns
    -------
    Plain values: `gross`, `average`, `interval`, `records`, and what was scored by which bundle.

    Raises
    ------
    NoSet, NoRecordings : folder, records or labels cannot be used for what is asked.
    BadInput, BundleRefused, ContractBroken, NotAdmitted : a bundle cannot be used.
    """
    work, names = prepared(request)
    return figures_of(work, scores_of(work, names))


def prepared(request: Request) -> tuple[Work, list[str]]:
    """Find the records to score, and what is needed to score any of them.

    Raises
    ------
    NoSet, NoRecordings : folder, records or labels cannot be used for what is asked.
    BadInput, BundleRefused, ContractBroken, NotAdmitted : a bundle cannot be used.
    """
    known = set_of(request.folder)
    is_labelled = request.what in LABELLED or known.truth is Truth.STATEMENTS
    labels = labels_of(request.folder, known) if is_labelled else {}
    if request.what == "quality" and not labels:
        raise NoSet("nobody said of these records whether they are acceptable", folder=str(request.folder))
    answering = served(request.bundle)
    names = _names(request, known, labels)
    return Work(request=request, known=known, labels=labels, answering=answering), names


def scores_of(work: Work, names: Sequence[str]) -> list[Any]:
    """Score records; progress goes to stderr.

    Raises
    ------
    NoRecordings : one cannot be read or has no truth.
    """
    scores = []
    for number, one in enumerate(_scored(work, names), 1):
        print(f"{number} of {len(names)}: {one.record}", file=sys.stderr, flush=True)
        scores.append(one)
    return scores


def figures_of(work: Work, scores: Sequence[Any]) -> dict[str, Any]:
    """Put the scores of records together, with what was scored by what."""
    figures = _figures(work, scores)
    for row in figures["records"]:
        row["trained_on"] = work.answering.trained_on(work.known.name, row["record"])
    return _about(work, len(scores)) | figures


def _names(request: Request, known: RecordSet, labels: Mapping[str, tuple[str, ...]]) -> list[str]:
    names = records_of(request.folder, known, request.records)
    if known.truth in ONLY_AF and request.what != "af":
        raise NoSet("this set can only be scored by `af`", folder=str(request.folder), wanted=request.what)
    if known.truth is Truth.STATEMENTS and not request.records:
        return [name for name in names if labels[name][1] in KEPT_OUT_FOLDS]
    if request.what == "rhythm":
        names = [name for name in names if name in labels]
    if request.records:
        return names
    if request.what == "beats" and known.name == "mitdb":
        names = [name for name in names if name in DS2]
    if request.what == "alarms" and known.truth is Truth.NORMAL:
        names = [name for name in names if labels.get(name) == (NORMAL,)]
    if request.what in ("qrs", "beats", "vf", "af") and known.truth not in ONLY_AF:
        names = [name for name in names if (request.folder / f"{name}.atr").is_file()]
    if not names:
        raise NoSet(
            "no record of the folder has what is scored against",
            folder=str(request.folder),
            wanted=request.what,
            remedy="`alarms` needs labels or annotations, `quality` LABELS.csv, `challenge` ALARMS, the others .atr",
        )
    return names


_work: Work | None = None
_models: dict[str, Model] = {}


def _begin(work: Work) -> None:
    """Serve the models once in each process."""
    global _work, _models
    _work, _models = work, work.answering.models()


def _scored(work: Work, names: Sequence[str]) -> Iterator[Any]:
    """Score the records in their order."""
    if work.request.jobs == 1 or len(names) == 1:
        _begin(work)
        yield from map(_score, names)
        return
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(work.request.jobs, mp_context=fresh, initializer=_begin, initargs=(work,)) as pool:
        yield from pool.map(_score, names)


def _score(name: str) -> Any:
    assert _work is not None, "a process begins before it scores"
    request, from_s = _work.request, _work.begins_s
    if _work.known.truth is Truth.BEAT_LIST:
        beats = read_beats(request.folder, name)
        return score_af_of_beats(beats, analyse_beats(beats, _models), from_s=from_s)
    signals = read_signals(request.folder, name, leads=request.leads)
    # At the reference's beats nothing has to be found.
    found = Analysed() if request.at_reference else analyse(signals, _models)
    label = _work.labels.get(name, ())
    if request.what == "qrs":
        return score_qrs(signals, found, from_s=from_s)
    if request.what == "beats":
        return score_classes(signals, found, _models, from_s=from_s, at_reference=request.at_reference)
    if request.what == "alarms":
        return score_alarms(signals, found, from_s=from_s, truth=_work.known.truth, label=label)
    if request.what == "vf":
        return score_vf(signals, found, from_s=from_s)
    if _work.known.truth is Truth.STATEMENTS:
        return score_stated(signals, found, label)
    if request.what == "af":
        return score_af(signals, found, from_s=from_s)
    if request.what == "rhythm":
        return score_strip(signals, found, label)
    if request.what == "challenge":
        return score_challenge(signals, found, label)
    return score_quality(signals, found, label)


def _figures(work: Work, scores: Sequence[Any]) -> dict[str, Any]:
    plain: dict[str, Callable[[Sequence[Any]], dict[str, Any]]] = {
        "alarms": alarm_figures,
        "vf": vf_figures,
        "rhythm": strip_figures,
        "quality": quality_figures,
        "challenge": challenge_figures,
    }
    grouped: dict[str, Callable[[Sequence[Any], Mapping[str, Sequence[str]]], dict[str, Any]]] = {
        "qrs": qrs_figures,
        "beats": class_figures,
        "af": af_figures,
    }
    what = work.request.what
    if work.known.truth is Truth.STATEMENTS:
        return stated_figures(scores)
    return plain[what](scores) if what in plain else grouped[what](scores, work.known.groups)


def _about(work: Work, count: int) -> dict[str, Any]:
    """Say what was scored, against what, and by which models."""
    request, known = work.request, work.known
    return {
        "what": request.what,
        "set": known.name,
        "scored": count,
        "published": known.records or None,
        "truth": known.truth.value if request.what == "alarms" else None,
        "tuned_on": known.tuned_on,
        "from_s": work.begins_s,
        "beats": ("reference" if request.at_reference else "detected") if request.what == "beats" else None,
        "leads": request.leads,
        "bundles": work.answering.to_json(),
    }
