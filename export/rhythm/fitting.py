"""Fitting the network of the rhythm: what may be known of a window is that it is one of several classes."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from export.rhythm.corpus import Strip
from export.rhythm.histories import Histories
from export.rhythm.network import LEAST_SEEN, RhythmNetwork
from export.rhythm.windows import Drawing

IMPOSSIBLE = -1e4


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How it is fitted.

    `beats_alone` is the weight of what the beats say without the intervals. What is released is the running mean of the
    weights, of which each step keeps the share `kept`, and the mean answer of `members` networks.
    """

    steps: int = 2000
    rate: float = 3e-3
    warming: float = 0.15
    decay: float = 3e-2
    beats_alone: float = 0.2
    kept: float = 0.995
    members: int = 3


def fit(strips: Sequence[Strip], known: Histories, recipe: Recipe, *, seed: int) -> RhythmNetwork:
    """Fit one network. Progress goes to stderr; the same seed gives the same network on the same machine."""
    torch.manual_seed(seed)
    drawing = Drawing(strips, known, np.random.default_rng(seed))
    network = RhythmNetwork(known.described.mean(axis=0), known.described.std(axis=0) + np.float32(1e-2))
    optimizer = torch.optim.AdamW(network.parameters(), recipe.rate / 3, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=recipe.steps, pct_start=recipe.warming
    )
    mean = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.kept)
    )
    for step in range(1, recipe.steps + 1):
        batch = drawing.batch()
        inputs = [torch.from_numpy(each) for each in (batch.intervals, batch.beats, batch.around, batch.seen)]
        may_be = torch.from_numpy(batch.allowed) > 0
        whole, _, by_beats = network(*inputs)
        strips_only = slice(0, batch.strips)
        is_seen = (inputs[3][strips_only].sum(dim=1) >= LEAST_SEEN).float()
        alone = (unlikely(by_beats[strips_only], may_be[strips_only]) * is_seen).mean()
        loss = unlikely(whole, may_be).mean() + recipe.beats_alone * alone
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        mean.update_parameters(network)
        if step % 250 == 0 or step == recipe.steps:
            print(f"step {step} of {recipe.steps}: {loss.item():.3f}", file=sys.stderr, flush=True)
    averaged: RhythmNetwork = mean.module.eval()
    return averaged


def unlikely(logits: Tensor, may_be: Tensor) -> Tensor:
    """How unlikely the classes together are that each window may be of: negative logarithms, shape (window,)."""
    return torch.logsumexp(logits, dim=1) - torch.logsumexp(logits.masked_fill(~may_be, IMPOSSIBLE), dim=1)
