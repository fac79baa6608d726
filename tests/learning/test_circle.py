"""From a clinician's word on a beat to another model at the bedside, and all the ways it must not get there."""

import http.client
import json
import threading
import zlib
from urllib.parse import urlsplit

import pytest

from biosignal.events import Command, ModelReport, Rung
from biosignal.model.admission import admit
from biosignal.model.bundle import pack
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import contract_of
from biosignal.wire.envelope import encode, wrap
from biosignal.wire.topics import Channel, up
from cloud_service.access import audit
from cloud_service.access.roles import Role
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import CommandRow
from cloud_service.database.learning_tables import LearningJobRow
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit
from cloud_service.learning.errors import NotReleasable
from cloud_service.learning.jobs import ATTEMPTS, LEASE, claim, import_bundle, run_job, start_job
from cloud_service.learning.release import release_candidate, release_unchecked
from edge_agent.updates.settings import TrialSettings, UpdatesSettings
from edge_agent.updates.shelf import BundleShelf
from edge_agent.updates.tuf_client import UpdateClient
from edge_agent.updates.updater import Switched, Updater
from tests.bundles import CLASSES, bundle_files, make_bundle
from tests.learning.population import HEARTS, STRANGE


def review(person, place, name, kind, label, *, count=8, model_label=None, of=HEARTS, finding="pvc"):
    inputs = of.marks(kind, count, seed=zlib.crc32(name.encode()) % 1000)
    for start in place.put_finding(name, inputs, of=of, kind=finding, label=model_label):
        answer = person.post(f"/findings/{name}/reviews", word(start, label, of=of))
        assert answer.status == 201, answer


def word(start, label, *, of=HEARTS, model_seen=False):
    """A reviewer's word on a mark."""
    about = {"task": of.task, "kind": TASKS[of.task].review.mark, "start": start}
    return {**about, "verdict": "relabel", "label": label, "model_seen": model_seen}


def learned(place, engineer, *, of=HEARTS):
    """Run a job to its candidate."""
    job = engineer.post("/learning/jobs", {"task": of.task})
    assert job.status == 201
    assert job.body["state"] == "queued"
    place.work()
    return engineer.get(f"/learning/jobs/{job.body['id']}").body


@pytest.fixture
def engineer(place):
    return place.person(Role.ENGINEER)


@pytest.fixture
def reviewer(place):
    return place.person(Role.REVIEWER)


@pytest.fixture
def device(tmp_path, place):
    """A bed that is provisioned with the clinic's root."""
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
        BundleShelf(tmp_path / "bed" / "shelf", lambda task: place.models_dir / task / "1.0.0"),
        device="bed-1",
        fetch=client.fetch,
        admit=admitted,
        on_switch=lambda _task, _backend, _reason: Switched(recording="r", at=5, rung=Rung.ONNX_CPU),
        where=lambda _task: Switched(recording="r", at=1, rung=Rung.ONNX_CPU),
        report=hear,
    )
    updater.open("ecg-beats")
    updater.start()

    def wait(step, bundle):
        with heard:
            found = heard.wait_for(
                lambda: [report for report in reports if report.step == step and report.bundle == bundle], 20
            )
            assert found, reports
            return found[0]

    updater.wait = wait
    yield updater
    updater.stop()


def told_command(place, told):
    """What the broker would have carried."""
    with place.database.read() as session:
        row = session.get_one(CommandRow, told["command"])
    return Command(
        id=row.id,
        name=row.name,
        issuer=row.issuer,
        expires_utc=row.expires.isoformat(),
        arguments=tuple(row.arguments.items()),
    )


