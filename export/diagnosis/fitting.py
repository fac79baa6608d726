"""Fitting a network of the diagnosis: the same seed, data and versions give the same weights."""

import copy
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from export.diagnosis.corpus import SUPERCLASSES, Corpus
from export.diagnosis.network import LEADS, read
from export.diagnosis.showing import Showing

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a network is fitted.

    Parameters
    ----------
    epochs : how often each record is shown. batch : pieces a step.
    helpers : weight of the statements beside the superclasses in the loss.
    mixup : both shape parameters of the share that another record has in a piece.
    kept : part of the running mean of the weights that a step leaves as it was.
    taught : weight of what the mean of the weights says of the unchanged piece, with all its leads; 0 before a fifth.
    """

    epochs: int = 70
    batch: int = 64
    rate: float = 4e-3
    decay: float = 2e-2
    helpers: float = 0.3
    mixup: float = 0.4
    kept: float = 0.996
    taught: float = 0.5


def noise_of(folder: Path) -> Floats:
    """Read the recordings of wander and muscle noise at 100 Hz, each of unit variance."""
    import wfdb

    from biosignal.signal.wander import without_wander
    from biosignal.tasks.ecg_diagnosis.seen import BASELINE, brought_to_rate

    found = []
    for name in ("bw", "ma"):
        record = wfdb.rdrecord(str(folder / name))
        rate = brought_to_rate(float(record.fs), record.n_sig)
        rate.push(np.ascontiguousarray(record.p_signal.T, np.float32))
        found.append(without_wander(rate.take(rate.known), BASELINE))
    whole = np.concatenate(found)
    return np.asarray(whole / np.std(whole, axis=1, keepdims=True), np.float32)


def fit(make: Callable[[int], nn.Module], corpus: Corpus, noise: Floats, recipe: Recipe, *, seed: int) -> nn.Module:
    """Fit a network to a corpus; give the running mean of its weights. Progress goes to stderr."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    network = make(len(corpus.statements)).train()
    mean = copy.deepcopy(network).eval()
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    showing, random = Showing(corpus.leads, noise, seed=seed), np.random.default_rng(seed)
    steps = recipe.epochs * max(1, len(corpus.rows) // recipe.batch)
    weights = weights_of(corpus, recipe)
    began, lost, order = time.monotonic(), [], np.zeros(0, np.int64)
    for step in range(steps):
        _pace(optimiser, recipe, step / steps, step)
        if len(order) < recipe.batch:
            order = np.concatenate([order, random.permutation(len(corpus.rows))])
        chosen, order = order[: recipe.batch], order[recipe.batch :]
        shared = float(random.beta(recipe.mixup, recipe.mixup)) if recipe.mixup else 1.0
        taught = recipe.taught * min(1.0, max(0.0, 5.0 * step / steps - 1.0))
        loss = _loss(network, mean, showing, chosen, corpus, weights, shared, taught)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimiser.step()
        _follow(mean, network, min(recipe.kept, (step + 1) / (step + 10)))
        lost.append(float(loss.detach()))
        if (step + 1) % 200 == 0 or step + 1 == steps:
            spent = time.monotonic() - began
            print(
                f"step {step + 1} of {steps}, loss {np.mean(lost[-200:]):.4f}, {spent:.0f} s",
                file=sys.stderr,
                flush=True,
            )
    return mean


def weights_of(corpus: Corpus, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Give the weight of each statement, shape (statement,), and which records know their superclass."""
    is_super = np.array([code in SUPERCLASSES for code in corpus.statements])
    weight = np.where(is_super, 1.0, recipe.helpers).astype(np.float32)
    known = np.max(corpus.targets[:, is_super], axis=1, keepdims=True)
    by_record = np.where(is_super[np.newaxis], known, 1.0).astype(np.float32)
    return torch.from_numpy(weight), torch.from_numpy(by_record)


def _pace(optimiser: torch.optim.Optimizer, recipe: Recipe, done: float, step: int) -> None:
    warm = min(1.0, (step + 1) / 100)
    for group in optimiser.param_groups:
        group["lr"] = recipe.rate * warm * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done)))


def _loss(
    network: nn.Module,
    mean: nn.Module,
    showing: Showing,
    chosen: NDArray[np.int64],
    corpus: Corpus,
    weights: tuple[Tensor, Tensor],
    shared: float,
    taught: float,
) -> Tensor:
    plain, changed = (torch.from_numpy(x) for x in showing.pieces(chosen))
    mask = torch.from_numpy(showing.masks(len(chosen)))
    targets, known = torch.from_numpy(corpus.targets[chosen]), weights[1][torch.from_numpy(chosen)]
    other = torch.arange(len(chosen)).roll(1)
    x = shared * changed + (1.0 - shared) * changed[other]
    wanted = shared * targets + (1.0 - shared) * targets[other]
    counts = weights[0] * known * known[other]
    said = network(x, mask)
    loss = functional.binary_cross_entropy_with_logits(said, wanted, reduction="none")
    if taught:
        with torch.no_grad():
            seen = shared * plain + (1.0 - shared) * plain[other]
            teacher = torch.sigmoid(mean(seen, torch.ones(len(chosen), LEADS)))
        learned = functional.binary_cross_entropy_with_logits(said, teacher, reduction="none")
        loss = (1.0 - taught) * loss + taught * learned
    return (loss * counts).sum() / counts.sum()


def _follow(mean: nn.Module, network: nn.Module, kept: float) -> None:
    with torch.no_grad():
        for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(kept).add_(new, alpha=1.0 - kept)


def logits_of(network: nn.Module, leads: Floats, mask: Floats, *, batch: int = 32) -> Floats:
    """Read windows, shape (window, 8, sample), with a mask of shape (8,): logits, shape (window, statement)."""
    network.eval()
    with torch.no_grad():
        parts = [
            read(network, torch.from_numpy(x), torch.from_numpy(mask).expand(len(x), -1))
            for x in np.array_split(leads, max(1, len(leads) // batch))
        ]
    return np.asarray(torch.cat(parts).numpy(), np.float32)
