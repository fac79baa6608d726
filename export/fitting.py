"""Training the beat classifier with torch: the same seed, data and versions give the same weights."""

import sys
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from biosignal.tasks.ecg_beats.kinds import CLASSES
from export.dataset import BeatSet
from export.network import MEMBER_WIDTH, MEMBERS, BeatClassifier, Member


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Constants of the training; chosen by patients inside DS1."""

    epochs: int = 6
    members: int = MEMBERS
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    class_weight_power: float = 0.35
    normal_share: float = 0.3
    shift: int = 3
    gain: float = 0.15
    noise: float = 0.05
    rhythm_noise: float = 0.03


def fit(data: BeatSet, recipe: Recipe, *, seed: int) -> BeatClassifier:
    """Train every member on its own and put them under one head. Progress goes to stderr."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    model = BeatClassifier(recipe.members)
    heads = []
    for index, member in enumerate(model.members):
        heads.append(_fit_member(member, data, recipe, seed=seed * 1000 + index, name=f"member {index + 1}"))
    with torch.no_grad():
        model.head.weight.copy_(torch.cat([head.weight for head in heads], dim=1) / recipe.members)
        model.head.bias.copy_(torch.stack([head.bias for head in heads]).mean(dim=0))
    model.eval()
    return model


def _fit_member(member: Member, data: BeatSet, recipe: Recipe, *, seed: int, name: str) -> nn.Linear:
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    head = nn.Linear(MEMBER_WIDTH, len(CLASSES))
    member.apply(_initialise)
    parameters = [*member.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    steps = len(_epoch(data, recipe, random)) // recipe.batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.epochs * (steps + 16)
    )
    cost = nn.CrossEntropyLoss(weight=_class_weights(data.label, recipe.class_weight_power))
    member.train()
    for epoch in range(recipe.epochs):
        order = _epoch(data, recipe, random)
        losses = []
        for start in range(0, len(order) - recipe.batch + 1, recipe.batch):
            beat, rr, label = _augmented(data, np.sort(order[start : start + recipe.batch]), recipe, random)
            loss = cost(head(member(beat, rr)), label)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            losses.append(float(loss.detach()))
        mean = np.mean(losses) if losses else float("nan")
        print(f"{name}: epoch {epoch + 1} of {recipe.epochs}, loss {mean:.4f}", file=sys.stderr, flush=True)
    member.eval()
    return head


def _initialise(module: nn.Module) -> None:
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()


def _epoch(data: BeatSet, recipe: Recipe, random: np.random.Generator) -> NDArray[np.int64]:
    """Draw the beats of an epoch: all ectopic ones and a share of the normal ones, shuffled."""
    kept = (data.label != 0) | (random.random(len(data)) < recipe.normal_share)
    return random.permutation(np.flatnonzero(kept))


def _class_weights(labels: NDArray[np.int64], power: float) -> torch.Tensor:
    counts = np.bincount(labels, minlength=len(CLASSES))
    weights = np.where(counts > 0, np.maximum(counts, 1.0) ** -power, 0.0)
    weights *= counts.sum() / (weights * counts).sum()
    return torch.tensor(np.minimum(weights, 20.0), dtype=torch.float32)


def _augmented(
    data: BeatSet, chosen: NDArray[np.int64], recipe: Recipe, random: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    beat = np.roll(data.beat[chosen], random.integers(-recipe.shift, recipe.shift + 1), axis=2)
    one_each = (len(chosen), 1, 1)
    gain = random.uniform(1 - recipe.gain, 1 + recipe.gain, one_each)
    noise = random.normal(0.0, recipe.noise, beat.shape) * random.random(one_each)
    rr = data.rr[chosen] + random.normal(0.0, recipe.rhythm_noise, (len(chosen), data.rr.shape[1]))
    return (
        torch.from_numpy((gain * beat + noise).astype(np.float32)),
        torch.from_numpy(rr.astype(np.float32)),
        torch.from_numpy(data.label[chosen]),
    )
