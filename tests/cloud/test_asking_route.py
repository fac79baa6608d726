"""Questions over the API: answers from what is stored, what is refused, and what is kept of it."""

import pytest
from cloud_ward import finding, marks_of, message, recording
from sqlalchemy import update

from biosignal.asking.templates import TEMPLATES
from cloud_service.clinic.asking import ALLOWED
from cloud_service.database.event_tables import FindingRow
from cloud_service.ingest.commit import commit

FIRST, SECOND = finding(), finding(onset=9000)
OTHER = finding(device="bed-2", onset=2000)


@pytest.fixture
def filled(ward):
    commit(ward.database, [message(one, device="bed-1") for one in (recording(), *marks_of(FIRST), FIRST, SECOND)])
    commit(ward.database, [message(one, device="bed-2") for one in (recording(device="bed-2"), OTHER)])
    return ward


def asked(client, question="", **more):
    answer = client.post("/api/v1/ask", json={"question": question, **more})
    answer.raise_for_status()
    return answer.json()


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_viewer_is_answered_with_sources_and_strips(filled, template):
    with filled.as_role("viewer") as client:
        said = asked(client, finding=SECOND.id, template=template)
        assert said["reason"] is None
        assert said["template"] == template
        assert not said["in_general"]
        for part in said["parts"]:
            if part["source"] is None:
                assert part["finding"] in {FIRST.id, SECOND.id}
                assert part["end"] > part["start"]
                assert part["fs_hz"] > 0
            else:
                assert part["source"]["cite"]


def test_it_is_compared_with_the_last_of_its_own_recording_only(filled):
    with filled.as_role("viewer") as client:
        said = asked(client, "Compare it with the last one.", finding=SECOND.id)
        assert {part["finding"] for part in said["parts"]} == {FIRST.id, SECOND.id}
        assert asked(client, "Compare it with the last one.", finding=OTHER.id)["reason"] == "nothing-before"
        assert asked(client, "Compare it with the last one.", finding=FIRST.id)["reason"] == "nothing-before"


def test_what_is_refused_says_why_and_what_can_be_asked(filled):
    with filled.as_role("viewer") as client:
        said = asked(client, "How much adenosine should he get?", finding=FIRST.id)
        assert (said["reason"], said["parts"]) == ("dose", [])
        assert said["why"].endswith("for a physician.")
        assert TEMPLATES["explain"].question in said["can"]
        assert asked(client, "What was measured?")["reason"] == "needs-finding"


def test_it_is_kept_that_somebody_asked_and_not_what(filled):
    with filled.as_role("viewer") as client:
        asked(client, "What is the dose for Mr. Miller?", finding=FIRST.id)
    with filled.as_role("admin") as client:
        entries = client.get("/api/v1/audit").json()["entries"]
    entry = next(one for one in entries if one["action"] == "ask")
    assert entry["subject"] == FIRST.id
    assert "dose" in str(entry["detail"])
    assert "Miller" not in str(entries)


def test_who_asks_without_end_must_wait(filled):
    with filled.as_role("viewer") as client:
        for _ in range(ALLOWED):
            asked(client, "What is QTc?")
        answer = client.post("/api/v1/ask", json={"question": "What is QTc?"})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
    with filled.as_role("reviewer") as client:
        assert asked(client, "What is QTc?")["parts"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"question": "x" * 401}, 422),
        ({"question": "What?", "template": "poem"}, 400),
        ({"question": "What?", "finding": "nobody"}, 404),
        ({"question": 7}, 422),
    ],
)
def test_what_is_no_question_is_refused_with_a_status(filled, body, status):
    with filled.as_role("viewer") as client:
        assert client.post("/api/v1/ask", json=body).status_code == status


def test_of_a_finding_that_cannot_be_read_nothing_is_said(filled):
    with filled.database.write() as session:
        session.execute(update(FindingRow).where(FindingRow.id == FIRST.id).values(evidence={"measures": 7}))
    with filled.as_role("viewer") as client:
        assert client.post("/api/v1/ask", json={"question": "", "finding": FIRST.id}).status_code == 409
