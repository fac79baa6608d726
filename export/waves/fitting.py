"""Training the network of the waves: the same seed, data and versions give the same weights."""

import copy
import math
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from biosignal.tasks.ecg_waves.seen import DELAY, RATE_HZ
from export.waves.corpus import UNKNOWN, P, Strip, at_rate
from export.waves.crops import Cutter
from export.waves.network import WaveNetwork

COLD = 400
NOISE_KEPT_S = 100.0
"""The end of the muscle noise is kept for judging."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Constants of the training: steps of so many crops, the rate of learning, how much of the mean is kept, and
    what an answer counts of the first two seconds, which the network begins without a past."""

    steps: int = 3000
    crops: int = 32
    rate: float = 3e-3
    decay: float = 1e-2
    kept: float = 0.997
    smoothing: float = 0.02
    cold: float = 0.3


def noises(folder: Path, name: str) -> list[NDArray[np.float64]]:
    """Read both leads of a noise at 250 Hz, but the end that is kept for judging."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import wfdb

        record = wfdb.rdrecord(str(folder / name))
    samples = np.ascontiguousarray(record.p_signal.T, np.float32)
    return list(at_rate(samples, float(record.fs))[:, : -round(NOISE_KEPT_S * RATE_HZ)])


def fit(strips: Sequence[Strip], noise: Path, recipe: Recipe, *, seed: int, title: str = "") -> WaveNetwork:
    """Train the network; progress goes to stderr. `noise` is the folder of the noise stress test."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    cutter = Cutter(strips, noises(noise, "ma"), noises(noise, "bw"), seed=seed)
    network = WaveNetwork()
    mean = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    began, lost = time.monotonic(), 0.0
    network.train()
    for step in range(recipe.steps):
        warm = min(1.0, (step + 1) / 100)
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * warm * (0.02 + 0.49 * (1 + math.cos(math.pi * step / recipe.steps)))
        drawn = cutter.draw(recipe.crops)
        loss = cost(network(torch.from_numpy(drawn.x)), torch.from_numpy(drawn.said), recipe)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        _follow(mean, network, min(recipe.kept, (step + 1) / (step + 10)))
        lost += float(loss.detach())
        if (step + 1) % 500 == 0:
            spent = time.monotonic() - began
            print(f"{title}step {step + 1} of {recipe.steps}, loss {lost / 500:.4f}, {spent:.0f} s", file=sys.stderr)
            lost = 0.0
    mean.eval()
    return mean


def cost(logits: Tensor, said: Tensor, recipe: Recipe) -> Tensor:
    """Cross-entropy where a class is known; where only P is excluded, what is given to it.

    Parameters
    ----------
    logits : shape (crop, sample, class), of the sample `DELAY` before. said : shape (crop, sample).
    """
    logits, said = logits[:, DELAY:], said[:, : said.shape[1] - DELAY]
    each = functional.cross_entropy(
        logits.transpose(1, 2), torch.clamp(said, min=0), reduction="none", label_smoothing=recipe.smoothing
    )
    given = torch.clamp(torch.softmax(logits, dim=2)[:, :, P], max=1 - 1e-4)
    known = (said != UNKNOWN).float()
    lost = torch.where(said >= 0, each, -torch.log1p(-given)) * known
    weights = torch.ones(said.shape[1])
    weights[:COLD] = recipe.cold
    return (lost * weights).sum() / torch.clamp((known * weights).sum(), min=1.0)


def _follow(mean: WaveNetwork, network: WaveNetwork, kept: float) -> None:
    with torch.no_grad():
        for old, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(kept).add_(new, alpha=1 - kept)
            else:
                old.copy_(new)
