"""The models that answer in an evaluation, and what is said of them beside every figure."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput
from biosignal.model.admission import admit
from biosignal.model.bundle import Bundle
from biosignal.model.model import Model
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.lookup import contract_of
from biosignal.tasks.lookup import models as tasks_with_models
from export.release import read_bundle

_BESIDE = Path(__file__).resolve().parents[2] / "models"
RELEASED = _BESIDE if _BESIDE.is_dir() else Path(sys.prefix) / "share" / "bedside" / "models"
_DERIVED = {"nstdb": "mitdb"}
"""Sets that are made of the patients of another: the first three digits of a record name the patient."""


@dataclass(frozen=True, slots=True)
class Served:
    """The bundle that answers for each task."""

    bundles: dict[str, Bundle]

    def models(self) -> dict[str, Model]:
        """Admit every bundle on this machine as the device does, and serve it on the CPU.

        Raises
        ------
        ContractBroken, NotAdmitted : a bundle is not what its task needs.
        """
        served = {}
        for task, bundle in self.bundles.items():
            backend, contract = OnnxCpuBackend(bundle), contract_of(task)
            admit(backend, bundle, contract)
            served[task] = Model(task, contract, backend, "")
        return served

    def to_json(self) -> list[dict[str, str]]:
        """Name each bundle, its hash and what runs it."""
        import onnxruntime

        return [
            {
                "task": task,
                "name": bundle.manifest.name,
                "version": bundle.manifest.version,
                "sha256": bundle.digest,
                "backend": f"onnxruntime {onnxruntime.__version__}, CPU",
            }
            for task, bundle in self.bundles.items()
        ]

    def trained_on(self, of_set: str, record: str) -> bool | None:
        """Whether a record trained one of the bundles, by their manifests; None where a manifest does not say."""
        source, patient = _DERIVED.get(of_set, of_set), record[:3] if of_set in _DERIVED else record
        said = [_trained(bundle.manifest.training, source, patient) for bundle in self.bundles.values()]
        return True if True in said else None if None in said else False


def _trained(training: Any, of_set: str, record: str) -> bool | None:
    """Read a manifest: records by set, or a list of the MIT-BIH Arrhythmia Database as version 1.0.0 has it."""
    records = training.get("records")
    if isinstance(records, dict):
        return record in records.get(of_set, ())
    if isinstance(records, list) and str(training.get("data", "")).startswith("MIT-BIH Arrhythmia Database"):
        return of_set == "mitdb" and record in records
    return None


def served(bundle: Path | None = None) -> Served:
    """Open the newest released bundle of each task, and `bundle` in the place of its task's.

    Raises
    ------
    BadInput : a folder cannot be read, or a task has no released bundle.
    BundleRefused : a bundle is not what its manifest says.
    """
    given = None if bundle is None else read_bundle(bundle)
    found = {}
    for task in tasks_with_models():
        is_given = given is not None and given.manifest.task == task
        found[task] = given if given is not None and is_given else released(task)
    if given is not None and given not in found.values():
        raise BadInput("no task of this version uses such a bundle", bundle=given.identity)
    return Served(found)


def released(task: str) -> Bundle:
    """Open the newest released bundle of a task.

    Raises
    ------
    BadInput : there is none, or it cannot be read.
    BundleRefused : it is not what its manifest says.
    """
    return read_bundle(_newest(task))


def _newest(task: str) -> Path:
    below = Path(os.environ.get("BEDSIDE_MODELS_DIR") or RELEASED) / task
    there = [path for path in below.glob("*") if (path / "manifest.json").is_file()]
    if not there:
        raise BadInput("a task has no released bundle", folder=str(below), remedy="give one by --bundle FOLDER")
    return max(there, key=lambda path: [int(part) for part in path.name.split(".") if part.isdecimal()])
