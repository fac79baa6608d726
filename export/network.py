"""The beat classifier: a network of RR intervals and a few of the beat's shape, side by side under one head."""

import numpy as np
import torch
from torch import Tensor, nn

from biosignal.tasks.ecg_beats.intervals import HISTORY, HISTORY_CHANNELS, KNOWN, RATIOS
from biosignal.tasks.ecg_beats.kinds import CLASSES, CONTRACT
from biosignal.tasks.ecg_beats.windows import BEAT_SHAPE, RR_SHAPE
from export.dataset import BeatSet

MEMBERS = 3
MEMBER_WIDTH = 16
RHYTHM_RATIOS = len(RATIOS) + len(KNOWN)
"""So many of the features of rhythm, the first, are made of intervals alone."""
RHYTHM_CLASSES = 3
"""N, S and V: what intervals alone can tell."""
RHYTHMS = 2
"""Networks of intervals, trained on different sets; what they say is averaged."""
LEAST_ODDS = -8.0
"""What the members are given of the rhythm, the log odds of S to N, is at least this."""
LATEST = 16
"""Intervals that the rhythm network sees one by one, beside all of them through convolutions."""


class RhythmNetwork(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """What the intervals round a beat make of it; no sample has a part in it."""

    def __init__(self) -> None:
        super().__init__()
        self.history = nn.Sequential(
            nn.Conv1d(len(HISTORY_CHANNELS), 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv1d(16, 24, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv1d(24, 24, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(24 * HISTORY // 8, 32),
            nn.ReLU(),
        )
        seen = RHYTHM_RATIOS + LATEST
        self.near = nn.Sequential(nn.BatchNorm1d(seen), nn.Linear(seen, 48), nn.ReLU())
        self.joined = nn.Sequential(nn.Dropout(0.1), nn.Linear(32 + 48, 48), nn.ReLU())
        self.kind = nn.Linear(48, RHYTHM_CLASSES)
        self.fibrillation = nn.Linear(48, 1)

    def forward(self, ratios: Tensor, history: Tensor) -> Tensor:
        """Read `RHYTHM_RATIOS` features and the history of each beat.

        Returns
        -------
        The logarithms of the probabilities of N, S and V, and the log odds that the atria fibrillate, shape
        (batch, RHYTHM_CLASSES + 1).
        """
        intervals, known = history[:, 0], history[:, 1]
        count = known.sum(dim=1, keepdim=True).clamp(min=1.0)
        relative = (intervals - (intervals * known).sum(dim=1, keepdim=True) / count) * known
        far = self.history(torch.stack([relative, known], dim=1))
        near = self.near(torch.cat([ratios, relative[:, -LATEST:]], dim=1))
        both = self.joined(torch.cat([far, near], dim=1))
        return torch.cat([torch.log_softmax(self.kind(both), dim=1), self.fibrillation(both)], dim=1)


class Member(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """One network: the window through three convolutions, joined by the rhythm, to an embedding."""

    def __init__(self) -> None:
        super().__init__()
        self.window = nn.Sequential(
            nn.Conv1d(BEAT_SHAPE[0], 16, 7, stride=2, padding=3),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Conv1d(16, 24, 5, stride=2, padding=2),
            nn.BatchNorm1d(24),
            nn.ReLU(),
            nn.Conv1d(24, 24, 5, stride=2, padding=2),
            nn.BatchNorm1d(24),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(24 * 16, 32),
            nn.ReLU(),
        )
        seen = RR_SHAPE[0] + 1
        self.rhythm = nn.Sequential(nn.BatchNorm1d(seen), nn.Linear(seen, 32), nn.ReLU())
        self.joined = nn.Sequential(nn.Dropout(0.2), nn.Linear(64, MEMBER_WIDTH), nn.ReLU())

    def forward(self, beat: Tensor, rr: Tensor, odds: Tensor) -> Tensor:
        """Give the embedding, shape (batch, MEMBER_WIDTH), of a beat, its rhythm and its odds of S, (batch, 1)."""
        rhythm = self.rhythm(torch.cat([rr, odds], dim=1))
        embedding: Tensor = self.joined(torch.cat([self.window(beat), rhythm], dim=1))
        return embedding


class BeatClassifier(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Members side by side and what the rhythm networks say; the head is one linear layer on all of it.

    Each member is trained on its own, with its own part of the head, so the logits are the members' mean. What the
    rhythm networks say enters twice: into each member, and late, weighed, into the logits of S and V.
    """

    def __init__(self, members: int = MEMBERS) -> None:
        super().__init__()
        self.rhythms = nn.ModuleList(RhythmNetwork() for _ in range(RHYTHMS))
        self.members = nn.ModuleList(Member() for _ in range(members))
        self.head = nn.Linear(members * MEMBER_WIDTH + RHYTHM_CLASSES, len(CLASSES))

    def forward(self, beat: Tensor, rr: Tensor, rr_history: Tensor) -> tuple[Tensor, Tensor]:
        """Give probabilities, shape (batch, class), and the embedding."""
        said = self.said(rr[:, :RHYTHM_RATIOS], rr_history)
        parts = [member(beat, rr, odds_of_s(said)) for member in self.members]
        embedding = torch.cat([*parts, said], dim=1)
        return torch.softmax(self.head(embedding), dim=1), embedding

    def said(self, ratios: Tensor, history: Tensor) -> Tensor:
        """Give what the rhythm networks say on average of N, S and V, shape (batch, RHYTHM_CLASSES)."""
        every = torch.stack([rhythm(ratios, history)[:, :RHYTHM_CLASSES] for rhythm in self.rhythms])
        return every.mean(dim=0)


def odds_of_s(said: Tensor) -> Tensor:
    """Give the log odds of S to N, shape (batch, 1)."""
    return (said[:, 1:2] - said[:, 0:1]).clamp(min=LEAST_ODDS)


def tensors_of(beats: BeatSet) -> tuple[Tensor, ...]:
    """Give the inputs of the network in their order."""
    return tuple(torch.from_numpy(beats.inputs[spec.name]) for spec in CONTRACT.inputs)


def rhythm_inputs_of(beats: BeatSet) -> tuple[Tensor, Tensor]:
    """Give the inputs of the rhythm network."""
    ratios = beats.inputs["rr"][:, :RHYTHM_RATIOS]
    return torch.from_numpy(np.ascontiguousarray(ratios)), torch.from_numpy(beats.inputs["rr_history"])


def parameters_of(model: nn.Module) -> int:
    """Count trainable numbers."""
    return sum(parameter.numel() for parameter in model.parameters())
