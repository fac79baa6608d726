"""Reviewed windows of a task whose labels are statements, and the bundle that ships with it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, CONTRACT, NAME
from biosignal.tasks.stated import made_in
from cloud_service.learning.refit import run
from cloud_service.learning.reviewed import WHOLE, ReviewedMark
from export.release import read_bundle
from tests.learning.population import Population

VERSION = "1.2.0"
FOLDER = Path(__file__).parents[2] / "models" / NAME / VERSION
LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
WINDOWS = Population(
    task=NAME, classes=CLASSES, inputs={spec.name: spec.shape for spec in CONTRACT.inputs}, leads=LEADS
)


def shipped():
    """The bundle that stands in the repository."""
    return read_bundle(FOLDER)


def windows(count, *, seed=1):
    """Inputs of windows of the synthetic patient, each a little different."""
    inputs, _, _ = shipped().golden()
    random = np.random.default_rng(seed)
    made = {name: np.repeat(array[:1], count, axis=0) for name, array in inputs.items()}
    made["ecg"] = made["ecg"] * random.uniform(0.5, 1.6, (count, len(LEADS), 1)).astype(np.float32)
    return made


def words(bundle, inputs, said: Mapping[str, str], *, groups=4, reader="reader", seed=0):
    """A reader's words on windows: a verdict by statement, `WHOLE` under that name."""
    scores, _ = run(bundle, inputs)
    for index, row in enumerate(scores):
        stated = made_in(zip(CLASSES, row.tolist(), strict=True))
        for code, verdict in said.items():
            yield ReviewedMark(
                finding=f"f{index % groups}",
                recording=f"r{index % groups}",
                group=f"g{index % groups}",
                leads=LEADS,
                start=1000 * index + seed,
                label="" if verdict == WHOLE else code,
                reviewer=reader,
                model_label=CLASSES[int(row[:5].argmax())],
                bundle=bundle.identity,
                model_seen=True,
                verdict=verdict,
                stated=stated,
                inputs={name: array[index] for name, array in inputs.items()},
            )
