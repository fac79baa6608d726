"""`POST /api/v1/classify`: an ECG that is sent is answered and kept nowhere; what cannot be read is refused."""

import numpy as np
import pytest
from sqlalchemy import func, select

from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS
from cloud_service.clinic.classify import LARGEST_BODY
from cloud_service.database.event_tables import EventRow

PATH = "/api/v1/classify"


def ecg(seconds=10.0, *, unit="mV", names=None, fs_hz=250.0):
    recording = SyntheticRecording(SCENARIOS["twelve-lead"], seed=2)
    samples = recording.samples(0, round(seconds * recording.fs_hz))[:, :: round(recording.fs_hz / fs_hz)]
    scale = 1000.0 if unit == "uV" else 1.0
    leads = {lead.name: np.round(row * scale, 3).tolist() for lead, row in zip(recording.leads, samples, strict=True)}
    kept = leads if names is None else {name: leads[name] for name in names}
    return {"fs_hz": fs_hz, "unit": unit, "leads": kept}


def stated(answer):
    return {one["code"]: one["probability"] for line in answer["statements"] for one in line["statements"]}


def test_ten_seconds_of_twelve_leads_have_statements_and_intervals_and_leave_nothing_behind(ward):
    states = next(task for task in TASKS.values() if any(kind.states for kind in task.marks))
    with ward.as_role("reviewer") as client:
        answer = client.post(PATH, json=ecg()).raise_for_status().json()
        assert client.get("/api/v1/recordings").json()["recordings"] == []
    assert answer["seconds"] == 10.0
    assert set(stated(answer)) == set(states.model.classes)
    measured = {one["name"] for line in answer["measured"] for one in line["values"]}
    assert {"qrs_duration", "pr_interval"} <= measured
    assert [len(line["similar"]) for line in answer["statements"]] == [3]
    assert set(answer["statements"][0]["similar"][0]["stated"]) <= set(states.model.classes)
    with ward.database.read() as session:
        assert session.scalar(select(func.count()).select_from(EventRow)) == 0


def test_microvolts_and_leads_that_are_missing_are_read_as_they_are(ward):
    with ward.as_role("reviewer") as client:
        volts = stated(client.post(PATH, json=ecg()).json())
        micro = stated(client.post(PATH, json=ecg(unit="uV")).json())
        two = client.post(PATH, json=ecg(names=("I", "II"))).json()
    assert micro == pytest.approx(volts, abs=2e-3)
    assert two["leads"] == ["I", "II"]
    assert stated(two)


def test_samples_that_are_missing_are_sent_as_null(ward):
    sent = ecg(names=("I", "II", "V5"))
    sent["leads"]["V5"] = [None] * len(sent["leads"]["V5"])
    with ward.as_role("reviewer") as client:
        assert stated(client.post(PATH, json=sent).raise_for_status().json())


def change(**changes):
    return lambda sent: sent | changes


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (change(unit="V"), "unit"),
        (change(fs_hz=50.0), "fs_hz"),
        (change(leads={}), "leads"),
        (change(leads={"C3": [0.0] * 2500}), "'C3' is no standard lead"),
        (change(leads={"II": [0.0] * 2500, "MLII": [0.0] * 2500}), "there twice"),
        (change(leads={"I": [0.0] * 2500, "II": [0.0] * 2400}), "different lengths"),
        (change(leads={"II": [0.0] * 250}), "send 10 to 60 s"),
        (change(leads={"II": [0.0] * 2499 + ["x"]}), "number"),
        (change(leads={"II": [1e12] * 2500}), "less than or equal"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(ward, spoil, says):
    with ward.as_role("reviewer") as client:
        answer = client.post(PATH, json=spoil(ecg(names=("II",))))
    assert answer.status_code in (400, 422)
    assert says in answer.text


def test_a_body_of_twelve_leads_at_a_thousand_hertz_fits_and_a_larger_one_does_not(ward):
    with ward.as_role("reviewer") as client:
        assert client.post(PATH, content=b"x" * (LARGEST_BODY + 1)).status_code == 413
        assert client.post(PATH, content=b"x" * (LARGEST_BODY - 1)).status_code in (400, 422)
        assert client.post("/api/v1/login", content=b"x" * (1 << 17)).status_code == 413


def test_who_may_only_look_asks_nothing(ward):
    with ward.as_role("viewer") as client:
        assert client.post(PATH, json=ecg(names=("II",))).status_code == 403
