"""Training the network of RR intervals, on annotated beats without samples."""

import sys
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from export.intervals import UNKNOWN, IntervalSet, N
from export.network import RHYTHM_CLASSES, RhythmNetwork


@dataclass(frozen=True, kw_only=True, slots=True)
class RhythmRecipe:
    """Constants of the training; chosen by patients of DS1 and svdb, who trained none of it."""

    epochs: int = 3
    batch: int = 512
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    class_weight_power: float = 0.35
    normal_share: float = 0.3
    fibrillation_share: float = 0.5


def fit_rhythm(network: RhythmNetwork, data: IntervalSet, recipe: RhythmRecipe, *, seed: int) -> None:
    """Train it; the same seed, data and versions give the same weights. Progress goes to stderr."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network.apply(initialise)
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    orders = [_epoch(data, recipe, random) for _ in range(recipe.epochs)]
    batches = [np.sort(part) for order in orders for part in _whole_batches(order, recipe.batch)]
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=len(batches) + 1)
    cost = nn.NLLLoss(weight=_class_weights(data, recipe), ignore_index=UNKNOWN)
    losses = []
    for batch in batches:
        loss = _loss(network, data, batch, cost, recipe)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
    print(f"rhythm: loss {np.mean(losses[-200:]):.4f}", file=sys.stderr, flush=True)
    network.eval()


def initialise(module: nn.Module) -> None:
    """Draw a layer's weights anew, so that they depend on the seed alone."""
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()


def _loss(
    network: RhythmNetwork, data: IntervalSet, batch: NDArray[np.int64], cost: nn.NLLLoss, recipe: RhythmRecipe
) -> torch.Tensor:
    says = network(torch.from_numpy(data.ratios[batch]), torch.from_numpy(data.histories(batch)))
    loss = cost(says[:, :RHYTHM_CLASSES], torch.from_numpy(data.label[batch]))
    af = torch.from_numpy(data.af[batch].astype(np.float32))
    known = af != UNKNOWN
    if not known.any():
        return loss
    odds = says[:, RHYTHM_CLASSES][known]
    return loss + recipe.fibrillation_share * nn.functional.binary_cross_entropy_with_logits(odds, af[known])


def _epoch(data: IntervalSet, recipe: RhythmRecipe, random: np.random.Generator) -> NDArray[np.int64]:
    """Draw the beats of an epoch, shuffled: all ectopic ones and a share of the normal ones."""
    kept = (data.label != UNKNOWN) & ((data.label != N) | (random.random(len(data)) < recipe.normal_share))
    return random.permutation(np.flatnonzero(kept))


def _whole_batches(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [order[start : start + size] for start in range(0, len(order) - size + 1, size)]


def _class_weights(data: IntervalSet, recipe: RhythmRecipe) -> torch.Tensor:
    counts = np.bincount(data.label[data.label != UNKNOWN], minlength=RHYTHM_CLASSES).astype(np.float64)
    counts[N] *= recipe.normal_share
    weights = np.maximum(counts, 1.0) ** -recipe.class_weight_power
    weights *= counts.sum() / (weights * counts).sum()
    return torch.tensor(weights, dtype=torch.float32)