def test_a_correction_becomes_a_model_at_the_bedside(place, reviewer, engineer, device):
    for number in range(4):
        review(reviewer, place, f"finding-{number}", STRANGE, "F")
    job = learned(place, engineer)
    assert (job["state"], job["passed"], job["bundle"]) == ("gated", True, "ecg-beats/1.0.1"), job["reason"]
    candidate = reviewer.get(f"/learning/candidates/{job['id']}").body
    assert candidate["report"]["passed"]
    assert "no regression by class" in candidate["card"]
    released = engineer.post(f"/learning/candidates/{job['id']}/release", {}).body
    assert released["target"] == "ecg-beats/1.0.1.bundle"
    (told,) = released["told"]
    assert told["device"] == "bed-1"
    assert device.on_command(told_command(place, told)).outcome == "done"
    device.wait("trial", "ecg-beats/1.0.1")
    for _ in range(3):
        device.window("ecg-beats", "ecg-beats/1.0.1", True)
    switched = device.wait("switched", "ecg-beats/1.0.1")
    assert (switched.previous, switched.windows_missed) == ("ecg-beats/1.0.0", 0)
    topic = up("ward", "bed-1", Channel.EVENT)
    commit(place.database, [Message(topic=topic, payload=encode(enveloped(switched)))])
    (shown,) = reviewer.get("/learning/releases").body["releases"]
    assert [(report["device"], report["step"]) for report in shown["reports"]] == [("bed-1", "switched")]
    again = learned(place, engineer)
    assert (again["parent"], again["bundle"]) == ("ecg-beats/1.0.1", "ecg-beats/1.0.2")
    with place.database.read() as session:
        audit.verify(session)


def enveloped(report: ModelReport):
    return wrap(report, seq=1, device="bed-1", boot="b", at="2026-01-01T00:00:00Z")


def test_a_bundle_altered_on_the_server_is_refused_at_the_bedside(place, engineer, device):
    target = release_unchecked(place.workshop, pack(bundle_files(version="1.0.8")), by="test", reason="a test")
    path = place.workshop.repository.target_path(target)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (told,) = engineer.post("/learning/releases/ecg-beats/1.0.8/announce", {}).body["told"]
    device.on_command(told_command(place, told))
    assert device.wait("refused", "ecg-beats/1.0.8").reason.startswith("target-damaged")
    assert engineer.post("/learning/releases/ecg-beats/1.0.8/withdraw").status == 204
    assert engineer.post("/learning/releases/ecg-beats/1.0.8/announce", {}).status == 404


def test_a_signed_bundle_that_fails_its_self_test_is_refused_at_the_bedside(place, engineer, device):
    bad = pack(bundle_files(version="1.0.9", wrong_goldens=True))
    release_unchecked(place.workshop, bad, by="test", reason="a test")
    (told,) = engineer.post("/learning/releases/ecg-beats/1.0.9/announce", {}).body["told"]
    device.on_command(told_command(place, told))
    assert device.wait("refused", "ecg-beats/1.0.9").reason.startswith("self-test-failed")


def test_poisoned_reviews_make_no_release(place, reviewer, engineer):
    for kind in range(4):
        review(reviewer, place, f"poison-{kind}", kind, CLASSES[(kind + 1) % 4], count=15)
    job = learned(place, engineer)
    assert (job["state"], job["passed"]) == ("gated", False)
    assert "no regression by class" in job["reason"]
    refused = engineer.post(f"/learning/candidates/{job['id']}/release", {})
    assert refused.status == 409
    assert "gate failed" in refused.body["detail"]
    assert engineer.get("/learning/releases").body["releases"] == []


def test_a_reviewer_reads_and_an_engineer_acts(place, reviewer, engineer):
    assert reviewer.post("/learning/jobs", {"task": "ecg-beats"}).status == 403
    assert reviewer.get("/learning/jobs").status == 200
    assert engineer.post("/learning/jobs", {"task": "ecg-sleep"}).status == 400
    assert place.person(Role.VIEWER).get("/learning/jobs").status == 403
    assert engineer.post("/learning/candidates/99/release", {}).status == 409
    assert reviewer.get("/learning/candidates/99").status == 404


def test_a_job_without_reviews_fails_with_its_reason(place, engineer):
    job = learned(place, engineer)
    assert job["state"] == "failed"
    assert "no reviewed beat" in job["reason"]


def test_only_the_newest_word_counts(place, reviewer, engineer):
    (start,) = place.put_finding("one", HEARTS.marks(0, 1, seed=5))
    for label in ("V", "F"):
        row = reviewer.post("/findings/one/reviews", word(start, label, model_seen=True)).body["row"]
    job = learned(place, engineer)
    manifest = json.loads((place.workshop.datasets / f"{job['dataset']}.json").read_bytes())
    assert [mark["label"] for mark in manifest["marks"]] == ["F"]
    assert manifest["marks"][0]["model_seen"] is True
    assert reviewer.post(f"/reviews/{row}/undo").status == 201
    job = learned(place, engineer)
    manifest = json.loads((place.workshop.datasets / f"{job['dataset']}.json").read_bytes())
    assert [mark["label"] for mark in manifest["marks"]] == ["V"]


