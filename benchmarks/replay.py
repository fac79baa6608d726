"""`edge-agent replay`, a whole process on one core, imports included."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from benchmarks.figures import Figure, NotMeasured
from benchmarks.record import EXCERPT, EXCERPT_NOTE, record_name

HALF_HOUR_S = 1800.0


@dataclass(frozen=True, slots=True)
class _Run:
    wall_s: float
    cpu_s: float
    signal_s: float


def measure(*, quick: bool) -> list[Figure]:
    """Replay mitdb/100 a few times, the best by the clock counts: whatever else runs only adds."""
    record = record_name("mitdb/100")
    _replay(record)  # the first one also reads the files and compiles the modules
    runs = [_replay(record) for _ in range(2 if quick else 5)]
    wall_s = min(run.wall_s for run in runs)
    cpu_s = min(run.cpu_s for run in runs)
    signal_s = runs[0].signal_s
    scale = HALF_HOUR_S / signal_s
    note = f"{record}, {signal_s / 60:.1f} min, best of {len(runs)} after a first"
    if record == EXCERPT:
        note = f"{EXCERPT_NOTE}, scaled to 30 min; an upper bound, for the start then counts {scale:.0f} times"
    return [
        Figure(name="replay_wall_s", value=wall_s * scale, note=note),
        Figure(name="replay_cpu_s", value=cpu_s * scale, note=note),
        Figure(name="replay_times_real_time", value=signal_s / wall_s, note=note),
    ]


def _replay(record: str) -> _Run:
    command = [sys.executable, "-m", "edge_agent", "replay", record, "--speed", "max", "--json"]
    core = min(os.sched_getaffinity(0))
    began_s = time.perf_counter()
    before = os.times()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    wall_s = time.perf_counter() - began_s
    after = os.times()
    if done.returncode:
        raise NotMeasured(f"the replay failed: {done.stderr.strip().splitlines()[-1:]}")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    samples = lines[-1]["samples"]
    rate_hz = next(line["fs_hz"] for line in lines if "fs_hz" in line)
    cpu_s = after.children_user - before.children_user + after.children_system - before.children_system
    return _Run(wall_s, cpu_s, samples / rate_hz)
