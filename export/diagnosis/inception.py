"""Convolutions of several lengths side by side (after Fawaz 2020, doi:10.1007/s10618-020-00710-y).

Departures: fewer filters and shorter ones, behind a stem that brings a piece to 25 Hz.
"""

import torch
from torch import Tensor, nn

from export.diagnosis.network import Reader, Stem

LENGTHS = (5, 11, 23)
FILTERS = 24
WIDTH = FILTERS * (len(LENGTHS) + 1)
DEPTH = 3
"""Modules beside one way past them; there are two such stretches."""
DROPOUT = 0.1


class Module(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Filters of three lengths on a few mixed channels, and the largest of three samples."""

    def __init__(self) -> None:
        super().__init__()
        self.narrow = nn.Conv1d(WIDTH, FILTERS, 1, bias=False)
        self.filters = nn.ModuleList(
            nn.Conv1d(FILTERS, FILTERS, taps, padding=taps // 2, bias=False) for taps in LENGTHS
        )
        self.largest = nn.Sequential(nn.MaxPool1d(3, stride=1, padding=1), nn.Conv1d(WIDTH, FILTERS, 1, bias=False))
        self.norm = nn.BatchNorm1d(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (piece, `WIDTH`, sample), as it is given."""
        narrow = self.narrow(x)
        return self.norm(torch.cat([*(one(narrow) for one in self.filters), self.largest(x)], dim=1))


class Stretch(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Modules one behind another, and a way past them."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(Module() for _ in range(DEPTH))
        self.dropout = nn.Dropout(DROPOUT)
        self.past = nn.Sequential(nn.Conv1d(WIDTH, WIDTH, 1, bias=False), nn.BatchNorm1d(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """Shape (piece, `WIDTH`, sample), as it is given."""
        y = x
        for part in self.parts[:-1]:
            y = self.dropout(torch.relu(part(y)))
        return torch.relu(self.parts[-1](y) + self.past(x))


class Inception(Reader):
    """A stem and two stretches of modules."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.stem = Stem(WIDTH // 2, WIDTH)
        self.stretches = nn.Sequential(Stretch(), Stretch())
        self.ends(WIDTH, outputs)

    def features(self, shown: Tensor) -> Tensor:
        """Shape (piece, 16, sample) to (piece, `WIDTH`, `MOMENTS`)."""
        return self.stretches(self.stem(shown))
