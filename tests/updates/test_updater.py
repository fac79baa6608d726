"""An announced model goes through download, self-test and trial; whatever is wrong with it, the old one runs on."""

import threading
import time
from dataclasses import replace

import pytest

from biosignal.errors import BedsideError
from biosignal.events import Command, Rung
from biosignal.model.admission import admit
from biosignal.model.bundle import pack
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import contract_of
from edge_agent.updates import trial
from edge_agent.updates.errors import DiskFull, Unreachable
from edge_agent.updates.settings import TrialSettings
from edge_agent.updates.shelf import BundleShelf, NothingRunnable
from edge_agent.updates.updater import Switched, Updater
from tests.bundles import bundle_files, make_bundle, small, small_task

TASK = "ecg-beats"
SETTINGS = TrialSettings(windows=5, retry_s=(0.01, 0.01), reserve_bytes=0)


class Bedside:
    """The agent's part, small: one backend in use, its reports in a list. One updater can follow another."""

    def __init__(self, tmp_path, fetch, settings=SETTINGS):
        self.factory = tmp_path / "models"
        self.factory.mkdir(exist_ok=True)
        for name, content in bundle_files(version="1.0.0").items():
            (self.factory / name).write_bytes(content)
        self.factories = {TASK: self.factory}
        self.root = tmp_path / "shelf"
        self.fetch = fetch
        self.settings = settings
        self.reports = []
        self.report_fails = False
        self.admit_fails = set()
        self.in_use = None
        self.closed = []
        self.heard = threading.Condition()
        self.updater = None

    def add(self, task):
        """Another task that the program came with a bundle for."""
        folder = self.factories[task] = self.factory.parent / f"factory-{task}"
        folder.mkdir()
        for name, content in bundle_files(**small(task)).items():
            (folder / name).write_bytes(content)

    def boot(self, *others):
        shelf = BundleShelf(self.root, self.factories.get)
        self.updater = Updater(
            self.settings,
            shelf,
            device="bed-1",
            fetch=lambda target: self.fetch(target),
            admit=self.admit,
            on_switch=self.switch,
            where=lambda _task: Switched(recording="r", at=7, rung=Rung.ONNX_CPU),
            report=self.report,
        )
        running = self.updater.open(TASK)
        self.in_use = running.backend
        self.others = {task: self.updater.open_backend(task) for task in others}
        self.updater.start()
        return running

    def admit(self, bundle):
        if bundle.identity in self.admit_fails:
            raise BedsideError("the rung is gone")
        backend = OnnxCpuBackend(bundle)
        admit(backend, bundle, contract_of(bundle.manifest.task))
        return backend

    def switch(self, task, backend, _reason):
        if task != TASK:
            self.others[task] = backend
            return Switched(recording="r", at=2000, rung=Rung.ONNX_CPU)
        self.closed.append(self.in_use)
        self.in_use = backend
        return Switched(recording="r", at=1000, rung=Rung.ONNX_CPU, windows_missed=0)

    def report(self, report):
        if self.report_fails:
            raise OSError("the store is away")
        with self.heard:
            self.reports.append(report)
            self.heard.notify_all()

    def steps(self):
        return [(report.step, report.bundle) for report in self.reports]

    def wait(self, step):
        with self.heard:
            assert self.heard.wait_for(lambda: any(report.step == step for report in self.reports), 10), self.steps()
            return next(report for report in self.reports if report.step == step)

    def windows(self, count, *, healthy=True):
        for _ in range(count):
            self.updater.window(TASK, self.in_use.bundle, healthy)

    def pull_the_plug(self):
        """Stop without what a clean stop does."""
        self.updater._stop.set()
        self.updater._bell.set()
        self.updater._thread.join()


@pytest.fixture
def bed(tmp_path, make_client):
    client = make_client()
    bedside = Bedside(tmp_path, client.fetch)
    yield bedside
    if bedside.updater is not None:
        bedside.updater.stop()


def release(repository, *, version="1.0.1", **wrong):
    repository.add_target(f"ecg-beats/{version}.bundle", pack(bundle_files(version=version, **wrong)), {})


def command(version="1.0.1", *, name="c1", target=None, task=TASK):
    arguments = (("task", task), ("target", target or f"ecg-beats/{version}.bundle"), ("version", version))
    return Command(
        id=name, name="new-model", issuer="engineer", expires_utc="2099-01-01T00:00:00Z", arguments=arguments
    )


