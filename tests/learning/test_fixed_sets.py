"""Labelled sets are of a task; what cannot be used is named, not passed over."""

from dataclasses import replace

import numpy as np
import pytest

from biosignal.model.npz import write_npz
from biosignal.tasks import TASKS
from cloud_service.learning.fixed_sets import FixedSetRefused, load_fixed_sets
from tests.learning.population import HEARTS
from tests.learning.second_task import BREATHS, breath_sounds

HEART, BREATH = HEARTS.task, BREATHS.task


@pytest.fixture(autouse=True)
def _two_tasks(monkeypatch):
    monkeypatch.setitem(TASKS, BREATH, breath_sounds())


def put(path, of=HEARTS, **changes):
    inputs, label = of.labelled(2, seed=1)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(write_npz({**inputs, "label": label, **changes}))


def names(folder, task):
    return [one.name for one in load_fixed_sets(folder, task)]


def test_each_task_has_a_folder_of_its_own(tmp_path):
    put(tmp_path / HEART / "ward-a.npz")
    put(tmp_path / HEART / "ward-b.npz")
    put(tmp_path / BREATH / "ward-a.npz", BREATHS)
    assert names(tmp_path, HEART) == ["ward-a", "ward-b"]
    (breaths,) = load_fixed_sets(tmp_path, BREATH)
    assert breaths.inputs["sound"].shape == (6, 24)


def test_a_file_in_the_folder_itself_counts_for_the_task_whose_inputs_it_has(tmp_path):
    put(tmp_path / "old.npz")
    put(tmp_path / "breaths.npz", BREATHS)
    assert names(tmp_path, HEART) == ["old"]
    assert names(tmp_path, BREATH) == ["breaths"]


def test_a_file_in_the_folder_itself_that_two_tasks_could_read_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(TASKS, "twin", replace(breath_sounds(), name="twin"))
    put(tmp_path / "breaths.npz", BREATHS)
    with pytest.raises(FixedSetRefused, match="several tasks"):
        load_fixed_sets(tmp_path, BREATH)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"more": np.zeros(6, np.float32)}, "other inputs"),
        ({"sound": np.zeros((6, 23), np.float32)}, "other inputs"),
        ({"sound": np.zeros((5, 24), np.float32)}, "other inputs"),
        ({"label": np.array([0, 1, 2, 0, 1, 3], np.uint8)}, "other inputs or labels"),
        ({"label": np.zeros(6, np.float32)}, "other inputs or labels"),
    ],
)
def test_a_set_that_is_not_of_its_task_is_refused(tmp_path, changes, why):
    put(tmp_path / BREATH / "ward-a.npz", BREATHS, **changes)
    with pytest.raises(FixedSetRefused, match=why):
        load_fixed_sets(tmp_path, BREATH)
    (tmp_path / BREATH / "ward-a.npz").rename(tmp_path / "ward-a.npz")
    with pytest.raises(FixedSetRefused, match="of no task"):
        load_fixed_sets(tmp_path, BREATH)


def test_a_set_without_labels_or_that_cannot_be_read_is_refused_by_name(tmp_path):
    path = tmp_path / BREATH / "ward-a.npz"
    path.parent.mkdir()
    path.write_bytes(write_npz({"sound": np.zeros((6, 24), np.float32)}))
    with pytest.raises(FixedSetRefused, match="no labels") as refused:
        load_fixed_sets(tmp_path, BREATH)
    assert refused.value.facts["file"] == "ward-a.npz"
    path.write_bytes(b"no archive")
    with pytest.raises(FixedSetRefused, match="cannot be read"):
        load_fixed_sets(tmp_path, BREATH)


def test_no_folder_is_no_sets(tmp_path):
    assert load_fixed_sets(tmp_path / "nowhere", HEART) == ()
