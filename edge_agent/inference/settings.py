"""What a person may set about inference."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from biosignal.settings import Above, AtLeast

MIB = 1 << 20
SYSTEM_PYTHON = "/usr/bin/python3"
DEFAULT_CACHE = Path("/var/lib/bedside/engines")
"""Where plans are kept when nobody says where the device keeps its state."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorRtSettings:
    """The TensorRT rung. It runs in a child process under an interpreter of its own.

    Parameters
    ----------
    enabled : try it at all.
    python : the interpreter that has TensorRT; absent: our own where it has TensorRT for RTX (the extra ``rtx``), else
        the system's, as on JetPack.
    flavour : ``tensorrt`` (with pycuda) or ``tensorrt_rtx``; absent: the first that the interpreter has.
    python_path : folders put on that interpreter's module path, where pycuda was installed aside.
    environment : variables for the child, such as ``CUDA_VISIBLE_DEVICES``.
    cache_dir : where plans built on this device are kept; absent: below `device.state_dir`.
    max_batch : largest batch of the optimisation profile; larger calls are cut.
    workspace_bytes : most GPU memory a build may use for scratch.
    build_memory_bytes, build_timeout_s : the build's process is ended beyond them.
    start_timeout_s, load_timeout_s, infer_timeout_s : the child is ended when an answer takes longer.
    unload_timeout_s : a plan that takes longer to leave costs the child.
    wait_s : how long a start waits for this rung before it starts one rung lower and climbs later.
    """

    enabled: bool = True
    python: str | None = None
    flavour: str | None = None
    python_path: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cache_dir: Path | None = None
    max_batch: Annotated[int, AtLeast(1)] = 8
    workspace_bytes: Annotated[int, Above(0)] = 128 * MIB
    build_memory_bytes: Annotated[int, Above(0)] = 4096 * MIB
    build_timeout_s: Annotated[float, Above(0)] = 600.0
    start_timeout_s: Annotated[float, Above(0)] = 60.0
    load_timeout_s: Annotated[float, Above(0)] = 60.0
    infer_timeout_s: Annotated[float, Above(0)] = 0.25
    unload_timeout_s: Annotated[float, Above(0)] = 5.0
    wait_s: Annotated[float, Above(0)] = 10.0

    @property
    def interpreter(self) -> str:
        """The interpreter that runs the child."""
        if self.python is not None:
            return self.python
        return sys.executable if find_spec("tensorrt_rtx_bindings") is not None else SYSTEM_PYTHON


@dataclass(frozen=True, kw_only=True, slots=True)
class InferenceSettings:
    """Which models run, and on what.

    Parameters
    ----------
    models_dir : folder of the released bundles, ``TASK/VERSION/``; absent: beside the package, or BEDSIDE_MODELS_DIR.
    versions : by task, the version that runs; the newest of a task that is not named.
    cross_check_every : one window in so many is also run on the CPU and compared; 0 never.
    restarts, restarts_within_s : more failures than this within the time cost the rung.
    climb_after_s : how long a lost rung is left alone; doubles with each loss, up to 16 times.
    """

    models_dir: Path | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    cross_check_every: Annotated[int, AtLeast(0)] = 50
    tensorrt: TensorRtSettings = field(default_factory=TensorRtSettings)
    restarts: Annotated[int, AtLeast(0)] = 5
    restarts_within_s: Annotated[float, Above(0)] = 60.0
    climb_after_s: Annotated[float, Above(0)] = 600.0
