"""The network of the waves: a small U-Net over one lead, an answer for each sample."""

import torch
from torch import Tensor, nn

from biosignal.tasks.ecg_waves.kinds import CLASSES

WIDTHS = (12, 20, 28, 36)
KERNEL = 7
DILATIONS = (1, 2, 4)


def _layer(given: int, made: int, dilation: int = 1) -> nn.Sequential:
    reach = dilation * (KERNEL // 2)
    convolution = nn.Conv1d(given, made, KERNEL, padding=reach, dilation=dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm1d(made), nn.ReLU())


class WaveNetwork(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Four scales, each half as fine as the one before; logits, shape (window, sample, class)."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = WIDTHS
        self.down = nn.ModuleList(
            [
                nn.Sequential(_layer(1, first), _layer(first, first)),
                nn.Sequential(_layer(first, second), _layer(second, second)),
                nn.Sequential(_layer(second, third), _layer(third, third)),
            ]
        )
        bottom = [_layer(third if place == 0 else last, last, dilation) for place, dilation in enumerate(DILATIONS)]
        self.bottom = nn.Sequential(*bottom)
        self.up = nn.ModuleList(
            [_layer(last + third, third), _layer(third + second, second), _layer(second + first, first)]
        )
        self.head = nn.Conv1d(first, len(CLASSES), 1)

    def forward(self, lead: Tensor) -> Tensor:
        """Take windows, shape (window, 1, sample); the number of samples is a multiple of eight."""
        seen, held = lead, []
        for scale in self.down:
            seen = scale(seen)
            held.append(seen)
            seen = nn.functional.max_pool1d(seen, 2)
        seen = self.bottom(seen)
        for layer, finer in zip(self.up, reversed(held), strict=True):
            seen = layer(torch.cat([nn.functional.interpolate(seen, scale_factor=2.0, mode="nearest"), finer], dim=1))
        return self.head(seen).transpose(1, 2)


class Served(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """The network as it is released: probabilities."""

    def __init__(self, network: WaveNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, lead: Tensor) -> Tensor:
        """Give scores, shape (window, sample, class)."""
        return torch.softmax(self.network(lead), dim=2)
