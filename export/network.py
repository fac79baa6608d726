"""The beat classifier: a few small convolutional networks whose embeddings stand side by side under one head."""

import torch
from torch import Tensor, nn

from biosignal.tasks.ecg_beats.kinds import CLASSES
from biosignal.tasks.ecg_beats.windows import BEAT_SHAPE, RR_SHAPE

MEMBERS = 3
MEMBER_WIDTH = 16


class Member(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """One network: the window through three convolutions, joined by the rhythm features, to an embedding."""

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
        self.rhythm = nn.Sequential(nn.BatchNorm1d(RR_SHAPE[0]), nn.Linear(RR_SHAPE[0], 32), nn.ReLU())
        self.joined = nn.Sequential(nn.Dropout(0.2), nn.Linear(64, MEMBER_WIDTH), nn.ReLU())

    def forward(self, beat: Tensor, rr: Tensor) -> Tensor:
        """Give the embedding, shape (batch, MEMBER_WIDTH)."""
        embedding: Tensor = self.joined(torch.cat([self.window(beat), self.rhythm(rr)], dim=1))
        return embedding


class BeatClassifier(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Members side by side; the head is one linear layer on their joined embedding.

    Each member is trained on its own, with its own part of the head, so the logits are the members' mean.
    """

    def __init__(self, members: int = MEMBERS) -> None:
        super().__init__()
        self.members = nn.ModuleList(Member() for _ in range(members))
        self.head = nn.Linear(members * MEMBER_WIDTH, len(CLASSES))

    def forward(self, beat: Tensor, rr: Tensor) -> tuple[Tensor, Tensor]:
        """Give probabilities, shape (batch, class), and the embedding."""
        embedding = torch.cat([member(beat, rr) for member in self.members], dim=1)
        return torch.softmax(self.head(embedding), dim=1), embedding


def parameters_of(model: nn.Module) -> int:
    """Count trainable numbers."""
    return sum(parameter.numel() for parameter in model.parameters())
