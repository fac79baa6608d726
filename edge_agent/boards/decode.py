"""``edge-agent decode``: captured bytes of a board to samples, gaps and counters."""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import numpy as np

from biosignal.errors import BadInput
from edge_agent.sources.decoders import make_decoder
from edge_agent.sources.decoders.bitalino import heard_channels
from edge_agent.sources.decoders.port import BoardSettings, Decoded, Decoder, Loss, Samples, Values
from edge_agent.sources.decoders.shimmer3 import find_inquiry

READ_BYTES = 1 << 16
MOST_GAPS = 20
HEAD_BYTES = 1 << 14  # looked at for what the settings leave open


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodeRequest:
    """What to decode, and what is known about the board beyond its bytes; `file` "-" is stdin."""

    protocol: str
    file: str
    settings: BoardSettings
    json: bool = False


def decode(request: DecodeRequest, *, stdout: TextIO, stdin: BinaryIO | None = None) -> int:
    """Decode a capture and print it.

    Raises
    ------
    BadInput : no such protocol, the file cannot be read, or there is no sample in it.
    """
    if request.file == "-":
        decoder, decoded = _decoded(request, stdin or sys.stdin.buffer)
    else:
        try:
            with Path(request.file).open("rb") as capture:
                decoder, decoded = _decoded(request, capture)
        except OSError as error:
            raise BadInput(
                "the capture cannot be read", file=request.file, reason=error.strerror or str(error)
            ) from error
    is_empty = not any(isinstance(item, Samples) for item in decoded)
    if not request.json:
        _print_table(decoder, decoded, stdout)
    elif not is_empty:
        _print_json(decoder, decoded, stdout)
    if is_empty:
        counts = {name: count for name, count in decoder.counters.facts().items() if count}
        raise BadInput(
            "the capture holds no sample of this protocol",
            protocol=request.protocol,
            **counts,
            remedy="name the board with `--protocol`; `edge-agent identify PORT` says which one talks on a port",
        )
    return 0


def _decoded(request: DecodeRequest, capture: BinaryIO) -> tuple[Decoder, list[Decoded]]:
    head = capture.read(HEAD_BYTES)
    decoder = make_decoder(request.protocol, _completed(request, head))
    decoded = decoder.feed(head)
    while data := capture.read(READ_BYTES):
        decoded += decoder.feed(data)
    return decoder, decoded + decoder.finish()


def _completed(request: DecodeRequest, head: bytes) -> BoardSettings:
    """The settings, with what the first bytes say where they leave it open."""
    settings = request.settings
    if request.protocol == "bitalino" and settings.channels is None:
        return replace(settings, channels=heard_channels(head))
    if request.protocol == "shimmer3" and not settings.inquiry:
        return replace(settings, inquiry=find_inquiry(head))
    return settings


def _samples(decoder: Decoder, decoded: list[Decoded]) -> Values:
    parts = [item.samples for item in decoded if isinstance(item, Samples)]
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(decoder.facts.channels), 0), np.float32)


def _print_json(decoder: Decoder, decoded: list[Decoded], stdout: TextIO) -> None:
    facts = decoder.facts
    answer: dict[str, Any] = {
        "protocol": facts.protocol,
        "fs": facts.fs_hz or None,
        "units": [lead.unit.value for lead in facts.channels],
        "channels": [lead.name for lead in facts.channels],
        "samples": [[_number(value) for value in row] for row in _samples(decoder, decoded).tolist()],
        "gaps": [{"at": item.at, "lost": item.count} for item in decoded if isinstance(item, Loss)],
        "counters": decoder.counters.facts(),
        "notes": list(facts.notes),
    }
    stdout.write(json.dumps(answer, allow_nan=False) + "\n")


def _number(value: float) -> float | None:
    """As short as float32 allows; null where there is no sample."""
    return None if value != value else float(f"{value:.9g}")


def _print_table(decoder: Decoder, decoded: list[Decoded], stdout: TextIO) -> None:
    facts, samples = decoder.facts, _samples(decoder, decoded)
    rate = f"{facts.fs_hz:g} Hz" if facts.fs_hz else "rate unknown"
    stdout.write(f"{facts.protocol}, {rate}, {samples.shape[1]} samples of {len(facts.channels)} channels\n\n")
    stdout.write(f"{'channel':12} {'unit':5} {'lowest':>12} {'mean':>12} {'highest':>12} {'invalid':>8}\n")
    for lead, row in zip(facts.channels, samples, strict=True):
        valid = row[~np.isnan(row)].astype(np.float64)
        shown = (
            [f"{value:12.6g}" for value in (valid.min(), valid.mean(), valid.max())]
            if valid.size
            else ["-".rjust(12)] * 3
        )
        stdout.write(f"{lead.name:12} {lead.unit.value:5} {' '.join(shown)} {row.size - valid.size:8}\n")
    if facts.uncalibrated:
        stdout.write(f"\nuncalibrated: {', '.join(facts.uncalibrated)}: numbers as the board sends them\n")
    stdout.writelines(f"\n{note}\n" for note in facts.notes)
    _print_gaps([item for item in decoded if isinstance(item, Loss)], stdout)
    counts = {name: count for name, count in decoder.counters.facts().items() if count}
    stdout.write("\n" + "\n".join(f"{name.replace('_', ' '):16} {count}" for name, count in counts.items()) + "\n")


def _print_gaps(gaps: list[Loss], stdout: TextIO) -> None:
    if not gaps:
        return
    stdout.write("\ngap at sample        lost\n")
    stdout.writelines(f"{gap.at:13} {gap.count:11}{'' if gap.certain else ' or more'}\n" for gap in gaps[:MOST_GAPS])
    if len(gaps) > MOST_GAPS:
        stdout.write(f"and {len(gaps) - MOST_GAPS} more\n")
    if not all(gap.certain for gap in gaps):
        stdout.write("a capture has no times: a short counter may have wrapped, `or more`\n")
