"""How far what is filled for the eye lies from what was there: records of PTB-XL from which samples are taken away."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.ecg.completing import by_interpolation, by_itself, by_others, completed, usual
from biosignal.ecg.leads import INDEPENDENT
from biosignal.tasks.ecg_diagnosis.seen import RATE_HZ
from export.diagnosis.corpus import TRAINING, read_leads, read_table

Floats = NDArray[Any]
Leads = dict[str, Floats]
RANDOM_SHARE = 0.1
BLOCKS_S = (0.1, 0.3, 1.0, 2.5)
ALONE_S = BLOCKS_S[:3]
SEED = 0
UV = 1000.0


def evaluate_completion(folder: Path, *, fold: int | None = None) -> dict[str, Any]:
    """Give the mean absolute error in microvolts by gap and method, over records that did not choose a method.

    Raises
    ------
    NoDiagnoses : the set is not there.
    """
    rows = [row for row in read_table(folder) if row.fold not in TRAINING and fold in (None, row.fold)]
    random = np.random.default_rng(SEED)
    errors: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        whole = {name: np.asarray(x, np.float64) for name, x in read_leads(row).items() if name in INDEPENDENT}
        for kind, of_record in _of_record(whole, random):
            for method, error in of_record.items():
                errors.setdefault(kind, {}).setdefault(method, []).append(error)
    return {
        "folds": sorted({row.fold for row in rows}),
        "records": len(rows),
        "mae_uv": {
            kind: {method: round(float(np.mean(each)), 1) for method, each in methods.items()}
            for kind, methods in errors.items()
        },
    }


def _of_record(whole: Leads, random: np.random.Generator) -> Iterator[tuple[str, dict[str, float]]]:
    length = len(next(iter(whole.values())))
    for kind, is_missing in _gaps(length, random):
        name = INDEPENDENT[int(random.integers(len(INDEPENDENT)))]
        yield f"one lead, {kind}", _of_gap(whole, name, is_missing, are_others_there=True)
    for seconds in ALONE_S:
        name = INDEPENDENT[int(random.integers(len(INDEPENDENT)))]
        yield (
            f"all leads, block of {seconds} s",
            _of_gap(whole, name, _block(length, seconds, random), are_others_there=False),
        )
    for name in INDEPENDENT:
        others = {one: x for one, x in whole.items() if one != name}
        middle = whole[name] - np.median(whole[name])
        yield f"lost: {name}", {"flat": _error(0.0 * middle, middle), "filled": _error(usual(name, others), middle)}


def _gaps(length: int, random: np.random.Generator) -> Iterator[tuple[str, Floats]]:
    yield f"{RANDOM_SHARE:.0%} of its samples", random.random(length) < RANDOM_SHARE
    for seconds in BLOCKS_S:
        yield f"block of {seconds} s", _block(length, seconds, random)


def _block(length: int, seconds: float, random: np.random.Generator) -> Floats:
    is_missing, count = np.zeros(length, bool), round(seconds * RATE_HZ)
    start = int(random.integers(1, length - count - 1))
    is_missing[start : start + count] = True
    return is_missing


def _of_gap(whole: Leads, name: str, is_missing: Floats, *, are_others_there: bool) -> dict[str, float]:
    holed = {one: np.where(is_missing & (one == name or not are_others_there), np.nan, x) for one, x in whole.items()}
    others = [x for one, x in whole.items() if one != name]
    ways: Mapping[str, Callable[[], Floats]] = {
        "straight line": lambda: by_interpolation(holed[name]),
        "the lead itself": lambda: by_itself(holed[name], RATE_HZ),
        **({"the other leads": lambda: by_others(holed[name], others, RATE_HZ)} if are_others_there else {}),
        "filled": lambda: completed(holed, RATE_HZ)[0][name],
    }
    return {
        method: _error(made, whole[name][is_missing])
        for method, way in ways.items()
        if np.isfinite(made := way()[is_missing]).all()
    }


def _error(made: Floats, true: Floats) -> float:
    return float(np.mean(np.abs(made - true))) * UV


def completion_lines(figures: Mapping[str, Any]) -> list[str]:
    """Write the figures for people."""
    folds = ", ".join(str(fold) for fold in figures["folds"])
    lines = [f"folds {folds}, {figures['records']} records, mean absolute error in microvolts"]
    for kind, methods in figures["mae_uv"].items():
        lines.append(f"  {kind}: " + ", ".join(f"{method} {error}" for method, error in methods.items()))
    return lines
