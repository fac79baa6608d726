"""What is on the shelf survives a power cut at any moment, and only what verifies comes down from it."""

from itertools import count

import pytest

from biosignal.errors import BadInput
from edge_agent.updates import trial
from edge_agent.updates.disk import Disk
from edge_agent.updates.errors import DiskFull
from edge_agent.updates.shelf import BundleShelf, NothingRunnable
from tests.bundles import bundle_files, make_bundle
from tests.updates.power import (
    BUNDLES,
    TASK,
    DiskThatFails,
    PowerCut,
    commit,
    failed_update,
    put_on_trial,
    roll_back,
    runs,
    update,
)


@pytest.fixture
def factory(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    for name, content in bundle_files(version="1.0.0").items():
        (folder / name).write_bytes(content)
    return {TASK: folder}


@pytest.fixture
def make_shelf(tmp_path, factory):
    return lambda disk=None: BundleShelf(tmp_path / "shelf", factory.get, disk=disk)


def test_an_empty_shelf_runs_the_factory_bundle(make_shelf):
    assert runs(make_shelf()) == ("factory", "1.0.0")


def test_the_last_two_stay_and_older_ones_go(make_shelf, tmp_path):
    shelf = make_shelf()
    for version in ("1.0.1", "1.0.2", "1.0.3"):
        put_on_trial(shelf, version)
        commit(shelf)
    assert runs(shelf) == ("current", "1.0.3")
    assert sorted(path.name[:5] for path in (tmp_path / "shelf" / TASK).glob("*.bundle")) == ["1.0.2", "1.0.3"]


def test_a_first_update_that_fails_leaves_the_factory_bundle(make_shelf, tmp_path):
    shelf = make_shelf()
    put_on_trial(shelf, "1.0.1")
    assert runs(shelf) == ("trial", "1.0.1")
    roll_back(shelf)
    assert runs(shelf) == ("factory", "1.0.0")
    assert not list((tmp_path / "shelf" / TASK).glob("*.bundle"))


def test_a_damaged_file_is_passed_over(make_shelf, tmp_path):
    shelf = make_shelf()
    for version in ("1.0.1", "1.0.2"):
        put_on_trial(shelf, version)
        commit(shelf)
    (damaged,) = (tmp_path / "shelf" / TASK).glob("1.0.2-*.bundle")
    damaged.write_bytes(damaged.read_bytes()[:-200])
    assert runs(shelf) == ("previous", "1.0.1")


def test_another_bundle_under_the_same_name_is_passed_over(make_shelf, tmp_path):
    shelf = make_shelf()
    put_on_trial(shelf, "1.0.1")
    (file,) = (tmp_path / "shelf" / TASK).glob("1.0.1-*.bundle")
    other = make_shelf()
    other.put(TASK, make_bundle(version="1.0.1", seed=5))
    (exchanged,) = set((tmp_path / "shelf" / TASK).glob("1.0.1-*.bundle")) - {file}
    exchanged.replace(file)
    assert runs(shelf) == ("factory", "1.0.0")


def test_a_damaged_pointer_runs_the_factory_bundle(make_shelf, tmp_path):
    shelf = make_shelf()
    put_on_trial(shelf, "1.0.1")
    (tmp_path / "shelf" / TASK / "shelf.json").write_text("{")
    assert runs(shelf) == ("factory", "1.0.0")


def test_a_damaged_factory_bundle_is_said(make_shelf, factory):
    (factory[TASK] / "model.onnx").write_bytes(b"")
    with pytest.raises(NothingRunnable):
        make_shelf().take(TASK)


def test_too_little_space_is_said_before_writing(make_shelf, tmp_path):
    with pytest.raises(DiskFull):
        make_shelf().put(TASK, BUNDLES["1.0.1"], reserve_bytes=1 << 60)
    assert not list((tmp_path / "shelf" / TASK).iterdir())


def test_a_disk_that_fills_while_writing_changes_nothing(make_shelf):
    class Full(Disk):
        def write(self, path, data):
            raise OSError(28, "No space left on device")

    shelf = make_shelf()
    put_on_trial(shelf, "1.0.1")
    commit(shelf)
    with pytest.raises(DiskFull):
        put_on_trial(make_shelf(Full()), "1.0.2")
    assert runs(make_shelf()) == ("current", "1.0.1")


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("act", [update, failed_update])
@pytest.mark.parametrize("before", [(), ("1.0.1",), ("1.0.1", "1.0.2")])
def test_a_power_cut_at_any_effect_leaves_one_verified_bundle(before, act, torn, tmp_path, factory):
    """Every effect of an update is the last one once; after it the shelf runs old or new, and can be updated."""
    for cut in count():
        root = tmp_path / f"cut-{cut}"
        for version in before:
            update(BundleShelf(root, factory.get), version)
        old = runs(BundleShelf(root, factory.get))[1]
        try:
            act(BundleShelf(root, factory.get, disk=DiskThatFails(cut, torn=torn)), "1.0.3")
        except PowerCut:
            finished = False
        else:
            finished = True
        after = BundleShelf(root, factory.get)
        assert runs(after)[1] in (old, "1.0.3")
        pointer = after.pointer(TASK)
        assert (pointer.trial is not None) == (runs(after)[0] == "trial")
        update(after, "1.0.3")
        assert runs(after) == ("current", "1.0.3")
        assert not list((root / TASK).glob("*.new"))
        assert len(list((root / TASK).glob("*.bundle"))) <= 2
        if finished:
            assert cut >= 6
            return


def test_a_factory_that_cannot_be_asked_is_said(tmp_path):
    def broken(task):
        raise BadInput("no such version", task=task)

    with pytest.raises(NothingRunnable, match="cannot be found"):
        BundleShelf(tmp_path / "shelf", broken).take(TASK)


def test_a_change_that_cannot_be_written_leaves_the_state_before(make_shelf):
    class Full(Disk):
        def write(self, path, data):
            raise OSError(28, "No space left on device")

    shelf = make_shelf()
    entry = shelf.put(TASK, BUNDLES["1.0.1"])
    with pytest.raises(DiskFull):
        make_shelf(Full()).change(TASK, lambda pointer: trial.on_trial(pointer, entry))
    assert runs(make_shelf()) == ("factory", "1.0.0")
