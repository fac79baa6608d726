"""The pulse: its waves, and whether it goes on while the ECG shows no beat."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import Gap, Lead, LeadKind, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks.peripheral_pulse.kinds import HEIGHT
from biosignal.tasks.peripheral_pulse.task import PERIPHERAL_PULSE
from biosignal.tasks.peripheral_pulse.witness import PulseWitness

FS_HZ = 125.0
ABP = Lead(name="ABP", unit=Unit.RAW, kind=LeadKind.PRESSURE)


def pressure(seconds, *, rate_per_min=72.0, height=40.0, notch=0.25, noise=0.3, seed=1):
    """Blood pressure in mmHg: a fast rise, a slow fall, and a dicrotic notch."""
    t = np.arange(round(seconds * FS_HZ)) / FS_HZ
    phase = (t * rate_per_min / 60) % 1.0
    wave = np.exp(-0.5 * ((phase - 0.2) / 0.07) ** 2) + notch * np.exp(-0.5 * ((phase - 0.5) / 0.06) ** 2)
    return (80 + height * wave + np.random.default_rng(seed).normal(0, noise, len(t))).astype(np.float32)


def waves(x, *, cuts=(), lead=ABP):
    pipeline = Pipeline([PERIPHERAL_PULSE], Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=(lead,)), models={})
    out = []
    borders = sorted({0, len(x), *(cut for cut in cuts if cut < len(x))})
    for start, end in pairwise(borders):
        samples = x[start:end][np.newaxis]
        out += pipeline.push(SampleBlock(recording="r", start=start, fs_hz=FS_HZ, leads=(lead,), samples=samples))
    return out + pipeline.finish()


def witness(marks):
    made = PulseWitness(FS_HZ)
    for mark in marks:
        made.on_wave(mark)
    return made


@pytest.mark.parametrize("rate_per_min", [45, 72, 120, 160])
@pytest.mark.parametrize("notch", [0.0, 0.3])
def test_there_is_a_wave_for_each_beat_and_none_for_its_notch(rate_per_min, notch):
    found = waves(pressure(40, rate_per_min=rate_per_min, notch=notch))
    steady = [mark.start for mark in found if mark.start > 8 * FS_HZ]
    expected = 60 * FS_HZ / rate_per_min
    assert len(steady) == pytest.approx(32 * rate_per_min / 60, abs=1.5)
    assert np.allclose(np.diff(steady), expected, atol=0.15 * FS_HZ)


@given(cuts=st.lists(st.integers(1, 2499), max_size=12))
@settings(max_examples=20, deadline=None)
def test_the_waves_are_the_same_however_the_samples_were_cut(cuts):
    x = pressure(20)
    assert waves(x, cuts=cuts) == waves(x)


def test_lower_waves_are_found_a_while_after_a_large_artefact():
    x = pressure(40, height=20)
    x[round(10 * FS_HZ) : round(11 * FS_HZ)] += 2000 * np.hanning(round(FS_HZ)).astype(np.float32)
    late = [mark for mark in waves(x) if mark.start > 25 * FS_HZ]
    assert len(late) == pytest.approx(18, abs=2)


def test_over_missing_samples_there_is_no_wave():
    x = pressure(20)
    x[round(8 * FS_HZ) : round(12 * FS_HZ)] = np.nan
    assert not [mark for mark in waves(x) if 8.3 * FS_HZ < mark.start < 12 * FS_HZ]


def test_behind_a_gap_the_waves_are_those_of_a_fresh_start():
    x = pressure(20)
    pipeline = Pipeline([PERIPHERAL_PULSE], Recorded(device="d", recording="r", fs_hz=FS_HZ, leads=(ABP,)), models={})

    def block(start):
        return SampleBlock(recording="r", start=start, fs_hz=FS_HZ, leads=(ABP,), samples=x[np.newaxis])

    moved = len(x) + 250
    first = pipeline.push(block(0))
    pipeline.push(Gap(recording="r", start=len(x), length=250, reason="lost"))
    behind = pipeline.push(block(moved)) + pipeline.finish()
    assert [mark.start - moved for mark in behind] == [mark.start for mark in first]


def test_a_pulse_that_goes_on_is_seen_and_one_that_stops_is_not():
    at = round(20 * FS_HZ)
    steady = pressure(30)
    stopped = steady.copy()
    stopped[at:] = 60 + 20 * np.exp(-np.arange(len(stopped) - at) / (2 * FS_HZ))
    until = at + round(4.5 * FS_HZ)
    assert witness(waves(steady)).goes_on(at, until)
    assert not witness(waves(stopped)).goes_on(at, until)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.2, 0.4])
def test_a_pulse_much_lower_than_it_was_is_none(share):
    at = round(20 * FS_HZ)
    x = np.concatenate((pressure(20), pressure(20, height=40 * share, seed=2)))
    found = witness(waves(x))
    assert not any(found.goes_on(at, at + round(s * FS_HZ)) for s in (4.5, 6.0, 8.0, 12.0))


def test_movement_is_no_pulse():
    random = np.random.default_rng(5)
    at = round(20 * FS_HZ)
    wrong = 0
    for seed in range(20):
        steps = random.normal(0, 40, 40)
        moved = np.interp(np.arange(round(10 * FS_HZ)), np.sort(random.uniform(0, 10 * FS_HZ, 40)), steps)
        x = np.concatenate((pressure(20, seed=seed), (80 + moved).astype(np.float32)))
        wrong += witness(waves(x)).goes_on(at, at + round(4.5 * FS_HZ))
    assert wrong <= 2


def test_what_was_not_known_yet_is_not_used():
    steady = waves(pressure(40))
    at = round(20 * FS_HZ)
    whole = witness(steady)
    for until_s in (2.0, 3.0, 4.5, 6.0):
        until = at + round(until_s * FS_HZ)
        now = witness([mark for mark in steady if mark.decided_at <= until])
        assert whole.goes_on(at, until) == now.goes_on(at, until)


def test_a_lead_that_showed_no_pulse_before_is_no_witness():
    x = np.concatenate((np.full(round(20 * FS_HZ), 80, np.float32), pressure(20)))
    assert not witness(waves(x)).goes_on(round(20 * FS_HZ), round(26 * FS_HZ))


def test_each_wave_says_how_high_it_was():
    heights = [mark.number(HEIGHT) for mark in waves(pressure(30, height=40)) if mark.start > 10 * FS_HZ]
    assert min(heights) > 20


def test_an_idle_sensor_that_flickers_has_no_pulse():
    t = np.arange(round(30 * FS_HZ))
    x = (512 + (t // 18) % 2).astype(np.float32)
    assert waves(x) == []


def paced(rates_per_min):
    """Pressure whose beats follow the rate given for each second."""
    phase = np.cumsum(np.repeat(rates_per_min, round(FS_HZ)) / 60 / FS_HZ)
    return (80 + 40 * np.exp(-0.5 * ((phase % 1.0 - 0.2) / 0.07) ** 2)).astype(np.float32)


@pytest.mark.parametrize("rate_per_min", [50, 72, 110, 140])
def test_an_even_pulse_is_steady_and_denies_another_rate_and_not_its_own(rate_per_min):
    at, until = round(20 * FS_HZ), round(24.5 * FS_HZ)
    steady = witness(waves(pressure(30, rate_per_min=rate_per_min))).steady(at, until)
    own = 60 / rate_per_min
    assert steady is not None
    assert steady.is_sure
    assert steady.interval_s == pytest.approx(own, rel=0.05)
    assert [steady.denies(each * own) for each in (0.5, 0.8, 0.95, 1.05, 1.25, 2.0)] == [
        True,
        True,
        False,
        False,
        True,
        True,
    ]


def test_a_pulse_whose_rate_drifts_is_steady():
    drifting = paced(np.linspace(60, 80, 40))
    assert witness(waves(drifting)).steady(round(25 * FS_HZ), round(30 * FS_HZ)) is not None


@given(
    seed=st.integers(0, 99),
    before=st.sampled_from([55.0, 72.0, 95.0]),
    factor=st.sampled_from([0.0, 0.5, 0.7, 1.4, 1.8, 2.4]),
    later_s=st.floats(1.4, 6.0),
)
@settings(max_examples=40, deadline=None)
def test_a_pulse_that_changes_with_the_heart_is_never_surely_steady(seed, before, factor, later_s):
    calm = pressure(20, rate_per_min=before, notch=0.0, seed=seed)
    behind = pressure(
        10, rate_per_min=max(before * factor, 1.0), notch=0.0, height=40.0 if factor else 2.0, seed=seed + 1
    )
    # What the heart does reaches the sensor a quarter of a second later.
    at = round(19.75 * FS_HZ)
    found = witness(waves(np.concatenate((calm, behind)))).steady(at, at + round(later_s * FS_HZ))
    assert found is None or not found.is_sure


def test_of_two_leads_one_that_changed_is_believed():
    other = Lead(name="PLETH", unit=Unit.RAW, kind=LeadKind.PLETH)
    at, until = round(20 * FS_HZ), round(24.5 * FS_HZ)
    changed = np.concatenate((pressure(20), pressure(10, rate_per_min=150, height=20)))
    assert witness([*waves(pressure(30)), *waves(changed, lead=other)]).steady(at, until) is None
    assert witness([*waves(pressure(30)), *waves(pressure(30, height=1, noise=3), lead=other)]).steady(at, until)
