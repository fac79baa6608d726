"""The network of sleep: two small recurrent members whose logits are averaged, as one step of an epoch."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biosignal.tasks.eeg_sleep.kinds import CLASSES, HIDDEN, KIND
from biosignal.tasks.eeg_sleep.night import COUNT

WIDTH = 64
HIDDEN_AND_SEEN = WIDTH + HIDDEN
"""Numbers that the head sees of a member."""
SHARPNESS, N1_FAVOUR = 1.15, 1.25
"""The mean of members is less sure than it is right, and calls N1 too seldom: its logits are multiplied by the first,
and what it gives N1 by the second. Chosen on the answers about subjects who were kept out; chosen without each subject
in turn they give the same figures within a tenth."""
MOST = 6.0
"""No input counts for more, in standard deviations."""


class Member(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Inputs to 64 to a gated recurrent unit of 96, and a head that sees both."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(COUNT))
        self.register_buffer("scale", torch.ones(COUNT))
        self.register_buffer("relative", torch.zeros(COUNT))
        self.first = nn.Linear(COUNT + KIND, WIDTH)
        self.memory = nn.GRU(WIDTH, HIDDEN, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(WIDTH + HIDDEN, len(CLASSES))

    def standardised(self, epoch: Tensor, kind: Tensor) -> Tensor:
        """Put inputs, shape (..., `COUNT`), on one scale; only the relative ones where the first of `kind` is 0."""
        x = torch.clamp((epoch - self.mean) * self.scale, -MOST, MOST)
        return x * (self.relative + (1.0 - self.relative) * kind[..., :1])

    def forward(self, x: Tensor, kind: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Give logits of chunks, and the states behind: standardised inputs, shape (chunk, epoch, input)."""
        seen = torch.relu(self.first(torch.cat([x, kind], dim=-1)))
        remembered, after = self.memory(self.dropout(seen), state[None])
        return self.head(self.dropout(torch.cat([seen, remembered], dim=-1))), after[0]

    def step(self, epoch: Tensor, kind: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Go on from `state`, shape (batch, `HIDDEN`): what the head sees of one epoch, and the state behind."""
        seen = torch.relu(self.first(torch.cat([self.standardised(epoch, kind), kind], dim=-1)))
        memory = self.memory
        given = nn.functional.linear(seen, memory.weight_ih_l0, memory.bias_ih_l0)
        kept = nn.functional.linear(state, memory.weight_hh_l0, memory.bias_hh_l0)
        (gr, gz, gn), (kr, kz, kn) = given.split(HIDDEN, dim=1), kept.split(HIDDEN, dim=1)
        reset, hold = torch.sigmoid(gr + kr), torch.sigmoid(gz + kz)
        new = torch.tanh(gn + reset * kn)
        after = (1.0 - hold) * new + hold * state
        return torch.cat([seen, after], dim=1), after


class Served(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """The members as they are released: one epoch, probabilities, and one head over what all of them see."""

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.head = nn.Linear((WIDTH + HIDDEN) * len(members), len(CLASSES))
        with torch.no_grad():
            weight = torch.cat([one.head.weight for one in members], dim=1) / len(members)
            bias = torch.stack([one.head.bias for one in members]).mean(dim=0)
            self.head.weight.copy_(SHARPNESS * weight)
            self.head.bias.copy_(SHARPNESS * bias + favour())

    def forward(self, epoch: Tensor, kind: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give scores, the embedding they follow from, and the state behind."""
        states = state.split(HIDDEN, dim=1)
        stepped = [one.step(epoch, kind, part) for one, part in zip(self.members, states, strict=True)]
        embedding = torch.cat([seen for seen, _ in stepped], dim=1)
        after = torch.cat([state for _, state in stepped], dim=1)
        return torch.softmax(self.head(embedding), dim=1), embedding, after


def favour() -> Tensor:
    """What is added to the logits, shape (class,)."""
    added = torch.zeros(len(CLASSES))
    added[1] = math.log(N1_FAVOUR)
    return added


def logits_of(members: Sequence[Member], inputs: NDArray[np.float32], kind: NDArray[np.float32]) -> NDArray[np.float32]:
    """Run members over a whole night, shape (epoch, `COUNT`), as the device does: logits, shape (epoch, class)."""
    with torch.no_grad():
        epoch = torch.from_numpy(inputs)[None]
        kinds = torch.from_numpy(kind).expand(1, len(inputs), KIND)
        empty = torch.zeros(1, HIDDEN)
        each = [one.eval()(one.standardised(epoch, kinds), kinds, empty)[0][0] for one in members]
        return np.asarray((SHARPNESS * torch.stack(each).mean(dim=0) + favour()).numpy())
