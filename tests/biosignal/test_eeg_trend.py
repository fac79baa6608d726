"""The trends of the EEG: what each lead, pair and side is given, when, and what quality and gaps leave out."""

from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import welch

from biosignal.eeg.spectrum import BANDS
from biosignal.errors import BadInput
from biosignal.events import Finding, FindingState, Mark, Reading, Series
from biosignal.signal.blocks import Unit
from biosignal.tasks.eeg_trend.derivations import MOST, derivations_of
from biosignal.tasks.eeg_trend.kinds import ALPHA_DELTA, BSR, NAME, SEF95
from biosignal.tasks.eeg_trend.limits import EegTrendLimits
from biosignal.tasks.eeg_trend.overview import overview
from biosignal.tasks.overview import Heard, MarkColumns
from tests.biosignal.eeg_replays import column, said

FS_HZ = 128.0
LEADS = ("Fp1", "Fp2", "C3", "C4", "O1", "O2", "P3", "P4")


def eeg(seconds, fs_hz=FS_HZ, rows=8, uv=12.0, seed=2):
    """Noise whose power falls with the frequency, as that of an EEG does."""
    white = np.random.default_rng(seed).normal(0, 1, (rows, round(seconds * fs_hz)))
    y = np.zeros_like(white)
    for at in range(1, y.shape[1]):
        y[:, at] = 0.95 * y[:, at - 1] + white[:, at]
    return uv * y / y.std()


def test_each_lead_has_the_bands_that_welch_gives_of_the_same_ten_seconds():
    x = eeg(65).astype(np.float32)
    events = said(NAME, FS_HZ, LEADS, x)
    hz, expected = welch(x[3, 1280:2560].astype(float), FS_HZ, nperseg=512)
    for band, (low, high) in BANDS.items():
        inside = (hz >= low) & (hz < high)
        assert column(events, f"{band}_power", ("C4",))[1] == pytest.approx(expected[inside].sum() * 0.25, abs=0.006)
    assert len(column(events, "alpha_power", ("C4",))) == 7


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cut=st.integers(1, 700), gap=st.tuples(st.integers(1, 8000), st.integers(0, 9000)))
def test_the_same_samples_give_the_same_trends_however_they_are_cut(cut, gap):
    x = bursting(70)[:, :8960]
    x[2, 4000:4100] = np.nan
    assert said(NAME, FS_HZ, LEADS, x, cut=cut, gaps=(gap,)) == said(NAME, FS_HZ, LEADS, x, gaps=(gap,))


def bursting(seconds, seed=3):
    """Two seconds of 80 uV every eight, in all leads at once, over 5 uV peak to peak."""
    x = 0.14 * eeg(seconds, seed=seed)
    is_burst = np.arange(x.shape[1]) % round(8 * FS_HZ) < 2 * FS_HZ
    return x + is_burst * eeg(seconds, uv=20.0, seed=seed + 1)


def test_bursts_and_suppression_are_a_finding_with_its_bursts():
    events = said(NAME, FS_HZ, LEADS, bursting(190))
    findings = [event for event in events if isinstance(event, Finding)]
    assert [one.state for one in findings] == [FindingState.OPENED, *[FindingState.EXTENDED] * 2, FindingState.CLOSED]
    assert {one.kind for one in findings} == {"burst-suppression"}
    measures = {one.name: one.value for one in findings[1].evidence.measures}
    assert measures["burst_suppression_ratio"] == pytest.approx(73, abs=5)
    assert measures["bursts_per_min"] == pytest.approx(7.5, abs=1.1)
    marks = [event for event in events if isinstance(event, Mark)]
    starts = [mark.start / FS_HZ for mark in marks]
    assert starts == pytest.approx([8.0 * number for number in range(1, 24)], abs=0.1)
    assert findings[-1].evidence.marks[0].total == len(marks)


def test_what_is_suppressed_without_a_burst_is_another_finding():
    events = said(NAME, FS_HZ, LEADS, 0.14 * eeg(130))
    assert {event.kind for event in events if isinstance(event, Finding)} == {"eeg-suppression"}
    assert column(events, BSR, ("C3", "P3"))[0] == 100.0


