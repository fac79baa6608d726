"""An adapter as `peft` writes it, turned into a GGUF file that llama.cpp lays over its model.

Queries and keys are stored in GGUF with the halves of each head interleaved (llama.cpp's ``convert_hf_to_gguf.py``), so
the rows of the matrix that writes them change places here as well.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from export.llm.model_file import file_sha256
from export.llm.tune import TUNING, TuningMissing

ARCHITECTURE = "llama"
_NAMES = {"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output"}
_TENSOR = re.compile(r"layers\.(\d+)\.self_attn\.([qkvo]_proj)\.lora_([AB])\.weight$")


class NotAnAdapter(BadInput):
    """A folder holds no adapter of a model of this kind."""

    remedy = "make one: python -m export llm tune --model GGUF --corpus CORPUS --out FOLDER"


def write_adapter(tuned: Path, model: Path, out: Path) -> dict[str, Any]:
    """Write the adapter of a folder as GGUF, half precision; give its file, hash and size.

    Raises
    ------
    TuningMissing : gguf or safetensors is not installed.
    NotAnAdapter : the folder holds none, or it was tuned on another model.
    """
    try:
        import gguf
        from safetensors.numpy import load_file
    except ImportError as error:
        raise TuningMissing("a library that writes adapters is not installed", module=error.name) from error
    about = _about(tuned, model)
    heads = _heads(gguf, model)
    writer = gguf.GGUFWriter(str(out), ARCHITECTURE)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(about["tuning"]["scale"]))
    writer.add_string("bedside.model.sha256", about["model"]["sha256"])
    writer.add_string("bedside.knowledge.sha256", about["corpus"]["knowledge"])
    for name, values in sorted(load_file(str(tuned / "adapter_model.safetensors")).items()):
        writer.add_tensor(*_tensor(name, values, heads))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {"file": out.name, "sha256": file_sha256(out), "bytes": out.stat().st_size, "model": about["model"]}


def interleaved(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """Put the two halves of each head's rows in turn, as GGUF has queries and keys; shape (row, rank) stays."""
    rows, rank = values.shape
    turned: NDArray[np.float32] = values.reshape(heads, 2, rows // heads // 2, rank).swapaxes(1, 2)
    return turned.reshape(rows, rank)


def _tensor(name: str, values: NDArray[np.float32], heads: dict[str, int]) -> tuple[str, NDArray[np.float16]]:
    found = _TENSOR.search(name)
    if found is None:
        raise NotAnAdapter("a part of the adapter has no place in such a model", part=name)
    layer, projection, side = found.groups()
    turned = interleaved(values, heads[projection]) if side == "B" and projection in heads else values
    return f"blk.{layer}.{_NAMES[projection]}.weight.lora_{side.lower()}", turned.astype(np.float16)


def _about(tuned: Path, model: Path) -> Any:
    try:
        about = json.loads((tuned / TUNING).read_text(encoding="utf-8"))
        expected = about["model"]["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotAnAdapter("the folder does not say what was tuned", folder=str(tuned), reason=str(error)) from error
    if file_sha256(model) != expected:
        raise NotAnAdapter("the adapter was tuned on another model", model=str(model), expected=expected)
    return about


def _heads(gguf: Any, model: Path) -> dict[str, int]:
    fields = gguf.GGUFReader(str(model)).fields
    number = {"q_proj": "head_count", "k_proj": "head_count_kv"}
    try:
        return {name: int(fields[f"{ARCHITECTURE}.attention.{key}"].contents()) for name, key in number.items()}
    except KeyError as error:
        raise NotAnAdapter("the model is of another architecture", model=str(model), missing=str(error)) from error
