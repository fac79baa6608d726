"""`python -m export` trains, evaluates beats with a bundle, and says what is missing."""

import json
import os
from pathlib import Path

import pytest

from export.cli import main
from export.release import admitted, read_bundle
from tests.bundles import bundle_files

BUNDLE = Path(__file__).parents[2] / "models" / "ecg-beats" / "2.0.0"


@pytest.fixture
def data():
    root = os.environ.get("EDGE_DATA_DIR")
    if not root or not (Path(root) / "mitdb" / "100.hea").exists():
        pytest.skip("EDGE_DATA_DIR names no folder with mitdb")
    return root


def test_missing_recordings_are_named_with_both_ways_to_get_them(tmp_path, capsys):
    assert main(["train", "--out", "unused", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert str(tmp_path) in said
    assert "EDGE_DATA_DIR" in said
    assert "wfdb.dl_database" in said


def test_a_cut_record_is_named(tmp_path, data, capsys):
    for name in ("100.hea", "100.atr"):
        (tmp_path / name).write_bytes((Path(data) / "mitdb" / name).read_bytes())
    (tmp_path / "100.dat").write_bytes(b"short")
    assert main(["evaluate", "beats", "--data-dir", str(tmp_path), "--records", "100"]) == 2
    assert "a record cannot be read" in capsys.readouterr().err


def test_a_changed_bundle_is_refused(tmp_path, data, capsys):
    for path in BUNDLE.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "card.md").write_text("better figures")
    assert main(["evaluate", "beats", "--bundle", str(tmp_path), "--data-dir", f"{data}/mitdb"]) == 3
    assert "not the one the manifest hashed" in capsys.readouterr().err


def test_a_bundle_with_its_classes_in_another_order_is_refused(tmp_path, data, capsys):
    for name, content in bundle_files(classes=("V", "N", "S", "F")).items():
        (tmp_path / name).write_bytes(content)
    asked = ["evaluate", "beats", "--bundle", str(tmp_path), "--data-dir", f"{data}/mitdb", "--records", "100"]
    assert main(asked) == 2
    assert "another order" in capsys.readouterr().err


@pytest.mark.parametrize("epochs", ["0", "-1", "many"])
def test_epochs_are_a_positive_number(epochs, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--out", "unused", "--epochs", epochs])
    assert stopped.value.code == 2
    assert "positive" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.parametrize("beats", ["detected", "reference"])
def test_the_release_keeps_its_figures_on_a_record_it_never_saw(beats, data, capsys):
    asked = ["evaluate", "beats", "--data-dir", f"{data}/mitdb", "--records", "233", "--beats", beats, "--json"]
    assert main(asked) == 0
    figures = json.loads(capsys.readouterr().out)
    # Found, missed and false, from 5:00; at reference positions as in the card.
    found = (691, 1, 0) if beats == "detected" else (685, 7, 1)
    assert tuple(figures["gross"]["v"][name] for name in ("tp", "fn", "fp")) == found
    assert figures["records"][0]["trained_on"] is False


@pytest.mark.data
@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's exporter
def test_a_quick_training_makes_a_bundle_twice_the_same(data, tmp_path):
    pytest.importorskip("torch", reason="needs torch")
    for name in ("one", "two"):
        assert main(["train", "--data", data, "--out", str(tmp_path / name), "--quick", "--seed", "5"]) == 0
    one, two = read_bundle(tmp_path / "one"), read_bundle(tmp_path / "two")
    assert one.files == two.files
    assert admitted(one).worst_difference <= 1e-4
    assert "quick run" in one.card
    anchor = one.anchor()
    assert not set(anchor.patient[anchor.part == 0]) & set(anchor.patient[anchor.part == 1])


def test_training_without_torch_says_how_to_get_it(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["train", "--data", data, "--out", str(tmp_path)]) == 2
    assert "pip install" in capsys.readouterr().err
