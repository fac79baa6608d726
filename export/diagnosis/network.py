"""What reads pieces of an ECG, the released network, and how ten seconds are read: seven overlapping pieces."""

import torch
from torch import Tensor, nn

from biosignal.ecg.leads import INDEPENDENT

LEADS = len(INDEPENDENT)
CROP = 256
"""Samples at 100 Hz that a network sees at once."""
STARTS = tuple(range(0, 745, 124))
"""Where the pieces of a window begin; their logits are averaged."""
MOMENTS = CROP // 4
"""Samples of a piece behind a `Stem`, at 25 Hz."""
WIDTHS = (40, 64, 96)
SQUEEZE = 8


class Block(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Two dilated convolutions beside a way past them, the channels weighed by what the whole piece shows."""

    def __init__(self, before: int, width: int, *, stride: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.first = nn.Conv1d(before, width, 5, stride=stride, padding=2, bias=False)
        self.first_norm = nn.BatchNorm1d(width)
        self.second = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, bias=False)
        self.second_norm = nn.BatchNorm1d(width)
        self.weigh = nn.Sequential(
            nn.Linear(width, width // SQUEEZE), nn.ReLU(), nn.Linear(width // SQUEEZE, width), nn.Sigmoid()
        )
        self.dropout = nn.Dropout(dropout)
        self.past: nn.Module = nn.Identity()
        if stride != 1 or before != width:
            self.past = nn.Conv1d(before, width, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (piece, channel, sample) to (piece, `width`, sample / `stride`)."""
        y = torch.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(self.dropout(y)))
        y = y * self.weigh(y.mean(dim=2))[:, :, None]
        return torch.relu(y + self.past(x))


class Reader(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """What all networks of the diagnosis share: the mask of the leads goes beside the leads, a linear layer is last.

    One of them has `features`, and says by `ends` how many channels these have.
    """

    def ends(self, channels: int, outputs: int) -> None:
        """Add the last layer; to be called behind all others, for a seed draws their weights in order."""
        self.dropout = nn.Dropout(0.3)
        self.embedding = 2 * channels
        self.head = nn.Linear(self.embedding, outputs)

    def seen(self, x: Tensor, mask: Tensor) -> Tensor:
        """Give the embedding of pieces: leads, shape (piece, 8, sample), mask, shape (piece, 8)."""
        there = mask[:, :, None].expand(-1, -1, x.shape[2])
        y = self.features(torch.cat([x * there, there], dim=1))
        return torch.cat([y.mean(dim=2), y.amax(dim=2)], dim=1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Give logits of pieces, shape (piece, output)."""
        return self.head(self.dropout(self.seen(x, mask)))


class Stem(nn.Sequential):  # type: ignore[misc]  # types are checked without torch
    """Two convolutions that bring a piece to a quarter of its samples."""

    def __init__(self, between: int, width: int) -> None:
        super().__init__(
            nn.Conv1d(2 * LEADS, between, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm1d(between),
            nn.ReLU(),
            nn.Conv1d(between, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
        )


class ResNet(Reader):
    """Residual convolutions at three scales."""

    def __init__(self, outputs: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.stem = nn.Conv1d(2 * LEADS, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.stem_norm = nn.BatchNorm1d(WIDTHS[0])
        blocks, before = [], WIDTHS[0]
        for index, width in enumerate(WIDTHS):
            stride = 1 if index == 0 else 2
            blocks.append(Block(before, width, stride=stride, dilation=2, dropout=dropout))
            blocks.append(Block(width, width, stride=1, dilation=4, dropout=dropout))
            before = width
        self.blocks = nn.Sequential(*blocks)
        self.ends(WIDTHS[-1], outputs)

    def features(self, shown: Tensor) -> Tensor:
        """Shape (piece, 16, sample) to (piece, channel, sample / 8)."""
        return self.blocks(torch.relu(self.stem_norm(self.stem(shown))))


def pieces_of(x: Tensor) -> Tensor:
    """Cut windows, shape (window, 8, 1000), into pieces, shape (window * 7, 8, `CROP`)."""
    return torch.stack([x[:, :, start : start + CROP] for start in STARTS], dim=1).flatten(0, 1)


def read(network: nn.Module, x: Tensor, mask: Tensor) -> Tensor:
    """Give the mean logits of windows, shape (window, output)."""
    count = len(STARTS)
    each = network(pieces_of(x), mask.repeat_interleave(count, dim=0))
    return each.unflatten(0, (-1, count)).mean(dim=1)
