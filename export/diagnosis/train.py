"""From PTB-XL to a released network: what ``python -m export train --task ecg-diagnosis`` does."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from biosignal.ecg.leads import INDEPENDENT
from biosignal.model.bundle import Bundle
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES
from export.diagnosis.calibrating import LEAD_SETS, fitted
from export.diagnosis.card import card_of
from export.diagnosis.corpus import SET, SUPERCLASSES, TRAINING, Corpus, Row, corpus_of, read_table
from export.diagnosis.figures import limits_of, macro_of, share_of_superclass
from export.diagnosis.fitting import Recipe, fit, logits_of, noise_of
from export.diagnosis.kernels import Kernels, SecondOpinion, numbers_of, ridge, shares_of
from export.diagnosis.network import ARCHITECTURES
from export.diagnosis.release import Served, bundle_of
from export.network import parameters_of

VERSION = "1.0.0"
NOISES = "nstdb"
ARCHITECTURE = "resnet"
GROUPS = ((1, 2, 3), (4, 5, 6), (7, 8))
"""Folds that are kept out together, to calibrate on."""
REPORTED = 9
FEWEST = 20
"""A statement with as many records of the training folds is learned, to be told or as a helper."""
QUICK_RECORDS = 96

Floats = NDArray[Any]
ByLeads = Mapping[str, Sequence[Floats]]


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


def second_opinion(corpus: Corpus, said: ByLeads) -> tuple[SecondOpinion, Floats]:
    """Fit the kernels' layer to all training folds.

    Returns
    -------
    The layer, and what layers of a part of the folds said of the others, shape (record, statement).
    """
    kernels = Kernels(corpus.leads)
    numbers = numbers_of(kernels, corpus.leads)
    has_one = corpus.targets[:, : len(SUPERCLASSES)].max(axis=1) > 0
    opinions = np.zeros(corpus.targets.shape)
    for group in GROUPS:
        is_out = np.isin(corpus.folds, group)
        weights, offsets = ridge(numbers[~is_out & has_one], corpus.targets[~is_out & has_one])
        opinions[is_out] = numbers[is_out] @ weights + offsets
    shares = shares_of(said["all"][0], opinions)
    weights, offsets = ridge(numbers[has_one], corpus.targets[has_one])
    return SecondOpinion(kernels=kernels, weights=weights, offsets=offsets, shares=shares), opinions


def with_opinion(said: ByLeads, opinions: Floats, shares: Floats) -> ByLeads:
    """Add the second opinion where all leads are shown."""
    return {**said, "all": [part + opinions * shares for part in said["all"]]}


def train(data: Path, *, seed: int, steps: int | None, quick: bool) -> Bundle:
    """Train and put the bundle together. Progress goes to stderr; all of it takes about 15 minutes on one core.

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
    said = kept_out(corpus, noise, recipe, seed=seed)
    network = fit(ARCHITECTURES[ARCHITECTURE], corpus, noise, recipe, seed=seed)
    bundle = put_together(whole, network, said, recipe, seed=seed)
    print(f"trained {bundle.identity}, {bundle.manifest.training['parameters']:,} parameters", file=sys.stderr)
    return bundle


def recipe_of(*, steps: int | None, quick: bool) -> Recipe:
    """Give the recipe, shortened if asked."""
    recipe = Recipe()
    if quick:
        recipe = replace(recipe, epochs=1, batch=16)
    return recipe if steps is None else replace(recipe, epochs=steps)


def put_together(whole: Corpus, network: nn.Module, said: ByLeads, recipe: Recipe, *, seed: int) -> Bundle:
    """Fit the second opinion, calibrate on the folds kept out, write down the figures, and make the bundle."""
    corpus = whole.of(np.isin(whole.folds, TRAINING))
    second, opinions = second_opinion(corpus, said)
    both = with_opinion(said, opinions, second.shares)
    slopes, offsets = fitted(both, corpus.targets, share_of_superclass(corpus))
    chosen = [corpus.statements.index(code) for code in CLASSES]
    served = Served(network, second, chosen, slopes, offsets)
    training: dict[str, Any] = {
        "data": "PTB-XL, records at 100 Hz, and noise of the MIT-BIH Noise Stress Test Database",
        "records": {SET: [row.name for row in corpus.rows], NOISES: ["bw", "ma"]},
        "folds": list(TRAINING),
        "architecture": ARCHITECTURE,
        "seed": seed,
        "recipe": asdict(recipe),
        "parameters": parameters_of(served) - parameters_of(network.head),
        "random": sum(buffer.numel() for buffer in second.kernels.buffers()),
        "learned": list(corpus.statements),
        "counts": {code: int(corpus.targets[:, place].sum()) for place, code in enumerate(CLASSES)},
        "kept_out": macro_of(corpus, both),
        "alone": {
            "network": macro_of(corpus, {"all": said["all"]})["by_leads"]["all"][0],
            "random kernels and ridge": macro_of(corpus, {"all": [opinions]})["by_leads"]["all"][0],
        },
        "limits": limits_of(corpus, both["all"][0], slopes[0], offsets[0]),
        "versions": {"torch": torch.__version__.partition("+")[0]},
    }
    reported = whole.of(whole.folds == REPORTED)
    training["reported"] = macro_of(reported, reported_of(network, second, reported))
    return bundle_of(served, VERSION, training, card_of(VERSION, training, SUPERCLASSES))


def reported_of(network: nn.Module, second: SecondOpinion, reported: Corpus) -> ByLeads:
    """Read the records of the fold that is reported, with the second opinion."""
    opinions = numbers_of(second.kernels, reported.leads) @ second.weights + second.offsets
    return with_opinion(read_all(network, reported.leads), opinions, second.shares)
