"""Whether a lead shows the heart at all: its QRS complexes, where other leads say they are, are alike.

A lead that has come off need not be flat. Where it picks up a little noise and nothing else, every second of it may
look usable, and the network takes what it sees for an ECG without R waves: an infarction.
"""

from collections.abc import Sequence

import numpy as np

from biosignal.ecg.measuring import Beat
from biosignal.signal.blocks import Samples

FEWEST_BEATS = 4
"""With fewer nothing is known."""
BEFORE_S, AFTER_S = 0.04, 0.14
"""What is compared of each, around the onset of the QRS complex."""
LEAST = 0.2
"""Mean correlation of the complexes with each other. Of noise 99 of 100 windows with six beats lie below .16; of the
leads of every twelfth record of PTB-XL, folds 1 to 8, 8 of 1,000 lie below this, and half above .91.
"""


def shows_beats(x: Samples, fs_hz: float, beats: Sequence[Beat]) -> bool:
    """Whether the complexes of a lead, shape (sample,), are alike; a lead of which too few are known shows them.

    Parameters
    ----------
    beats : in seconds from the first sample.
    """
    before, length = round(BEFORE_S * fs_hz), round((BEFORE_S + AFTER_S) * fs_hz)
    starts = [round(beat.qrs[0] * fs_hz) - before for beat in beats]
    parts = [x[start : start + length] for start in starts if start >= 0 and start + length <= len(x)]
    if len(parts) < FEWEST_BEATS:
        return True
    return _correlation(np.stack(parts).astype(np.float64)) >= LEAST


def _correlation(parts: np.ndarray) -> float:
    """Mean correlation among parts, shape (part, sample), each weighed by its size; 0 where nothing moves."""
    count = len(parts)
    centred = parts - parts.mean(axis=1, keepdims=True)
    of_each, of_sum = float(np.sum(centred**2)), float(np.sum(centred.sum(axis=0) ** 2))
    return (of_sum / of_each - 1.0) / (count - 1) if of_each > 0.0 else 0.0
