"""Random kernels under a ridge: the baseline on all eight leads, of which only the last layer is learned.

Convolutions that nobody trained, each of one to four leads, at six widths; five numbers of each answer; a linear layer
by ridge regression (after Dempster 2020, doi:10.1007/s10618-020-00701-z; departures: more numbers of each answer, and
soft counts). What is trained has to beat it.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.diagnosis.network import LEADS

Floats = NDArray[Any]
DILATIONS = (1, 2, 4, 8, 16, 32)
EACH = 60
"""Kernels of one width."""
TAPS = 9
MOST_LEADS = 4
SHARPNESS = 20.0
"""Of the soft count of samples above a kernel's threshold, by millivolt."""
NUMBERS = 5
RIDGE = 1000.0
"""Chosen among 100, 300, 1,000 and 3,000 on folds 1 and 2, by networks that had not seen them."""
BATCH = 64
SEED = 0


class Kernels(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Numbers of what random convolutions make of whole windows; thresholds are taken from `leads`."""

    def __init__(self, leads: Floats) -> None:
        super().__init__()
        random = np.random.default_rng(SEED)
        some = torch.from_numpy(leads[:: max(1, len(leads) // 256)])
        self.count = len(DILATIONS) * EACH * NUMBERS
        for dilation in DILATIONS:
            weights = torch.from_numpy(drawn(random))
            above = random.uniform(0.1, 0.9, EACH)
            answers = _answers(some, weights, dilation).permute(1, 0, 2).reshape(EACH, -1).numpy()
            limits = [np.quantile(row[::37], share) for row, share in zip(answers, above, strict=True)]
            self.register_buffer(f"weights_{dilation}", weights)
            self.register_buffer(f"limits_{dilation}", torch.tensor(limits, dtype=torch.float32))

    def forward(self, x: Tensor) -> Tensor:
        """Shape (window, 8, sample) to (window, `count`)."""
        found = []
        for dilation in DILATIONS:
            y = _answers(x, getattr(self, f"weights_{dilation}"), dilation)
            above = y - getattr(self, f"limits_{dilation}")[None, :, None]
            found += [torch.sigmoid(SHARPNESS * above).mean(dim=2), y.amax(dim=2), -y.amin(dim=2)]
            found += [y.abs().mean(dim=2), torch.relu(above).mean(dim=2)]
        z = 3.0 * torch.cat(found, dim=1)
        # The inverse hyperbolic sine, written out: the exporter has no operator for it.
        return torch.sign(z) * torch.log(z.abs() + torch.sqrt(z * z + 1.0))


def drawn(random: np.random.Generator) -> NDArray[np.float32]:
    """Draw kernels of one width, shape (`EACH`, 8, `TAPS`), each without an offset and of a few leads only."""
    weights = random.normal(0.0, 1.0, (EACH, LEADS, TAPS))
    weights -= weights.mean(axis=2, keepdims=True)
    for kernel in weights:
        kernel[random.permutation(LEADS)[random.integers(1, MOST_LEADS + 1) :]] = 0.0
    return weights.astype(np.float32)


def _answers(x: Tensor, weights: Tensor, dilation: int) -> Tensor:
    return nn.functional.conv1d(x, weights, dilation=dilation, padding=TAPS // 2 * dilation)


def numbers_of(kernels: Kernels, leads: Floats) -> Floats:
    """Measure windows: float64, shape (window, `count`)."""
    with torch.no_grad():
        parts = [kernels(torch.from_numpy(part)) for part in np.array_split(leads, max(1, len(leads) // BATCH))]
    return np.asarray(torch.cat(parts).numpy(), np.float64)


def ridge(numbers: Floats, targets: Floats, *, pull: float = RIDGE) -> tuple[Floats, Floats]:
    """Fit a linear layer to records: weights, shape (number, statement), and what is added, shape (statement,)."""
    mean, spread = numbers.mean(axis=0), numbers.std(axis=0) + 1e-6
    x, usual = (numbers - mean) / spread, targets.mean(axis=0)
    weights = np.linalg.solve(x.T @ x + pull * np.eye(x.shape[1]), x.T @ (targets - usual)) / spread[:, np.newaxis]
    return weights, usual - mean @ weights
