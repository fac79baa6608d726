"""Statements on an ECG that somebody sends: asked of the released models, answered, and kept nowhere."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from biosignal.ecg.leads import standard_name
from biosignal.model.admission import admit
from biosignal.model.bundle import LIMITS, Bundle, open_bundle
from biosignal.model.model import Model
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.model.similar import Similar
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock, Samples, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.stream.stage import Item
from biosignal.tasks import TASKS, lookup
from biosignal.tasks.stated import lines_of
from cloud_service.access import audit
from cloud_service.clinic.context import ClinicPart, Reviewer

router = APIRouter(tags=["classify"])
PATH = "/classify"
LARGEST_BODY = 1 << 20
"""Bytes of a request: twelve leads of ten seconds at 1,000 Hz."""
LEAST_S, MOST_S = 10.0, 60.0
PATIENCE_S = 10.0
_turn = threading.Lock()
"""One recording at a time: each takes a core for a moment."""

Sample = Annotated[float, Field(ge=-1e7, le=1e7)] | None


class Ecg(BaseModel):
    """Leads by their standard names (I, II, III, aVR, aVL, aVF, V1 to V6), all of one length; null where a sample is
    missing."""

    fs_hz: float = Field(ge=100.0, le=1000.0)
    unit: Literal["mV", "uV"]
    leads: dict[str, list[Sample]] = Field(min_length=1, max_length=12)


class Classified(BaseModel):
    """What is stated of each ten seconds, and what was measured."""

    leads: list[str]
    seconds: float
    statements: list[dict[str, Any]]
    measured: list[dict[str, Any]]


@router.post(PATH)
def classify(ecg: Ecg, login: Reviewer, clinic: ClinicPart) -> Classified:
    """Say what an ECG shows, each statement with its probability or why there is none. Nothing of it is kept."""
    names = _names(ecg)
    samples = _samples(ecg)
    unit = {"mV": Unit.MILLIVOLT, "uV": Unit.MICROVOLT}[ecg.unit]
    with a_turn():
        folder = clinic.settings.learning.models_dir
        said = analysed(samples, names, ecg.fs_hz, unit, models_of(folder))
        lines = list(lines_of(said, ecg.fs_hz, similar_of(folder)))
    with clinic.database.write() as session:
        audit.record(session, actor=login.name, action="classify", subject="", leads=len(names))
    return Classified(
        leads=list(names),
        seconds=samples.shape[1] / ecg.fs_hz,
        statements=[line for line in lines if line["type"] == "statements"],
        measured=[line for line in lines if line["type"] == "measured"],
    )


@lru_cache(maxsize=2)
def models_of(folder: Path) -> dict[str, Model]:
    """Open the newest bundle of every task below a folder; a task without one says why.

    Raises
    ------
    BundleRefused, ContractBroken, NotAdmitted : a bundle is not what its task needs.
    """
    return {name: _opened(name, folder / name) for name in lookup.models()}


@lru_cache(maxsize=2)
def similar_of(folder: Path) -> dict[str, Similar]:
    """Open what finds similar records, by bundle as ``name/version``, of the newest bundles that bring some.

    Raises
    ------
    BundleRefused : a bundle is not what it says.
    """
    bundles = [bundle for name in lookup.models() if (bundle := _newest(folder / name)) is not None]
    return {bundle.identity: found for bundle in bundles if (found := bundle.similar()) is not None}


def _opened(task: str, folder: Path) -> Model:
    contract = lookup.contract_of(task)
    bundle = _newest(folder)
    if bundle is None:
        return Model(task, contract, None, f"the clinic has no bundle of {task}")
    backend = OnnxCpuBackend(bundle)
    admit(backend, bundle, contract)
    return Model(task, contract, backend)


def _newest(folder: Path) -> Bundle | None:
    found = [path for path in folder.glob("*") if path.name.replace(".", "").isdigit()] if folder.is_dir() else []
    if not found:
        return None
    newest = max(found, key=lambda path: [int(part) for part in path.name.split(".")])
    return open_bundle({file.name: file.read_bytes() for file in newest.iterdir() if file.name in LIMITS})


def _names(ecg: Ecg) -> tuple[str, ...]:
    found = {name: standard_name(name) for name in ecg.leads}
    unknown = [name for name, standard in found.items() if standard is None]
    if unknown:
        raise HTTPException(
            400, f"{unknown[0][:40]!r} is no standard lead: name them I, II, III, aVR, aVL, aVF, V1 to V6"
        )
    names = tuple(str(standard) for standard in found.values())
    if len(set(names)) < len(names):
        raise HTTPException(400, "a lead is there twice")
    return names


def _samples(ecg: Ecg) -> Samples:
    """Put the leads into one array, shape (lead, sample), in their unit, NaN where a sample is missing."""
    lengths = {len(one) for one in ecg.leads.values()}
    if len(lengths) > 1:
        raise HTTPException(400, "the leads have different lengths")
    seconds = lengths.pop() / ecg.fs_hz
    if not LEAST_S <= seconds <= MOST_S:
        raise HTTPException(400, f"the leads last {seconds:g} s; send {LEAST_S:g} to {MOST_S:g} s of each")
    return np.array(list(ecg.leads.values()), np.float32)


@contextmanager
def a_turn() -> Iterator[None]:
    """Wait until nobody else is answered.

    Raises
    ------
    HTTPException : the others take too long.
    """
    if not _turn.acquire(timeout=PATIENCE_S):
        raise HTTPException(503, "others are waiting for an answer; ask again in a moment")
    try:
        yield
    finally:
        _turn.release()


def analysed(
    samples: Samples, names: tuple[str, ...], fs_hz: float, unit: Unit, models: Mapping[str, Model]
) -> list[Item]:
    """Run the analysis of the daemon over leads, shape (lead, sample), in their unit; all that it says."""
    leads = leads_of(names, unit)
    recorded = Recorded(device="clinic", recording="sent", fs_hz=fs_hz, leads=leads)
    pipeline = Pipeline(TASKS.values(), recorded, models=models)
    block = SampleBlock(recording="sent", start=0, fs_hz=fs_hz, leads=leads, samples=samples)
    return [*pipeline.push(block), *pipeline.finish()]


def leads_of(names: tuple[str, ...], unit: Unit) -> tuple[Lead, ...]:
    """Declare leads of an ECG by their names."""
    return tuple(Lead(name=name, unit=unit, kind=LeadKind.ECG) for name in names)
