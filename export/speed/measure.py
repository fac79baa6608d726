"""The deployment table of a bundle: ``python -m export speed``."""

import importlib.metadata
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from biosignal.model.bundle import Bundle
from biosignal.model.contract import SCORES
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, MAIN
from biosignal.tasks.ecg_diagnosis.kinds import NAME as DIAGNOSIS
from export.diagnosis.corpus import TRAINING, Corpus, corpus_of, read_table
from export.diagnosis.evaluate import scored_rows
from export.diagnosis.figures import macro_auc, rounded
from export.diagnosis.measurements import windows_of
from export.speed.forms import PRODUCTS, Floats, Run, Tensors, eight_bits, half, on_onnx_runtime, single

BATCHES = (1, 64)
RUNS, WARM = 200, 3
LEAST_S = 3.0
"""A time is the median of `RUNS` runs, or of as many as fit into so many seconds of the processor."""
CALIBRATED_ON = 192
"""Records of the folds that trained, spread over the table."""
FOLD = 9
"""Whose records say what a form costs; it never trained."""
NO_DATA = "no records that trained it are at hand; of the diagnosis, give --data-dir"
NO_TORCH = "torch is not installed: python -m pip install 'bedside[train]'"
GPU = "gpu: this command measures processors only; a device holds its TensorRT to the golden vectors when it starts"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Form:
    """A form that was made: its size, and what runs it with each size of batch."""

    name: str
    runtime: str
    size_bytes: int
    runs: dict[int, Run]


@dataclass(frozen=True, kw_only=True, slots=True)
class Missing:
    """A form that could not be made, and why."""

    name: str
    runtime: str
    why: str


def measure_speed(bundle: Bundle, folder: Path | None) -> dict[str, Any]:
    """Measure every form of a bundle on this machine; progress goes to stderr.

    Parameters
    ----------
    folder : PTB-XL, for what calibrates eight bits and what a form costs; only of the diagnosis.

    Returns
    -------
    Plain values: `bundle`, `machine`, `rows`.

    Raises
    ------
    NoDiagnoses : the folder holds no such set.
    """
    has_records = bundle.manifest.task == DIAGNOSIS and folder is not None
    taught, scored = _records(folder) if has_records and folder is not None else (None, None)
    rows: list[dict[str, Any]] = []
    reference: Floats | None = None
    shown = None if scored is None else windows_of(scored)
    for form in _forms(bundle, taught):
        print(f"{form.name}, {form.runtime}", file=sys.stderr, flush=True)
        if isinstance(form, Missing):
            rows.append({"form": form.name, "runtime": form.runtime, "why": form.why})
            continue
        row, scores = _row(form, bundle, shown)
        if scored is not None and scores is not None:
            reference = scores if reference is None else reference
            row |= _cost(scores, reference, scored)
        rows.append(row)
    first = next(row for row in rows if "ms" in row)
    for row in rows:
        if "ms" in row:
            row["times_faster"] = {size: round(first["ms"][size] / ms, 2) for size, ms in row["ms"].items()}
    return {"bundle": bundle.identity, "machine": machine(), "scored": len(scored.rows) if scored else 0, "rows": rows}


def _records(folder: Path) -> tuple[Corpus, Corpus]:
    table = [row for row in read_table(folder) if row.superclasses]
    taught = [row for row in table if row.fold in TRAINING]
    step = max(1, len(taught) // CALIBRATED_ON)
    scored = scored_rows(table, fold=FOLD, folder=folder)
    return corpus_of(taught[::step][:CALIBRATED_ON], CLASSES), corpus_of(scored, CLASSES)


def _forms(bundle: Bundle, taught: Corpus | None) -> Iterator[Form | Missing]:
    content, outputs = bundle.onnx, [spec.name for spec in bundle.manifest.outputs]
    for name, made in (
        ("FP32", single(content)),
        ("as released", content),
        ("FP16", half(content)),
    ):
        yield _onnx(name, made, outputs)
    for name, kinds in (("INT8 Q/DQ, convolutions", PRODUCTS[:1]), ("INT8 Q/DQ, all products", PRODUCTS)):
        if taught is None:
            yield Missing(name=name, runtime="ONNX Runtime, CPU", why=NO_DATA)
        else:
            yield _onnx(name, eight_bits(content, windows_of(taught), kinds), outputs)
    yield _script(bundle, outputs)
    yield Missing(name="FP16", runtime="TensorRT", why=GPU)


def _onnx(name: str, content: bytes, outputs: Sequence[str]) -> Form:
    run = on_onnx_runtime(content, outputs)
    return Form(name=name, runtime="ONNX Runtime, CPU", size_bytes=len(content), runs=dict.fromkeys(BATCHES, run))


def _script(bundle: Bundle, outputs: Sequence[str]) -> Form | Missing:
    if importlib.util.find_spec("torch") is None:
        return Missing(name="FP32", runtime="TorchScript, CPU", why=NO_TORCH)
    from export.speed.torch_script import NotInTorch, in_torch, size_of, traced

    try:
        scripts = {size: traced(single(bundle.onnx), _golden(bundle, size), outputs) for size in BATCHES}
    except NotInTorch as refused:
        return Missing(name="FP32", runtime="TorchScript, CPU", why=str(refused))
    runs = {size: in_torch(script) for size, script in scripts.items()}
    return Form(name="FP32", runtime="TorchScript, CPU", size_bytes=size_of(scripts[1]), runs=runs)


def _golden(bundle: Bundle, size: int) -> Tensors:
    """Windows of the bundle's own golden vectors, as many as the batch has."""
    inputs, _, _ = bundle.golden()
    return {name: np.repeat(inputs[name][:1], size, axis=0) for name in (spec.name for spec in bundle.manifest.inputs)}


def _row(form: Form, bundle: Bundle, shown: Sequence[Tensors] | None) -> tuple[dict[str, Any], Floats | None]:
    times = {str(size): round(milliseconds(form.runs[size], _golden(bundle, size)), 3) for size in BATCHES}
    row = {"form": form.name, "runtime": form.runtime, "size_bytes": form.size_bytes, "ms": times}
    if shown is None:
        return row, None
    at = [spec.name for spec in bundle.manifest.outputs].index(SCORES)
    each = [form.runs[1](window)[at] for window in shown]
    return row, np.concatenate(each)


def _cost(scores: Floats, reference: Floats, scored: Corpus) -> dict[str, Any]:
    """What a form costs against the first one: area, and how far probabilities move."""
    targets, main = scored.targets[:, : len(MAIN)], slice(0, len(MAIN))
    area = macro_auc(targets, scores[:, main])
    apart = np.abs(scores - reference)
    return {
        "macro_auc": rounded(area),
        "auc_loss": round(macro_auc(targets, reference[:, main]) - area, 5),
        "most_apart": round(float(apart.max()), 4),
        "mean_apart": round(float(apart.mean()), 5),
    }


def milliseconds(run: Run, inputs: Tensors) -> float:
    """Median processor time of a run: what other work does to the clock does not count."""
    for _ in range(WARM):
        run(inputs)
    times: list[float] = []
    while len(times) < RUNS and sum(times) < LEAST_S:
        began = time.process_time()
        run(inputs)
        times.append(time.process_time() - began)
    return float(np.median(times)) * 1000.0


def machine() -> dict[str, Any]:
    """Say what this machine is: processor, cores, versions, load; plain values."""
    import onnxruntime

    with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
        processor = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "threads": 1,
        "system": platform.platform(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "torch": importlib.metadata.version("torch") if importlib.util.find_spec("torch") else None,
        "load": [round(one, 2) for one in os.getloadavg()],
    }
