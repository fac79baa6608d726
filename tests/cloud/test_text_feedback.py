"""What people say of texts: kept as it was shown, seen by engineers, and nothing that was never shown."""

import pytest
from cloud_ward import explanation, finding, marks_of, message, recording

from biosignal.asking.subjects import subjects
from cloud_service.ingest.commit import commit

ABOUT = finding()
TOPIC = subjects().named_in("QTc").meaning[0].text


@pytest.fixture
def filled(ward):
    events = (recording(), *marks_of(ABOUT), ABOUT, explanation(ABOUT))
    commit(ward.database, [message(one, device="bed-1") for one in events])
    return ward


def given(client, text, **more):
    return client.post("/api/v1/feedback", json={"text": text, "says": "agree", **more})


def test_better_words_are_kept_with_what_they_are_for_and_shown_to_engineers(filled):
    with filled.as_role("viewer") as client:
        text = client.get(f"/api/v1/findings/{ABOUT.id}").json()["explained"]["text"]
        better = {"says": "better-words", "words": " A run of three. ", "note": "shorter"}
        row = given(client, text, finding=ABOUT.id, **better).json()
        assert (row["text"], row["words"], row["kind"], row["finding_rev"]) == (text, "A run of three.", ABOUT.kind, 0)
        assert given(client, TOPIC, says="disagree").status_code == 201
        assert client.get("/api/v1/feedback").status_code == 403
    with filled.as_role("engineer") as client:
        listed = client.get("/api/v1/feedback").json()
        assert [one["says"] for one in listed["feedback"]] == ["disagree", "better-words"]
        assert listed["counts"] == {"disagree": 1, "better-words": 1}
        assert len(client.get("/api/v1/feedback", params={"says": "disagree"}).json()["feedback"]) == 1
        older = client.get("/api/v1/feedback", params={"before": listed["feedback"][0]["row"]}).json()
        assert [one["says"] for one in older["feedback"]] == ["better-words"]
    with filled.as_role("admin") as client:
        entries = client.get("/api/v1/audit").json()["entries"]
        assert sum(one["action"] == "feedback" for one in entries) == 2


def test_every_sentence_of_an_answer_can_be_spoken_of(filled):
    with filled.as_role("viewer") as client:
        said = client.post("/api/v1/ask", json={"finding": ABOUT.id, "template": "explain"}).json()
        assert said["parts"]
        for part in said["parts"]:
            assert given(client, part["text"], finding=ABOUT.id).status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": "The patient is stable."}, 400),
        ({"text": TOPIC, "finding": "nobody"}, 404),
        ({"text": TOPIC, "says": "better-words"}, 400),
        ({"text": TOPIC, "words": "Other words."}, 400),
        ({"text": TOPIC, "says": "approved"}, 422),
        ({"text": TOPIC, "note": "x" * 1001}, 422),
    ],
)
def test_what_is_no_word_on_a_text_that_was_shown_is_refused(filled, body, status):
    with filled.as_role("viewer") as client:
        assert given(client, **body).status_code == status
    with filled.as_role("engineer") as client:
        assert client.get("/api/v1/feedback").json()["feedback"] == []
