"""What stands in the table of networks: those that are trained, and two baselines of which one layer is learned."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.diagnosis.architectures import ARCHITECTURES
from export.diagnosis.corpus import SUPERCLASSES, Corpus
from export.diagnosis.figures import macro_auc
from export.diagnosis.fitting import Recipe, fit
from export.diagnosis.kernels import RIDGE, Kernels, ridge
from export.diagnosis.network import STARTS, pieces_of, read
from export.network import parameters_of

Floats = NDArray[Any]
BATCH = 32
FROZEN = "resnet"
PULLS = (1.0, 10.0, 100.0, 1000.0)
"""Of the probe, the one is taken that does best on the last third of the folds it is fitted to."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Contender:
    """What reads windows.

    Parameters
    ----------
    readers : by the name of a set of leads what gives logits of windows and masks, the superclasses first.
    learned : how many numbers were fitted. seconds : of one thread of the processor that this took.
    """

    name: str
    readers: Mapping[str, nn.Module]
    learned: int
    seconds: float
    is_baseline: bool = False


class OnWindows(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """A network of pieces on whole windows."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, ecg: Tensor, mask: Tensor) -> Tensor:
        """Leads, shape (window, 8, sample), and which are shown, shape (window, 8), to logits."""
        return read(self.network, ecg, mask)


class Frozen(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """What a network sees of a window, in the mean of its pieces."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.eval()

    def forward(self, ecg: Tensor, mask: Tensor) -> Tensor:
        """Shape (window, number)."""
        count = len(STARTS)
        each = self.network.seen(pieces_of(ecg), mask.repeat_interleave(count, dim=0))
        return each.unflatten(0, (-1, count)).mean(dim=1)


class Masked(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """Random kernels on the leads that are shown."""

    def __init__(self, kernels: Kernels) -> None:
        super().__init__()
        self.kernels = kernels

    def forward(self, ecg: Tensor, mask: Tensor) -> Tensor:
        """Shape (window, number)."""
        return self.kernels(ecg * mask[:, :, None])


class Probe(nn.Module):  # type: ignore[misc]  # types are checked without torch
    """A linear layer on what nobody trained."""

    def __init__(self, features: nn.Module, weights: Floats, added: Floats) -> None:
        super().__init__()
        self.features = features
        self.last = nn.Linear(*weights.shape)
        with torch.no_grad():
            self.last.weight.copy_(torch.from_numpy(weights.T.astype(np.float32)))
            self.last.bias.copy_(torch.from_numpy(added.astype(np.float32)))

    def forward(self, ecg: Tensor, mask: Tensor) -> Tensor:
        """Give what a ridge makes of the numbers, shape (window, superclass)."""
        return self.last(self.features(ecg, mask))


def logits_by(reader: nn.Module, leads: Floats, mask: Floats) -> Floats:
    """Read windows with the leads of a mask, shape (8,)."""
    reader.eval()
    with torch.no_grad():
        parts = [
            reader(torch.from_numpy(x), torch.from_numpy(mask).expand(len(x), -1))
            for x in np.array_split(leads, max(1, len(leads) // BATCH))
        ]
    return np.asarray(torch.cat(parts).numpy())


def trained(
    name: str, corpus: Corpus, noise: Floats, recipe: Recipe, sets: Mapping[str, Floats], *, seed: int, kept: Path
) -> Contender:
    """Train a network, or take it from the folder where it was kept when the very same was trained before.

    Parameters
    ----------
    sets : masks by name; one network reads all.
    """
    network = ARCHITECTURES[name](len(corpus.statements))
    made = _made_by(network, corpus, recipe, seed)
    file = kept / f"{name}.pt"
    found = _found(file, made)
    if found is None:
        print(f"{name} is trained", file=sys.stderr, flush=True)
        began = time.process_time()
        network = fit(ARCHITECTURES[name], corpus, noise, recipe, seed=seed)
        found = {"weights": network.state_dict(), "seconds": time.process_time() - began, "made": made}
        _keep(found, file)
    network.load_state_dict(found["weights"])
    reader = OnWindows(network).eval()
    readers = dict.fromkeys(sets, reader)
    return Contender(name=name, readers=readers, learned=parameters_of(network), seconds=found["seconds"])


def _made_by(network: nn.Module, corpus: Corpus, recipe: Recipe, seed: int) -> dict[str, Any]:
    """Give all that the weights follow from, as plain values."""
    return {
        "layers": str(network),
        "records": [row.name for row in corpus.rows],
        "statements": list(corpus.statements),
        "recipe": asdict(recipe),
        "seed": seed,
        "torch": torch.__version__.partition("+")[0],
    }


def _found(file: Path, made: Mapping[str, Any]) -> dict[str, Any] | None:
    if not file.is_file():
        return None
    found: dict[str, Any] = torch.load(file, weights_only=True)
    if found["made"] != made:
        return None
    print(f"{file.stem} was trained before", file=sys.stderr, flush=True)
    return found


def _keep(found: Mapping[str, Any], file: Path) -> None:
    """Write the file whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    begun = file.with_suffix(".begun")
    torch.save(dict(found), begun)
    begun.replace(file)


def random_kernels(corpus: Corpus, sets: Mapping[str, Floats]) -> Contender:
    """Random kernels under a ridge, fitted to each set of leads."""

    def features(mask: Floats) -> nn.Module:
        return Masked(Kernels(corpus.leads * mask[:, np.newaxis]))

    return _probed("random kernels and ridge", corpus, sets, features, (RIDGE,))


def frozen(corpus: Corpus, sets: Mapping[str, Floats], *, seed: int) -> Contender:
    """A network as its seed made it, and a linear layer fitted to what it sees of each set of leads."""
    torch.manual_seed(seed)
    encoder = Frozen(ARCHITECTURES[FROZEN](len(corpus.statements)))
    return _probed(f"random {FROZEN} and probe", corpus, sets, lambda _: encoder, PULLS)


def best_pull(numbers: Floats, targets: Floats, folds: NDArray[np.int64], pulls: Sequence[float]) -> float:
    """Choose how much a ridge is held back: fitted to the first two thirds of the folds, scored on the others."""
    there = np.unique(folds)
    is_out = np.isin(folds, there[-max(1, len(there) // 3) :])

    def area(pull: float) -> float:
        weights, added = ridge(numbers[~is_out], targets[~is_out], pull=pull)
        return macro_auc(targets[is_out], numbers[is_out] @ weights + added)

    return max(pulls, key=area)


def _probed(
    name: str,
    corpus: Corpus,
    sets: Mapping[str, Floats],
    features: Callable[[Floats], nn.Module],
    pulls: Sequence[float],
) -> Contender:
    """Fit a linear layer for each set of leads to the records that know their superclass."""
    began, count = time.process_time(), len(SUPERCLASSES)
    known = corpus.of(corpus.targets[:, :count].max(axis=1) > 0)
    targets, readers = known.targets[:, :count], {}
    for of_set, mask in sets.items():
        made = features(mask)
        numbers = logits_by(made, known.leads, mask).astype(np.float64)
        pull = best_pull(numbers, targets, known.folds, pulls) if len(pulls) > 1 else pulls[0]
        readers[of_set] = Probe(made, *ridge(numbers, targets, pull=pull)).eval()
    learned = sum(parameters_of(one.last) for one in readers.values())
    spent = time.process_time() - began
    return Contender(name=name, readers=readers, learned=learned, seconds=spent, is_baseline=True)
