"""Live waves: short frames of the newest samples, sent while somebody watches."""

from collections.abc import Callable

import numpy as np

from biosignal.signal.blocks import SampleBlock
from biosignal.wire.waveform import WaveChunk, encode_wave, quantise

FRAME_S = 0.2


class LiveFrames:
    """Gathers blocks into frames, one a lead and each at its own rate; a gap ends a frame.

    Parameters
    ----------
    publish : sends one encoded frame.
    is_watched : whether anybody looks; nothing is gathered while nobody does.
    """

    def __init__(self, publish: Callable[[bytes], None], is_watched: Callable[[], bool]) -> None:
        self._publish = publish
        self._is_watched = is_watched
        self._gathered: dict[float, list[SampleBlock]] = {}

    def add(self, block: SampleBlock) -> None:
        """Show a block."""
        if not self._is_watched():
            self._gathered.clear()
            return
        blocks = self._gathered.setdefault(block.fs_hz, [])
        if blocks and (blocks[-1].end != block.start or blocks[-1].recording != block.recording):
            self._send(blocks)
        blocks.append(block)
        if sum(part.length for part in blocks) >= FRAME_S * block.fs_hz:
            self._send(blocks)

    def _send(self, blocks: list[SampleBlock]) -> None:
        first = blocks[0]
        samples = np.concatenate([part.samples for part in blocks], axis=1)
        blocks.clear()
        for lead, row in zip(first.leads, samples, strict=True):
            counts, gain, offset, _ = quantise(row, lead.unit)
            chunk = WaveChunk(
                recording=first.recording,
                lead=lead.name,
                start=first.start,
                fs_hz=first.fs_hz,
                unit=lead.unit,
                gain=gain,
                offset=offset,
                counts=counts,
            )
            self._publish(encode_wave(chunk))
