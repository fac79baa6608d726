"""Spindles and slow waves on real recordings, beside what an independent program calls them."""

import numpy as np
import pytest

from biosignal.events import Mark
from biosignal.scoring.overlap import score_events
from biosignal.tasks.eeg_spindles.kinds import NAME, SLOW_WAVE, SPINDLE
from tests.biosignal.eeg_replays import DATA, needs_data, recorded, said

pytestmark = [pytest.mark.data, needs_data]


def spans_s(file, fs_hz, kind):
    x = np.loadtxt(DATA / "yasa" / file)
    events = said(NAME, fs_hz, ("Cz",), x[np.newaxis])
    return [(one.start / fs_hz, one.end / fs_hz) for one in events if isinstance(one, Mark) and one.kind == kind.name]


def test_both_spindles_that_yasa_calls_in_stage_two_are_found_and_none_else():
    ours = spans_s("data_N2_spindles_15sec_200Hz.txt", 200.0, SPINDLE)
    score = score_events([(3.30, 4.06), (13.26, 13.84)], ours)  # version 0.8.1, its defaults
    assert (score.tp, score.fn, score.fp) == (2, 0, 0)


def test_in_stage_three_there_is_no_spindle_and_the_slow_wave_that_yasa_calls():
    file = "data_N3_no-spindles_30sec_100Hz.txt"
    assert spans_s(file, 100.0, SPINDLE) == []
    score = score_events([(12.11, 13.24)], spans_s(file, 100.0, SLOW_WAVE))
    assert (score.tp, score.fn, score.fp) == (1, 0, 0)


@pytest.mark.parametrize("path", ["eegmmidb/S001R01.edf", "eegmmidb/S001R02.edf"])
def test_alpha_at_rest_is_no_spindle(path):
    fs_hz, names, x = recorded(path)
    row = names.index("C4..")
    events = said(NAME, fs_hz, ("C4..",), x[row : row + 1])
    assert not [one for one in events if isinstance(one, Mark) and one.kind == SPINDLE.name]