def test_leads_that_are_flat_are_never_suppressed():
    events = said(NAME, FS_HZ, LEADS, np.zeros((8, 10_000)))
    assert not [event for event in events if isinstance(event, Finding)]
    named = [one for event in events if isinstance(event, Series) for one in event.columns]
    assert {value for one in named if one.quantity != "usable_share" for value in one.values} == {None}
    assert {value for one in named if one.quantity == "usable_share" for value in one.values} == {0.0}
    assert all(one.value is None for one in events if isinstance(one, Reading))


def test_a_reference_against_itself_is_no_suppressed_lead():
    x = eeg(70)
    x[2] = np.random.default_rng(1).normal(0, 0.2, x.shape[1])  # the noise of an amplifier whose input is shorted
    events = said(NAME, FS_HZ, ("Fp1", "Fp2", "Cz", "C4", "O1", "O2", "P3", "P4"), x)
    assert set(column(events, "alpha_power", ("Cz",))) == {None}
    assert None not in column(events, "alpha_power", ("C4",))[:6]


def test_rejected_seconds_and_gaps_leave_windows_out_and_nothing_reaches_over_them():
    x = eeg(60)
    x[3, 1400:1500] = np.nan
    x[4, 2560:3840] = 0.0
    events = said(NAME, FS_HZ, LEADS, x)
    alpha = {lead: column(events, "alpha_power", (lead,)) for lead in LEADS}
    assert [value is None for value in alpha["C4"]] == [False] * 6, "two windows of the four were whole"
    assert [value is None for value in alpha["O1"]] == [False, False, True, False, False, False]
    assert alpha["C3"] == column(said(NAME, FS_HZ, LEADS, eeg(60)), "alpha_power", ("C3",))
    loud = eeg(60)
    loud[:, 3840:] += 5000.0
    cut = said(NAME, FS_HZ, LEADS, loud, gaps=((3840, 0),))
    plain = column(said(NAME, FS_HZ, LEADS, eeg(60)), "delta_power", ("C3",))
    assert column(cut, "delta_power", ("C3",))[:3] == plain[:3]
    assert max(column(cut, "delta_power", ("C3",))) < 3 * max(plain)


