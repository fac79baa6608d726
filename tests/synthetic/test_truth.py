"""What a synthetic recording says of itself is so."""

from dataclasses import replace

import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.synthetic.noise import LeadOff, Mains, Motion, Muscle, Wander
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.rhythms import AtrialFibrillation, AvBlock, Sinus, VentricularTachycardia
from biosignal.synthetic.scenario import Scenario, Segment
from biosignal.synthetic.scenarios import SCENARIOS, scenario_named
from biosignal.synthetic.waves import TWELVE

HEARTS = [name for name, scenario in SCENARIOS.items() if scenario.leads]
CROWDED = {"torsades-at-minute-1", "flutter"}  # neighbouring waves move the extremes: the axis turns, or waves overlap


def of_rhythm(rhythm, *, lasts_s=300.0, **more):
    heart = (Segment(start_s=0.0, rhythm=rhythm),)
    return SyntheticRecording(Scenario(name="one", about="", duration_s=lasts_s, heart=heart, **more))


def intervals_s(made):
    return np.diff([beat.sample for beat in made.truth.beats]) / made.fs_hz


@pytest.mark.parametrize("name", [name for name in HEARTS if name not in CROWDED])
def test_r_peaks_are_extremes_of_the_lead_within_2_ms(name):
    made = SyntheticRecording(replace(scenario_named(name), noise=(), fs_hz=1000.0, st=()))
    late = [beat for beat in made.truth.beats if 200 < beat.sample < made.length - 200][:200]
    off = []
    for beat in late:
        around = made.clean(beat.sample - 30, beat.sample + 31)[0]
        level = made.clean(beat.qrs.on, beat.qrs.on + 1)[0, 0]
        off.append(abs(int(np.argmax(np.abs(around - level))) - 30))
    assert late
    # A P wave that falls into a QRS complex (complete block) or a T wave at high rates may move a few.
    assert np.mean(np.array(off) <= 2) >= 0.97


def test_fiducials_are_in_order_and_the_line_is_quiet_outside_them():
    made = of_rhythm(Sinus(rate_per_min=60, variability=0.0), lasts_s=30.0, fs_hz=1000.0)
    for beat in made.truth.beats[1:-1]:
        waves = (beat.p, beat.qrs, beat.t)
        order = [at for wave in waves for at in (wave.on, wave.peak, wave.off)]
        assert order == sorted(order)
        assert beat.sample == beat.qrs.peak
        for before, after in ((beat.p.off, beat.qrs.on), (beat.qrs.off, beat.t.on)):
            assert np.abs(made.clean(before, after + 1)).max() < 0.03
        line = made.clean(beat.p.on - 80, beat.t.off + 80)[0]
        assert abs(line[0]) < 0.002
        assert abs(line[-1]) < 0.002
        p_peak = int(np.argmax(made.clean(beat.p.on, beat.p.off)[0])) + beat.p.on
        t_peak = int(np.argmax(made.clean(beat.t.on, beat.t.off)[0])) + beat.t.on
        assert abs(p_peak - beat.p.peak) <= 2
        assert abs(t_peak - beat.t.peak) <= 2


def test_sinus_rhythm_has_its_rate_and_breathes():
    made = of_rhythm(Sinus(rate_per_min=66, variability=0.05))
    rr_s = intervals_s(made)
    assert 60 / rr_s.mean() == pytest.approx(66, rel=0.01)
    assert 0.02 < rr_s.std() / rr_s.mean() < 0.06
    at_s = np.cumsum(rr_s)
    share = [abs(np.sum((rr_s - rr_s.mean()) * np.exp(-2j * np.pi * hz * at_s))) for hz in (0.10, 0.18, 0.25, 0.35)]
    assert min(share[0], share[2]) > 2 * max(share[1], share[3])


def test_atrial_fibrillation_is_irregular_without_memory_and_without_p_waves():
    made = of_rhythm(AtrialFibrillation(rate_per_min=90), lasts_s=600.0)
    rr_s = intervals_s(made)
    assert 60 / rr_s.mean() == pytest.approx(90, rel=0.05)
    assert 0.15 < rr_s.std() / rr_s.mean() < 0.3
    assert abs(np.corrcoef(rr_s[:-1], rr_s[1:])[0, 1]) < 0.1
    assert all(beat.p is None and beat.symbol == "N" for beat in made.truth.beats)
    assert [change.aux for change in made.truth.rhythms] == ["(AFIB"]


def test_ventricular_tachycardia_is_fast_wide_and_told():
    made = SyntheticRecording(scenario_named("vt-at-minute-2"))
    (episode,) = made.truth.of("vt")
    inside = [beat for beat in made.truth.beats if episode.start <= beat.sample <= episode.end]
    assert {beat.symbol for beat in inside} == {"V"}
    rr_s = np.diff([beat.sample for beat in inside]) / made.fs_hz
    assert 60 / rr_s.mean() == pytest.approx(180, rel=0.01)
    assert all((beat.qrs.off - beat.qrs.on) / made.fs_hz > 0.12 for beat in inside)
    assert [change.aux for change in made.truth.rhythms] == ["(N", "(VT", "(N"]


