"""The strip behind a finding, cut from the stored waves into a durable event of its own."""

import numpy as np

from biosignal.events import Finding, Strip, stable_id
from biosignal.wire.waveform import WaveChunk, encode_wave, quantise
from edge_agent.store.waveforms import WaveStore


def cut_strip(waves: WaveStore, finding: Finding, *, lead: str | None = None, final: bool = False) -> Strip | None:
    """Cut the strip that a finding's evidence names, and pin its samples.

    Parameters
    ----------
    lead : the finding's first lead unless given.
    final : nothing will follow (the recording is closed): cut what there is.

    Returns None while samples are still to come, or when none exist. A strip never crosses a gap: of the unbroken
    pieces the one that holds the onset is taken, or the longest.
    """
    name = lead if lead is not None else finding.leads[0]
    start, end = max(0, finding.evidence.strip_start), finding.evidence.strip_end
    waves.pin(finding.recording, start, end)
    if not final and waves.newest(finding.recording, name) < end:
        return None
    pieces = _unbroken(waves.read(finding.recording, name, start, end))
    if not pieces:
        return None
    piece = max(pieces, key=lambda parts: (parts[0].start <= finding.onset < parts[-1].end, _length(parts)))
    chunk = _joined(piece)
    return Strip(
        id=stable_id("strip", finding.id, name, chunk.start, chunk.end),
        finding=finding.id,
        recording=finding.recording,
        lead=name,
        start=chunk.start,
        fs_hz=chunk.fs_hz,
        unit=chunk.unit,
        data=encode_wave(chunk),
    )


def _unbroken(chunks: list[WaveChunk]) -> list[list[WaveChunk]]:
    pieces: list[list[WaveChunk]] = []
    for chunk in chunks:
        if pieces and pieces[-1][-1].end == chunk.start:
            pieces[-1].append(chunk)
        else:
            pieces.append([chunk])
    return pieces


def _length(chunks: list[WaveChunk]) -> int:
    return chunks[-1].end - chunks[0].start


def _joined(chunks: list[WaveChunk]) -> WaveChunk:
    first = chunks[0]
    if all((chunk.gain, chunk.offset) == (first.gain, first.offset) for chunk in chunks):
        counts, gain, offset = np.concatenate([chunk.counts for chunk in chunks]), first.gain, first.offset
    else:
        values = np.concatenate([chunk.samples() for chunk in chunks])
        counts, gain, offset, _ = quantise(values, first.unit, max(chunk.gain for chunk in chunks))
    return WaveChunk(
        recording=first.recording,
        lead=first.lead,
        start=first.start,
        fs_hz=first.fs_hz,
        unit=first.unit,
        gain=gain,
        offset=offset,
        counts=counts,
    )
