"""Fitting the network of sleep: first to shares of power in many nights, then to microvolts in few."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biosignal.scoring.sleep import UNSCORED, around_sleep
from biosignal.tasks.eeg_sleep.kinds import CLASSES, HIDDEN, KIND
from biosignal.tasks.eeg_sleep.night import COUNT, Values, scaled_inputs
from export.sleep.corpus import PLACES, Taught, shared_inputs
from export.sleep.network import Member

GAINED = 0.8
"""Part of the streams that are changed in amplitude."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a member is fitted.

    Parameters
    ----------
    first_steps, steps : of the first set alone, and of both together.
    streams, length : how many nights a step sees so many epochs of; the next step goes on where it ended, with the
        memory it had there.
    fresh : part of the streams that begin elsewhere instead, with an empty memory.
    around : part of the beginnings that lie around sleep; the others lie anywhere.
    shared : part of the streams of the second steps that come from the first set.
    posterior : part of those of the second set that were recorded at the back of the head.
    hidden_scale : part of those of the second set in which only relative inputs are shown.
    gain : the amplitude is changed by up to this factor, either way.
    noise : on the standardised inputs. smoothing : of the labels. n1 : weight of N1 in the loss.
    average : part of the last steps whose weights are averaged.
    """

    first_steps: int = 700
    steps: int = 400
    streams: int = 32
    length: int = 128
    fresh: float = 0.2
    around: float = 0.85
    rate: float = 3e-3
    decay: float = 1e-4
    shared: float = 0.15
    posterior: float = 0.15
    hidden_scale: float = 0.15
    gain: float = 2.2
    noise: float = 0.3
    smoothing: float = 0.05
    n1: float = 1.0
    dropout: float = 0.1
    average: float = 0.3


@dataclass(slots=True, eq=False)
class _Pool:
    """Nights of one set, standardised: inputs, stages, kind."""

    nights: list[tuple[Values, NDArray[np.int64], Values]]
    chances: NDArray[np.float64]
    gain: Values


@dataclass(slots=True, eq=False)
class _Stream:
    """A night that is being shown, changed in amplitude or without microvolts, up to `at`."""

    x: Values
    stages: NDArray[np.int64]
    kind: Values
    at: int
    until: int
    gain: Values

    @classmethod
    def begun(cls, pool: _Pool, recipe: Recipe, random: np.random.Generator) -> "_Stream":
        x, stages, kind = pool.nights[random.choice(len(pool.nights), p=pool.chances)]
        span = around_sleep(stages)
        first, last = 0, len(x) - recipe.length // 4
        if random.random() < recipe.around:
            first, last = span.start - recipe.length // 2, min(span.stop, len(x)) - recipe.length // 2
        at = int(random.integers(max(first, 0), max(last, max(first, 0) + 1)))
        if kind[0] and random.random() < recipe.hidden_scale:
            kind = kind * np.array([0.0, 1.0], np.float32)
        most = 2.0 * math.log(recipe.gain) if random.random() < GAINED else 0.0
        gain = pool.gain * np.float32(random.uniform(-most, most))
        return cls(x, stages, kind, at, min(len(x), span.stop + recipe.length), gain)

    def chunk(self, recipe: Recipe, random: np.random.Generator) -> tuple[Values, NDArray[np.int64]]:
        """Show the next epochs; behind the end of the night there is nothing to learn."""
        rows = slice(self.at, self.at + recipe.length)
        x, stages = self.x[rows] + self.gain, self.stages[rows]
        self.at += recipe.length
        x += random.normal(0.0, recipe.noise, x.shape).astype(np.float32)
        short = recipe.length - len(x)
        if short > 0:
            x = np.concatenate([x, np.zeros((short, COUNT), np.float32)])
            stages = np.concatenate([stages, np.full(short, UNSCORED)])
        return x, stages


def kind_of(place: str, *, has_scale: bool) -> Values:
    """Say of what kind a night is: whether its microvolts can be trusted, whether it is of the back of the head."""
    return np.array([has_scale, place != PLACES[0]], np.float32)


def begun(many: Sequence[Taught], recipe: Recipe, *, seed: int) -> Member:
    """Make a member and fit it to the large set, of whose nights only the relative inputs are known."""
    torch.manual_seed(seed)
    member = Member(recipe.dropout)
    member.relative.copy_(torch.from_numpy(shared_inputs().astype(np.float32)))
    if recipe.first_steps:
        pools = [(1.0, _pool(many, None))]
        _run(member, pools, recipe, recipe.first_steps, np.random.default_rng(seed))
    return member


def set_scale(member: Member, rows: Values) -> None:
    """Take mean and spread of the inputs from these epochs."""
    member.mean.copy_(torch.from_numpy(rows.mean(axis=0)))
    member.scale.copy_(torch.from_numpy(1.0 / np.maximum(rows.std(axis=0), 1e-3)))


def go_on(start: Member, few: Sequence[Taught], many: Sequence[Taught], recipe: Recipe, *, seed: int) -> Member:
    """Fit a copy of a member further, to both sets together; the mean of its last weights is what stays."""
    member = copy.deepcopy(start)
    torch.manual_seed(seed)
    front = [night for night in few if night.place == PLACES[0]]
    back = [night for night in few if night.place != PLACES[0]]
    set_scale(member, np.concatenate([night.inputs for night in front]))
    own = 1.0 - (recipe.shared if many else 0.0)
    behind = recipe.posterior if back else 0.0
    pools = [(own * (1.0 - behind), _pool(front, member))]
    if back:
        pools.append((own * behind, _pool(back, member)))
    if many:
        pools.append((1.0 - own, _pool(many, None)))
    return _run(member, pools, recipe, recipe.steps, np.random.default_rng(seed + 1000))


def _pool(nights: Sequence[Taught], member: Member | None) -> _Pool:
    """Standardise nights by a member's scale, or by their own where theirs is another."""
    has_scale = member is not None
    rows = np.concatenate([night.inputs for night in nights])
    if member is None:
        known = shared_inputs()
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        mean, scale = np.where(known, mean, 0.0), np.where(known, 1.0 / np.maximum(spread, 1e-3), 0.0)
    else:
        known = np.ones(COUNT, bool)
        mean, scale = member.mean.numpy(), member.scale.numpy()
    made = []
    for night in nights:
        x = np.where(known, (np.where(known, night.inputs, 0.0) - mean) * scale, 0.0)
        made.append((np.clip(x, -6.0, 6.0).astype(np.float32), night.stages, kind_of(night.place, has_scale=has_scale)))
    lengths = np.array([len(one[0]) for one in made], np.float64)
    gain = (scaled_inputs() * scale).astype(np.float32)
    return _Pool(made, lengths / lengths.sum(), gain)


