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
    is_kept_out,
    kept_out,
    names_in,
    resampled,
    synthetic_strip,
)
from export.front.windows import LENGTH, VERDICT_LEADS, Windows
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