def eventually(check, timeout_s=10.0):
    until = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_released_model_is_taken_tried_and_kept(bed, repository):
    release(repository, seed=1)
    assert bed.boot().place == "factory"
    before = bed.in_use
    assert bed.updater.on_command(command()).outcome == "done"
    assert bed.wait("trial").previous == "ecg-beats/1.0.0"
    assert bed.closed == [before]
    bed.windows(5)
    switched = bed.wait("switched")
    assert (switched.bundle, switched.previous, switched.windows_missed) == ("ecg-beats/1.0.1", "ecg-beats/1.0.0", 0)
    assert [step for step, _ in bed.steps()] == ["downloaded", "trial", "switched"]
    bed.updater.stop()
    again = bed.boot()
    assert (again.place, again.bundle.identity) == ("current", "ecg-beats/1.0.1")
    assert bed.updater.on_command(command(name="c2")).reason == "this model runs already"


def test_a_bundle_altered_after_signing_is_refused(bed, repository, server):
    release(repository)
    server.bend = lambda path, body: body[:-9] + bytes([body[-9] ^ 1]) + body[-8:] if ".bundle" in path else body
    bed.boot()
    before = bed.in_use
    bed.updater.on_command(command())
    assert bed.wait("refused").reason.startswith("target-damaged")
    assert bed.in_use is before


def test_a_signed_bundle_that_fails_its_self_test_is_refused_and_then_not_tried_again(bed, repository):
    release(repository, wrong_goldens=True)
    bed.boot()
    before = bed.in_use
    for number in range(3):
        bed.updater.on_command(command(name=f"c{number}"))
        eventually(lambda number=number: sum(step == "refused" for step, _ in bed.steps()) == number + 1)
    reasons = [report.reason.partition(":")[0] for report in bed.reports if report.step == "refused"]
    assert reasons == ["self-test-failed", "self-test-failed", "tried-before"]
    assert bed.in_use is before
    assert not bed.closed
    assert bed.reports[-1].rung is Rung.ONNX_CPU


def test_a_signed_bundle_whose_own_hash_is_wrong_is_refused(bed, repository):
    release(repository, wrong_hash=True)
    bed.boot()
    bed.updater.on_command(command())
    assert bed.wait("refused").reason.startswith("bundle-unfit")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"classes": ("V", "N", "S", "F")}, "wanted=['N', 'S', 'V', 'F']"),
        ({"classes": ("N", "S", "V")}, "given=['N', 'S', 'V']"),
        ({"change": lambda manifest: replace(manifest, preprocessing="ecg-beats/999")}, "given='ecg-beats/999'"),
    ],
    ids=["classes in another order", "three classes", "another preprocessing"],
)
def test_a_signed_bundle_that_breaks_the_contract_of_its_task_is_refused_with_what_was_wanted(
    bed, repository, wrong, words
):
    release(repository, **wrong)
    bed.boot()
    bed.updater.on_command(command())
    reason = bed.wait("refused").reason
    assert reason.startswith("bundle-unfit")
    assert words in reason
    assert bed.in_use.bundle == "ecg-beats/1.0.0"


def test_a_bundle_of_another_version_than_announced_is_refused(bed, repository):
    repository.add_target("ecg-beats/1.0.7.bundle", pack(bundle_files(version="1.0.1")), {})
    bed.boot()
    bed.updater.on_command(command("1.0.7"))
    assert bed.wait("refused").reason.startswith("bundle-unfit")


def test_a_failed_window_rolls_the_trial_back(bed, repository):
    release(repository, seed=1)
    bed.boot()
    bed.updater.on_command(command())
    bed.wait("trial")
    bed.windows(3)
    bed.windows(1, healthy=False)
    rolled_back = bed.wait("rolled-back")
    assert rolled_back.bundle == "ecg-beats/1.0.1"
    eventually(lambda: bed.in_use.bundle == "ecg-beats/1.0.0")
    bed.updater.stop()
    assert bed.boot().bundle.identity == "ecg-beats/1.0.0"


def test_windows_of_the_old_model_do_not_count_for_the_trial(bed, repository):
    release(repository, seed=1)
    bed.boot()
    bed.windows(50)
    bed.updater.on_command(command())
    bed.wait("trial")
    for _ in range(50):
        bed.updater.window(TASK, "ecg-beats/1.0.0", True)
    time.sleep(0.1)
    assert "switched" not in dict(bed.steps())
    bed.windows(5)
    bed.wait("switched")


