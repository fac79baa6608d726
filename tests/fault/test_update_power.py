"""The power goes at every effect of an update, and again at every effect of the next one: one bundle runs."""

from itertools import count

import pytest

from edge_agent.updates.shelf import BundleShelf
from tests.bundles import bundle_files
from tests.updates.power import TASK, DiskThatFails, PowerCut, failed_update, runs, update

LAST = "1.0.3"
BEFORE = {"factory": (), "one update": ("1.0.1",), "two updates": ("1.0.1", "1.0.2")}


class Device:
    """A shelf in a folder of its own, brought to a state."""

    def __init__(self, root, factory, before):
        self.root = root
        self._factory = factory
        for version in before:
            update(self.shelf(), version)
        self.old = runs(self.shelf())[1]

    def shelf(self, disk=None):
        return BundleShelf(self.root, self._factory.get, disk=disk)

    def cut(self, act, at, torn):
        """Act until the power goes at that effect; whether it came to its end before."""
        try:
            act(self.shelf(DiskThatFails(at, torn=torn)), LAST)
        except PowerCut:
            return False
        return True

    def check(self):
        """Exactly one bundle runs, it verifies, and it is the old one or the new one."""
        shelf = self.shelf()
        place, version = runs(shelf)
        assert version in (self.old, LAST)
        assert (shelf.pointer(TASK).trial is not None) == (place == "trial")

    def check_that_it_can_be_updated(self):
        update(self.shelf(), LAST)
        assert runs(self.shelf()) == ("current", LAST)
        assert not list((self.root / TASK).glob("*.new"))
        assert len(list((self.root / TASK).glob("*.bundle"))) <= 2


@pytest.fixture
def factory(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    for name, content in bundle_files(version="1.0.0").items():
        (folder / name).write_bytes(content)
    return {TASK: folder}


@pytest.mark.fault
@pytest.mark.reliability("updates")
@pytest.mark.timeout(600)
def test_a_power_cut_at_any_effect_and_another_at_the_next_start_leave_one_verified_bundle(
    tmp_path, factory, reliability
):
    cuts = twice = 0
    for name, before in BEFORE.items():
        for act in (update, failed_update):
            for torn in (False, True):
                for first in count():
                    folder = tmp_path / f"{name} {act.__name__} {torn} {first}"
                    done = Device(folder / "once", factory, before).cut(act, first, torn)
                    if done:
                        break
                    cuts += 1
                    twice += second_cuts(folder, factory, before, act, first, torn)
    assert cuts >= len(BEFORE) * 2 * 2 * 6
    reliability.note("updates", cuts=cuts, cuts_again_at_the_next_start=twice, without_a_verified_bundle=0)


def second_cuts(folder, factory, before, act, first, torn):
    """After a first cut, cut the update that the next start begins anew at each of its effects; how many there were."""
    for second in count():
        device = Device(folder / str(second), factory, before)
        assert not device.cut(act, first, torn)
        device.check()
        done = device.cut(update, second, torn)
        device.check()
        device.check_that_it_can_be_updated()
        if done:
            return second
    raise AssertionError("count() does not end")
