"""All networks of the diagnosis in one table, trained alike, beside two baselines: ``python -m export compare``.

Each learns from folds 1 to 6 by the recipe of the release and is scored on folds 7 and 8, which choose nothing but the
name of the one that would be released. Fold 9 is not read.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from biosignal.ecg.leads import INDEPENDENT
from export.compared import SHOWN, area_of, chosen_of
from export.diagnosis.contenders import Contender, Floats, frozen, logits_by, random_kernels, trained
from export.diagnosis.corpus import SUPERCLASSES, TRAINING, Corpus, corpus_of
from export.diagnosis.figures import DRAWS, auc, gain_of, interval, macro_auc, rounded
from export.diagnosis.fitting import noise_of
from export.diagnosis.train import NOISES, learned, mask_of, recipe_of, rows_of
from export.onnx_file import exported
from export.speed.forms import on_onnx_runtime
from export.speed.measure import machine, milliseconds

TAUGHT = TRAINING[:6]
SCORED = TRAINING[6:]
QUICK_DRAWS = 20


def compare(
    folder: Path, names: Sequence[str], *, kept: Path, seed: int, steps: int | None, quick: bool
) -> dict[str, Any]:
    """Train networks and the baselines, and score them; progress goes to stderr, all of it takes most of an hour.

    Parameters
    ----------
    folder : PTB-XL, with the recordings of noise beside it. names : of `ARCHITECTURES`.
    kept : folder of networks that were trained before.
    steps : how often each record is shown, in the place of the recipe's number.

    Returns
    -------
    Plain values: `rows`, of which `chosen` names one, and how they came about.

    Raises
    ------
    NoDiagnoses : the set is missing.
    """
    rows = [row for row in rows_of(folder, quick=quick) if row.fold in TRAINING]
    whole = corpus_of(rows, learned([row for row in rows if row.fold in TAUGHT]))
    taught = whole.of(np.isin(whole.folds, TAUGHT))
    scored = whole.of(np.isin(whole.folds, SCORED) & np.array([bool(row.superclasses) for row in rows]))
    recipe, noise = recipe_of(steps=steps, quick=quick), noise_of(folder.parent / NOISES)
    sets = {name: mask_of(shown) for name, shown in SHOWN.items()}
    contenders = [trained(name, taught, noise, recipe, sets, seed=seed, kept=kept) for name in names]
    contenders += [random_kernels(taught, sets), frozen(taught, sets, seed=seed)]
    draws = QUICK_DRAWS if quick else DRAWS
    return {
        "what": "compare",
        "taught": {"folds": list(TAUGHT), "records": len(taught.rows)},
        "scored": {"folds": list(SCORED), "records": len(scored.rows)},
        "seed": seed,
        "recipe": asdict(recipe),
        "machine": machine(),
        **scored_by(contenders, scored, sets, draws=draws),
    }


def scored_by(
    contenders: Sequence[Contender], scored: Corpus, sets: Mapping[str, Floats], *, draws: int
) -> dict[str, Any]:
    """Score contenders on records that taught none: `rows`, each held against the best network, and `chosen`."""
    said = [_said(one, scored, sets) for one in contenders]
    rows = [_row(one, logits, scored, draws) for one, logits in zip(contenders, said, strict=True)]
    networks = [at for at, one in enumerate(contenders) if not one.is_baseline]
    for name in sets:
        best = max(networks, key=lambda at: area_of(rows[at], name))
        for row, logits in zip(rows, said, strict=True):
            apart = gain_of(scored, said[best][name], logits[name], draws=draws)["macro"]
            row["by_leads"][name]["to_best"] = apart
    return {"rows": rows, "chosen": chosen_of(rows)}


def _said(one: Contender, scored: Corpus, sets: Mapping[str, Floats]) -> dict[str, Floats]:
    count = len(SUPERCLASSES)
    return {name: logits_by(one.readers[name], scored.leads, mask)[:, :count] for name, mask in sets.items()}


def _row(one: Contender, said: Mapping[str, Floats], scored: Corpus, draws: int) -> dict[str, Any]:
    targets = scored.targets[:, : len(SUPERCLASSES)]
    by_leads = {
        name: {
            "macro_auc": rounded(macro_auc(targets, logits)),
            "ci": [rounded(end) for end in interval(targets, logits, draws=draws)],
            "auc": {code: rounded(auc(targets[:, at], logits[:, at])) for at, code in enumerate(SUPERCLASSES)},
        }
        for name, logits in said.items()
    }
    print(f"{one.name} is scored: {by_leads[next(iter(SHOWN))]['macro_auc']}", file=sys.stderr, flush=True)
    return {
        "name": one.name,
        "is_baseline": one.is_baseline,
        "learned": one.learned,
        "seconds": round(one.seconds, 1),
        "ms": round(_time_of(one, scored), 2),
        "by_leads": by_leads,
    }


def _time_of(one: Contender, scored: Corpus) -> float:
    """Median milliseconds of the processor that a window with all leads takes on one thread of ONNX Runtime."""
    window = {"ecg": scored.leads[:1], "mask": np.ones((1, len(INDEPENDENT)), np.float32)}
    return milliseconds(on_onnx_runtime(onnx_of(one, scored), ("logits",)), window)


def onnx_of(one: Contender, scored: Corpus) -> bytes:
    """Write what reads windows with all leads as an ONNX file."""
    given = {"ecg": torch.from_numpy(scored.leads[:2]), "mask": torch.ones(2, len(INDEPENDENT))}
    return exported(one.readers[next(iter(SHOWN))], given, ("logits",))