def test_wenckebach_lengthens_pr_until_a_p_wave_stays_alone():
    made = of_rhythm(AvBlock(degree="wenckebach", every=4), lasts_s=60.0, fs_hz=500.0)
    groups = np.searchsorted(made.truth.lone_p, [beat.sample for beat in made.truth.beats])
    assert len(made.truth.lone_p) >= 14
    for group in range(1, len(made.truth.lone_p)):
        pr_s = [
            (beat.qrs.on - beat.p.on) / 500.0 for beat, of in zip(made.truth.beats, groups, strict=True) if of == group
        ]
        assert len(pr_s) == 3
        assert pr_s == sorted(pr_s)
        assert pr_s[0] == pytest.approx(0.18, abs=0.005)


def test_complete_block_parts_atria_and_ventricles():
    made = of_rhythm(AvBlock(degree="complete", atrial_rate_per_min=80, escape_per_min=36))
    assert 60 / intervals_s(made).mean() == pytest.approx(36, rel=0.01)
    assert np.diff(made.truth.lone_p).mean() / made.fs_hz == pytest.approx(60 / 80, rel=0.01)
    assert all(beat.p is None for beat in made.truth.beats)


def test_pauses_last_as_long_as_told():
    made = SyntheticRecording(scenario_named("pauses"))
    long_s = [rr_s for rr_s in intervals_s(made) if rr_s > 2.0]
    assert len(long_s) == len(made.truth.of("pause"))
    assert long_s == pytest.approx([2.8] * len(long_s), abs=0.01)


def test_einthoven_and_goldberger_hold_under_noise():
    noise = (Wander(amplitude_mv=0.3), Muscle(amplitude_mv=0.1), Mains(amplitude_mv=0.2), Motion(amplitude_mv=0.3))
    made = SyntheticRecording(replace(scenario_named("twelve-lead"), noise=noise, duration_s=20.0))
    names = [lead.name for lead in made.leads]
    assert tuple(names) == TWELVE
    one, two, three, avr, avl, avf = made.counts(0, made.length).astype(int)[:6]
    assert np.array_equal(three, two - one)
    for augmented, of in ((avr, -(one + two) / 2), (avl, one - two / 2), (avf, two - one / 2)):
        assert np.abs(augmented - of).max() <= 1.5


def test_an_electrode_that_falls_off_takes_its_leads_along_and_no_other():
    off = LeadOff(start_s=5.0, duration_s=4.0, electrodes=("V3",), rail_mv=5.0)
    made = SyntheticRecording(replace(scenario_named("twelve-lead"), noise=(off,), duration_s=20.0))
    inside = made.samples(2500, 4500)
    for lead, row in zip(made.leads, inside, strict=True):
        assert np.all(row == 5.0) == (lead.name == "V3")
    assert [(one.start, one.end) for one in made.truth.of("lead-off")] == [(2500, 4500)]


def test_an_st_shift_is_what_lead_ii_shows_60_ms_behind_the_qrs():
    made = SyntheticRecording(replace(scenario_named("st-shift"), noise=(), fs_hz=500.0))
    levels = []
    for beat in made.truth.beats[1:-1]:
        line = made.clean(beat.p.on - 20, beat.qrs.off + 60)[0]
        levels.append((line[-30] - line[0], beat.st_mv))
    shown, told = np.array(levels).T
    quiet = shown[told == 0].mean()
    assert told.max() == pytest.approx(0.25)
    assert told.min() == pytest.approx(-0.2)
    assert np.abs(shown - quiet - told).max() < 0.03


def test_bundle_branch_block_looks_left_or_right():
    made = SyntheticRecording(replace(scenario_named("bundle-branch"), noise=()))
    index = {lead.name: row for row, lead in enumerate(made.leads)}
    for beat in made.truth.beats[2:-2]:
        qrs = made.clean(beat.qrs.on, beat.qrs.off)
        late = qrs[index["V1"]][qrs.shape[1] // 2 :]
        assert (beat.qrs.off - beat.qrs.on) / made.fs_hz >= 0.12
        assert (late.max() > 0.4) == (beat.symbol == "R")
        assert (late.min() < -0.4) == (beat.symbol == "L")


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration_s": 0.0},
        {"duration_s": float("nan")},
        {"fs_hz": 20.0},
        {"leads": ("V9",)},
        {"leads": ("II", "II")},
        {"leads": ()},
        {"heart": ()},
        {"heart": (Segment(start_s=1.0, rhythm=Sinus()),)},
        {"heart": (Segment(start_s=0.0, rhythm=Sinus()), Segment(start_s=0.0, rhythm=Sinus()))},
        {"heart": (Segment(start_s=0.0, rhythm=Sinus(rate_per_min=0.0)),)},
        {"heart": (Segment(start_s=0.0, rhythm=VentricularTachycardia(form="square")),)},
        {"heart": (Segment(start_s=0.0, rhythm=AvBlock(every=0)),)},
        {"heart": (Segment(start_s=0.0, rhythm=AvBlock(degree="fifth")),)},
        {"noise": (LeadOff(electrodes=("KNEE",)),)},
        {"noise": (Wander(amplitude_mv=float("inf")),)},
        {"gain": 0.0},
    ],
)
def test_what_cannot_be_played_is_refused(wrong):
    with pytest.raises(BadInput):
        replace(scenario_named("sinus"), **wrong)
