"""Released model bundles on disk: where they lie, which is newest, and how one is opened."""

import os
import re
import sys
from pathlib import Path

from biosignal.errors import BadInput
from biosignal.model.admission import admit
from biosignal.model.backend import Backend
from biosignal.model.bundle import LIMITS, Bundle, open_bundle
from biosignal.model.contract import ModelContract, check_contract
from biosignal.tasks.lookup import contract_of

_VERSION = re.compile(r"\d+(?:\.\d+)*")


def models_dir(given: Path | None = None) -> Path:
    """Folder of the released bundles: as given, else BEDSIDE_MODELS_DIR, else beside the package or in its prefix."""
    named = os.environ.get("BEDSIDE_MODELS_DIR")
    if given is not None:
        return given
    if named:
        return Path(named)
    beside = Path(__file__).resolve().parents[2] / "models"
    return beside if beside.is_dir() else Path(sys.prefix) / "share" / "bedside" / "models"


def find_bundle(task: str, *, folder: Path | None = None, version: str | None = None) -> Path | None:
    """Folder of the newest bundle of `task`, or of `version`; None where there is none.

    Raises
    ------
    BadInput : the named version is not there.
    """
    below = models_dir(folder) / task
    found = [path for path in below.iterdir() if _is_bundle(path)] if below.is_dir() else []
    if version is not None:
        named = [path for path in found if path.name == version]
        if not named:
            there = sorted(path.name for path in found)
            raise BadInput("no such version of the bundle", task=task, version=version, there=there)
        return named[0]
    return max(found, key=lambda path: tuple(int(part) for part in path.name.split(".")), default=None)


def load_bundle(folder: Path, *, task: str | None = None) -> Bundle:
    """Read a bundle from its folder; every hash is checked before a file is parsed.

    Parameters
    ----------
    task : the task it is opened for, whose contract it is held against; None: it is only looked at.

    Raises
    ------
    BadInput : the folder cannot be read, or holds something that is no file.
    BundleRefused : it is not what its manifest says.
    ContractBroken : it is not what the task needs.
    """
    bundle = _read(folder)
    if task is not None:
        check_contract(bundle.manifest, contract_of(task), task=task)
    return bundle


def _read(folder: Path) -> Bundle:
    try:
        entries = sorted(folder.iterdir())
        for entry in entries:
            limit = LIMITS.get(entry.name, 0)
            if not entry.is_file() or entry.stat().st_size > limit:
                raise BadInput("this does not belong in a bundle", file=str(entry), limit_bytes=limit)
        return open_bundle({entry.name: entry.read_bytes() for entry in entries})
    except OSError as error:
        raise BadInput("cannot read the bundle", folder=str(folder), why=error.strerror) from error


def cpu_backend(bundle: Bundle, contract: ModelContract | None = None) -> Backend:
    """Serve a bundle on the CPU, after it reproduced its golden vectors here.

    Parameters
    ----------
    contract : what it must be; None: what the task needs that it was made for.

    Raises
    ------
    ContractBroken : it is not what its task needs.
    NotAdmitted : it did not reproduce them.
    """
    from biosignal.model.onnx_cpu import OnnxCpuBackend

    backend = OnnxCpuBackend(bundle)
    admit(backend, bundle, contract or contract_of(bundle.manifest.task))
    return backend


def _is_bundle(path: Path) -> bool:
    return _VERSION.fullmatch(path.name) is not None and (path / "manifest.json").is_file()