def test_a_beat_that_cannot_be_told_is_left_out_and_counted(place, reviewer, engineer):
    review(reviewer, place, "clear", STRANGE, "V", count=3)
    review(reviewer, place, "unclear", 0, "Q", count=2)
    job = learned(place, engineer)
    manifest = json.loads((place.workshop.datasets / f"{job['dataset']}.json").read_bytes())
    assert len(manifest["marks"]) == 3
    assert manifest["left_out"] == {"the reviewer could not tell": 2}


def test_a_candidate_graded_against_an_older_model_is_not_released(place, reviewer, engineer):
    review(reviewer, place, "a", STRANGE, "F")
    first, second = learned(place, engineer), learned(place, engineer)
    assert (first["version"], second["version"]) == ("1.0.1", "1.0.2")
    assert engineer.post(f"/learning/candidates/{second['id']}/release", {}).status == 201
    assert engineer.post(f"/learning/candidates/{second['id']}/release", {}).status == 201
    late = engineer.post(f"/learning/candidates/{first['id']}/release", {})
    assert late.status == 409
    assert "another model was released" in late.body["detail"]


def test_a_candidate_file_that_was_exchanged_is_not_signed(place, reviewer, engineer):
    review(reviewer, place, "a", STRANGE, "F")
    job = learned(place, engineer)
    place.workshop.candidate_file(job["digest"]).write_bytes(pack(make_bundle(version="1.0.1", seed=4).files))
    with pytest.raises(NotReleasable):
        release_candidate(place.workshop, job["id"], by="test")


def test_a_newly_trained_bundle_needs_a_fixed_set_or_a_reason(workshop):
    row = import_bundle(workshop, pack(bundle_files(version="1.1.0", seed=9)), by="test")
    assert (row.state, row.passed, row.kind) == ("gated", False, "import")
    assert "fixed set" in row.reason
    with pytest.raises(NotReleasable):
        release_candidate(workshop, row.id, by="test")


OUTSIDE = (
    "/updates/metadata/../keys/root-1.pem",
    "/updates/metadata/..%2Fkeys%2Froot-1.pem",
    "/updates/targets/../keys/root-1.pem",
    "/updates/targets/%2e%2e/keys/root-1.pem",
    "/updates/targets//etc/passwd",
    "/updates/keys/root-1.pem",
    "/updates/metadata/1.targets.json/",
    "/updates/",
)


def test_nothing_but_signed_files_is_served(place):
    statuses = {}
    for path in ("/updates/metadata/timestamp.json", *OUTSIDE):
        connection = http.client.HTTPConnection(urlsplit(place.url).netloc)
        connection.request("GET", path)
        response = connection.getresponse()
        assert b"PRIVATE" not in response.read()
        statuses[path] = response.status
        connection.close()
    assert statuses.pop("/updates/metadata/timestamp.json") == 200
    assert set(statuses.values()) <= {404, 307}


def test_each_job_is_claimed_once(workshop):
    start_job(workshop.database, task="ecg-beats", by="test")
    start_job(workshop.database, task="ecg-beats", by="test")
    claimed, barrier = [], threading.Barrier(4)

    def work(name):
        barrier.wait()
        claimed.append(claim(workshop.database, name))

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job for job in claimed if job is not None) == [1, 2]


def test_a_job_whose_worker_died_is_taken_over_and_at_last_given_up(workshop):
    start_job(workshop.database, task="ecg-beats", by="test")
    for attempt in range(ATTEMPTS):
        assert claim(workshop.database, f"w{attempt}") == 1
        assert claim(workshop.database, "another") is None
        with workshop.database.write() as session:
            session.get_one(LearningJobRow, 1).lease_until = utc_now() - LEASE
    assert claim(workshop.database, "last") is None
    with workshop.database.read() as session:
        assert session.get_one(LearningJobRow, 1).state == "failed"


def test_a_job_that_meets_a_fault_ends_with_it(workshop):
    job = start_job(workshop.database, task="ecg-beats", by="test").id
    (workshop.models_dir / "ecg-beats" / "1.0.0" / "model.onnx").write_bytes(b"")
    claim(workshop.database, "w")
    run_job(workshop, job)
    with workshop.database.read() as session:
        row = session.get_one(LearningJobRow, job)
    assert row.state == "failed"
    assert row.reason
