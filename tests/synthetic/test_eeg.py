"""The synthetic EEG has the spectra and events that its stages are defined by."""

from dataclasses import replace

import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.signal.blocks import LeadKind, Unit
from biosignal.synthetic.noise import Bridge, ElectrodePop, FlatChannel
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import scenario_named

BANDS = {"delta": (0.5, 4), "theta": (4, 8), "alpha": (8, 12), "sigma": (12, 15.5), "beta": (15.5, 30)}


def spectrum(x, fs_hz):
    """Mean power of Hann windows of 4 s that overlap by half."""
    size = round(4 * fs_hz)
    window = np.hanning(size)
    pieces = [x[at : at + size] for at in range(0, len(x) - size + 1, size // 2)]
    power = np.mean([np.abs(np.fft.rfft(window * (piece - piece.mean()))) ** 2 for piece in pieces], axis=0)
    return np.fft.rfftfreq(size, 1 / fs_hz), power


def shares(x, fs_hz):
    hz, power = spectrum(x, fs_hz)
    whole = power[(hz >= 0.5) & (hz < 30)].sum()
    return {band: power[(hz >= low) & (hz < high)].sum() / whole for band, (low, high) in BANDS.items()}


def stretch(made, channel, start_s, end_s):
    row = [lead.name for lead in made.leads].index(channel)
    return made.samples(round(start_s * made.fs_hz), round(end_s * made.fs_hz))[row].astype(float)


def sigma_power(x):
    hz = np.fft.rfftfreq(len(x), 1 / 256)
    power = np.abs(np.fft.rfft(np.hanning(len(x)) * (x - x.mean()))) ** 2
    return power[(hz >= 12) & (hz <= 15)].sum()


@pytest.fixture(scope="module")
def night():
    return SyntheticRecording(scenario_named("eeg-sleep"))


def test_the_stages_are_told_and_in_microvolts(night):
    assert [(stage.stage, stage.start / 256) for stage in night.truth.stages] == [
        ("W", 0), ("N1", 300), ("N2", 600), ("N3", 900), ("N2", 1200), ("R", 1500),
    ]  # fmt: skip
    assert {lead.unit for lead in night.leads} == {Unit.MICROVOLT}


def test_each_stage_has_its_spectrum(night):
    wake, n1, n2, n3, rem = (
        shares(stretch(night, channel, start_s + 10, start_s + 130), 256.0)
        for channel, start_s in (("O2-M1", 0), ("C4-M1", 300), ("C4-M1", 600), ("C4-M1", 900), ("C4-M1", 1500))
    )
    assert wake["alpha"] > 0.5
    assert n1["theta"] > 0.3 > 0.15 > n1["alpha"]
    assert n2["delta"] > 0.4
    assert n2["sigma"] > 1.5 * n3["sigma"]
    assert n3["delta"] > 0.8
    assert rem["delta"] < 0.4
    assert rem["alpha"] < 0.15


def test_n3_is_a_fifth_or_more_of_slow_waves_of_75_uv_and_rem_is_not(night):
    def peaks(start_s):
        x = stretch(night, "F4-M1", start_s + 10, start_s + 130).reshape(-1, 128)
        return np.mean(np.ptp(x, axis=1) > 75)

    assert peaks(900) > 0.5
    assert peaks(1500) < 0.1


def test_alpha_comes_with_closed_eyes_and_goes_with_open_ones():
    made = SyntheticRecording(scenario_named("eeg-awake"))
    opened, closed = (stretch(made, "O1", at_s + 2, at_s + 28) for at_s in (0, 30))
    hz, before = spectrum(opened, 256.0)
    _, after = spectrum(closed, 256.0)
    alpha = (hz >= 8) & (hz < 12)
    assert after[alpha].sum() > 5 * before[alpha].sum()
    assert 8.5 <= hz[alpha][np.argmax(after[alpha])] <= 11.5
    assert shares(closed, 256.0)["alpha"] > 2 * shares(stretch(made, "F3", 32, 58), 256.0)["alpha"]


def test_a_blink_is_high_at_the_forehead_and_absent_at_the_back():
    made = SyntheticRecording(scenario_named("eeg-awake"))
    blinks = [blink for blink in made.truth.of("blink") if blink.end < 29 * 256]
    assert len(blinks) >= 3
    for blink in blinks:
        front, back = (stretch(made, name, blink.start / 256 - 0.1, blink.end / 256) for name in ("Fp1", "O1"))
        assert np.ptp(front) > 70
        assert np.ptp(back) < 60


def test_spindles_and_k_complexes_are_where_the_truth_says(night):
    spindles = [one for one in night.truth.of("spindle") if 600 <= one.start / 256 < 880]
    complexes = [one for one in night.truth.of("k-complex") if one.start / 256 < 890]
    assert len(spindles) > 12
    assert len(complexes) > 4
    inside, behind = (
        [sigma_power(stretch(night, "C4-M1", at / 256, at / 256 + 1)) for at in starts]
        for starts in ([one.start for one in spindles], [one.end + 128 for one in spindles])
    )
    assert np.median(inside) > 5 * np.median(behind)
    depths = [stretch(night, "F4-M1", one.start / 256, one.end / 256).min() for one in complexes]
    assert np.median(depths) < -75


def test_a_seizure_grows_slows_spreads_and_ends():
    made = SyntheticRecording(scenario_named("eeg-seizure"))
    (seizure,) = made.truth.of("seizure")
    start_s, end_s = seizure.start / 256, seizure.end / 256
    assert (start_s, end_s, seizure.note) == (65, 125, "T3")
    early, late = (stretch(made, "T3-T5", at_s, at_s + 8) for at_s in (start_s + 4, end_s - 10))
    assert late.std() > 1.4 * early.std() > 2.5 * stretch(made, "T3-T5", 50, 58).std()
    top = []
    for x in (early, late):
        hz, power = spectrum(x, 256.0)
        top.append(hz[1:][np.argmax(power[1:])])
    assert top[0] > 5
    assert 2 < top[1] < 4
    far = [stretch(made, "P3-O1", at_s, at_s + 8).std() for at_s in (start_s + 4, end_s - 10)]
    assert far[1] > 1.5 * far[0]


def test_bursts_are_high_and_suppressions_nearly_flat():
    made = SyntheticRecording(scenario_named("eeg-burst-suppression"))
    for kind, low, high in (("burst", 60, 1000), ("suppression", 0, 15)):
        for one in made.truth.of(kind):
            if one.end - one.start > 1.2 * 256:
                x = stretch(made, "C3-P3", one.start / 256 + 0.3, one.end / 256 - 0.3)
                assert low < np.ptp(x) < high


def test_a_bipolar_channel_is_the_difference_of_its_electrodes():
    scenario = replace(scenario_named("eeg-awake"), channels=("F3", "C3", "F3-C3"), duration_s=65.0)
    front, middle, between = SyntheticRecording(scenario).counts(0, 5000).astype(int)
    assert np.abs(between - (front - middle)).max() <= 1


def test_heart_and_brain_share_one_recording():
    made = SyntheticRecording(scenario_named("sleep-with-heart"))
    assert [lead.unit.value for lead in made.leads] == ["mV", "uV", "uV", "uV"]
    assert len(made.truth.beats) == pytest.approx(580, abs=15)
    assert [stage.stage for stage in made.truth.stages] == ["W", "N1", "N2"]


CALM = replace(
    scenario_named("eeg-awake"),
    duration_s=20.0,
    channels=("C3", "P3", "O1", "O2", "C3-P3"),
    brain=scenario_named("eeg-awake").brain[:1],
)


def spoiled(*noise):
    """What a disturbance changes, uV, shape (lead, sample), and what is told of it."""
    made = SyntheticRecording(replace(CALM, noise=(*CALM.noise, *noise)))
    plain = SyntheticRecording(CALM)
    return made.samples(0, made.length).astype(float) - plain.samples(0, plain.length), made


def test_a_pop_jumps_on_its_electrode_at_the_moment_told_and_comes_back():
    more, made = spoiled(ElectrodePop(start_s=8.0, electrodes=("C3",), amplitude_mv=0.2, tau_s=0.4))
    (told,) = made.truth.of("electrode-pop")
    assert (told.start, told.end, told.note) == (8 * 256, 10 * 256, "C3")
    assert not more[:, : told.start].any()
    assert not more[:, told.end :].any()
    assert not more[1:4].any()
    assert abs(more[0, told.start]) == pytest.approx(200.0, abs=0.2)
    assert np.allclose(more[4], more[0], atol=0.21)
    heights = np.abs(more[0, told.start : told.end])
    assert heights[round(0.4 * 256)] == pytest.approx(200 / np.e, rel=0.02)
    assert np.diff(heights).max() < 0.21


def test_bridged_electrodes_have_their_mean_potential_and_their_own_hiss():
    _, made = spoiled(Bridge(start_s=8.0, duration_s=5.0, electrodes=("C3", "P3")))
    (told,) = made.truth.of("bridge")
    x, plain = made.samples(0, made.length), SyntheticRecording(CALM).samples(0, made.length)
    apart = (x[0] - x[1]).astype(float)
    inside, outside = apart[told.start : told.end], apart[: told.start]
    assert 0.5 < inside.std() < 2.0 < 5.0 < outside.std()
    mean = plain[:2, told.start : told.end].mean(axis=0)
    assert (x[0, told.start : told.end] - mean).std() < 2.0
    assert np.array_equal(x[2:4], plain[2:4])


def test_a_bridge_to_an_electrode_without_a_channel_is_one_as_well():
    both = replace(CALM, noise=(*CALM.noise, Bridge(start_s=8.0, electrodes=("O1", "P3"))))
    alone = replace(both, channels=("P3",))
    assert np.array_equal(SyntheticRecording(alone).counts(0, 5000)[0], SyntheticRecording(both).counts(0, 5000)[1])


def test_a_flat_channel_is_flat_and_the_others_are_not():
    more, made = spoiled(FlatChannel(start_s=8.0, duration_s=5.0, electrodes=("C3",)))
    (told,) = made.truth.of("flat-channel")
    x = made.samples(told.start, told.end)
    assert not x[[0, 4]].any()
    assert not more[1:4].any()


@pytest.mark.parametrize("electrodes", [("C3",), (), ("C3", "LL")])
def test_a_bridge_that_joins_nothing_is_refused(electrodes):
    with pytest.raises(BadInput):
        spoiled(Bridge(electrodes=electrodes))


def test_an_unknown_channel_is_refused():
    with pytest.raises(BadInput, match="EEG"):
        replace(scenario_named("eeg-awake"), channels=("C9",))


def test_the_night_has_every_stage_in_whole_epochs_and_a_seizure_at_a_known_time():
    made = SyntheticRecording(scenario_named("night"))
    stages = [(one.stage, one.start / made.fs_hz / 30, one.end / made.fs_hz / 30) for one in made.truth.stages]
    assert stages == [
        ("W", 0, 3), ("N1", 3, 5), ("N2", 5, 9), ("N3", 9, 12), ("N2", 12, 14), ("R", 14, 17), ("W", 17, 20),
    ]  # fmt: skip
    (seizure,) = made.truth.of("seizure")
    assert (seizure.start / made.fs_hz, seizure.end / made.fs_hz, seizure.note) == (525, 565, "T3")
    asleep = [one for one in made.truth.of("spindle") if 150 <= one.start / made.fs_hz < 420]
    assert len(asleep) == len(made.truth.of("spindle")) >= 20


def test_the_eyes_are_seen_by_leads_of_their_own_with_opposite_signs():
    made = SyntheticRecording(scenario_named("night"))
    assert [lead.name for lead in made.leads if lead.kind is LeadKind.EOG] == ["E1-M2", "E2-M2"]
    moved = [one.start / made.fs_hz for one in made.truth.of("eye-movement")]
    heights = [(stretch(made, "E1-M2", s, s + 0.3).mean(), stretch(made, "E2-M2", s, s + 0.3).mean()) for s in moved]
    assert len(moved) > 5
    assert np.mean([left * right < 0 for left, right in heights]) > 0.8