def _run(
    member: Member, pools: list[tuple[float, _Pool]], recipe: Recipe, steps: int, random: np.random.Generator
) -> Member:
    weight = torch.ones(len(CLASSES))
    weight[1] = recipe.n1
    loss_of = nn.CrossEntropyLoss(weight=weight, ignore_index=UNSCORED, label_smoothing=recipe.smoothing)
    optimiser = torch.optim.AdamW(member.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.rate, total_steps=max(steps, 2), pct_start=0.15)
    shares = np.array([share for share, _ in pools])
    kept: list[dict[str, Tensor]] = []
    streams: list[_Stream | None] = [None] * recipe.streams
    state = torch.zeros(recipe.streams, HIDDEN)
    member.train()
    for step in range(steps):
        for place, stream in enumerate(streams):
            if stream is None or stream.at >= stream.until or random.random() < recipe.fresh:
                pool = pools[random.choice(len(pools), p=shares / shares.sum())][1]
                streams[place] = _Stream.begun(pool, recipe, random)
                state[place] = 0.0
        going = [stream for stream in streams if stream is not None]
        chunks = [stream.chunk(recipe, random) for stream in going]
        x = torch.from_numpy(np.stack([one for one, _ in chunks]))
        stages = torch.from_numpy(np.stack([one for _, one in chunks]))
        kind = torch.from_numpy(np.stack([stream.kind for stream in going]))[:, None].expand(-1, x.shape[1], KIND)
        x = x * (member.relative + (1.0 - member.relative) * kind[..., :1])
        logits, after = member(x, kind, state)
        state = after.detach()
        loss = loss_of(logits.reshape(-1, len(CLASSES)), stages.reshape(-1))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(member.parameters(), 1.0)
        optimiser.step()
        if step + 1 < steps:
            schedule.step()
        if recipe.average and step >= steps * (1.0 - recipe.average) and step % 5 == 0:
            kept.append({name: value.detach().clone() for name, value in member.state_dict().items()})
    if kept:
        member.load_state_dict({name: torch.stack([one[name] for one in kept]).mean(dim=0) for name in kept[0]})
    member.eval()
    return member
