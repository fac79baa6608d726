"""The pipeline on the signals that bedside monitors are tested with (IEC 60601-2-27, ANSI/AAMI EC13), imitated.

The signals are our own after the standards' descriptions, not the standards' files.
"""

from dataclasses import replace
from statistics import median

import pytest

from biosignal.events import QualityLevel
from biosignal.synthetic.scenarios import scenario_named
from tests.synthetic.playing import play

STEP_S = 60.0


def inside(made, kind):
    (episode,) = made.truth.of(kind)
    return episode.start / made.fs_hz, episode.end / made.fs_hz


@pytest.mark.parametrize("name", [f"vt-{which}{gain}" for which in ("4a", "4b") for gain in ("-half", "", "-double")])
def test_ventricular_tachycardia_is_told_within_7_s(name):
    played = play(name)
    start_s, end_s = inside(played.made, "vt")
    told = [told_s for onset_s, told_s in played.opened("vt") if start_s - 0.2 <= onset_s <= end_s]
    assert told
    assert told[0] - start_s <= 7.0


def test_ventricular_tachycardia_behind_sinus_rhythm_is_one_finding_as_long_as_it_lasts():
    played = play("vt-at-minute-2")
    start_s, end_s = inside(played.made, "vt")
    (finding,) = played.standing("vt")
    (opened,) = played.opened("vt")
    assert opened[1] - start_s <= 7.0
    assert finding.onset / 250 == pytest.approx(start_s, abs=1.0)
    assert finding.end / 250 == pytest.approx(end_s, abs=1.0)


def test_asystole_is_told_within_10_s_and_ends_with_the_next_beat():
    played = play("asystole-at-minute-1", classified=False)
    start_s, end_s = inside(played.made, "asystole")
    (opened,) = played.opened("asystole")
    (finding,) = played.standing("asystole")
    assert 4.0 <= opened[1] - start_s <= 10.0
    assert finding.onset / 250 == pytest.approx(start_s, abs=0.1)
    assert finding.end / 250 == pytest.approx(end_s, abs=1.5)


@pytest.mark.parametrize(("name", "rate_per_min"), [("monitor-80-120", 120), ("monitor-80-40", 40)])
def test_the_heart_rate_follows_a_step_within_10_s(name, rate_per_min):
    played = play(name, classified=False)
    before = [bpm for at_s, bpm in played.rates if 20 < at_s < STEP_S]
    assert max(abs(bpm - 80) for bpm in before) < 1.5
    reached_s = next(at_s for at_s, bpm in played.rates if at_s > STEP_S and bpm and abs(bpm - rate_per_min) <= 4)
    assert reached_s - STEP_S <= 10.0
    assert all(abs(bpm - rate_per_min) <= 4 for at_s, bpm in played.rates if at_s > reached_s)


@pytest.mark.parametrize(("which", "rate_per_min"), [("3a", 80), ("3b", 60), ("3c", 120), ("3d", 90)])
def test_irregular_rhythms_show_their_mean_rate_after_20_s(which, rate_per_min):
    played = play(f"irregular-{which}", classified=False)
    shown = [bpm for at_s, bpm in played.rates if at_s > 20]
    assert shown
    assert all(abs(bpm - rate_per_min) <= 0.05 * rate_per_min for bpm in shown)


@pytest.mark.parametrize("height_uv", [400, 800, 1000, 1200])
def test_a_tall_t_wave_is_not_counted(height_uv):
    played = play(f"tall-t-{height_uv}uv", classified=False)
    peaks = [beat.sample for beat in played.made.truth.beats]
    assert len(played.beats) >= len(peaks) - 2
    for beat in played.beats:
        assert min(abs(beat.start - peak) for peak in peaks) <= 0.1 * 250
    assert median(bpm for _, bpm in played.rates if bpm) == pytest.approx(80, abs=1)


@pytest.mark.parametrize(("qrs_mv", "share"), [(0.10, 0.0), (0.13, 0.0), (0.5, 1.0)])
def test_a_qrs_under_150_uv_is_not_counted_and_one_of_500_uv_is(qrs_mv, share):
    played = play(replace(scenario_named("low-amplitude"), gain=qrs_mv), classified=False)
    assert len(played.beats) == pytest.approx(share * len(played.made.truth.beats), abs=1 if share else 0)
    assert not played.opened("asystole")
    assert bool(played.opened("no-ecg-seen")) == (share == 0.0)


def test_fibrillation_is_named_within_10_s_for_as_long_as_it_lasts_and_is_no_asystole():
    played = play("vf-at-minute-1")
    start_s, end_s = inside(played.made, "vf")
    (opened,) = played.opened("vf")
    (finding,) = played.standing("vf")
    assert opened[1] - start_s <= 10.0
    assert finding.end / 250 == pytest.approx(end_s, abs=1.0)
    assert not played.opened("asystole")


@pytest.mark.parametrize(
    ("kind", "told"), [("lead-off", "lead-off"), ("flat-line", "poor-signal")], ids=["lead off", "flat line"]
)
def test_what_cannot_be_seen_is_a_technical_finding_and_never_asystole(kind, told):
    played = play("lead-off")
    start_s, end_s = inside(played.made, kind)
    onsets = [(onset_s, told_s) for onset_s, told_s in played.opened(told) if abs(onset_s - start_s) <= 1.0]
    assert onsets
    assert onsets[0][1] - start_s <= 5.0
    assert not played.opened("asystole")
    seconds = [one for one in played.qualities if start_s + 1 <= one.start / 250 and one.end / 250 <= end_s]
    assert {one.quality for one in seconds if one.leads == ("II",)} == {QualityLevel.REJECTED}


def test_noise_of_every_kind_keeps_99_percent_of_beats():
    played = play("noisy", classified=False)
    found = [beat.start for beat in played.beats]
    missed = [beat for beat in played.made.truth.beats if not any(abs(beat.sample - sample) <= 37 for sample in found)]
    assert len(missed) <= 0.01 * len(played.made.truth.beats)


def test_pauses_and_bigeminy_are_found():
    pauses = play("pauses", classified=False)
    assert len(pauses.opened("pause")) >= len(pauses.made.truth.of("pause")) - 1
    bigeminy = play("pvc-bigeminy")
    runs = bigeminy.made.truth.of("vt")
    assert len(bigeminy.standing("v-run")) == len(runs) > 3
    assert len(bigeminy.standing("pvc-couplet")) >= 9
