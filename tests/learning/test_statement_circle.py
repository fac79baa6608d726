"""From a clinician's words on statements to a model at the bedside that makes them less easily."""

import json
import threading

import pytest

from biosignal.events import Rung
from biosignal.model.admission import admit
from biosignal.model.bundle import open_bundle, unpack
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.lookup import contract_of, reviews_statements
from cloud_service.access.roles import Role
from cloud_service.learning.dataset import load
from cloud_service.learning.refit import run
from cloud_service.learning.reviewed import WHOLE
from cloud_service.learning.statements import ADDED
from edge_agent.updates.settings import TrialSettings, UpdatesSettings
from edge_agent.updates.shelf import BundleShelf
from edge_agent.updates.tuf_client import UpdateClient
from edge_agent.updates.updater import Switched, Updater
from tests.learning.conftest import put_bundle
from tests.learning.population import HEARTS
from tests.learning.statements import VERSION, WINDOWS, shipped, windows
from tests.learning.test_circle import learned, told_command, word

FINDING = "ecg-infarction"
STATED = "MI"
"""What the released model says of each of the windows with more than .9."""


@pytest.fixture(scope="module")
def released():
    return shipped()


@pytest.fixture
def place(place, released):
    put_bundle(place.models_dir, released)
    return place


@pytest.fixture
def reviewer(place):
    return place.person(Role.REVIEWER)


@pytest.fixture
def engineer(place):
    return place.person(Role.ENGINEER)


def said(verdict, start, label=None, *, of=WINDOWS):
    about = word(start, label, of=of, model_seen=True)
    return {**about, "verdict": verdict}


def denied(place, person, name, *, count=3, also=()):
    """Windows of a finding, on each of which somebody denies what was stated."""
    starts = place.put_finding(name, windows(count, seed=len(name)), of=WINDOWS, kind=FINDING, label=STATED)
    for start in starts:
        for verdict, label in (("deny", STATED), *also):
            answer = person.post(f"/findings/{name}/reviews", said(verdict, start, label))
            assert answer.status == 201, answer
    return starts


@pytest.fixture
def device(tmp_path, place):
    """A bed that runs what it was shipped with, and takes what the clinic signs."""
    (tmp_path / "bed").mkdir()
    client = UpdateClient(
        UpdatesSettings(url=f"{place.url}/updates/", reserve_bytes=0),
        state_dir=tmp_path / "bed",
        trusted_root=place.workshop.repository.trusted_root(),
    )
    reports, heard = [], threading.Condition()

    def hear(report):
        with heard:
            reports.append(report)
            heard.notify_all()

    def admitted(bundle):
        backend = OnnxCpuBackend(bundle)
        admit(backend, bundle, contract_of(bundle.manifest.task))
        return backend

    updater = Updater(
        TrialSettings(windows=3, reserve_bytes=0, retry_s=()),
        BundleShelf(tmp_path / "bed" / "shelf", lambda task: place.models_dir / task / VERSION),
        device="bed-1",
        fetch=client.fetch,
        admit=admitted,
        on_switch=lambda _task, _backend, _reason: Switched(recording="r", at=5, rung=Rung.ONNX_CPU),
        where=lambda _task: Switched(recording="r", at=1, rung=Rung.ONNX_CPU),
        report=hear,
    )
    updater.open(WINDOWS.task)
    updater.start()

    def wait(step, bundle):
        with heard:
            found = heard.wait_for(lambda: [one for one in reports if (one.step, one.bundle) == (step, bundle)], 60)
            assert found, reports
            return found[0]

    updater.wait = wait
    yield updater
    updater.stop()


def half_agreed(place, person, name):
    """Windows of a finding, of which somebody denies the first and affirms the others."""
    starts = place.put_finding(name, windows(3, seed=len(name)), of=WINDOWS, kind=FINDING, label=STATED)
    for verdict, start in zip(("deny", "affirm", "affirm"), starts, strict=True):
        assert person.post(f"/findings/{name}/reviews", said(verdict, start, STATED)).status == 201


