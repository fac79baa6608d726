"""``python -m benchmarks [--quick] [--only NAME] [--json FILE]``: what `make bench` calls."""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import clinic, daemon, decoding, drain, eeg, pages, peers, replay, stages
from benchmarks.figures import Figure, NotMeasured
from benchmarks.machine import ROOT, machine_facts
from benchmarks.report import report, table, write
from edge_agent.sources.decoders import KINDS

PARTS: dict[str, tuple[Callable[..., list[Figure]], tuple[str, ...]]] = {
    "replay": (replay.measure, ("replay_wall_s", "replay_cpu_s", "replay_times_real_time")),
    "daemon": (
        daemon.measure,
        (
            "start_to_first_beat_s",
            "start_cpu_s",
            "daemon_rss_mb",
            "daemon_cpu_percent",
            "written_100_gb_a_day",
            "written_208_gb_a_day",
        ),
    ),
    "clinic": (clinic.measure, ("finding_at_clinic_p50_s", "finding_at_clinic_p99_s")),
    "backlog": (drain.measure, drain.NAMES),
    "stages": (stages.measure, stages.NAMES),
    "eeg": (eeg.measure, eeg.NAMES),
    "pages": (pages.measure, pages.NAMES),
    "decoding": (decoding.measure, tuple(f"decoding_{protocol}" for protocol in KINDS)),
}
PEERS = "peers"
"""The part that is a table of its own, not figures."""


def main() -> int:
    """Measure, print the table, write the files; 1 if a part could not be measured. A missed target is a result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", allow_abbrev=False, description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter runs, some 3 minutes")
    parser.add_argument("--only", action="append", choices=sorted([*PARTS, PEERS]), help="one part; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write (default: benchmarks/results)")
    options = parser.parse_args()
    # What was started is stopped on the way out, also when we are asked to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    machine = machine_facts()
    began_s = time.monotonic()
    figures: list[Figure] = []
    missing: dict[str, str] = {}
    asked = options.only or [*PARTS, PEERS]
    for name in (name for name in PARTS if name in asked):
        measure, names = PARTS[name]
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        try:
            figures += measure(quick=options.quick)
        except NotMeasured as why:
            missing |= dict.fromkeys(names, str(why))
    beside: dict[str, Any] | None = None
    if PEERS in asked:
        print(f"measuring {PEERS} ...", file=sys.stderr, flush=True)
        try:
            beside = peers.measure(quick=options.quick)
        except NotMeasured as why:
            beside = {"why_not": str(why)}
    if options.quick:
        missing.setdefault("written_208_gb_a_day", "left out of the short form")
    machine["load_after"] = machine_facts()["load_before"]
    record = report(
        figures, missing, machine=machine, quick=options.quick, seconds=time.monotonic() - began_s, peers=beside
    )
    path = options.json or ROOT / "benchmarks" / "results" / f"{machine['at'][:10]}-{machine['commit']}.json"
    write(record, path)
    print(table(record))
    print(f"written to {path} and {path.with_suffix('.md').name}", file=sys.stderr)
    wanted = {name for part, (_, names) in PARTS.items() if part in asked for name in names}
    return 1 if wanted & missing.keys() - {"written_208_gb_a_day"} else 0


if __name__ == "__main__":
    sys.exit(main())
