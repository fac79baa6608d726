"""Heart rate variability against closed forms, and against a rhythm whose spectrum is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.ecg.hrv import (
    BIN_S,
    DAY,
    SHORT,
    WHOLE,
    histogram,
    nn50,
    tinn_ms,
    triangular_index,
    variability,
)
from biosignal.ecg.nn_intervals import Excluded, intervals_of
from biosignal.errors import BadInput


def beats_at(at_s, *, ectopic=(), unclassified=(), unusable=(), not_sinus=()):
    """Intervals of beats at these times; the rest are indices of beats."""
    at_s = np.asarray(at_s, float)
    flags = {name: np.zeros(len(at_s), bool) for name in ("ectopic", "unclassified", "unusable", "not_sinus")}
    for name, indices in (("ectopic", ectopic), ("unclassified", unclassified), ("unusable", unusable)):
        flags[name][list(indices)] = True
    flags["not_sinus"][list(not_sinus)] = True
    return intervals_of(
        at_s,
        np.concatenate([[np.nan], np.diff(at_s)])[: len(at_s)],
        normal=~flags["ectopic"] & ~flags["unclassified"],
        ectopic=flags["ectopic"],
        usable=~flags["unusable"],
        sinus=~flags["not_sinus"],
    )


def rhythm(length_s, interval):
    """Beats of a heart whose interval at time t is `interval(t)` seconds."""
    at_s = [0.5]
    while (after := at_s[-1] + interval(at_s[-1])) < length_s:
        at_s.append(after)
    return np.array(at_s)


def alternating(length_s=1500.0, *, mean=0.8, by=0.03):
    count = int(length_s / mean)
    return np.cumsum(mean + by * np.where(np.arange(count) % 2, 1.0, -1.0))


# ---- closed forms ----------------------------------------------------------------------------------------------------


def test_an_alternating_rhythm_gives_what_can_be_worked_out_by_hand():
    at_s = alternating(by=0.03)
    found = variability(beats_at(at_s), length_s=1500.0)
    n = len(at_s) - 1
    assert found.whole["sdnn"].value == pytest.approx(30.0 * np.sqrt(n / (n - 1)), rel=1e-3)
    assert found.whole["rmssd"].value == pytest.approx(60.0)
    assert found.whole["nn50"].value == n - 1
    assert found.whole["pnn50"].value == pytest.approx(100.0)
    assert found.whole["triangular_index"].value == pytest.approx(2.0, abs=0.01)
    assert found.short["rmssd"].mean == pytest.approx(60.0)


@pytest.mark.parametrize(("by", "share"), [(0.0249, 0.0), (0.0250, 0.0), (0.0251, 100.0)])
def test_only_a_difference_of_more_than_50_ms_is_one_of_nn50(by, share):
    found = variability(beats_at(alternating(by=by)), length_s=1500.0)
    assert found.whole["pnn50"].value == share


def test_a_heart_like_a_clock_varies_by_nothing_and_has_no_share_of_a_band():
    found = variability(beats_at(np.arange(1, 3000) * 0.5), length_s=1500.0)
    assert found.whole["sdnn"].value == pytest.approx(0.0, abs=1e-9)
    assert found.short["total"].high == pytest.approx(0.0, abs=1e-9)
    assert np.isnan(found.short["lf_nu"].mean)
    assert np.isnan(found.short["lf_hf"].mean)


def test_a_histogram_that_is_a_triangle_has_its_base_as_tinn():
    rising = [10, 20, 30, 40, 50, 40, 30, 20, 10]
    assert tinn_ms(np.array(rising)) == pytest.approx(10 * BIN_S * 1e3)
    leaning = [0, 50, 40, 30, 20, 10]
    assert tinn_ms(np.array(leaning)) == pytest.approx((1 + 5) * BIN_S * 1e3)
    assert triangular_index(np.array(rising)) == pytest.approx(250 / 50)


def test_the_histogram_has_bins_of_a_128th_of_a_second():
    counts, first_s = histogram(np.array([0.80, 0.80, 0.80 + 1 / 128, 0.80 + 3 / 128]))
    assert counts.tolist() == [2, 1, 0, 1]
    assert first_s == pytest.approx(102 / 128)


# ---- the spectrum ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [0.0, 0.08])
def test_each_band_has_the_power_that_was_put_into_it(missing):
    def interval(t):
        slow, low, high = (a * np.sin(2 * np.pi * f * t) for a, f in ((0.015, 0.02), (0.030, 0.10), (0.020, 0.25)))
        return 0.8 + slow + low + high

    at_s = rhythm(1800.0, interval)
    lost = np.flatnonzero(np.random.default_rng(1).random(len(at_s)) < missing)
    found = variability(beats_at(at_s, unclassified=lost), length_s=1800.0)
    assert found.windows_used == 6
    assert found.interpolated == 0
    # What is left out leaves the spectrum a floor, as fewer intervals carry the same rhythm.
    within = 0.03 if not missing else 0.15
    for band, milliseconds in (("vlf", 15.0), ("lf", 30.0), ("hf", 20.0)):
        assert found.short[band].mean == pytest.approx(milliseconds**2 / 2, rel=within), band
    assert found.short["lf_nu"].mean == pytest.approx(100 * 900 / 1300, abs=4)
    assert found.short["lf_nu"].mean + found.short["hf_nu"].mean == pytest.approx(100.0)
    assert found.short["total"].mean == pytest.approx(found.short["sdnn"].mean ** 2, rel=0.15)


def test_a_day_has_its_slow_changes_in_ulf_and_sdann():
    def interval(t):
        day, low = 0.05 * np.sin(2 * np.pi * t / 14400), 0.03 * np.sin(2 * np.pi * 0.1 * t)
        return 1.0 + day + low

    found = variability(beats_at(rhythm(19 * 3600.0, interval)), length_s=19 * 3600.0)
    assert found.day["ulf"].value == pytest.approx(50.0**2 / 2, rel=0.05)
    assert found.day["lf"].value == pytest.approx(30.0**2 / 2, rel=0.05)
    assert found.day["hf"].value < 10
    assert found.day["sdann"].value == pytest.approx(50.0 / np.sqrt(2), rel=0.05)
    assert found.day["sdnn_index"].value == pytest.approx(30.0 / np.sqrt(2), rel=0.05)
    assert found.whole["sdnn"].value == pytest.approx(np.hypot(50.0, 30.0) / np.sqrt(2), rel=0.05)


# ---- what is no NN interval ------------------------------------------------------------------------------------------


def test_an_ectopic_beat_takes_the_intervals_on_both_sides_and_the_pair_across():
    at_s = np.arange(1, 2001) * 0.75
    intervals = beats_at(at_s, ectopic=[500])
    assert intervals.excluded()[Excluded.ECTOPIC.value] == 2
    found = variability(intervals, length_s=1500.0)
    assert (found.intervals, found.nn) == (1999, 1997)
    assert found.excluded_share == pytest.approx(2 / 1999)


def test_a_beat_that_was_missed_is_left_out_as_an_outlier_and_not_counted_as_variability():
    at_s = np.delete(np.arange(1, 2001) * 0.75, [300, 900])
    intervals = beats_at(at_s)
    assert intervals.excluded()[Excluded.OUTLIER.value] == 2
    assert variability(intervals, length_s=1500.0).whole["sdnn"].value == pytest.approx(0.0, abs=1e-6)


def test_no_difference_reaches_over_a_gap():
    at_s = np.concatenate([np.arange(1, 801) * 0.8, 700 + np.arange(1, 801) * 0.9])
    rr_s = np.concatenate([[np.nan], np.diff(at_s)])
    rr_s[800] = np.nan
    every = np.ones(len(at_s), bool)
    intervals = intervals_of(at_s, rr_s, normal=every, ectopic=~every, usable=every, sinus=every)
    assert len(intervals.rr_s) == 1598
    assert variability(intervals, length_s=1500.0).whole["rmssd"].value == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ectopic", Excluded.ECTOPIC),
        ("unclassified", Excluded.UNCLASSIFIED),
        ("unusable", Excluded.SIGNAL),
        ("not_sinus", Excluded.RHYTHM),
    ],
)
def test_more_than_a_fifth_of_other_intervals_leaves_no_measure_and_says_why(name, reason):
    at_s = np.arange(1, 2001) * 0.75
    enough = variability(beats_at(at_s, **{name: range(0, 2000, 11)}), length_s=1500.0)
    assert all(one.value is not None for one in enough.whole.values())
    found = variability(beats_at(at_s, **{name: range(0, 2000, 9)}), length_s=1500.0)
    assert found.excluded[reason.value] == found.intervals - found.nn
    for one in (*found.whole.values(), *found.day.values()):
        assert one.value is None
        assert "no NN intervals, more than 20 %" in one.why
    assert found.short == {}
    assert found.short_why


def test_a_window_in_another_rhythm_is_left_out_and_the_others_are_not():
    at_s = np.arange(1, 2001) * 0.75
    found = variability(beats_at(at_s, not_sinus=np.flatnonzero(at_s < 280)), length_s=1500.0)
    assert (found.windows, found.windows_used) == (5, 4)


def test_a_short_recording_has_no_measure_and_says_what_it_would_need():
    found = variability(beats_at(np.arange(1, 40) * 0.75), length_s=30.0)
    assert found.short_why == "the recording is shorter than five minutes"
    assert {one.why for one in found.whole.values()} == {
        "it needs five minutes of NN intervals",
        "it needs 20 minutes of NN intervals",
    }
    assert {one.why for one in found.day.values()} == {"it needs 18 hours of NN intervals"}


def test_no_beats_at_all_are_no_fault():
    found = variability(beats_at([]), length_s=0.0)
    assert (found.intervals, found.nn, found.excluded_share) == (0, 0, None)
    assert {one.why for one in found.whole.values()} == {"there are no two NN intervals"}


@pytest.mark.parametrize("at_s", [[1.0, 1.0, 2.0], [2.0, 1.0]])
def test_beats_out_of_order_are_refused(at_s):
    with pytest.raises(BadInput):
        beats_at(at_s)


@settings(max_examples=60, deadline=None)
@given(
    intervals=st.lists(st.floats(0.2, 4.0), max_size=900),
    seed=st.integers(0, 1000),
    share=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_whatever_the_beats_every_measure_has_a_value_or_a_reason(intervals, seed, share):
    at_s = np.cumsum(intervals) if intervals else np.zeros(0)
    chosen = np.flatnonzero(np.random.default_rng(seed).random(len(at_s)) < share)
    found = variability(beats_at(at_s, ectopic=chosen), length_s=float(at_s[-1]) if len(at_s) else 0.0)
    assert found.nn + sum(found.excluded.values()) == found.intervals
    assert set(found.whole) == set(WHOLE)
    assert set(found.day) == set(DAY)
    assert set(found.short) in (set(), set(SHORT))
    assert bool(found.short) != bool(found.short_why)
    for one in (*found.whole.values(), *found.day.values()):
        assert (one.value is None) == bool(one.why)
        assert one.value is None or (np.isfinite(one.value) and one.value >= 0)


@given(st.lists(st.floats(-0.5, 0.5, allow_subnormal=False), max_size=50))
def test_nn50_counts_by_size_whatever_the_sign(differences):
    array = np.array(differences)
    assert nn50(array) == nn50(-array) <= len(differences)
