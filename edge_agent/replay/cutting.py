"""Cuts samples of some leads out of a recording, after it was analysed: a long one is never held whole."""

from collections.abc import Sequence

import numpy as np

from biosignal.signal.blocks import Gap, Samples
from edge_agent.sources.port import Source
from edge_agent.sources.stretch import Stretch


def samples_between(
    source: Source, names: Sequence[str], *, fs_hz: float, range_s: tuple[float, float], recording: str
) -> Samples:
    """Read leads of one rate between two times of the recording, in seconds.

    Returns
    -------
    float32, shape (lead, sample), in the unit of each lead; NaN where there is none.
    """
    start_s, end_s = range_s
    rows = {name: row for row, name in enumerate(names)}
    samples = np.full((len(rows), max(1, round((end_s - start_s) * fs_hz))), np.nan, np.float32)
    stretch = Stretch(source, from_s=start_s, to_s=end_s)
    stretch.open(recording)
    for item in stretch.read():
        if isinstance(item, Gap):
            continue
        end = min(item.end, samples.shape[1])
        for row, lead in enumerate(item.leads):
            if lead.name in rows:
                samples[rows[lead.name], item.start : end] = item.samples[row, : end - item.start]
    return samples
