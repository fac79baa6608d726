"""A disk whose power goes at a chosen effect, and what an update does to the shelf."""

from biosignal.events import ModelReport, Rung
from edge_agent.updates import trial
from edge_agent.updates.disk import Disk
from tests.bundles import make_bundle

TASK = "ecg-beats"
BUNDLES = {version: make_bundle(version=version) for version in ("1.0.0", "1.0.1", "1.0.2", "1.0.3")}


class PowerCut(BaseException):
    """Not an Exception: nothing may catch it and tidy up."""


class DiskThatFails(Disk):
    """Loses power at the n-th effect: before it, or in the middle of a write."""

    def __init__(self, at: int, *, torn: bool) -> None:
        self._left = at
        self._torn = torn

    def _spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise PowerCut

    def write(self, path, data):
        if self._left == 0 and self._torn:
            path.write_bytes(data[: len(data) // 2])
        self._spend()
        super().write(path, data)

    def rename(self, source, target):
        self._spend()
        super().rename(source, target)

    def sync_folder(self, folder):
        self._spend()
        super().sync_folder(folder)

    def remove(self, path):
        self._spend()
        super().remove(path)


def report(step):
    return ModelReport(
        id=f"{step}",
        task=TASK,
        bundle="ecg-beats/1.0.1",
        previous=None,
        step=step,
        reason="",
        rung=Rung.ONNX_CPU,
        recording=None,
        at=0,
        windows_missed=0,
    )


def put_on_trial(shelf, version):
    entry = shelf.put(TASK, BUNDLES[version])
    shelf.change(TASK, lambda pointer: trial.on_trial(pointer, entry))


def commit(shelf):
    shelf.change(TASK, lambda pointer: trial.committed(pointer, report("switched")))


def roll_back(shelf):
    shelf.change(TASK, lambda pointer: trial.rolled_back(pointer, report("rolled-back")))


def runs(shelf):
    taken = shelf.take(TASK)
    return taken.place, taken.bundle.manifest.version


def update(shelf, version):
    put_on_trial(shelf, version)
    commit(shelf)


def failed_update(shelf, version):
    put_on_trial(shelf, version)
    roll_back(shelf)
