"""`edge-agent run` without a clinic: how soon it hears a beat, what it holds, what it takes, what it writes."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, NotMeasured
from benchmarks.record import EXCERPT, EXCERPT_NOTE, load, record_name
from demo.parts import free_port

DAY_S = 86_400.0
STATUS_S = 5.0
PAGE_BYTES = 4096
STOP_S = 20.0
MEBIBYTE = 1 << 20
_READ = re.compile(rb"^bedside_samples_read_total ([0-9.e+]+)$", re.MULTILINE)
_CLASSIFIED = re.compile(rb"^bedside_inference_seconds_count\{[^}]*\} ([0-9.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process had used by a moment. `written_bytes` went to the block layer, as `/proc` counts it."""

    at_s: float
    cpu_s: float
    written_bytes: int
    rss_bytes: int
    peak_rss_bytes: int


def measure(*, quick: bool) -> list[Figure]:
    """Start it at real time for a while, then faster for what is written."""
    settle_s = 4.0 if quick else 10.0
    speed, for_s = (150.0, 10.0) if quick else (100.0, 60.0)
    return [
        *_at_real_time(12.0 if quick else 60.0, settle_s=settle_s),
        *(
            _written(number, speed=speed, for_s=for_s, settle_s=settle_s)
            for number in (("100",) if quick else ("100", "208"))
        ),
    ]


def usage(pid: int) -> Usage:
    """Read what a process has used so far, its threads included."""
    proc = Path("/proc", str(pid))
    ticks = proc.joinpath("stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    status, io = (_numbers(proc / name) for name in ("status", "io"))
    return Usage(
        at_s=time.monotonic(),
        cpu_s=sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"),
        written_bytes=io["write_bytes"] - io["cancelled_write_bytes"],
        rss_bytes=status["VmRSS"] * 1024,
        peak_rss_bytes=status["VmHWM"] * 1024,
    )


def _at_real_time(for_s: float, *, settle_s: float) -> Iterator[Figure]:
    record = record_name("mitdb/100")
    name = EXCERPT_NOTE if record == EXCERPT else record
    port = free_port()
    began_s = time.monotonic()
    with _daemon(record, speed=1.0, metrics_port=port) as process:
        beat_s = _first_beat(process, port) - began_s
        yield Figure(name="start_to_first_beat_s", value=beat_s, note=f"{name} at 1x: about 1.3 s of it is signal")
        started = usage(process.pid)
        yield Figure(name="start_cpu_s", value=started.cpu_s, note=f"{name} at 1x")
        time.sleep(settle_s)
        first = usage(process.pid)
        time.sleep(for_s)
        last = usage(process.pid)
    note = f"{name}, over {last.at_s - first.at_s:.0f} s, without clinic"
    peak_mb = last.peak_rss_bytes / MEBIBYTE
    yield Figure(name="daemon_rss_mb", value=last.rss_bytes / MEBIBYTE, note=f"{note}; peak {peak_mb:.0f} MB")
    yield Figure(
        name="daemon_cpu_percent", value=100 * (last.cpu_s - first.cpu_s) / (last.at_s - first.at_s), note=note
    )


def _written(number: str, *, speed: float, for_s: float, settle_s: float) -> Figure:
    record, port = record_name(f"mitdb/{number}"), free_port()
    fs_hz = load(record).facts.fs_hz
    with _daemon(record, speed=speed, metrics_port=port) as process:
        time.sleep(settle_s)
        first, before = usage(process.pid), _samples_read(port)
        time.sleep(for_s)
        last, after = usage(process.pid), _samples_read(port)
    # A busy machine does not keep the speed: what counts is the signal that was read.
    signal_s = (after - before) / fs_hz
    status_bytes = PAGE_BYTES / STATUS_S
    written = last.written_bytes - first.written_bytes - status_bytes * (last.at_s - first.at_s)
    note = (
        f"{EXCERPT_NOTE if record == EXCERPT else record}: extrapolated from {signal_s / 60:.0f} min of signal, "
        f"log checkpoints included, plus the status file each {STATUS_S:g} s"
    )
    a_day = (max(0.0, written) / signal_s + status_bytes) * DAY_S
    return Figure(name=f"written_{number}_gb_a_day", value=a_day / 1e9, note=note)


def _samples_read(port: int) -> float:
    """How many samples a lead the daemon has read, as its metrics say."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        found = _READ.search(answer.read())
    if found is None:
        raise NotMeasured("the metrics of the daemon do not say how many samples were read")
    return float(found[1])


@contextmanager
def _daemon(record: str, *, speed: float, metrics_port: int) -> Iterator["subprocess.Popen[bytes]"]:
    with TemporaryDirectory(prefix="bedside-bench-") as folder:
        chosen = {
            "device.state_dir": folder,
            "source.record": record,
            "source.speed": speed,
            "sync.enabled": "false",
            "explain.language_model": "false",
            "operate.metrics_port": metrics_port,
            "operate.status_s": STATUS_S,
        }
        flags = [part for name, value in chosen.items() for part in ("--set", f"{name}={value}")]
        log = Path(folder, "benchmark.log")
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent", "run", *flags], stdout=subprocess.DEVNULL, stderr=errors
            )
        try:
            yield process
            if process.poll() is not None:
                last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-2:]
                raise NotMeasured(f"the daemon ended: {' | '.join(last)}")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _first_beat(process: "subprocess.Popen[bytes]", port: int) -> float:
    """Wait until the daemon has classified a beat, as its metrics say; the moment on the steady clock."""
    until_s = time.monotonic() + 60.0
    while time.monotonic() < until_s and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                page = answer.read()
        except (urllib.error.URLError, OSError):
            page = b""
        if any(float(count) > 0 for count in _CLASSIFIED.findall(page)):
            return time.monotonic()
        time.sleep(0.05)
    raise NotMeasured("the daemon classified no beat within 60 s, or its metrics do not say so")


def _numbers(path: Path) -> dict[str, int]:
    """Read the lines ``name: number [unit]`` of a file below /proc."""
    found = {}
    for line in path.read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        first = value.split()[:1]
        if first and first[0].isdecimal():
            found[name] = int(first[0])
    return found
