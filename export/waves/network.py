"""The network of the waves: causal convolutions that can be run a step at a time with the same result."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from biosignal.tasks.ecg_waves.kinds import CLASSES
from biosignal.tasks.ecg_waves.seen import CHANNELS

WIDTH = 32
FIRST = 16
DILATIONS = (1, 2, 4, 8, 16, 32, 4)
SUBSTEPS = 2


class WaveNetwork(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Channels at 250 Hz in, a class for each sample out, `DELAY` samples late; it sees 2.4 s of the past."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv1d(CHANNELS, FIRST, 7)
        self.second = nn.Conv1d(FIRST, WIDTH, 6, stride=2)
        self.blocks = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 5, dilation=dilation) for dilation in DILATIONS)
        self.norms = nn.ModuleList(nn.BatchNorm1d(WIDTH) for _ in DILATIONS)
        self.middle = nn.Conv1d(WIDTH, WIDTH, 1)
        self.last = nn.Conv1d(WIDTH, SUBSTEPS * len(CLASSES), 1)

    def forward(self, channels: Tensor) -> Tensor:
        """Give logits of whole windows that start cold, shape (window, sample, class)."""
        logits, _ = self.step(channels, torch.zeros(len(channels), self.state_size()))
        return logits

    def state_size(self) -> int:
        """How many numbers are handed on."""
        return sum(rows * length for rows, length in self._pasts())

    def _pasts(self) -> list[tuple[int, int]]:
        return [(CHANNELS, 6), (FIRST, 4), *((WIDTH, 4 * dilation) for dilation in DILATIONS)]

    def step(self, channels: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Go on from `state`, shape (window, state): logits of these samples, an even number, and the state behind."""
        pasts = torch.split(state, [rows * length for rows, length in self._pasts()], dim=1)
        after = []

        def joined(x: Tensor, index: int) -> Tensor:
            rows, length = self._pasts()[index]
            whole = torch.cat([pasts[index].reshape(-1, rows, length), x], dim=2)
            after.append(whole[:, :, -length:].reshape(-1, rows * length))
            return whole

        x = functional.silu(self.first(joined(channels, 0)))
        x = functional.silu(self.second(joined(x, 1)))
        for index, (block, norm) in enumerate(zip(self.blocks, self.norms, strict=True)):
            x = x + functional.silu(norm(block(joined(x, 2 + index))))
        x = self.last(functional.silu(self.middle(x)))
        # Two answers stand side by side in each step of 8 ms.
        steps = x.shape[2]
        x = x.reshape(-1, len(CLASSES), SUBSTEPS, steps).permute(0, 3, 2, 1)
        return x.reshape(-1, SUBSTEPS * steps, len(CLASSES)), torch.cat(after, dim=1)


class Served(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """The network as it is released: one step, probabilities."""

    def __init__(self, network: WaveNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, channels: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Give scores, shape (window, sample, class), and the state behind."""
        logits, after = self.network.step(channels, state)
        return torch.softmax(logits, dim=2), after