def test_three_bad_starts_of_a_trial_go_back(bed, repository):
    release(repository, seed=1)
    bed.boot()
    bed.updater.on_command(command())
    bed.wait("trial")
    for _ in range(3):
        bed.pull_the_plug()
        assert bed.boot().place == "trial"
    bed.pull_the_plug()
    assert bed.boot().place == "factory"
    assert bed.wait("rolled-back").bundle == "ecg-beats/1.0.1"


def test_good_restarts_are_not_held_against_a_model(bed, repository):
    release(repository, seed=1)
    bed.boot()
    bed.updater.on_command(command())
    bed.wait("trial")
    bed.windows(5)
    bed.wait("switched")
    for _ in range(5):
        bed.updater.stop()
        assert bed.boot().place == "current"
    for _ in range(5):
        bed.windows(1)
        eventually(lambda: bed.updater._shelf.pointer(TASK).starts == 0)
        bed.pull_the_plug()
        assert bed.boot().place == "current"


def test_a_committed_model_that_stops_coming_up_is_left_for_good(bed, repository):
    for version in ("1.0.1", "1.0.2"):
        release(repository, version=version, seed=1)
    bed.boot()
    for version in ("1.0.1", "1.0.2"):
        bed.reports.clear()
        bed.updater.on_command(command(version, name=version))
        bed.wait("trial")
        bed.windows(5)
        bed.wait("switched")
    for _ in range(3):
        bed.pull_the_plug()
        assert bed.boot().bundle.identity == "ecg-beats/1.0.2"
    bed.pull_the_plug()
    assert bed.boot().place == "previous"
    bed.windows(1)
    eventually(lambda: bed.updater._shelf.pointer(TASK).starts == 0)
    bed.pull_the_plug()
    assert bed.boot().place == "previous"


def test_a_model_whose_rung_is_gone_at_start_is_passed_over_this_time(bed, repository):
    release(repository, seed=1)
    bed.boot()
    bed.updater.on_command(command())
    bed.wait("trial")
    bed.windows(5)
    bed.wait("switched")
    bed.updater.stop()
    bed.admit_fails = {"ecg-beats/1.0.1"}
    assert bed.boot().place == "factory"
    bed.updater.stop()
    bed.admit_fails = set()
    assert bed.boot().place == "current"


def test_nothing_is_lost_when_a_report_cannot_be_stored(bed, repository):
    release(repository, seed=1)
    bed.boot()
    bed.report_fails = True
    bed.updater.on_command(command())
    eventually(lambda: bed.in_use.bundle == "ecg-beats/1.0.1")
    bed.windows(5)
    eventually(lambda: bed.updater._shelf.pointer(TASK).current is not None)
    bed.pull_the_plug()
    bed.report_fails = False
    assert bed.boot().place == "current"
    bed.wait("switched")
    assert [step for step, _ in bed.steps()] == ["downloaded", "trial", "switched"]


def test_an_update_cut_short_by_a_restart_goes_on(bed, repository):
    release(repository, seed=1)
    arrived, go_on = threading.Event(), threading.Event()
    fetch = bed.fetch

    def slow(target):
        arrived.set()
        go_on.wait(10)
        raise Unreachable("the line broke")

    bed.fetch = slow
    bed.boot()
    bed.updater.on_command(command())
    arrived.wait(10)
    bed.updater._stop.set()
    go_on.set()
    bed.pull_the_plug()
    assert not bed.reports
    bed.fetch = fetch
    bed.boot()
    bed.wait("trial")


def test_an_update_that_kills_the_agent_each_time_is_given_up(bed, repository):
    release(repository, seed=1)

    class Killed(BaseException):
        pass

    def kill(_target):
        raise Killed

    bed.fetch = kill
    threading.excepthook, hook = (lambda _args: None), threading.excepthook
    try:
        bed.boot()
        bed.updater.on_command(command())
        for _ in range(3):
            bed.updater._thread.join(10)
            bed.boot()
    finally:
        threading.excepthook = hook
    assert bed.wait("refused").reason.startswith("tried-before")


def test_the_clinic_out_of_reach_is_tried_again_and_then_said(bed, repository):
    calls = []
    fetch = bed.fetch

    def flaky(target):
        calls.append(target)
        if len(calls) < 3:
            raise Unreachable("no line")
        return fetch(target)

    release(repository, seed=1)
    bed.fetch = flaky
    bed.boot()
    bed.updater.on_command(command())
    bed.wait("trial")
    assert len(calls) == 3


