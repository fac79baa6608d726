"""Wave frames as JSON for pages."""

import math

from pydantic import BaseModel

from biosignal.errors import BadInput
from biosignal.wire.waveform import WaveChunk, decode_wave
from cloud_service.database.event_tables import StripRow


class Wave(BaseModel):
    """Samples of one lead in `unit`; null where the source declared a sample invalid. `start` is a sample index."""

    recording: str
    lead: str
    start: int
    fs_hz: float
    unit: str
    samples: list[float | None]


def wave(frame: bytes) -> Wave:
    """Decode a frame.

    Raises
    ------
    BadInput : it is damaged.
    """
    return shown_chunk(decode_wave(frame))


def shown_chunk(chunk: WaveChunk) -> Wave:
    """Turn a chunk into what pages read."""
    values = chunk.samples().astype(float).tolist()
    return Wave(
        recording=chunk.recording,
        lead=chunk.lead,
        start=chunk.start,
        fs_hz=chunk.fs_hz,
        unit=chunk.unit.value,
        samples=[round(value, 4) if math.isfinite(value) else None for value in values],
    )


def strip_wave(strip: StripRow) -> Wave | None:
    """Decode the strip of a finding; None where the frame is damaged."""
    try:
        return wave(strip.data)
    except BadInput:
        return None
