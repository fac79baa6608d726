"""``edge-agent record`` and ``calibrate``: what a board sends, kept and measured."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, Lead, SampleBlock, Signal, Unit
from edge_agent.operate.clock import HostClock
from edge_agent.sources.calibration import Pulse, measure_pulse
from edge_agent.sources.decoders import make_decoder
from edge_agent.sources.decoders.port import Samples
from edge_agent.sources.serial_board import SerialBoard
from edge_agent.sources.serial_settings import SerialBoardSettings

NAME = "board"
WFDB_UNITS = {Unit.MILLIVOLT: "mV", Unit.MICROVOLT: "uV", Unit.RAW: "NU"}


def record(settings: SerialBoardSettings, out: Path, *, seconds: float, stdout: TextIO) -> int:
    """Write what a board sends for `seconds`: its bytes, its samples as WFDB (gaps invalid), and a report.

    Raises
    ------
    BadInput : the folder cannot be written, or nothing came.
    """
    clock = HostClock()
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / f"{NAME}.bytes").open("wb") as raw:
            source = SerialBoard(settings, clock=clock, tap=raw.write)
            signals = list(_for(source, seconds))
    except OSError as error:
        raise BadInput("the folder cannot be written", folder=str(out), why=str(error)) from error
    facts, health = source.recording_facts(), source.health()
    samples = joined(signals)
    gaps = [item for item in signals if isinstance(item, Gap)]
    came = int(np.isfinite(samples).any(axis=0).sum()) if samples.size else 0
    report = {
        "port": settings.port,
        "protocol": settings.protocol,
        "fs_hz": facts.fs_hz,
        "leads": [{"name": one.name, "unit": one.unit.value, "kind": one.kind.value} for one in facts.leads],
        "seconds": seconds,
        "samples": came,
        "gaps": [{"at": gap.start, "lost": gap.length, "reason": gap.reason} for gap in gaps],
        "counters": dict(health.counters),
    }
    (out / f"{NAME}.json").write_text(json.dumps(report, indent=1) + "\n")
    if not came:
        raise BadInput(
            "no samples came; the bytes are kept",
            folder=str(out),
            remedy=f"`edge-agent identify {settings.port}`; look at {out / NAME}.bytes",
        )
    _write_wfdb(out, samples, facts.leads, facts.fs_hz)
    print(f"{came} samples, {len(gaps)} gaps: {out / NAME}.hea, .dat, .bytes, .json", file=stdout)
    return 0


def _for(source: SerialBoard, seconds: float) -> Iterator[Signal]:
    """What comes within `seconds` from the first sample on, at most `seconds` + 10 in all."""
    source.open(NAME)
    timer = threading.Timer(seconds + 10.0, source.close)
    timer.daemon = True
    timer.start()
    until_s = None
    try:
        for signal in source.read():
            until_s = until_s or time.monotonic() + seconds
            yield signal
            if time.monotonic() >= until_s:
                source.close()
    finally:
        timer.cancel()


def joined(signals: list[Signal]) -> NDArray[np.float32]:
    """All samples, shape (lead, sample); a gap is NaN."""
    blocks = [item for item in signals if isinstance(item, SampleBlock)]
    if not blocks:
        return np.zeros((0, 0), np.float32)
    samples = np.full((blocks[0].samples.shape[0], signals[-1].end), np.nan, np.float32)
    for block in blocks:
        samples[:, block.start : block.end] = block.samples
    return samples


def _write_wfdb(out: Path, samples: NDArray[np.float32], leads: tuple[Lead, ...], fs_hz: float) -> None:
    import wfdb

    wfdb.wrsamp(
        NAME,
        fs=fs_hz,
        units=[WFDB_UNITS[lead.unit] for lead in leads],
        sig_name=[lead.name for lead in leads],
        p_signal=samples.T.astype(np.float64),
        fmt=["16"] * len(leads),
        write_dir=str(out),
    )


def calibrate(
    settings: SerialBoardSettings, *, lead: str | None, pulse_mv: float, seconds: float, stdout: TextIO
) -> int:
    """Measure a calibration pulse on a port, or in a file of captured bytes, and print the settings it gives.

    Raises
    ------
    BadInput : no such lead, or no pulse.
    """
    if Path(settings.port).is_file():
        leads, fs_hz, samples = _captured(settings)
    else:
        source = SerialBoard(settings, clock=HostClock())
        signals = list(_for(source, seconds))
        facts = source.recording_facts()
        leads, fs_hz, samples = facts.leads, facts.fs_hz, joined(signals)
    names = [each.name for each in leads]
    if lead is not None and lead not in names:
        raise BadInput("the board has no such channel", lead=lead, channels=names)
    row = names.index(lead) if lead is not None else 0
    if not samples.size:
        raise BadInput("no samples came", port=settings.port, remedy=f"`edge-agent identify {settings.port}`")
    pulse = measure_pulse(samples[row], fs_hz)
    _print_pulse(pulse, leads[row], pulse_mv, stdout)
    return 0


def _captured(settings: SerialBoardSettings) -> tuple[tuple[Lead, ...], float, NDArray[np.float32]]:
    decoder = make_decoder(settings.protocol, settings.board)
    decoded = decoder.feed(Path(settings.port).read_bytes()) + decoder.finish()
    parts = [item.samples for item in decoded if isinstance(item, Samples)]
    samples = np.concatenate(parts, axis=1) if parts else np.zeros((0, 0), np.float32)
    return decoder.facts.channels, decoder.facts.fs_hz, samples


def _print_pulse(pulse: Pulse, lead: Lead, pulse_mv: float, stdout: TextIO) -> None:
    unit = "counts" if lead.unit is Unit.RAW else lead.unit.value
    print(
        f"{lead.name}: {pulse.edges} edges of {pulse.height:.6g} {unit}, scatter {pulse.scatter:.1%}, "
        f"lower level {pulse.base:.6g}",
        file=stdout,
    )
    if lead.unit is Unit.RAW:
        print(f"[source]\nmv_per_count = {pulse_mv / pulse.height:.6g}\nzero_count = {pulse.base:.6g}", file=stdout)
    else:
        measured_mv = pulse.height * (1e-3 if lead.unit is Unit.MICROVOLT else 1.0)
        print(
            f"the board's own scale reads {measured_mv:.4g} mV for {pulse_mv:g} mV: {measured_mv / pulse_mv:.1%}",
            file=stdout,
        )
