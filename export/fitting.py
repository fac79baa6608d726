"""Training the beat classifier with torch: the same seed, data and versions give the same weights."""

import sys
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from biosignal.tasks.ecg_beats.kinds import CLASSES
from export.dataset import BeatSet
from export.intervals import LONG_TERM, IntervalSet, N, S, V
from export.network import (
    MEMBER_WIDTH,
    MEMBERS,
    RHYTHM_CLASSES,
    BeatClassifier,
    Member,
    odds_of_s,
    rhythm_inputs_of,
)
from export.rhythm_fitting import RhythmRecipe, fit_rhythm, initialise


@dataclass(frozen=True, kw_only=True, slots=True)
class LateFusion:
    """What the rhythm networks add to the members' logits; chosen by patients of DS1 and svdb, each kept out once.

    Parameters
    ----------
    s_weight, v_weight : weight of what they say of S in the logit of S, and so for V.
    s_bias, v_bias : added to the logits of S and V.
    temperature : divides all logits, so that probabilities are as often right as they say.
    """

    s_weight: float = 1.5
    v_weight: float = 0.3
    s_bias: float = 0.5
    v_bias: float = 0.0
    temperature: float = 1.7

    def columns(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the head's columns for what the rhythm network says, shape (class, RHYTHM_CLASSES), and its bias."""
        weight, bias = torch.zeros(len(CLASSES), RHYTHM_CLASSES), torch.zeros(len(CLASSES))
        weight[S, S], weight[V, V] = self.s_weight, self.v_weight
        bias[S], bias[V] = self.s_bias, self.v_bias
        return weight, bias


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Constants of the training; chosen by patients of DS1 and svdb, each kept out once."""

    epochs: int = 7
    members: int = MEMBERS
    batch: int = 256
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    class_weight_power: float = 0.35
    ectopic_share: float = 0.6
    normal_share: float = 0.15
    shift: int = 3
    gain: float = 0.15
    noise: float = 0.05
    rhythm_noise: float = 0.03
    odds_noise: float = 0.1
    rhythm: RhythmRecipe = field(default_factory=RhythmRecipe)
    late: LateFusion = field(default_factory=LateFusion)


def fit(data: BeatSet, intervals: IntervalSet, recipe: Recipe, *, seed: int) -> BeatClassifier:
    """Train the rhythm networks, then every member on its own, and put them under one head. Progress goes to stderr."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    model = BeatClassifier(recipe.members)
    for rhythm, taught in zip(model.rhythms, (intervals, intervals.of(LONG_TERM)), strict=True):
        fit_rhythm(rhythm, taught, recipe.rhythm, seed=seed)
    odds = _odds(model, data)
    heads = []
    for index, member in enumerate(model.members):
        heads.append(_fit_member(member, data, odds, recipe, seed=seed * 1000 + index, name=f"member {index + 1}"))
    with torch.no_grad():
        weight, bias = recipe.late.columns()
        ours = torch.cat([head.weight for head in heads], dim=1) / recipe.members
        model.head.weight.copy_(torch.cat([ours, weight], dim=1) / recipe.late.temperature)
        model.head.bias.copy_((torch.stack([head.bias for head in heads]).mean(dim=0) + bias) / recipe.late.temperature)
    model.eval()
    return model


def _fit_member(
    member: Member, data: BeatSet, odds: NDArray[np.float32], recipe: Recipe, *, seed: int, name: str
) -> nn.Linear:
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    head = nn.Linear(MEMBER_WIDTH, len(CLASSES))
    member.apply(initialise)
    parameters = [*member.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    orders = [_epoch(data, recipe, random) for _ in range(recipe.epochs)]
    steps = sum(len(order) // recipe.batch for order in orders)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.learning_rate, total_steps=steps + 1)
    cost = nn.CrossEntropyLoss(weight=_class_weights(data.label, recipe))
    member.train()
    for epoch, order in enumerate(orders):
        losses = []
        for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
            chosen = np.sort(order[start : start + recipe.batch])
            seen = _augmented(data, odds, chosen, recipe, random)
            loss = cost(head(member(*seen)), torch.from_numpy(data.label[chosen]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        mean = np.mean(losses) if losses else float("nan")
        print(f"{name}: epoch {epoch + 1} of {recipe.epochs}, loss {mean:.4f}", file=sys.stderr, flush=True)
    member.eval()
    return head


def _epoch(data: BeatSet, recipe: Recipe, random: np.random.Generator) -> NDArray[np.int64]:
    """Draw the beats of an epoch, shuffled: a share of the ectopic ones and one of the normal ones."""
    kept = random.random(len(data)) < np.where(data.label == N, recipe.normal_share, recipe.ectopic_share)
    return random.permutation(np.flatnonzero(kept))


def _class_weights(labels: NDArray[np.int64], recipe: Recipe) -> torch.Tensor:
    counts = np.bincount(labels, minlength=len(CLASSES)) * recipe.ectopic_share
    counts[N] *= recipe.normal_share / recipe.ectopic_share
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -recipe.class_weight_power, 0.0)
    weights *= counts.sum() / (weights * counts).sum()
    return torch.tensor(np.minimum(weights, 20.0), dtype=torch.float32)


def _odds(model: BeatClassifier, data: BeatSet) -> NDArray[np.float32]:
    parts = []
    with torch.no_grad():
        for start in range(0, len(data), 4096):
            part = data.where(np.arange(start, min(start + 4096, len(data))))
            parts.append(odds_of_s(model.said(*rhythm_inputs_of(part))).numpy())
    return np.concatenate(parts)


def _augmented(
    data: BeatSet,
    odds: NDArray[np.float32],
    chosen: NDArray[np.int64],
    recipe: Recipe,
    random: np.random.Generator,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    beat = np.roll(data.inputs["beat"][chosen], random.integers(-recipe.shift, recipe.shift + 1), axis=2)
    one_each = (len(chosen), 1, 1)
    gain = random.uniform(1 - recipe.gain, 1 + recipe.gain, one_each)
    noise = random.normal(0.0, recipe.noise, beat.shape) * random.random(one_each)
    rr, said = data.inputs["rr"][chosen], odds[chosen]
    moved = (
        gain * beat + noise,
        rr + random.normal(0.0, recipe.rhythm_noise, rr.shape),
        said + random.normal(0.0, recipe.odds_noise, said.shape),
    )
    seen_beat, seen_rr, seen_odds = (torch.from_numpy(array.astype(np.float32)) for array in moved)
    return seen_beat, seen_rr, seen_odds
