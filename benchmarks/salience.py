"""Whether what a statement is said to rest on is what it rests on: ``python -m benchmarks.salience --data-dir DIR``.

On records that trained nothing and chose nothing: the main statement of each is asked again without the cells of 0.2 s
that were most salient, and without as many drawn at random; and a network with shuffled weights is asked for its map.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from biosignal.model.bundle import Bundle
from biosignal.model.contract import SCORES
from biosignal.model.model import Model, Tensors
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.model.salience import bridged, log_odds, salience
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, CONTRACT, MAIN, NAME
from biosignal.tasks.ecg_diagnosis.seen import RATE_HZ, window_of
from biosignal.tasks.ecg_diagnosis.waves import numbers_of
from export.diagnosis.corpus import read_leads, read_table
from export.diagnosis.evaluate import scored_rows
from export.diagnosis.measurements import beats_of, wave_model
from export.report.served import served

CELL = 20
SHARES = (0.02, 0.05, 0.1, 0.2)
DRAWS = 10
CALIBRATION = ("of_network", "of_trees", "offsets")
FOLD = 9


def main() -> int:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.salience", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of PTB-XL, as DIR/ptbxl")
    parser.add_argument("--records", type=int, default=60, help="spread over fold 9; default %(default)s")
    options = parser.parse_args()
    bundle = served().bundles[NAME]
    print(json.dumps(measure(options.data_dir, bundle, records=options.records), indent=1))
    return 0


def measure(folder: Path, bundle: Bundle, *, records: int) -> dict[str, Any]:
    """Delete and shuffle; mean log odds lost by share of cells, how often the salient cost more, and correlations."""
    rows = [row for row in scored_rows(read_table(folder), fold=FOLD, folder=folder) if row.superclasses]
    chosen = rows[:: max(1, len(rows) // records)][:records]
    model, other, waves = _model(bundle), _model(shuffled(bundle, seed=0)), wave_model()
    random = np.random.default_rng(0)
    lost: list[list[tuple[float, float]]] = []
    alike: list[float] = []
    for row in chosen:
        inputs = _inputs(read_leads(row), waves)
        at = int(np.argmax(_scores(model, inputs)[: len(MAIN)]))
        ours, theirs = (_map(one, inputs, CLASSES[at]) for one in (model, other))
        lost.append([_lost(model, inputs, at, ours, share, random) for share in SHARES])
        if theirs.std() > 0:
            alike.append(float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]))
        print(f"{len(lost)} of {len(chosen)}", end="\r", file=sys.stderr, flush=True)
    each = np.array(lost)
    return {
        "bundle": bundle.identity,
        "fold": FOLD,
        "records": len(chosen),
        "deleted": {
            f"{share:g}": {
                "most_salient": round(float(each[:, place, 0].mean()), 3),
                "at_random": round(float(each[:, place, 1].mean()), 3),
                "salient_cost_more": round(float(np.mean(each[:, place, 0] > each[:, place, 1])), 3),
            }
            for place, share in enumerate(SHARES)
        },
        "shuffled": {"maps": len(alike), "mean_correlation": round(float(np.mean(alike)), 3)},
    }


def shuffled(bundle: Bundle, *, seed: int) -> Bundle:
    """Put the numbers of each weight in another order; the calibration stays, or every score would be 0 or 1."""
    whole, random = onnx.load_model_from_string(bundle.onnx), np.random.default_rng(seed)
    for weight in whole.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.ndim >= 2 and weight.name not in CALIBRATION:
            mixed = random.permutation(values.ravel()).reshape(values.shape)
            weight.CopyFrom(numpy_helper.from_array(mixed, weight.name))
    return Bundle(bundle.manifest, {**bundle.files, "model.onnx": whole.SerializeToString()})


def _inputs(read: Mapping[str, NDArray[Any]], waves: Model) -> dict[str, NDArray[np.float32]]:
    leads, mask = window_of(read, RATE_HZ)
    measured = numbers_of(leads, mask, beats_of(read, waves))
    return {"ecg": leads[np.newaxis], "mask": mask[np.newaxis], "measured": measured[np.newaxis]}


def _model(bundle: Bundle) -> Model:
    return Model(NAME, CONTRACT, OnnxCpuBackend(bundle))


def _scores(model: Model, inputs: Tensors) -> NDArray[np.float32]:
    said = model.infer(inputs)
    assert isinstance(said, dict), "a released bundle answers"
    scores: NDArray[np.float32] = said[SCORES][0]
    return scores


def _map(model: Model, inputs: Tensors, label: str) -> NDArray[np.float32]:
    """Mean salience of each cell, shape (lead, cell)."""
    found = salience(model, inputs, tensor="ecg", label=label, rate_hz=RATE_HZ)
    assert isinstance(found, np.ndarray), "a released bundle answers"
    return np.asarray(found.reshape(len(found), -1, CELL).mean(axis=2))


def _lost(
    model: Model, inputs: Tensors, at: int, cells: NDArray[np.float32], share: float, random: np.random.Generator
) -> tuple[float, float]:
    """Log odds lost without the most salient cells, and without as many at random, the mean of some draws."""
    count = round(share * cells.size)
    before = float(log_odds(_scores(model, inputs)[at]))

    def lost(chosen: NDArray[np.int64]) -> float:
        hidden = np.zeros(cells.size, bool)
        hidden[chosen] = True
        return before - float(log_odds(_scores(model, _without(inputs, hidden.reshape(cells.shape)))[at]))

    by_chance = [lost(random.permutation(cells.size)[:count]) for _ in range(DRAWS)]
    return lost(np.argsort(-cells.ravel())[:count]), float(np.mean(by_chance))


def _without(inputs: Tensors, cells: NDArray[np.bool_]) -> Tensors:
    ecg = inputs["ecg"].copy()
    for row, is_hidden in enumerate(np.repeat(cells, CELL, axis=1)):
        edges = np.flatnonzero(np.diff(np.concatenate(([0], is_hidden.astype(int), [0]))))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            ecg[0, row, start:end] = bridged(inputs["ecg"][0, row], int(start), int(end))
    return {**inputs, "ecg": ecg}


if __name__ == "__main__":
    sys.exit(main())
