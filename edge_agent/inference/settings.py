"""What a person may set about inference."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorRtSettings:
    """The TensorRT rung. It runs in a child process under an interpreter of its own.

    Parameters
    ----------
    enabled : try it at all.
    python : the interpreter that has tensorrt and pycuda; on JetPack the system's.
    python_path : folders put on that interpreter's module path, where pycuda was installed aside.
    environment : variables for the child, such as ``CUDA_VISIBLE_DEVICES``.
    cache_dir : where plans built on this device are kept.
    max_batch : largest batch of the optimisation profile; larger calls are cut.
    workspace_bytes : most GPU memory a build may use for scratch.
    build_memory_bytes, build_timeout_s : the build's process is ended beyond them.
    start_timeout_s, load_timeout_s, infer_timeout_s : the child is ended when an answer takes longer.
    wait_s : how long `Ladder.serve` waits for this rung before it starts one rung lower and climbs later.
    """

    enabled: bool = True
    python: str = "/usr/bin/python3"
    python_path: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    cache_dir: Path = Path("/var/lib/bedside/engines")
    max_batch: int = 8
    workspace_bytes: int = 64 * MIB
    build_memory_bytes: int = 4096 * MIB
    build_timeout_s: float = 600.0
    start_timeout_s: float = 60.0
    load_timeout_s: float = 60.0
    infer_timeout_s: float = 0.25
    wait_s: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class InferenceSettings:
    """The ladder.

    Parameters
    ----------
    cross_check_every : one window in so many is also run on the CPU and compared; 0 never.
    restarts, restarts_within_s : more failures than this within the time cost the rung.
    climb_after_s : how long a lost rung is left alone; doubles with each loss, up to 16 times.
    """

    tensorrt: TensorRtSettings = field(default_factory=TensorRtSettings)
    cross_check_every: int = 50
    restarts: int = 5
    restarts_within_s: float = 60.0
    climb_after_s: float = 600.0
