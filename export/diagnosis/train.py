"""From PTB-XL to a released network: what ``python -m export train --task ecg-diagnosis`` does."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from torch import nn

from biosignal.ecg.leads import INDEPENDENT
from biosignal.model.bundle import Bundle
from biosignal.model.similar import Reviewed, held_of
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES
from biosignal.tasks.ecg_waves.kinds import NAME as WAVES
from export.diagnosis.architectures import ARCHITECTURES
from export.diagnosis.calibrating import LEAD_SETS, ByLeads, Joined, joined
from export.diagnosis.card import card_of
from export.diagnosis.corpus import SET, SUPERCLASSES, TRAINING, Corpus, Row, corpus_of, read_table
from export.diagnosis.figures import gain_of, limits_of, macro_of, share_of_superclass
from export.diagnosis.fitting import Recipe, fit, logits_of, noise_of
from export.diagnosis.kernels import Kernels, numbers_of, ridge
from export.diagnosis.measurements import Measured, chosen, measured_of, taught, wave_model
from export.diagnosis.release import Served, bundle_of
from export.diagnosis.trees import TREES, Grown, Trees, grown, learned_in, said_by
from export.network import parameters_of
from export.report.served import released

VERSION = "1.2.0"
NOISES = "nstdb"
ARCHITECTURE = "resnet"
GROUPS = ((1, 2, 3), (4, 5, 6), (7, 8))
"""Folds that are kept out together, to calibrate on."""
GRADING = (5, 6, 7, 8)
"""Folds whose records judge a model that a clinic taught anew; it is held to those of the others while it learns."""
REPORTED = 9
FEWEST = 20
"""A statement with as many records of the training folds is learned, to be told or as a helper."""
QUICK_RECORDS, QUICK_TREES = 96, 8

Floats = NDArray[Any]


def learned(rows: Sequence[Row]) -> tuple[str, ...]:
    """Name the statements that are learned: those that are told first, then the helpers."""
    counts = Counter(code for row in rows for code in row.statements)
    helpers = sorted(code for code, count in counts.items() if count >= FEWEST and code not in CLASSES)
    return (*CLASSES, *helpers)


def rows_of(folder: Path, *, quick: bool) -> list[Row]:
    """Read the rows of the folds that train, and of the one that is reported.

    Raises
    ------
    NoDiagnoses : the set is missing.
    """
    rows = [row for row in read_table(folder) if row.fold in (*TRAINING, REPORTED)]
    return rows[:: max(1, len(rows) // QUICK_RECORDS)] if quick else rows


def mask_of(shown: Sequence[int]) -> Floats:
    """Mark the rows of the eight leads that are shown."""
    mask = np.zeros(len(INDEPENDENT), np.float32)
    mask[list(shown)] = 1.0
    return mask


def read_all(network: nn.Module, leads: Floats) -> dict[str, list[Floats]]:
    """Read records with each set of leads that is calibrated."""
    return {name: [logits_of(network, leads, mask_of(shown)) for shown in sets] for name, sets in LEAD_SETS.items()}


def kept_out(corpus: Corpus, noise: Floats, recipe: Recipe, *, seed: int) -> ByLeads:
    """Read every record by a network that was fitted without its group of folds."""
    said = {name: [np.zeros_like(corpus.targets) for _ in sets] for name, sets in LEAD_SETS.items()}
    for group in GROUPS:
        is_out = np.isin(corpus.folds, group)
        if not is_out.any():
            continue
        network = fit(ARCHITECTURES[ARCHITECTURE], corpus.of(~is_out), noise, recipe, seed=seed)
        for name, parts in read_all(network, corpus.leads[is_out]).items():
            for whole, part in zip(said[name], parts, strict=True):
                whole[is_out] = part
        print(f"folds {', '.join(map(str, group))} were kept out", file=sys.stderr, flush=True)
    return said


def grown_kept_out(corpus: Corpus, measured: Measured, *, trees: int) -> tuple[Grown, ByLeads]:
    """Fit the trees to all training folds.

    Returns
    -------
    The trees, and what trees of a part of the folds say of the others, as the network says it.
    """
    known = share_of_superclass(corpus)
    said = {name: [np.zeros_like(corpus.targets) for _ in sets] for name, sets in LEAD_SETS.items()}
    for group in GROUPS:
        is_out = np.isin(corpus.folds, group)
        if not is_out.any():
            continue
        part = grown(*taught(chosen(measured, ~is_out), corpus.targets[~is_out], known[~is_out]), trees=trees)
        for name, wholes in said.items():
            for whole, numbers in zip(wholes, measured[name], strict=True):
                whole[is_out] = said_by(part, numbers[is_out])
        print(f"trees without folds {', '.join(map(str, group))}", file=sys.stderr, flush=True)
    return grown(*taught(measured, corpus.targets, known), trees=trees), said


def baseline(corpus: Corpus) -> Floats:
    """Random kernels under a ridge, which the network and the trees have to beat: what they say of folds kept out."""
    numbers = numbers_of(Kernels(corpus.leads), corpus.leads)
    has_one = corpus.targets[:, : len(SUPERCLASSES)].max(axis=1) > 0
    opinions = np.zeros(corpus.targets.shape)
    for group in GROUPS:
        is_out = np.isin(corpus.folds, group)
        weights, offsets = ridge(numbers[~is_out & has_one], corpus.targets[~is_out & has_one])
        opinions[is_out] = numbers[is_out] @ weights + offsets
    return opinions


def train(data: Path, *, seed: int, steps: int | None, quick: bool) -> Bundle:
    """Train and put the bundle together. Progress goes to stderr; all of it takes about 40 minutes on one core.

    Parameters
    ----------
    steps : how often each record is shown, in the place of the recipe's number.

    Raises
    ------
    NoDiagnoses : the set is missing.
    """
    rows = rows_of(data / SET, quick=quick)
    training = [row for row in rows if row.fold in TRAINING]
    whole = corpus_of(rows, learned(training))
    recipe = recipe_of(steps=steps, quick=quick)
    noise = noise_of(data / NOISES)
    corpus = whole.of(np.isin(whole.folds, TRAINING))
    measured = measured_of(rows, wave_model())
    said = kept_out(corpus, noise, recipe, seed=seed)
    network = fit(ARCHITECTURES[ARCHITECTURE], corpus, noise, recipe, seed=seed)
    trees = QUICK_TREES if quick else TREES
    bundle = put_together(whole, network, said, measured, recipe, seed=seed, trees=trees)
    print(f"trained {bundle.identity}, {bundle.manifest.training['parameters']:,} parameters", file=sys.stderr)
    return bundle


def recipe_of(*, steps: int | None, quick: bool) -> Recipe:
    """Give the recipe, shortened if asked."""
    recipe = Recipe()
    if quick:
        recipe = replace(recipe, epochs=1, batch=16)
    return recipe if steps is None else replace(recipe, epochs=steps)


def without_helpers(whole: Corpus) -> Corpus:
    """Leave the helpers out, which stand behind the statements that are told."""
    return replace(whole, statements=CLASSES, targets=whole.targets[:, : len(CLASSES)])


def put_together(
    whole: Corpus, network: nn.Module, said: ByLeads, measured: Measured, recipe: Recipe, *, seed: int, trees: int
) -> Bundle:
    """Fit the trees, join and calibrate on the folds kept out, write down the figures, and make the bundle.

    Parameters
    ----------
    said : of the training records, by networks that had not seen them. measured : of all records of `whole`.
    """
    whole, said = (
        without_helpers(whole),
        {name: [part[:, : len(CLASSES)] for part in parts] for name, parts in said.items()},
    )
    is_taught = np.isin(whole.folds, TRAINING)
    corpus, of_taught = whole.of(is_taught), chosen(measured, is_taught)
    forest, by_trees = grown_kept_out(corpus, of_taught, trees=trees)
    both = joined(said, by_trees, corpus.targets, share_of_superclass(corpus))
    kept = both.logits(said, by_trees)
    served = Served(network, Trees(forest), both)
    training: dict[str, Any] = {
        "data": "PTB-XL, records at 100 Hz, and noise of the MIT-BIH Noise Stress Test Database",
        "records": {SET: [row.name for row in corpus.rows], NOISES: ["bw", "ma"]},
        "folds": list(TRAINING),
        "architecture": ARCHITECTURE,
        "seed": seed,
        "recipe": {**asdict(recipe), "trees": trees},
        "waves": released(WAVES).identity,
        "parameters": parameters_of(served) - parameters_of(network.head) + learned_in(served.trees),
        "random": 0,
        "learned": list(learned(corpus.rows)),
        "counts": {code: int(corpus.targets[:, place].sum()) for place, code in enumerate(CLASSES)},
        "kept_out": macro_of(corpus, kept),
        "alone": {
            "network": macro_of(corpus, said)["by_leads"]["all"][0],
            "trees": macro_of(corpus, by_trees)["by_leads"]["all"][0],
            "random kernels and ridge": macro_of(corpus, {"all": [baseline(corpus)]})["by_leads"]["all"][0],
        },
        "gain": gain_of(corpus, said["all"][0], kept["all"][0]),
        "limits": limits_of(corpus, kept["all"][0]),
        "versions": {"torch": torch.__version__.partition("+")[0], "scikit-learn": sklearn.__version__},
    }
    training |= reported_of(whole.of(~is_taught), network, forest, chosen(measured, ~is_taught), both)
    reviewed = reviewed_of(corpus, kept["all"][0])
    return bundle_of(served, VERSION, training, card_of(VERSION, training, SUPERCLASSES), reviewed)


def reviewed_of(corpus: Corpus, logits: Floats) -> Reviewed:
    """Give the records that know their superclass, each by what is said of it by what had not seen it."""
    rows = corpus.targets[:, : len(SUPERCLASSES)].max(axis=1) > 0
    return Reviewed(
        record=np.array([int(row.name) for row in corpus.of(rows).rows], np.uint16),
        held=held_of(1.0 / (1.0 + np.exp(-logits[rows]))),
        stated=corpus.targets[rows] > 0,
        grading=np.isin(corpus.folds[rows], GRADING),
    )


def reported_of(
    reported: Corpus, network: nn.Module, forest: Grown, measured: Measured, both: Joined
) -> dict[str, Any]:
    """Give the figures of the fold that is reported: both together, each alone, and what the trees add."""
    of_network = {
        name: [part[:, : len(CLASSES)] for part in parts] for name, parts in read_all(network, reported.leads).items()
    }
    of_trees = {name: [said_by(forest, part) for part in measured[name]] for name in LEAD_SETS}
    of_both = both.logits(of_network, of_trees)
    return {
        "reported": macro_of(reported, of_both),
        "reported_alone": {
            "network": macro_of(reported, of_network)["by_leads"]["all"][0],
            "trees": macro_of(reported, of_trees)["by_leads"]["all"][0],
        },
        "reported_gain": gain_of(reported, of_network["all"][0], of_both["all"][0]),
    }
