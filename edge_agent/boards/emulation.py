"""``edge-agent emulate``: a record played as a board on a pseudo terminal."""

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, LeadKind, Unit
from edge_agent.sources.decoders import KINDS
from edge_agent.sources.decoders.port import BoardSettings
from edge_agent.sources.emulated_boards import WIRING, Wiring
from edge_agent.sources.emulation import Emulation
from edge_agent.sources.emulator import Emulator
from edge_agent.sources.line_damage import read_fault_file
from edge_agent.sources.port import Source
from edge_agent.sources.rates import leads_by_rate
from edge_agent.sources.resolve import Places, resolve

MILLIVOLT_PER = {Unit.MILLIVOLT: 1.0, Unit.MICROVOLT: 1e-3}


@dataclass(frozen=True, kw_only=True, slots=True)
class EmulateRequest:
    """What to play, as which board, how fast, with which damage, under which name."""

    protocol: str
    record: str
    settings: BoardSettings
    speed: float = 1.0
    faults: Path | None = None
    link: Path | None = None


def emulate(request: EmulateRequest, *, places: Places, stdout: TextIO) -> int:
    """Play until the record is through or the process is interrupted.

    Raises
    ------
    BadInput : no such protocol, record or script; or a record without millivolts.
    """
    if request.protocol not in KINDS:
        raise BadInput("unknown protocol", protocol=request.protocol, remedy=f"name one of {', '.join(KINDS)}")
    leads_mv, fs_hz = record_in_mv(resolve(request.record, places))
    faults = read_fault_file(request.faults) if request.faults is not None else ()
    emulation = Emulation(request.protocol, leads_mv, fs_hz, settings=request.settings, faults=faults)
    emulator = Emulator(emulation, speed=request.speed, link=request.link)
    try:
        _print_start(request, emulation, emulator, stdout)
        emulator.run()
    finally:
        emulator.stop()
    return 0


def record_in_mv(source: Source) -> tuple[NDArray[np.float32], float]:
    """Leads that have a scale, those of a heart first, shape (lead, sample); what a gap holds is 0.

    Only those at the recording's own rate: a board has one.

    Raises
    ------
    BadInput : none has a scale.
    """
    facts = source.recording_facts()
    leads = leads_by_rate(facts)[facts.fs_hz]
    scaled = [row for row, lead in enumerate(leads) if lead.unit in MILLIVOLT_PER]
    if not scaled:
        raise BadInput("no lead of the record has a scale", record=facts.name)
    rows = sorted(scaled, key=lambda row: leads[row].kind is not LeadKind.ECG)
    scale = np.asarray([[MILLIVOLT_PER[leads[row].unit]] for row in rows], np.float32)
    parts = []
    source.open("emulated")
    for item in source.read():
        if isinstance(item, Gap):
            parts.append(np.zeros((len(rows), item.length), np.float32))
        elif item.fs_hz == facts.fs_hz:
            parts.append(np.nan_to_num(item.samples[rows] * scale))
    return np.concatenate(parts, axis=1), facts.fs_hz


def _print_start(request: EmulateRequest, emulation: Emulation, emulator: Emulator, stdout: TextIO) -> None:
    wiring = WIRING.get(request.protocol, Wiring())
    port = str(request.link.absolute()) if request.link is not None else emulator.path
    settings = [f'kind = "serial"\nprotocol = "{request.protocol}"\nport = "{port}"']
    if request.protocol == "text":
        settings.append(f"fs_hz = {emulation.board.fs_hz:g}")
    if wiring.mv_per_count is not None:
        settings.append(f"mv_per_count = {wiring.mv_per_count:.6g}\nzero_count = {wiring.zero_count:g}")
    if request.speed != 1.0:
        settings.append(f"speed = {request.speed:g}")
    print(f"{port}\n\n[source]\n" + "\n".join(settings), file=stdout, flush=True)
