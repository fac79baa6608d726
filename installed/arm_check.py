"""The programs on an emulated aarch64: set up, the same bytes as here, once round the circle. Says nothing of speed."""

import os
import subprocess
import sys
from pathlib import Path

from installed.debian import (
    HOME,
    ROOT,
    StepFailed,
    System,
    changed_root,
    copy_of,
    emulate_aarch64,
    make_base,
    require,
    revision_of,
)
from installed.results import Results

RECORDS = ("excerpt", "mitdb/100", "mitdb/208")
SLOWER = 15  # than the machine that emulates it


def check(*, folder: Path, limit_s: float, results: Results) -> None:
    """Go through all steps; the first that fails ends it.

    Raises
    ------
    Skipped : this machine cannot emulate that processor.
    StepFailed : a step did not happen, or gave other bytes.
    """
    require("debootstrap", "chroot", "git")
    emulate_aarch64()
    with results.step("make a Debian for aarch64"):
        base = make_base(folder, "arm64")
    with copy_of(base, revision_of("HEAD")) as root, changed_root(root) as system:
        system.run("git config --global --add safe.directory '*'")
        with results.step("make setup on aarch64"):
            system.run("make setup", within_s=3600)
        for record in _records(root):
            with results.step(f"replay {record}: the same annotations") as told:
                told(f"{_compare(system, record)} bytes, the same")
        with results.step(f"make demo-check, limit {limit_s:.0f} s") as told:
            said = system.run(f"make demo-check DEMO_CHECK='--limit {limit_s:.0f}'", within_s=limit_s + 600)
            told(said.strip().splitlines()[-1])


def _records(root: Path) -> tuple[str, ...]:
    """Give the records that can be replayed, after putting them into the system."""
    data = os.environ.get("EDGE_DATA_DIR")
    if data is None:
        return RECORDS[:1]
    found = [name for name in RECORDS[1:] if (Path(data) / f"{name}.hea").exists()]
    for name in found:
        target = root / "srv/data" / Path(name).parent
        target.mkdir(parents=True, exist_ok=True)
        for file in (Path(data) / name).parent.glob(f"{Path(name).name}.*"):
            (target / file.name).write_bytes(file.read_bytes())
    return (RECORDS[0], *found)


def _compare(system: System, record: str) -> int:
    """Replay a record here and there; how many bytes of annotations both gave."""
    folder = "tmp/replayed"
    for where in (Path("/") / folder, system.root / folder):
        subprocess.run(["rm", "-rf", str(where)], check=True)
    program = Path(sys.executable).parent / "edge-agent"
    here = [str(program), "replay", record, "--out", f"/{folder}"]
    done = subprocess.run(here, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailed(f"the replay of {record} fails here: {done.stderr.strip()[-300:]}")
    system.run(f"EDGE_DATA_DIR=/srv/data {HOME}/.venv/bin/edge-agent replay {record} --out /{folder}", within_s=3600)
    ours, theirs = (
        {file.name: file.read_bytes() for file in sorted(where.glob("*.bds"))}
        for where in (Path("/") / folder, system.root / folder)
    )
    if not ours or ours != theirs:
        raise StepFailed(f"{record} gives other annotations on aarch64: {sorted(ours)} and {sorted(theirs)}")
    return sum(map(len, ours.values()))
