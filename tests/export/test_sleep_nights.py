"""Nights that train and test the staging of sleep, and their figures."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from biosignal.eeg.epoch_powers import NUMBERS
from biosignal.events import Rung
from biosignal.model.model import Model
from biosignal.tasks.eeg_sleep.kinds import CLASSES, CONTRACT, NAME, STATE
from biosignal.tasks.eeg_sleep.night import COUNT, scaled_inputs
from export.cli import main
from export.recordings import NoRecordings
from export.release import admitted, read_bundle
from export.sleep.card import NOT_TRIED, TRIED, card_of
from export.sleep.corpus import read_scored, relative_nights, shared_inputs, taught
from export.sleep.scores import Answered, Shown, answer, figures_of, onsets

RELEASED = Path(__file__).parents[2] / "models" / "eeg-sleep" / "1.0.1" / "manifest.json"


def write(folder, *, nights=("SC4001", "SC4002"), epochs=200):
    random = np.random.default_rng(1)
    stages = np.concatenate([np.zeros(80), [1] * 3, [2] * 30, [3] * 20, [4] * 20, np.zeros(epochs - 153)])
    x = np.exp(random.normal(1.0, 0.3, (epochs * len(nights), 2 * len(NUMBERS))))
    x[:, 5] *= 100.0
    np.savez(
        folder / "bandpower20_abs.npz",
        X=x.astype(np.float32),
        y=np.tile(stages, len(nights)).astype(np.int8),
        rec=np.repeat(nights, epochs),
    )


def made(*, gain_seen=None):
    class Listening:
        bundle, rung = f"{NAME}/0.0.1", Rung.ONNX_CPU

        def infer(self, inputs):
            if gain_seen is not None:
                gain_seen.append((inputs["epoch"][0].copy(), inputs["kind"][0].copy()))
            return {"scores": np.full((1, 5), 0.2, np.float32), "state_after": np.zeros((1, STATE), np.float32)}

        def close(self):
            pass

    return Model(NAME, CONTRACT, Listening())


def test_nights_come_with_their_subject_and_in_the_order_of_their_epochs(tmp_path):
    write(tmp_path)
    nights = read_scored(tmp_path)
    assert [(night.name, night.subject, len(night.stages)) for night in nights] == [
        ("SC4001", "00", 200),
        ("SC4002", "00", 200),
    ]
    assert nights[0].numbers.shape == (200, len(NUMBERS))


def test_a_night_is_taught_whole_and_as_if_the_electrodes_came_at_bedtime(tmp_path):
    write(tmp_path, nights=("SC4011",))
    whole, late = taught(read_scored(tmp_path))
    assert (len(whole.inputs), len(late.inputs)) == (200, 180)
    assert (whole.stages[20:] == late.stages).all()
    assert not (whole.inputs[20:] == late.inputs).all()


def test_what_both_sets_know_does_not_change_with_the_amplitude():
    assert not (shared_inputs() & scaled_inputs()).any()
    assert shared_inputs().sum() == 36


@pytest.mark.parametrize("broken", [None, b"", b"PK\x03\x04 nothing"])
def test_a_file_that_is_missing_or_another_is_named(tmp_path, broken, capsys):
    if broken is not None:
        (tmp_path / "bandpower20_abs.npz").write_bytes(broken)
    with pytest.raises(NoRecordings):
        read_scored(tmp_path)
    assert main(["evaluate", "sleep", "--data-dir", str(tmp_path)]) == 2
    assert "bandpower20_abs.npz" in capsys.readouterr().err


def test_a_night_is_shown_in_another_amplitude_and_without_microvolts(tmp_path):
    write(tmp_path, nights=("SC4011",))
    night = read_scored(tmp_path)[0]
    plain, loud, hidden = [], [], []
    answer(night, made(gain_seen=plain), Shown())
    answer(night, made(gain_seen=loud), Shown(gain=2.0))
    answer(night, made(gain_seen=hidden), Shown(has_scale=False))
    moved = loud[3][0] - plain[3][0]
    np.testing.assert_allclose(moved[scaled_inputs()], 2 * np.log(2.0), rtol=1e-4)
    np.testing.assert_allclose(moved[~scaled_inputs()], 0.0, atol=1e-4)
    assert (plain[3][1][0], hidden[3][1][0]) == (1.0, 0.0)


def test_figures_hold_what_was_scored_around_sleep_whole_and_by_night(tmp_path):
    write(tmp_path)
    nights = read_scored(tmp_path)
    perfect = [Answered(night=night, scores=np.eye(5)[night.stages]) for night in nights]
    figures = figures_of(perfect, Shown())
    assert (figures["gross"]["accuracy"], figures["gross"]["kappa"], figures["gross"]["ece"]) == (100.0, 1.0, 0.0)
    assert figures["gross"]["f1"] == dict.fromkeys(CLASSES, 100.0)
    assert figures["gross"]["epochs"] == 2 * (60 + 73 + 47)
    assert figures["whole"]["epochs"] == 400
    assert [row["record"] for row in figures["records"]] == ["SC4001", "SC4002"]
    assert [(row["onset_min"], row["onset_called_min"]) for row in figures["records"]] == [(40.0, 40.0)] * 2


def test_an_unanswered_epoch_is_counted_and_not_scored(tmp_path):
    write(tmp_path, nights=("SC4011",))
    night = read_scored(tmp_path)[0]
    scores = np.eye(5)[night.stages]
    scores[85] = np.nan
    one = Answered(night=night, scores=scores)
    figures = figures_of([one], Shown())
    assert figures["unanswered"] == 1
    assert figures["whole"]["epochs"] == 199
    assert onsets(one) == (80, 80)


@pytest.mark.parametrize("gain", ["0", "-1", "nan", "loud", "11"])
def test_a_gain_that_cannot_be_is_refused(gain, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", "sleep", "--data-dir", "x", "--gain", gain])
    assert stopped.value.code == 2
    assert "factor" in capsys.readouterr().err


@pytest.fixture
def sleepedf():
    root = os.environ.get("EDGE_DATA_DIR")
    if not root or not (Path(root) / "sleepedf" / "bandpower20_abs.npz").exists():
        pytest.skip("EDGE_DATA_DIR names no folder with sleepedf")
    return Path(root) / "sleepedf"


@pytest.mark.data
def test_the_sets_are_read_as_they_were_published(sleepedf):
    nights = read_scored(sleepedf)
    assert (len(nights), len({night.subject for night in nights})) == (16, 8)
    relative = relative_nights(sleepedf, most=2)[0]
    assert np.isfinite(relative.inputs[:, shared_inputs()]).all()
    assert np.isnan(relative.inputs[:, ~shared_inputs()]).all()
    assert relative.inputs.shape[1] == COUNT


@pytest.mark.data
def test_the_released_bundle_stages_the_nights_that_trained_it(sleepedf, capsys):
    assert main(["evaluate", "sleep", "--data-dir", str(sleepedf), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["gross"]["accuracy"] > 85.0
    assert figures["gross"]["kappa"] > 0.8
    assert set(figures["gross"]["f1"]) == set(CLASSES)
    assert figures["whole"]["epochs"] > figures["gross"]["epochs"]


@pytest.mark.data
@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's exporter
def test_a_quick_training_makes_a_bundle_twice_the_same(sleepedf, tmp_path):
    pytest.importorskip("torch", reason="needs torch")
    for name in ("one", "two"):
        asked = ["train", "--task", NAME, "--data", str(sleepedf.parent), "--out", str(tmp_path / name), "--quick"]
        assert main([*asked, "--seed", "5"]) == 0
    one, two = read_bundle(tmp_path / "one"), read_bundle(tmp_path / "two")
    assert one.files == two.files
    assert admitted(one).worst_difference <= 1e-4
    anchor = one.anchor()
    assert not set(anchor.patient[anchor.part == 0]) & set(anchor.patient[anchor.part == 1])


def test_a_card_has_figures_of_its_own_recipe_only():
    training = json.loads(RELEASED.read_text())["training"]
    assert TRIED in card_of("1.0.1", training)
    longer = {**training, "recipe": {**training["recipe"], "steps": training["recipe"]["steps"] + 1}}
    assert TRIED not in card_of("1.0.1", longer)
    assert NOT_TRIED in card_of("1.0.1", longer)
