"""What the front end is taught: which beats and rhythms, which are left out, and what is made up."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks.ecg_front.channels import CHANNELS, RATE_HZ
from biosignal.tasks.ecg_front.kinds import OUTPUTS
from export.front.corpus import (
    NO_CONTACT,
    NOISY,
    UNKNOWN,
    VENTRICULAR,
    corpus,
    doubt_leads,
    is_kept_out,
    kept_out,
    names_in,
    resampled,
    synthetic_strip,
)
from export.front.windows import LENGTH, VERDICT_LEADS, Windows, found_noises
from export.recordings import DS1, DS2, PACED, NoRecordings

SETS = ("mitdb", "svdb", "cudb", "vfdb", "cinc2017", "cinc2011", "ptbxl")


@pytest.fixture
def data():
    root = Path(os.environ.get("EDGE_DATA_DIR", "."))
    if lacking := [name for name in SETS if not (root / name).is_dir()]:
        pytest.skip(f"EDGE_DATA_DIR lacks {', '.join(lacking)}")
    return root


def strips():
    """The synthetic patient in place of the sets, under their names."""
    made = [
        synthetic_strip(SyntheticRecording(SCENARIOS[name], seed=7), name)
        for name in ("sinus", "vf-at-minute-1", "paced")
    ]
    named = [replace(one, group=group) for one, group in zip(made, ("mitdb", "vfdb", "ptbxl"), strict=True)]
    judged = [replace(made[0], group="cinc2011", name=f"{verdict}", verdict=verdict) for verdict in (0, 1)]
    return [*named, *judged]


def noises():
    return [np.random.default_rng(3).normal(0, 1, 5 * LENGTH).astype(np.float32)]


def test_every_fifth_record_is_kept_out_and_none_of_them_is_read(tmp_path):
    for number in range(12):
        (tmp_path / f"r{number:02}.hea").write_text("")
    assert kept_out(tmp_path) == ["r02", "r07"]
    assert [index for index in range(12) if is_kept_out(index)] == [2, 7]


def test_a_set_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NoRecordings, match="not there"):
        corpus(tmp_path)


def test_fibrillation_and_beats_of_a_recording_stand_where_they_are():
    strip = synthetic_strip(SyntheticRecording(SCENARIOS["vf-at-minute-1"], seed=7), "vf")
    (episode,) = SyntheticRecording(SCENARIOS["vf-at-minute-1"], seed=7).truth.of("vf")
    start, end = (round(at * RATE_HZ / 250) for at in (episode.start, episode.end))
    assert (strip.vf[start + 200 : end - 200] == 1).all()
    assert not strip.qrs[start + 200 : end - 200].any()
    assert (strip.vf[: start - 1500] == 0).all()
    assert len(strip.beats[strip.beats < start]) > 50


def test_missing_samples_are_bridged_and_a_lead_of_nothing_is_flat():
    x = np.ones((2, 500), np.float32)
    x[0, 100:200], x[1] = np.nan, np.nan
    z = resampled(x, 250.0)
    assert np.allclose(z[0], 1.0, atol=1e-3)
    assert not z[1].any()


def test_a_batch_has_what_the_network_reads_and_what_it_should_say():
    batch = Windows(strips(), noises(), seed=1).draw()
    count = len(batch.targets)
    assert batch.channels.shape == (count + VERDICT_LEADS, CHANNELS, LENGTH)
    assert batch.targets.shape == batch.weights.shape == (count, 4, LENGTH)
    assert batch.fit.shape == (count, len(OUTPUTS) - 4, LENGTH)
    assert np.isfinite(batch.channels).all()
    assert 0 <= batch.targets.min() <= batch.targets.max() <= 1
    assert batch.targets[:, 0].max() > 0.99
    assert np.allclose(batch.fit.sum(axis=1)[batch.fit_weight > 0], 1.0)
    assert batch.verdict in (0, 1)


def test_the_same_seed_draws_the_same_and_another_does_not():
    drawn = [Windows(strips(), noises(), seed=seed).draw().channels for seed in (1, 1, 2)]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])


def test_some_windows_lose_contact_some_are_noisy_and_some_fibrillate():
    windows = Windows(strips(), noises(), seed=2)
    batches = [windows.draw() for _ in range(12)]
    fit = np.concatenate([one.fit for one in batches])
    assert fit[:, NO_CONTACT].any()
    assert fit[:, NOISY].any()
    assert any((one.targets[:, 2] * one.weights[:, 2]).any() for one in batches)


@pytest.mark.data
def test_the_named_parts_train_and_no_other(data):
    read = corpus(data, quick=True)
    trained = {(one.group, one.name) for one in read}
    mitdb = {name for group, name in trained if group == "mitdb"}
    assert mitdb <= set(DS1) - {"118", "119"}
    assert not mitdb & {*DS2, *PACED}
    for group in ("svdb", "cudb", "vfdb", "cinc2017", "cinc2011"):
        assert not {name for of, name in trained if of == group} & set(kept_out(data / group)), group
    for strip in read:
        if strip.group == "mitdb":
            assert (strip.vf == UNKNOWN).all()
            assert (strip.vt == UNKNOWN).all()
    assert any((strip.kinds == VENTRICULAR).any() for strip in read)
    assert len(names_in(data / "svdb")) > 20


def test_a_lead_is_noisy_where_it_alone_hides_or_makes_up_a_beat():
    made = SyntheticRecording(SCENARIOS["sinus"], seed=7)
    strip = synthetic_strip(made, "sinus")
    samples = made.samples(0, made.length)[:2].copy()
    silent, everywhere = slice(100 * 250, 110 * 250), slice(200 * 250, 210 * 250)
    samples[1, silent] = samples[1, silent.start]
    samples[:, everywhere] = samples[:, everywhere.start : everywhere.start + 1]
    doubt_leads(strip, samples, made.fs_hz)
    noisy = [(strip.fit[row] == NOISY) for row in (0, 1)]
    assert noisy[1][100 * 125 + 60 : 110 * 125 - 60].mean() > 0.7
    assert not noisy[0][90 * 125 : 115 * 125].any()
    assert not noisy[1][: 95 * 125].any()
    assert (strip.fit[:, 202 * 125 : 208 * 125] == UNKNOWN).mean() > 0.7


def test_what_is_noise_somewhere_is_added_elsewhere_and_a_flat_lead_is_no_noise():
    random = np.random.default_rng(1)
    base = synthetic_strip(SyntheticRecording(SCENARIOS["sinus"], seed=7), "sinus")
    length = base.z.shape[1]
    hiss = random.normal(0, 0.5, (2, length)).astype(np.float32)
    hiss[1] = 3.0
    fit = np.full((2, length), NOISY, np.int8)
    noisy = replace(base, group="cinc2017", z=hiss, fit=fit)
    (found,) = found_noises([noisy, base])
    assert len(found) == length
    assert np.std(found) == pytest.approx(1.0)


def test_a_widened_complex_is_wide_and_its_beat_stands_at_its_top():
    windows = Windows(strips(), noises(), seed=3)
    beats = np.arange(100.0, 1400.0, 120.0)
    z = np.zeros(LENGTH)
    for at in beats:
        z += np.exp(-0.5 * ((np.arange(LENGTH) - at) / 2.0) ** 2)
    wide, moved = windows.widen(z, beats, 1.0)
    for at, before in zip(moved, beats, strict=True):
        assert abs(at - before) <= 8
        near = np.abs(wide[int(at) - 20 : int(at) + 21])
        assert np.abs(wide[int(at)]) == pytest.approx(near.max(), rel=0.05)
        assert (near > 0.5 * near.max()).sum() > 1.3 * (np.abs(z[int(before) - 20 : int(before) + 21]) > 0.5).sum()
