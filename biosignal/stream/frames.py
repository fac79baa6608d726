"""Gathers blocks into frames that begin and end at fixed samples, so that small blocks cost no more than large ones."""

import numpy as np

from biosignal.signal.blocks import Lead, SampleBlock, Samples

FRAMES_PER_S = 8
"""A frame is 125 ms: what is decided in it is given at most so much later, and is decided by the same sample."""


class Frames:
    """Blocks of one rate in, blocks that end where a frame ends out; the rest is held."""

    def __init__(self, recording: str, leads: tuple[Lead, ...], fs_hz: float) -> None:
        self._recording = recording
        self._leads = leads
        self._fs_hz = fs_hz
        self._held: list[Samples] = []
        self._start = 0

    def push(self, block: SampleBlock) -> SampleBlock | None:
        """Take the next block; give the complete frames there are now."""
        if not self._held:
            self._start = block.start
        self._held.append(block.samples)
        cut = _frame_before(block.end, self._fs_hz) - self._start
        if cut <= 0:
            return None
        joined = self._held[0] if len(self._held) == 1 else np.concatenate(self._held, axis=1)
        self._held = [joined[:, cut:]] if cut < joined.shape[1] else []
        start, self._start = self._start, self._start + cut
        return self._block(start, joined[:, :cut])

    def flush(self) -> SampleBlock | None:
        """Give what is held: a gap follows, or the end."""
        held, self._held = self._held, []
        if not held:
            return None
        return self._block(self._start, held[0] if len(held) == 1 else np.concatenate(held, axis=1))

    def _block(self, start: int, samples: Samples) -> SampleBlock:
        return SampleBlock(
            recording=self._recording, start=start, fs_hz=self._fs_hz, leads=self._leads, samples=samples
        )


def _frame_before(sample: int, fs_hz: float) -> int:
    """Index of the last sample at which a frame begins, up to and with `sample`."""
    frame = int(sample * FRAMES_PER_S / fs_hz) + 1
    while (begin := round(frame * fs_hz / FRAMES_PER_S)) > sample:
        frame -= 1
    return begin
