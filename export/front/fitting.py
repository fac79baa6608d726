"""Training the front end: the same seed, data and versions give the same weights."""

import copy
import math
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from biosignal.tasks.ecg_front.kinds import DELAY
from export.front.corpus import Strip, resampled
from export.front.network import GATES, FrontNetwork
from export.front.windows import SETTLING, VERDICT_LEADS, Batch, Windows


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Constants of the training."""

    steps: int = 9000
    settling_steps: int = 2000
    learning_rate: float = 3e-3
    settling_rate: float = 1.5e-3
    weight_decay: float = 1e-2
    qrs: float = 8.0
    ventricular: float = 0.5
    vf: float = 1.0
    vt: float = 0.7
    fit: float = 0.6
    verdict: float = 0.3
    kept: float = 0.998


def noises(folder: Path) -> list[NDArray[np.float32]]:
    """Read the recordings of wander and muscle noise, each lead at 125 Hz. That of electrode motion never trains."""
    import wfdb

    found = []
    for name in ("bw", "ma"):
        record = wfdb.rdrecord(str(folder / name))
        found += list(resampled(np.ascontiguousarray(record.p_signal.T, np.float32), float(record.fs)))
    return found


def fit(strips: Sequence[Strip], noise: Sequence[NDArray[np.float32]], recipe: Recipe, *, seed: int) -> FrontNetwork:
    """Train the network, then let it settle; progress goes to stderr."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = FrontNetwork()
    model = _descend(model, Windows(strips, noise, seed=seed), recipe, recipe.steps, recipe.learning_rate)
    return settle(model, strips, noise, recipe, seed=seed)


def settle(
    model: FrontNetwork, strips: Sequence[Strip], noise: Sequence[NDArray[np.float32]], recipe: Recipe, *, seed: int
) -> FrontNetwork:
    """Train on, more gently, with fewer made-up spikes and less noise that was found."""
    windows = Windows(strips, noise, seed=seed + 1, pacing=SETTLING)
    return _descend(model, windows, recipe, recipe.settling_steps, recipe.settling_rate)


def _descend(model: FrontNetwork, windows: Windows, recipe: Recipe, steps: int, rate: float) -> FrontNetwork:
    """Do so many steps; give the running mean of the weights."""
    model.train()
    mean = copy.deepcopy(model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=recipe.weight_decay)
    lost: list[float] = []
    costs: list[tuple[str, np.float32]] = []
    began = time.monotonic()
    # Windows are drawn while the step before them is at work, each by the costs known two steps earlier.
    with ThreadPoolExecutor(1) as drawing:
        drawn = drawing.submit(windows.draw)
        for step in range(steps):
            warm = min(1.0, (step + 1) / 100)
            cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optimiser.param_groups:
                group["lr"] = rate * (0.02 + 0.98 * cosine) * warm
            batch = drawn.result()
            for name, one in costs:
                windows.note_cost(name, float(one))
            drawn = drawing.submit(windows.draw)
            cost, by_window = _cost(model, batch, recipe)
            optimiser.zero_grad()
            cost.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            kept = min(recipe.kept, (step + 1) / (step + 10))
            with torch.no_grad():
                for old, new in zip(mean.state_dict().values(), model.state_dict().values(), strict=True):
                    if old.dtype.is_floating_point:
                        old.mul_(kept).add_(new, alpha=1 - kept)
            costs = list(zip(batch.records, by_window, strict=True))
            lost.append(float(cost.detach()))
            if (step + 1) % 100 == 0:
                spent = time.monotonic() - began
                print(
                    f"step {step + 1} of {steps}, loss {np.mean(lost[-100:]):.4f}, {spent:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )
    mean.eval()
    return mean


def _cost(model: FrontNetwork, batch: Batch, recipe: Recipe) -> tuple[Tensor, NDArray[np.float32]]:
    logits = model(torch.from_numpy(batch.channels))
    count = len(batch.targets)
    said = logits[:count, :, DELAY:]
    length = said.shape[2]
    targets = torch.from_numpy(batch.targets)[:, :, :length]
    weights = torch.from_numpy(batch.weights)[:, :, :length]
    each = functional.binary_cross_entropy_with_logits(said[:, :GATES], targets, reduction="none") * weights
    per_window = each[:, 0].mean(dim=1)
    fitness = -(torch.log_softmax(said[:, GATES:], dim=1) * torch.from_numpy(batch.fit)[:, :, :length]).sum(dim=1)
    total = (
        recipe.qrs * per_window.mean()
        + recipe.ventricular * each[:, 1].sum() / (weights[:, 1].sum() + 1)
        + recipe.vf * each[:, 2].mean()
        + recipe.vt * each[:, 3].mean()
        + recipe.fit * (fitness * torch.from_numpy(batch.fit_weight)[:, :length]).mean()
    )
    if batch.verdict is not None:
        fit = torch.softmax(logits[-VERDICT_LEADS:, GATES:, 250:1240], dim=1)[:, 0].mean(dim=1)
        # A soft minimum: one lead that is not fit makes the recording unacceptable.
        share = torch.softmax(-8 * fit, dim=0)
        whole = (share * fit).sum().clamp(1e-4, 1 - 1e-4)
        wanted = torch.tensor(float(batch.verdict))
        total = total + recipe.verdict * functional.binary_cross_entropy(whole, wanted)
    return total, np.asarray(per_window.detach().numpy(), np.float32)
