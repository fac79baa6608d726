"""Diagonal state spaces (after Gu 2022, arXiv:2206.11893, there S4D-Lin), read from both ends as one convolution.

A channel drives `STATES` / 2 damped oscillators, each standing for itself and its conjugate; what they answer to a
single sample is the filter that the channel is convolved with. All is real arithmetic: the exporter has no complex
numbers, and ONNX Runtime works the filters out once, when it loads them.
"""

import math

import torch
from torch import Tensor, nn

from export.diagnosis.network import MOMENTS, Reader, Stem

WIDTH = 96
STATES = 32
LAYERS = 4
STEPS = (0.001, 0.1)
"""Between these lie the first time steps of the channels."""
DAMPING = 0.5
SLOWLY = 0.25
"""Of the rate of all others, for what the states are; the decay of weights draws them back to what they first were."""
DROPOUT = 0.1


class Filters(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """One filter a channel, `MOMENTS` long before and behind each sample."""

    def __init__(self) -> None:
        super().__init__()
        count = STATES // 2
        low, high = (math.log(one) for one in STEPS)
        self.register_buffer("first_step", low + (high - low) * torch.rand(WIDTH, 1))
        self.register_buffer("first_turning", math.pi * torch.arange(count, dtype=torch.float32))
        self.step = nn.Parameter(torch.zeros(WIDTH, 1))
        self.damping = nn.Parameter(torch.zeros(WIDTH, count))
        self.turning = nn.Parameter(torch.zeros(WIDTH, count))
        self.heard = nn.Parameter(torch.randn(2, 2, WIDTH, count) / math.sqrt(2.0))
        """Real and imaginary part, forwards and backwards, of what is heard of each oscillator."""
        places = torch.arange(MOMENTS)
        self.register_buffer("apart", places[:, None] - places[None] + MOMENTS - 1)

    def forward(self) -> Tensor:
        """Give what each sample has of each other, shape (`WIDTH`, sample, sample it is heard from)."""
        fading = -DAMPING * torch.exp(SLOWLY * self.damping)
        turned = self.first_turning + SLOWLY * self.turning
        step = torch.exp(self.first_step + SLOWLY * self.step)
        real, imaginary = self._driven(fading, turned, step)
        times = torch.arange(MOMENTS, dtype=torch.float32) * step[:, :, None]
        size, angle = torch.exp(fading[:, :, None] * times), turned[:, :, None] * times
        swings = torch.cat([size * torch.cos(angle), size * torch.sin(angle)], dim=1)
        both = 2.0 * torch.cat([real, -imaginary], dim=2).transpose(0, 1) @ swings
        return torch.cat([both[:, 1, :-1].flip(1), both[:, 0]], dim=1)[:, self.apart]

    def _driven(self, fading: Tensor, turned: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
        """Give what is heard of one sample that is held for a step: real and imaginary, shape (2, `WIDTH`, state)."""
        size, angle = torch.exp(step * fading), step * turned
        more, aside = size * torch.cos(angle) - 1.0, size * torch.sin(angle)
        whole = fading * fading + turned * turned
        real, imaginary = (more * fading + aside * turned) / whole, (aside * fading - more * turned) / whole
        heard = self.heard
        return heard[0] * real - heard[1] * imaginary, heard[0] * imaginary + heard[1] * real


class Layer(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Each channel is filtered, then the channels are mixed and gated, beside a way past both."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(WIDTH)
        self.filters = Filters()
        self.through = nn.Parameter(torch.randn(WIDTH, 1))
        self.mixed = nn.Conv1d(WIDTH, 2 * WIDTH, 1)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (piece, `WIDTH`, `MOMENTS`), as it is given."""
        z = self.norm(x)
        # As one product for each channel it takes a fifteenth of the time that it takes as a grouped convolution.
        y = (self.filters() @ z.permute(1, 2, 0)).permute(2, 0, 1) + self.through * z
        value, gate = self.mixed(self.dropout(torch.relu(y))).chunk(2, dim=1)
        return x + self.dropout(value * torch.sigmoid(gate))


class StateSpace(Reader):
    """A stem, and four layers of state spaces."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.stem = Stem(WIDTH // 2, WIDTH)
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)), nn.BatchNorm1d(WIDTH))
        self.ends(WIDTH, outputs)

    def features(self, shown: Tensor) -> Tensor:
        """Shape (piece, 16, sample) to (piece, `WIDTH`, `MOMENTS`)."""
        return self.layers(self.stem(shown))