def test_a_minute_goes_on_behind_a_gap_and_is_said_once():
    events = said(NAME, FS_HZ, LEADS, eeg(150), gaps=((3000, 1000), (9000, 20_000)))
    series = [event for event in events if isinstance(event, Series)]
    assert len({one.id for one in series}) == len(series)
    spectra = [one for one in series if one.leads == ("C3",)]
    assert [one.start // 7680 for one in spectra] == [0, 1, 3, 4, 5]
    assert spectra[-1].end == 150 * 128 + 21_000
    assert all(one.decided_at >= one.end - 1 for one in series if one.end - one.start == 7680)
    assert all(len(one.columns[0].values) == -(-(one.end - one.start) // one.step) for one in series)


def test_readings_are_of_all_leads_and_expire():
    readings = [event for event in said(NAME, FS_HZ, LEADS, eeg(70)) if isinstance(event, Reading)]
    assert {one.quantity for one in readings} == {SEF95, ALPHA_DELTA, "aeeg_lower", "aeeg_upper", BSR}
    assert {one.leads for one in readings} == {LEADS}
    assert {one.until - one.at - 1 for one in readings} == {2 * 1280, 2 * 1920}
    known = [one for one in readings if one.quantity == BSR and one.value is not None]
    assert known[0].value == 0.0
    assert known[0].at / FS_HZ == pytest.approx(40, abs=1.1), "half a minute behind two seconds of settling"


def test_a_lead_in_millivolts_has_the_powers_of_the_same_lead_in_microvolts():
    x = eeg(60, rows=1)
    plain = said(NAME, FS_HZ, ("Fpz-Cz",), x)
    assert column(plain, "alpha_power", ("Fpz-Cz",)) == pytest.approx(
        column(said(NAME, FS_HZ, ("Fpz-Cz",), x / 1000.0, unit=Unit.MILLIVOLT), "alpha_power", ("Fpz-Cz",)), abs=0.02
    )


def test_the_left_and_the_right_have_their_array_and_their_asymmetry():
    x = eeg(60)
    x[1::2] *= 2.0
    events = said(NAME, FS_HZ, LEADS, x)
    assert np.mean(column(events, "power_asymmetry", ("Fp1", "Fp2", "C3", "C4", "O1", "O2", "P3", "P4"))) == (
        pytest.approx(60.0, abs=10)
    )
    left, right = (column(events, "density_10_hz", LEADS[side::2]) for side in (0, 1))
    assert np.mean(right) - np.mean(left) == pytest.approx(6.0, abs=1.0)


def test_a_cap_has_the_leads_of_the_ten_twenty_system_and_pairs_of_neighbours():
    names = tuple(f"{row}{number}" for row, number in product(("F", "FC", "C", "CP", "P", "PO"), (1, 2, 3, 4, 5, 6)))
    chosen = derivations_of((*names, "Oz", "T7", "T8", "O1", "O2", "Fp1", "Fp2", "F7", "F8", "P7", "P8"))
    assert len(chosen.recorded.rows) < MOST
    assert {"Oz", "C3", "P8"} < set(chosen.recorded.names)
    assert "C3-P3" in chosen.pairs.names


def test_leads_without_a_place_have_one_array_and_no_asymmetry():
    events = said(NAME, FS_HZ, ("EEG 1", "EEG 2"), eeg(60, rows=2))
    assert column(events, "density_10_hz", ("EEG 1", "EEG 2"))
    assert not column(events, "power_asymmetry", ("EEG 1", "EEG 2"))


@pytest.mark.parametrize(
    "wrong", [{"variance_uv2": 0.0}, {"suppression_s": 2.0}, {"close_percent": 60.0}, {"open_percent": 99.5}]
)
def test_limits_that_cannot_be_are_refused_with_what_to_do(wrong):
    with pytest.raises(BadInput) as raised:
        EegTrendLimits(**wrong)
    assert "give" in raised.value.advice


def test_another_threshold_finds_other_bursts():
    x = bursting(130)
    events = said(NAME, FS_HZ, LEADS, x, limits=EegTrendLimits(variance_uv2=0.01))
    assert not [event for event in events if isinstance(event, Mark | Finding)]
    assert column(events, BSR, ("C3", "P3"))[0] == 0.0


def test_a_report_has_the_trends_of_all_derivations_and_their_medians():
    x = bursting(130)
    said_of = said(NAME, FS_HZ, LEADS, x)
    series = [event for event in said_of if isinstance(event, Series)]
    (section,) = overview(heard_of(series, x.shape[1]))
    trends = {one.name: one for one in section.trends}
    known = [value for value in column(said_of, BSR, ("C3", "P3")) if value is not None]
    assert trends[BSR].step_s == 60.0
    assert len(trends[BSR].mean) == 3
    assert trends[BSR].low[0] <= known[0] <= trends[BSR].high[0]
    assert trends[BSR].low[2] is None, "ten seconds are too few for a ratio"
    assert {one.name: one.value for one in section.figures}[SEF95] == pytest.approx(
        np.median([value for lead in LEADS for value in column(said_of, SEF95, (lead,)) if value is not None])
    )


def test_a_report_of_nothing_measured_has_no_section():
    assert overview(heard_of([], 1000)) == ()


def heard_of(series, end):
    nothing = MarkColumns(
        starts=np.zeros(0, np.int64),
        labels=(),
        label=np.zeros(0, np.uint8),
        usable=np.zeros(0, bool),
        numbers={},
    )
    marks = {"eeg-burst": nothing}
    return Heard(fs_hz=FS_HZ, end=end, marks=marks, findings=(), kinds={}, unusable=(), series=series)
