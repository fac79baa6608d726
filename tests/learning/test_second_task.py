"""A task that the registry did not have when the program was written is learned like every other."""

import json
from dataclasses import replace

import pytest

from biosignal.events import MarkState
from biosignal.model.bundle import open_bundle, pack, unpack
from biosignal.model.npz import write_npz
from cloud_service.access.roles import Role
from cloud_service.learning.dataset import load
from cloud_service.learning.jobs import next_version, released_bundle
from cloud_service.learning.refit import run
from cloud_service.learning.release import newest_first, release_unchecked
from tests.bundles import bundle_files
from tests.learning.population import HEARTS
from tests.learning.second_task import BREATHS, CLASSES
from tests.learning.test_circle import learned, review, word

pytestmark = pytest.mark.usefixtures("breaths")
TASK = BREATHS.task


@pytest.fixture
def engineer(place):
    return place.person(Role.ENGINEER)


@pytest.fixture
def reviewer(place):
    return place.person(Role.REVIEWER)


def heard(reviewer, place, name, kind, label, **options):
    review(reviewer, place, name, kind, label, of=BREATHS, finding="wheezing", **options)


def test_reviews_of_another_task_become_its_next_model(place, reviewer, engineer, breaths_parent):
    for number in range(4):
        heard(reviewer, place, f"heard-{number}", BREATHS.strange, "crackle")
    review(reviewer, place, "beats", 0, "V")
    job = learned(place, engineer, of=BREATHS)
    assert (job["state"], job["passed"], job["bundle"]) == ("gated", True, f"{TASK}/1.0.1"), job["reason"]
    dataset = load(place.workshop.datasets, job["dataset"])
    assert (dataset.task, dataset.classes, len(dataset.marks)) == (TASK, CLASSES, 32)
    assert {mark["label"] for mark in dataset.marks} == {"crackle"}
    card = reviewer.get(f"/learning/candidates/{job['id']}").body["card"]
    assert "32 reviewed breaths" in card
    assert "beat" not in card
    released = engineer.post(f"/learning/candidates/{job['id']}/release", {}).body
    assert released["target"] == f"{TASK}/1.0.1.bundle"
    assert [told["device"] for told in released["told"]] == ["bed-1"]
    (target,) = place.workshop.targets(TASK)
    bundle = open_bundle(unpack(place.workshop.repository.target_path(target).read_bytes()))
    unseen = BREATHS.marks(BREATHS.strange, 100, seed=99)
    after, before = (float((run(one, unseen)[0].argmax(axis=1) == 2).mean()) for one in (bundle, breaths_parent))
    assert after > 0.9 > before
    assert released_bundle(place.workshop, HEARTS.task).identity == "ecg-beats/1.0.0"


def test_versions_of_one_task_do_not_count_for_another(place, reviewer, engineer, breaths_parent):
    for version in ("1.0.7", "1.0.8"):
        release_unchecked(place.workshop, pack(bundle_files(version=version)), by="test", reason="a test")
    with place.database.read() as session:
        assert next_version(session, place.workshop, breaths_parent) == "1.0.1"
    heard(reviewer, place, "heard", BREATHS.strange, "crackle")
    assert learned(place, engineer, of=BREATHS)["version"] == "1.0.1"
    assert learned(place, engineer, of=BREATHS)["version"] == "1.0.2"


def test_with_several_tasks_a_person_says_which(place, engineer):
    answer = engineer.post("/learning/jobs", {})
    assert answer.status == 400
    assert TASK in answer.body["detail"]
    assert HEARTS.task in answer.body["detail"]
    assert engineer.get("/learning/jobs").body["jobs"] == []


