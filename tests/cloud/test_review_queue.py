"""What waits for a reader: what teaches most first, by filters, and not what another reads just now."""

import dataclasses
from datetime import timedelta

import numpy as np
import pytest
from cloud_ward import PVC, finding, mark, message, recording
from test_wave_archive import kept

from cloud_service.clinic.review_queue import CLAIM_S, uncertainty
from cloud_service.database.clinic_tables import ClaimRow
from cloud_service.database.columns import utc_now
from cloud_service.ingest.commit import commit

SURE, DOUBTED, OTHER = finding(), finding(onset=3000, kind="pvc"), finding(device="bed-2", onset=5000)
QUEUE = "/api/v1/review-queue"


def answered(probability):
    return dataclasses.replace(PVC, scores=(("N", 1 - probability), ("V", probability)))


@pytest.fixture
def filled(ward):
    def send(device, *events):
        commit(ward.database, [message(one, device=device) for one in events])
        waves = [kept(first, np.arange(3600), lead="MLII", fs_hz=360.0) for first in (0, 3600)]
        ward.clinic.archive.store(device, waves)

    send("bed-1", recording(), *(mark(at, outcome=answered(0.99)) for at in (1000, 1200)), SURE)
    send("bed-1", *(mark(at, outcome=answered(0.55)) for at in (3000, 3200)), DOUBTED)
    send("bed-2", recording(device="bed-2"), *(mark(at, outcome=answered(0.8)) for at in (5000, 5200)), OTHER)
    return ward


def waiting(client, **asked):
    return [one["finding"] for one in client.get(QUEUE, params=asked).raise_for_status().json()["waiting"]]


def say(client, about, label="V", **more):
    body = {"task": "ecg-beats", "kind": "beat", "start": about.onset, "label": label, "model_seen": False}
    body |= {"verdict": "relabel", **more}
    return client.post(f"/api/v1/findings/{about.id}/reviews", json=body).raise_for_status().json()


def test_what_the_model_was_least_sure_of_comes_first_and_its_name_is_not_told(filled):
    with filled.as_role("reviewer") as client:
        answer = client.get(QUEUE)
        assert waiting(client) == [DOUBTED.id, OTHER.id, SURE.id]
    first = answer.json()["waiting"][0]
    assert (first["teaches"], first["why"], first["readers"]) == (pytest.approx(0.9), "the model was unsure", 0)
    assert "pvc" not in answer.text
    assert '"V"' not in answer.text


def test_it_is_asked_by_task_kind_device_and_time(filled):
    with filled.as_role("reviewer") as client:
        assert waiting(client, device="bed-2") == [OTHER.id]
        assert waiting(client, kind="pvc") == [DOUBTED.id]
        assert waiting(client, task="ecg-waves") == []
        assert len(waiting(client, task="ecg-beats")) == 3
        assert waiting(client, since="2100-01-01T00:00:00Z") == []
        assert client.get(QUEUE, params={"since": "yesterday"}).status_code == 400
        assert client.get(QUEUE, params={"state": "whatever"}).status_code == 422


def test_what_one_read_waits_for_a_second_and_where_they_differ_for_a_third(filled):
    with (
        filled.as_role("reviewer") as first,
        filled.as_role("engineer") as second,
        filled.as_role("admin") as third,
    ):
        say(first, SURE, "N")
        assert SURE.id not in waiting(first) + waiting(second)
        assert (waiting(first, state="second"), waiting(second, state="second")) == ([], [SURE.id])
        assert SURE.id not in waiting(first, state="mine")
        assert SURE.id in waiting(second, state="mine")
        say(second, SURE, "V")
        assert (waiting(first, state="disputed"), waiting(third, state="disputed")) == ([], [SURE.id])
        assert waiting(third, state="mine")[0] == SURE.id
        say(third, SURE, "V", verdict="adjudicate")
        assert waiting(third, state="disputed") == []


def test_a_claim_is_shown_ends_and_blocks_nobody(filled):
    path = f"/api/v1/findings/{DOUBTED.id}"
    with filled.as_role("reviewer") as first, filled.as_role("engineer") as second:
        assert first.post(f"{path}/claim").json()["mine"] is True
        held = second.post(f"{path}/claim").json()
        assert (held["reader"], held["mine"]) == ("reviewer", False)
        assert waiting(second)[-1] == DOUBTED.id
        assert waiting(first)[0] == DOUBTED.id
        say(second, DOUBTED, "N")
        second.post(f"{path}/release")
        assert second.post(f"{path}/claim").json()["reader"] == "reviewer"
        with filled.database.write() as session:
            (row,) = session.query(ClaimRow).all()
            assert row.until - utc_now() <= timedelta(seconds=CLAIM_S)
            row.until = utc_now()
        assert second.post(f"{path}/claim").json()["mine"] is True
        second.post(f"{path}/release")
        assert first.post(f"{path}/claim").json()["mine"] is True


def test_ones_last_words_are_listed_until_they_are_taken_back(filled):
    with filled.as_role("reviewer") as first, filled.as_role("engineer") as second:
        rows = [say(first, about)["row"] for about in (SURE, DOUBTED)]
        say(second, OTHER)
        mine = [one["row"] for one in first.get("/api/v1/my-reviews").json()["reviews"]]
        assert mine == rows[::-1]
        first.post(f"/api/v1/reviews/{rows[1]}/undo").raise_for_status()
        assert [one["row"] for one in first.get("/api/v1/my-reviews").json()["reviews"]] == rows[:1]


def test_uncertainty_is_the_distance_of_the_best_two_or_of_a_statement_from_even_odds():
    scores = {"scores": [["N", 0.6], ["V", 0.3], ["S", 0.1]]}
    assert uncertainty("ecg-beats", "beat", scores) == pytest.approx(0.7)
    assert uncertainty("ecg-diagnosis", "ten-seconds", scores) == pytest.approx(0.8)
    assert uncertainty("ecg-beats", "beat", {"type": "Abstained", "reason": "poor"}) == 0.0
    assert uncertainty("ecg-beats", "beat", None) == 0.0
