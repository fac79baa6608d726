"""The network that names the rhythm: the intervals and the last beats, each looked at alone and both together."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from biosignal.tasks.ecg_beats.windows import LENGTH
from biosignal.tasks.ecg_rhythm.intervals import COUNT
from biosignal.tasks.ecg_rhythm.kinds import CLASSES
from biosignal.tasks.ecg_rhythm.seen import AROUND

LOOKED, HEARD = 24, 24
LATELY = 8
LEAST_SEEN = 4.0
"""Below so many beats their shapes say nothing."""


class RhythmNetwork(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Three sets of logits: of everything, of the intervals alone, of the beats alone.

    Each beat is looked at beside what it differs by from the mean of the beats, the mean beat by itself. What is kept
    of the beats is the mean, the scatter and the most of what was seen in each, over all and over the last `LATELY`.
    """

    def __init__(self, mean: NDArray[np.float32], scale: NDArray[np.float32]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(mean))
        self.register_buffer("scale", torch.from_numpy(scale))
        self.hear = nn.Sequential(
            Blurred(0.6), nn.Linear(COUNT, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, HEARD), nn.ReLU()
        )
        self.heard = nn.Linear(HEARD, len(CLASSES))
        self.waves = nn.Sequential(*_halved(2, 12, 7), *_halved(12, 16, 5), *_halved(16, 20, 5), nn.Flatten())
        length = -(-LENGTH // 8)
        self.beat = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(20 * length + AROUND, LOOKED), nn.ReLU(), nn.Linear(LOOKED, LOOKED)
        )
        self.mean_beat = nn.Sequential(
            *(*_halved(1, 8, 7), *_halved(8, 12, 5), *_halved(12, 12, 5)),
            nn.Flatten(),
            nn.Linear(12 * length, 16),
            nn.ReLU(),
        )
        self.look = nn.Sequential(
            nn.Linear(6 * LOOKED + 16 + 2, 48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, LOOKED), nn.ReLU()
        )
        self.looked = nn.Linear(LOOKED, len(CLASSES))
        self.both = nn.Sequential(nn.Linear(LOOKED + HEARD, 24), nn.ReLU(), nn.Linear(24, len(CLASSES)))

    def forward(self, intervals: Tensor, beats: Tensor, around: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Give the three sets of logits, shape (batch, class) each."""
        heard = self.hear((intervals - self.mean) / self.scale)
        count, places, length = beats.shape
        there = seen.unsqueeze(2)
        many = seen.sum(dim=1, keepdim=True)
        beats = beats * there
        usual = beats.sum(dim=1) / many.clamp(min=1.0)
        differs = (beats - usual.unsqueeze(1)) * there
        each = torch.stack((beats, differs), dim=2).reshape(count * places, 2, length)
        each = torch.cat((self.waves(each), around.reshape(count * places, -1)), dim=1)
        each = self.beat(each).reshape(count, places, LOOKED)
        lately = torch.cat((torch.zeros_like(there[:, :-LATELY]), there[:, -LATELY:]), dim=1)
        kept = (*_pooled(each, there), *_pooled(each, lately), self.mean_beat(usual.unsqueeze(1)))
        look = self.look(torch.cat((*kept, many / places, (many >= 2 * LATELY).float()), dim=1))
        by_intervals, by_beats = self.heard(heard), self.looked(look)
        is_seen = (many >= LEAST_SEEN).float()
        whole = by_intervals + is_seen * (by_beats + self.both(torch.cat((look, heard), dim=1)))
        return whole, by_intervals, by_beats


def _halved(before: int, after: int, width: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv1d(before, after, width, stride=2, padding=width // 2), nn.ReLU()


def _pooled(each: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, scatter and greatest over the beats that are there."""
    many = there.sum(dim=1).clamp(min=1.0)
    middle = (each * there).sum(dim=1) / many
    apart = ((each - middle.unsqueeze(1)) ** 2 * there).sum(dim=1) / many
    most = (each - middle.unsqueeze(1)).masked_fill(there == 0, 0.0).amax(dim=1)
    return middle, torch.sqrt(apart + 1e-4), most


class Blurred(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Adds noise while it is trained, so that no patient is known by their numbers."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Give the same, blurred in training."""
        return x + self.size * torch.randn_like(x) if self.training else x


class Served(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """The network as it is released: probabilities, the mean of several that were trained alike.

    `unseen` is added to the logit of fibrillation where the intervals alone decide: so the same probability opens a
    finding with shapes and without.
    """

    def __init__(self, members: list[RhythmNetwork], *, unseen: float) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        offset = torch.zeros(len(CLASSES))
        offset[CLASSES.index("af")] = unseen
        self.register_buffer("offset", offset)

    def forward(self, intervals: Tensor, beats: Tensor, around: Tensor, seen: Tensor) -> Tensor:
        """Give scores, shape (batch, class)."""
        is_unseen = (seen.sum(dim=1, keepdim=True) < LEAST_SEEN).float()
        each = [one(intervals, beats, around, seen)[0] + is_unseen * self.offset for one in self.members]
        return torch.stack([torch.softmax(logits, dim=1) for logits in each]).mean(dim=0)