def test_a_clinic_that_never_answers_is_said(bed):
    def away(_target):
        raise Unreachable("no line")

    bed.fetch = away
    bed.boot()
    bed.updater.on_command(command())
    assert bed.wait("refused").reason.startswith("unreachable")
    bed.reports.clear()
    assert bed.updater.on_command(command(name="c2")).outcome == "done"
    bed.wait("refused")


def test_an_older_model_is_refused(bed, repository):
    release(repository, version="0.9.0")
    bed.boot()
    bed.updater.on_command(command("0.9.0"))
    assert bed.wait("refused").reason.startswith("rollback")


def test_a_switch_that_the_analysis_does_not_take_is_undone(bed, repository):
    release(repository, seed=1)
    bed.boot()
    switch = bed.switch

    def broken(task, backend, reason):
        if backend.bundle == "ecg-beats/1.0.1":
            raise RuntimeError("no")
        return switch(task, backend, reason)

    bed.updater._on_switch = broken
    bed.updater.on_command(command())
    assert "switch failed" in bed.wait("rolled-back").reason
    assert bed.in_use.bundle == "ecg-beats/1.0.0"


def test_one_update_at_a_time(bed, repository):
    release(repository, seed=1)
    bed.boot()
    bed.updater.on_command(command())
    bed.wait("trial")
    assert bed.updater.on_command(command("1.0.2", name="c2")).outcome == "refused"


@pytest.mark.parametrize(
    "wrong", [{"task": "ecg-qrs"}, {"target": "../1.0.1.bundle"}, {"target": "ecg-beats/1.0.2.bundle"}, {"task": ""}]
)
def test_a_command_that_names_nothing_sensible_is_refused(bed, wrong):
    bed.boot()
    answer = bed.updater.on_command(command(**wrong))
    assert (answer.outcome, answer.command) == ("refused", "c1")


def test_noting_a_window_never_waits_for_an_update(bed, repository):
    release(repository, seed=1)
    inside, leave = threading.Event(), threading.Event()
    admit_it = bed.admit

    def slow(bundle):
        if bundle.identity == "ecg-beats/1.0.1":
            inside.set()
            leave.wait(10)
        return admit_it(bundle)

    bed.admit = slow
    bed.boot()
    bed.updater.on_command(command())
    assert inside.wait(10)
    start = time.monotonic()
    bed.windows(1000)
    assert time.monotonic() - start < 0.5
    leave.set()
    bed.wait("trial")


def test_a_full_disk_at_start_keeps_no_model_from_running(bed, monkeypatch):
    def full(*_):
        raise DiskFull("no space")

    bed.boot()
    bed.updater.stop()
    monkeypatch.setattr(BundleShelf, "change", full)
    monkeypatch.setattr(trial, "started", lambda pointer: pointer)
    assert bed.boot().place == "factory"


def test_a_disk_that_fills_before_the_trial_is_said_at_once(bed, repository, monkeypatch):
    release(repository, seed=1)
    bed.boot()

    def full(*_, **__):
        raise DiskFull("no space")

    monkeypatch.setattr(BundleShelf, "put", full)
    bed.updater.on_command(command())
    assert bed.wait("refused").reason.startswith("disk-full")
    assert bed.in_use.bundle == "ecg-beats/1.0.0"


def test_small_bundles_differ_by_seed():
    assert make_bundle(seed=0).digest != make_bundle(seed=1).digest


# ---- several tasks ---------------------------------------------------------------------------------------------------

OTHER = "loudness"


@pytest.fixture
def loudness(monkeypatch):
    """A second task with a model."""
    monkeypatch.setitem(TASKS, OTHER, small_task(OTHER))


def release_other(repository, version, **wrong):
    data = pack(bundle_files(version=version, **(small(OTHER) | wrong)))
    repository.add_target(f"{OTHER}/{version}.bundle", data, {})


def command_other(version, name="o1"):
    return command(version, name=name, task=OTHER, target=f"{OTHER}/{version}.bundle")


def of(bed, task):
    return [(report.step, report.bundle) for report in bed.reports if report.task == task]


