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


def test_notes_are_read_by_what_people_of_this_clinic_wrote_and_doubts_stand_first_on_request(filled):
    said = {"disagree": "This rhythm is wrong, look at the beats", "agree": "Good and clear, as I saw it on the strip"}
    with filled.as_role("viewer") as client:
        for number in range(10):
            for says, note in said.items():
                assert given(client, TOPIC, says=says, note=f"{note} {number}").status_code == 201
        assert given(client, TOPIC, says="other", note="These beats look wrong to me").status_code == 201
        assert given(client, TOPIC, says="agree").status_code == 201
    with filled.as_role("engineer") as client:
        newest = client.get("/api/v1/feedback").json()["feedback"]
        assert [one["says"] for one in newest[:2]] == ["agree", "other"]
        assert [one["reads_as"] for one in newest[:2]] == [None, "disagree"]
        doubts = client.get("/api/v1/feedback", params={"order": "doubts"}).json()["feedback"]
        assert [one["says"] for one in doubts] == ["other"] + ["disagree"] * 10 + ["agree"] * 11


def test_too_few_notes_teach_nothing(filled):
    with filled.as_role("viewer") as client:
        for says in ("disagree", "agree", "other"):
            given(client, TOPIC, says=says, note="The same note")
    with filled.as_role("engineer") as client:
        assert {one["reads_as"] for one in client.get("/api/v1/feedback").json()["feedback"]} == {None}