def test_the_tasks_that_can_be_refitted_are_listed_with_what_they_begin_from(place, reviewer):
    tasks = reviewer.get("/learning/tasks").body["tasks"]
    assert tasks[-1] == {
        "task": TASK,
        "label": "Breath sounds",
        "mark": "breath",
        "marks": "breaths",
        "parent": f"{TASK}/1.0.0",
        "reason": "",
    }
    (place.models_dir / TASK / "1.0.0" / "card.md").write_text("changed")
    (broken,) = (one for one in reviewer.get("/learning/tasks").body["tasks"] if one["task"] == TASK)
    assert broken["parent"] is None
    assert "manifest hashed" in broken["reason"]


def test_jobs_and_releases_can_be_asked_for_by_task(place, reviewer, engineer):
    heard(reviewer, place, "heard", BREATHS.strange, "crackle")
    job = learned(place, engineer, of=BREATHS)
    learned(place, engineer)
    assert [one["id"] for one in reviewer.get(f"/learning/jobs?task={TASK}").body["jobs"]] == [job["id"]]
    engineer.post(f"/learning/candidates/{job['id']}/release", {})
    release_unchecked(place.workshop, pack(bundle_files(version="1.0.9")), by="test", reason="a test")
    releases = reviewer.get("/learning/releases").body["releases"]
    assert [(one["task"], one["version"]) for one in releases] == [(TASK, "1.0.1"), ("ecg-beats", "1.0.9")]
    assert [target.path for target in newest_first(place.workshop.repository.targets())] == [
        f"{TASK}/1.0.1.bundle",
        "ecg-beats/1.0.9.bundle",
    ]


def test_who_could_not_tell_teaches_nothing(place, reviewer, engineer):
    heard(reviewer, place, "clear", BREATHS.strange, "crackle", count=3)
    heard(reviewer, place, "unclear", 0, "unsure", count=2)
    job = learned(place, engineer, of=BREATHS)
    manifest = json.loads((place.workshop.datasets / f"{job['dataset']}.json").read_bytes())
    assert len(manifest["marks"]) == 3
    assert manifest["left_out"] == {"the reviewer could not tell": 2}


def test_a_job_without_reviews_names_what_is_missing(place, engineer):
    assert "no reviewed breath" in learned(place, engineer, of=BREATHS)["reason"]


def test_a_mark_that_was_withdrawn_or_came_without_inputs_teaches_nothing(place, reviewer, engineer):
    heard(reviewer, place, "kept", BREATHS.strange, "crackle", count=2)
    inputs = BREATHS.marks(0, 1, seed=4)
    for name, options in (
        ("withdrawn", {"state": MarkState.WITHDRAWN}),
        ("short", {"shorten": True}),
    ):
        given = {"sound": inputs["sound"][:, :20]} if options.pop("shorten", False) else inputs
        (start,) = place.put_finding(name, given, of=BREATHS, kind="wheezing", **options)
        assert reviewer.post(f"/findings/{name}/reviews", word(start, "wheeze", of=BREATHS)).status == 201
    job = learned(place, engineer, of=BREATHS)
    assert load(place.workshop.datasets, job["dataset"]).manifest["left_out"] == {
        "the mark was withdrawn": 1,
        "what the classifier saw is missing, or of another preprocessing": 1,
    }


def test_a_fixed_set_of_a_task_grades_its_candidates_only(place, reviewer, engineer):
    folder = place.workshop.state_dir / "sets"
    (folder / TASK).mkdir(parents=True)
    inputs, label = BREATHS.labelled(30, seed=70)
    (folder / TASK / "ward-a.npz").write_bytes(write_npz({**inputs, "label": label}))
    learning = place.app.state.learning
    place.app.state.learning = replace(learning, workshop=replace(learning.workshop, fixed_sets_dir=folder))
    heard(reviewer, place, "heard", BREATHS.strange, "crackle")
    review(reviewer, place, "beats", HEARTS.strange, "F")
    sets = {}
    for of in (BREATHS, HEARTS):
        report = reviewer.get(f"/learning/candidates/{learned(place, engineer, of=of)['id']}").body["report"]
        sets[of.task] = {gate["figures"].get("set") for gate in report["gates"]}
    assert "ward-a" in sets[TASK]
    assert "ward-a" not in sets["ecg-beats"]