def test_each_task_is_tried_and_kept_by_its_own_windows(bed, repository, loudness):
    release(repository, seed=1)
    release_other(repository, "1.0.1", seed=1)
    bed.add(OTHER)
    bed.boot(OTHER)
    assert bed.updater.on_command(command()).outcome == "done"
    assert bed.updater.on_command(command_other("1.0.1")).outcome == "done"
    eventually(lambda: ("trial", "ecg-beats/1.0.1") in of(bed, TASK) and ("trial", "loudness/1.0.1") in of(bed, OTHER))
    for _ in range(5):
        bed.updater.window(OTHER, "loudness/1.0.1", True)
    eventually(lambda: ("switched", "loudness/1.0.1") in of(bed, OTHER))
    assert "switched" not in dict(of(bed, TASK))
    bed.windows(1, healthy=False)
    eventually(lambda: ("rolled-back", "ecg-beats/1.0.1") in of(bed, TASK))
    eventually(lambda: bed.in_use.bundle == "ecg-beats/1.0.0")
    bed.updater.stop()
    bed.boot(OTHER)
    assert (bed.in_use.bundle, bed.others[OTHER].bundle) == ("ecg-beats/1.0.0", "loudness/1.0.1")


def test_a_shelf_that_fails_for_one_task_does_not_hold_up_the_trial_of_another(bed, repository, loudness, monkeypatch):
    release_other(repository, "1.0.1", seed=1)
    bed.add(OTHER)
    bed.boot(OTHER)
    bed.updater.on_command(command_other("1.0.1"))
    bed.wait("trial")
    pointer, failed = BundleShelf.pointer, []

    def failing(shelf, task):
        if task == TASK:
            failed.append(task)
            raise PermissionError("not this one")
        return pointer(shelf, task)

    tasks = list(bed.updater._shelf.tasks)
    assert tasks.index(TASK) < tasks.index(OTHER)
    monkeypatch.setattr(BundleShelf, "pointer", failing)
    for _ in range(5):
        bed.updater.window(OTHER, "loudness/1.0.1", True)
    bed.wait("switched")
    assert failed
    monkeypatch.undo()


def test_a_task_without_a_bundle_is_given_its_first_one_by_the_clinic_and_goes_back_to_none(bed, repository, loudness):
    release_other(repository, "1.0.0")
    bed.boot()
    with pytest.raises(NothingRunnable, match="no released bundle"):
        bed.updater.open(OTHER)
    bed.others[OTHER] = None
    assert bed.updater.on_command(command_other("1.0.0")).outcome == "done"
    assert bed.wait("trial").previous is None
    assert bed.others[OTHER].bundle == "loudness/1.0.0"
    bed.updater.window(OTHER, "loudness/1.0.0", False)
    eventually(lambda: ("rolled-back", "loudness/1.0.0") in of(bed, OTHER))
    eventually(lambda: bed.others[OTHER] is None)
    assert bed.in_use.bundle == "ecg-beats/1.0.0"


def test_the_first_bundle_of_a_task_is_kept_and_runs_after_a_restart(bed, repository, loudness):
    release_other(repository, "1.0.0")
    bed.boot()
    bed.updater.on_command(command_other("1.0.0"))
    bed.wait("trial")
    for _ in range(5):
        bed.updater.window(OTHER, "loudness/1.0.0", True)
    assert bed.wait("switched").previous is None
    bed.updater.stop()
    bed.boot(OTHER)
    assert bed.others[OTHER].bundle == "loudness/1.0.0"


def test_a_bundle_on_the_shelf_that_breaks_the_contract_of_a_newer_program_is_passed_over_and_reported(
    bed, repository, loudness, monkeypatch
):
    release_other(repository, "1.0.1", seed=1)
    bed.add(OTHER)
    bed.boot(OTHER)
    bed.updater.on_command(command_other("1.0.1"))
    bed.wait("trial")
    for _ in range(5):
        bed.updater.window(OTHER, "loudness/1.0.1", True)
    bed.wait("switched")
    bed.updater.stop()
    newer = small_task(OTHER)
    monkeypatch.setitem(TASKS, OTHER, replace(newer, model=replace(newer.model, preprocessing="loudness/2")))
    bed.factories[OTHER] = None
    bed.boot()
    with pytest.raises(NothingRunnable):
        bed.updater.open(OTHER)
    bed.updater.window(TASK, "ecg-beats/1.0.0", True)
    report = bed.wait("rolled-back")
    assert report.task == OTHER
    assert "wanted='loudness/2', given='loudness/1'" in report.reason