def test_denied_statements_become_a_model_at_the_bedside(place, reviewer, engineer, device, released):
    for number in range(4):
        half_agreed(place, reviewer, f"finding-{number}")
    job = learned(place, engineer, of=WINDOWS)
    after = f"{WINDOWS.task}/1.2.1"
    assert (job["state"], job["passed"], job["bundle"]) == ("gated", True, after), job["reason"]
    candidate = reviewer.get(f"/learning/candidates/{job['id']}").body
    assert "no regression by statement" in candidate["card"]
    assert "12 reviewed statements on ten seconds" in candidate["card"]
    answer = engineer.post(f"/learning/candidates/{job['id']}/release", {}).body
    (told,) = answer["told"]
    assert device.on_command(told_command(place, told)).outcome == "done"
    device.wait("trial", after)
    for _ in range(3):
        device.window(WINDOWS.task, after, True)
    switched = device.wait("switched", after)
    assert (switched.previous, switched.windows_missed) == (released.identity, 0)
    (target,) = place.workshop.targets(WINDOWS.task)
    taught = open_bundle(unpack(place.workshop.repository.target_path(target).read_bytes()))
    unseen, at = windows(20, seed=77), WINDOWS.classes.index(STATED)
    before, now = (run(one, unseen)[0] for one in (released, taught))
    assert (now[:, at] < before[:, at]).all()


def test_words_on_several_statements_of_a_window_stand_side_by_side(place, reviewer):
    (start,) = denied(place, reviewer, "one", count=1, also=(("affirm", "CD"), (WHOLE, None)))
    standing = reviewer.get("/findings/one/reviews").body["reviews"]
    assert [(one["verdict"], one["label"]) for one in standing] == [("deny", STATED), ("affirm", "CD"), (WHOLE, None)]
    again = reviewer.post("/findings/one/reviews", said("affirm", start, STATED)).body
    assert again["supersedes"] == standing[0]["row"]
    assert reviewer.post(f"/reviews/{again['row']}/undo").status == 201
    assert reviewer.post(f"/reviews/{standing[2]['row']}/undo").status == 201
    now = reviewer.get("/findings/one/reviews").body["reviews"]
    assert sorted((one["verdict"], one["label"]) for one in now) == [("affirm", "CD"), ("deny", STATED)]
    assert reviewer.post("/findings/one/reviews", said(WHOLE, start)).status == 201
    assert len(reviewer.get("/findings/one/reviews").body["reviews"]) == 3


def test_a_mark_that_has_one_label_takes_no_word_on_a_statement(place, reviewer):
    assert not reviews_statements(HEARTS.task)
    (start,) = place.put_finding("beat", HEARTS.marks(0, 1, seed=5))
    for verdict in ("affirm", "deny", WHOLE):
        refused = reviewer.post("/findings/beat/reviews", said(verdict, start, "V", of=HEARTS))
        assert refused.status == 400
        assert "statements" in refused.body["detail"]


def test_what_is_no_statement_is_refused(place, reviewer):
    (start,) = denied(place, reviewer, "one", count=1)
    assert reviewer.post("/findings/one/reviews", said("affirm", start, "nonsense")).status == 400
    assert reviewer.post("/findings/one/reviews", said("deny", start)).status == 400


def test_the_data_set_holds_what_was_said_and_says_what_it_left_out(place, reviewer, engineer):
    denied(place, reviewer, "added", count=2, also=(("affirm", "CD"),))
    starts = denied(place, reviewer, "whole", count=1, also=(("affirm", "CD"), (WHOLE, None)))
    unsure = denied(place, reviewer, "unsure", count=1)
    assert reviewer.post("/findings/unsure/reviews", said("affirm", unsure[0], "no-statement")).status == 201
    job = learned(place, engineer, of=WINDOWS)
    dataset = load(place.workshop.datasets, job["dataset"])
    manifest = json.loads((place.workshop.datasets / f"{job['dataset']}.json").read_bytes())
    assert manifest["left_out"] == {ADDED: 2, "the reviewer could not tell": 1}
    assert len(dataset.label) == 4
    (whole,) = (one for one in dataset.marks if one["finding"] == "whole")
    assert (whole["start"], whole["stated"]) == (starts[0], [STATED])
    assert {code for code, is_made in whole["said"].items() if is_made} == {"CD"}
    assert len(whole["said"]) == len(WINDOWS.classes)
