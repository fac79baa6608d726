"""What was frozen comes back as it was, in this format and in the one before."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from cloud_service.learning.card import card_of
from cloud_service.learning.dataset import FORMAT, freeze, load, save
from cloud_service.learning.gates import grade_refit
from tests.learning.population import HEARTS, STRANGE

FORMAT_1 = Path(__file__).parent / "format1"
(FROZEN_THEN,) = (path.stem for path in FORMAT_1.glob("*.json"))


def frozen(parent, said):
    return freeze(said, parent.manifest, left_out={})


def test_a_frozen_data_set_comes_back(parent, tmp_path):
    dataset = frozen(parent, HEARTS.reviews(STRANGE, "V", 5, seed=62))
    save(dataset, tmp_path)
    again = load(tmp_path, dataset.id)
    assert (again.id, again.marks, again.task) == (dataset.id, dataset.marks, "ecg-beats")
    assert again.manifest["format"] == FORMAT
    np.testing.assert_array_equal(again.inputs["beat"], dataset.inputs["beat"])


def test_each_mark_says_what_it_is_and_who_said_so(parent):
    dataset = frozen(parent, HEARTS.reviews(STRANGE, "V", 1, seed=62, patients=1))
    assert dataset.manifest["mark"] == "beat"
    assert dataset.marks == [
        {
            "finding": "finding-62-0",
            "recording": "recording-0",
            "group": "subject:p0",
            "leads": ["MLII"],
            "start": 62000,
            "label": "V",
            "reviewers": ["reviewer"],
            "model_label": "N",
            "bundle": "ecg-beats/1.0.0",
            "model_seen": False,
            "held_out": False,
        }
    ]


def test_marks_that_start_together_on_two_leads_are_two(parent):
    (one,) = HEARTS.reviews(STRANGE, "V", 1, seed=63)
    assert len(frozen(parent, [one, replace(one, leads=("V5",))]).marks) == 2
    assert len(frozen(parent, [one, replace(one, finding="another")]).marks) == 1


def test_a_data_set_of_format_1_is_still_read(parent):
    dataset = load(FORMAT_1, FROZEN_THEN)
    assert dataset.id == FROZEN_THEN
    assert dataset.task == "ecg-beats"
    assert [mark["start"] for mark in dataset.marks] == [1000, 2000, 1001, 2001, 1002, 2002]
    assert [mark["label"] for mark in dataset.marks] == [dataset.classes[index] for index in dataset.label]
    assert dataset.held_out.sum() == 2
    card = card_of(parent, parent, dataset, grade_refit(parent, parent, dataset))
    assert "6 reviewed beats" in card
    assert "3 of them carry another label" in card


def test_a_data_set_of_a_later_format_is_refused(tmp_path):
    document = json.loads((FORMAT_1 / f"{FROZEN_THEN}.json").read_bytes())
    (tmp_path / "x.json").write_text(json.dumps({**document, "format": FORMAT + 1}))
    (tmp_path / "x.npz").write_bytes((FORMAT_1 / f"{FROZEN_THEN}.npz").read_bytes())
    with pytest.raises(BadInput, match="format"):
        load(tmp_path, "x")


@given(at=st.integers(0, 10**9), bit=st.integers(0, 7), suffix=st.sampled_from([".json", ".npz"]))
def test_a_data_set_with_one_bit_changed_is_not_the_one_that_was_frozen(tmp_path_factory, at, bit, suffix):
    folder = tmp_path_factory.mktemp("changed", numbered=True)
    for path in FORMAT_1.iterdir():
        data = bytearray(path.read_bytes())
        if path.suffix == suffix:
            data[at % len(data)] ^= 1 << bit
        (folder / path.name).write_bytes(data)
    with pytest.raises(BadInput):
        load(folder, FROZEN_THEN)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"format": 2}'])
def test_what_is_no_data_set_is_refused(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    (tmp_path / "x.npz").write_bytes((FORMAT_1 / f"{FROZEN_THEN}.npz").read_bytes())
    with pytest.raises(BadInput):
        load(tmp_path, "x")
