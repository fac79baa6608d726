"""The strips behind a finding, cut from the stored waves into durable events of their own: one a lead."""

import numpy as np

from biosignal.events import Finding, Strip, stable_id
from biosignal.wire.waveform import WaveChunk, encode_wave, quantise
from edge_agent.store.waveforms import WaveStore

MOST_LEADS = 24
"""A finding of more leads than the 10-20 system has electrodes, and some beside, is shown by its first ones."""


def strip_leads(finding: Finding) -> tuple[str, ...]:
    """Name the leads that strips of a finding are cut from."""
    return finding.leads[:MOST_LEADS] if finding.has_strip else ()


def cut_strip(waves: WaveStore, finding: Finding, *, lead: str | None = None, final: bool = False) -> Strip | None:
    """Cut the strip of one lead that a finding's evidence names, and pin its samples.

    Parameters
    ----------
    lead : the finding's first lead unless given. The stretch is counted at its rate, which may be another than that of
        the finding.
    final : nothing will follow (the recording is closed): cut what there is.

    Returns None while samples are still to come, or when none exist. A strip never crosses a gap: of the unbroken
    pieces the one that holds the onset is cut, or the longest.
    """
    name = lead if lead is not None else finding.leads[0]
    rate = waves.rate(finding.recording, name)
    if rate is None:
        return None
    start, end, onset = _stretch(finding, rate)
    waves.pin(finding.recording, name, start, end)
    if not final and waves.newest(finding.recording, name) < end:
        return None
    pieces = _unbroken(waves.read(finding.recording, name, start, end))
    if not pieces:
        return None
    piece = max(pieces, key=lambda parts: (parts[0].start <= onset < parts[-1].end, _length(parts)))
    return _strip(finding, _joined(piece))


def _stretch(finding: Finding, rate: float) -> tuple[int, int, int]:
    """Start, end and onset in samples of a lead of this rate."""
    evidence = finding.evidence
    by = rate / evidence.fs_hz
    start, end = max(0, round(evidence.strip_start * by)), round(evidence.strip_end * by)
    return start, max(start + 1, end), round(finding.onset * by)


def _strip(finding: Finding, chunk: WaveChunk) -> Strip:
    return Strip(
        id=stable_id("strip", finding.id, chunk.lead, chunk.start, chunk.end),
        finding=finding.id,
        recording=finding.recording,
        lead=chunk.lead,
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
