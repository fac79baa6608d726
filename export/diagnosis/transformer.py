"""Attention between the moments of a piece (after Vaswani 2017, arXiv:1706.03762).

Departures: norms come first (Xiong 2020, arXiv:2002.04745), convolutions make the moments, their places are learned.
"""

import math

import torch
from torch import Tensor, nn

from export.diagnosis.network import MOMENTS, Reader, Stem

WIDTH = 80
HEADS = 4
LAYERS = 3
WIDER = 2
"""Of the layer between, against `WIDTH`."""
DROPOUT = 0.1
FIRST = 0.02
"""Standard deviation of what is first added to a moment for its place."""


class Layer(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Each moment takes from all others by how they fit, and is then changed by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.LayerNorm(WIDTH)
        self.asked = nn.Linear(WIDTH, 3 * WIDTH)
        self.taken = nn.Linear(WIDTH, WIDTH)
        self.alone = nn.Sequential(
            nn.LayerNorm(WIDTH),
            nn.Linear(WIDTH, WIDER * WIDTH),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(WIDER * WIDTH, WIDTH),
        )
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (piece, moment, `WIDTH`), as it is given."""
        parts = self.asked(self.before(x)).unflatten(2, (3, HEADS, WIDTH // HEADS)).permute(2, 0, 3, 1, 4)
        wanted, offered, held = parts[0], parts[1], parts[2]
        fit = torch.softmax(wanted @ offered.transpose(2, 3) / math.sqrt(WIDTH // HEADS), dim=3)
        x = x + self.dropout(self.taken((fit @ held).transpose(1, 2).flatten(2)))
        return x + self.dropout(self.alone(x))


class Transformer(Reader):
    """A stem makes the moments of a piece; layers of attention read them, each with its place."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.stem = Stem(WIDTH // 2, WIDTH)
        self.places = nn.Parameter(FIRST * torch.randn(MOMENTS, WIDTH))
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)), nn.LayerNorm(WIDTH))
        self.ends(WIDTH, outputs)

    def features(self, shown: Tensor) -> Tensor:
        """Shape (piece, 16, `CROP`) to (piece, `WIDTH`, `MOMENTS`)."""
        return self.layers(self.stem(shown).transpose(1, 2) + self.places).transpose(1, 2)
