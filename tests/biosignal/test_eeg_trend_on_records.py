"""The trends on real recordings: bursts where there are bursts, none elsewhere, and alpha behind closed eyes."""

import numpy as np
import pytest

from biosignal.eeg.montage import montage
from biosignal.eeg.suppression import RecentVariance, Segmenter, suppression_band
from biosignal.events import Finding, Mark
from biosignal.tasks.eeg_trend.kinds import BSR, BURSTS, LOW_SHARE, NAME
from biosignal.tasks.eeg_trend.limits import EegTrendLimits
from tests.biosignal.eeg_replays import column, needs_data, recorded, said

pytestmark = [pytest.mark.data, needs_data]
RESTING = ("eegmmidb/S001R01.edf", "eegmmidb/S001R02.edf")
TEN_TWENTY = (
    "Fp1.",
    "Fp2.",
    "F7..",
    "F3..",
    "Fz..",
    "F4..",
    "F8..",
    "T7..",
    "C3..",
    "Cz..",
    "C4..",
    "T8..",
    "P7..",
    "P3..",
    "Pz..",
    "P4..",
    "P8..",
    "O1..",
    "Oz..",
    "O2..",
)
"""The leads of the cap that are read here; all 64 take three times as long."""


@pytest.fixture(scope="module")
def neonate():
    return said(NAME, *recorded("burst/neonate_burst.edf"))


def read(path):
    """Rate, leads and samples; of a cap the leads of the 10-20 system."""
    fs_hz, names, x = recorded(path)
    rows = [row for row, name in enumerate(names) if len(names) <= 24 or name in TEN_TWENTY]
    return fs_hz, tuple(names[row] for row in rows), x[rows]


def found(path, *, gain=1.0, **limits):
    fs_hz, names, x = read(path)
    events = said(NAME, fs_hz, names, x * gain, limits=EegTrendLimits(**limits))
    return [event for event in events if isinstance(event, Finding | Mark)]


def bursts_of(path, pair, *, variance_uv2=16.0):
    """Bursts of one pair, in samples: from the end of a suppression to the beginning of the next."""
    fs_hz, names, x = recorded(path)
    y = suppression_band(fs_hz).push(montage(names, (pair,)).derive(x))
    low = RecentVariance(fs_hz).push(y) < variance_uv2
    segments = Segmenter(1, suppression=round(0.5 * fs_hz), burst=round(0.25 * fs_hz))
    changes = segments.push(low, 0)
    ends = [one for one in changes if not one.is_suppressed]
    starts = {
        one.at: min((later.at for later in changes if later.is_suppressed and later.at > one.at), default=0)
        for one in ends
    }
    return [(start, end) for start, end in starts.items() if end], y[0], fs_hz


def test_each_burst_of_the_neonate_is_found_and_none_else():
    bursts, y, fs_hz = bursts_of("burst/neonate_burst.edf", "F3-C3")
    half = round(0.5 * fs_hz)
    is_high = np.array([np.ptp(y[at : at + half]) >= 25.0 for at in range(0, len(y) - half, half // 4)])
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_high, [False])).astype(int))).reshape(-1, 2)
    apart = [list(edges[0])]
    for first, last in edges[1:]:  # half a second or more of quiet parts two bursts
        if (first - apart[-1][1]) * half // 4 < fs_hz:
            apart[-1][1] = last
        else:
            apart.append([first, last])
    reference = [(first * half // 4, (last - 1) * half // 4 + half) for first, last in apart]
    assert len(bursts) == 12
    assert all(any(start < last and first < end for first, last in reference) for start, end in bursts)
    assert all(any(start < last and first < end for start, end in bursts) for first, last in reference)


def test_burst_suppression_is_told_of_the_neonate_within_a_minute(neonate):
    findings = [event for event in neonate if isinstance(event, Finding)]
    assert {one.id for one in findings} == {findings[0].id}
    assert findings[0].kind == "burst-suppression"
    assert findings[0].decided_at / 256.0 < 70
    assert findings[-1].end / 256.0 > 210


def test_the_minutes_of_the_neonate_hold_its_twelve_bursts_and_the_share_of_low_seconds(neonate):
    pair = ("EEG F3-Ref", "EEG C3-Ref")
    lengths_min = np.array([58, 60, 60, 31]) / 60.0
    assert sum(column(neonate, BURSTS, pair) * lengths_min) == pytest.approx(12, abs=0.1)
    assert np.average(column(neonate, BSR, pair), weights=lengths_min) == pytest.approx(86, abs=1)
    assert np.average(column(neonate, LOW_SHARE, pair), weights=lengths_min) == pytest.approx(78, abs=1)


def test_the_reference_that_was_recorded_against_itself_has_no_trend(neonate):
    assert set(column(neonate, "delta_power", ("EEG Cz-Ref",))) == {None}


@pytest.mark.parametrize("path", ["burst/preterm.edf", *RESTING, "eegmmidb/S001R03.edf"])
def test_where_the_eeg_goes_on_nothing_is_found(path):
    assert found(path) == []


@pytest.mark.parametrize("path", RESTING)
def test_a_low_voltage_that_goes_on_is_no_burst_suppression(path):
    assert not [event for event in found(path, gain=0.3) if isinstance(event, Finding)]


def test_closed_eyes_have_twelve_times_the_alpha_of_open_ones():
    power = {}
    for path in RESTING:
        power[path] = np.mean(column(said(NAME, *read(path)), "alpha_power", ("Oz..",)))
    assert power[RESTING[1]] / power[RESTING[0]] >= 5.0
