"""From a clinician's better words to a device's words: never by one person alone, and nothing that was not approved."""

import threading
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biosignal.events import Command, Rung
from biosignal.wire.envelope import encode, wrap
from biosignal.wire.topics import Channel, up
from biosignal.wording.bundle import WORDS
from biosignal.wording.in_force import speak
from cloud_service.access.roles import Role
from cloud_service.clinic.approving import approved_in_force, phrasing_of
from cloud_service.database.event_tables import CommandRow
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit
from cloud_service.learning.release import release_candidate
from cloud_service.learning.words import import_adapter, released_words
from edge_agent.explain.adapter_folder import AdapterFolder
from edge_agent.explain.approved import ApprovedWords, WordsInForce, opened, written_in
from edge_agent.explain.template import explain
from edge_agent.updates.cargo import Line
from edge_agent.updates.settings import TrialSettings, UpdatesSettings
from edge_agent.updates.shelf import BundleShelf
from edge_agent.updates.tuf_client import UpdateClient
from edge_agent.updates.updater import Switched, Updater
from tests.explain.phrasings import ASK, FELL, SLOWER
from tests.learning.adapters import ADAPTER, brought
from tests.learning.slow_hearts import KIND, LEAD, slow_heart

HEARTS = [slow_heart(number) for number in range(3)]
ABOUT = HEARTS[0]
FELL_HERE = "The heart rate fell to 38 beats per minute."
FASTER = SLOWER.pattern.replace("slower", "faster")


@pytest.fixture(autouse=True)
def vetted_words_behind_it():
    yield
    speak(None)


@pytest.fixture
def slow(place):
    """Three findings of one kind at the clinic, each with its text."""
    for number, heart in enumerate(HEARTS):
        for seq, event in enumerate((heart, explain(heart))):
            envelope = wrap(event, seq=2 * number + seq, device="bed-1", boot="b", at="2026-01-01T00:00:00Z")
            message = Message(topic=up("ward", "bed-1", Channel.EVENT), payload=encode(envelope))
            assert commit(place.database, [message]).refused == 0
    return place


def suggest(person, words, *, about=ABOUT):
    """Give better words for the text of a finding; their row."""
    new = {"text": explain(about).text, "finding": about.id, "says": "better-words", "words": words}
    answer = person.post("/feedback", new)
    assert answer.status == 201, answer.body
    return answer.body["row"]


def listed(person, row):
    return next(one for one in person.get("/words").body["suggestions"] if one["row"] == row)


def approve(person, row):
    pattern = listed(person, row)["pattern"] or "nothing"
    return person.post(f"/words/{row}/approve", {"pattern": pattern})


def candidate(place):
    """Make one of what stands; its job."""
    engineer = place.person(Role.ENGINEER)
    job = engineer.post("/learning/words")
    assert job.status == 201, job.body
    place.work()
    return engineer.get(f"/learning/jobs/{job.body['id']}").body


def release(place):
    job = candidate(place)
    assert job["passed"], job["reason"]
    engineer = place.person(Role.ENGINEER)
    return engineer.post(f"/learning/candidates/{job['id']}/release", {})


def test_a_suggestion_is_shown_as_a_pattern_beside_the_present_words_and_on_three_findings(slow):
    viewer, reviewer = slow.person(Role.VIEWER), slow.person(Role.REVIEWER)
    shown = listed(reviewer, suggest(viewer, FELL_HERE))
    assert (shown["state"], shown["part"], shown["pattern"], shown["mine"]) == (
        "waiting",
        FELL.part,
        FELL.pattern,
        False,
    )
    assert "The lowest heart rate was {value} beats per minute." in shown["present"]
    assert shown["previews"][0]["finding"] == ABOUT.id
    assert len({one["finding"] for one in shown["previews"]}) == 3
    for one, lowest in zip(sorted(shown["previews"], key=lambda one: one["finding"]), (38, 37, 36), strict=True):
        assert f"fell to {lowest} beats per minute" in one["then"]
        assert "fell to" not in one["now"]
    assert viewer.get("/words").status == 403


def test_what_the_finding_does_not_say_is_refused_with_the_reason_and_cannot_be_approved(slow):
    viewer, reviewer = slow.person(Role.VIEWER), slow.person(Role.REVIEWER)
    for words in (FASTER, "The heart stopped.", "Give atropine.", "The heart rate fell to 12 beats per minute."):
        row = suggest(viewer, words)
        shown = listed(reviewer, row)
        assert (shown["state"], shown["pattern"], shown["previews"]) == ("refused", None, [])
        assert shown["why"]
        assert reviewer.post(f"/words/{row}/approve", {"pattern": words}).status == 409
    assert slow.person(Role.ENGINEER).post("/learning/words").status == 409


def test_nobody_approves_words_of_their_own_and_no_viewer_any(slow):
    reviewer, engineer = slow.person(Role.REVIEWER), slow.person(Role.ENGINEER)
    row = suggest(reviewer, SLOWER.pattern)
    assert approve(reviewer, row).status == 409
    assert slow.person(Role.VIEWER).post(f"/words/{row}/approve", {"pattern": SLOWER.pattern}).status == 403
    assert approve(engineer, row).status == 201
    assert [one["by"] for one in listed(reviewer, row)["verdicts"]] == [Role.ENGINEER.value]


def test_only_the_pattern_that_was_seen_is_approved(slow):
    row = suggest(slow.person(Role.VIEWER), SLOWER.pattern)
    reviewer = slow.person(Role.REVIEWER)
    assert reviewer.post(f"/words/{row}/approve", {"pattern": FELL.pattern}).status == 409
    assert reviewer.post("/words/999/approve", {"pattern": FELL.pattern}).status == 404
    assert listed(reviewer, row)["state"] == "waiting"


def test_words_are_withdrawn_again_and_every_verdict_is_kept(slow):
    row = suggest(slow.person(Role.VIEWER), SLOWER.pattern)
    reviewer = slow.person(Role.REVIEWER)
    assert reviewer.post(f"/words/{row}/withdraw").status == 409
    approve(reviewer, row)
    job = candidate(slow)
    assert reviewer.post(f"/words/{row}/withdraw").status == 201
    assert [one["says"] for one in listed(reviewer, row)["verdicts"]] == ["approved", "withdrawn"]
    engineer = slow.person(Role.ENGINEER)
    late = engineer.post(f"/learning/candidates/{job['id']}/release", {})
    assert late.status == 409
    assert "withdrawn" in late.body["detail"]
    assert engineer.post("/learning/words").status == 409
    entries = slow.person(Role.ADMIN).get("/audit").body["entries"]
    assert [one["action"] for one in entries if one["action"].startswith("words.")] == [
        "words.withdrawn",
        "words.approved",
    ]


def test_a_candidate_is_held_against_every_stored_finding_and_says_of_nobody_where_it_is_from(slow):
    for words in (SLOWER.pattern, FELL_HERE, ASK.pattern):
        approve(slow.person(Role.REVIEWER), suggest(slow.person(Role.VIEWER), words))
    job = candidate(slow)
    report = slow.person(Role.ENGINEER).get(f"/learning/candidates/{job['id']}").body
    gates = {gate["name"]: gate for gate in report["report"]["gates"]}
    assert all(gate["status"] == "passed" for gate in gates.values())
    assert gates["complete, and only what was measured"]["figures"] == {"set": f"stored findings: {KIND}", "n": 3}
    assert SLOWER.pattern in report["card"]
    release(slow)
    released = released_words(slow.workshop)
    assert {one.pattern for one in released.phrasings} == {SLOWER.pattern, FELL.pattern, ASK.pattern}
    assert len(released.golden) == 3
    public = b"".join(released.files.values())
    for name in (b"bed-1", b"recording-", ABOUT.id.encode(), LEAD.encode(), b"viewer", b"reviewer"):
        assert name not in public
    assert (released.version, candidate(slow)["bundle"]) == ("1.0.1", "words/1.0.2")


def test_of_two_ways_to_say_a_part_the_one_approved_last_is_said(slow):
    viewer, reviewer = slow.person(Role.VIEWER), slow.person(Role.REVIEWER)
    other = SLOWER.pattern.replace("The heart", "This heart")
    for words in (SLOWER.pattern, other):
        assert approve(reviewer, suggest(viewer, words)).status == 201
    release(slow)
    speak(ApprovedWords(released_words(slow.workshop)).approved)
    assert other in explain(ABOUT).text


def test_a_finding_that_the_words_cannot_be_said_of_fails_the_gate(slow, monkeypatch):
    approve(slow.person(Role.REVIEWER), suggest(slow.person(Role.VIEWER), SLOWER.pattern))
    monkeypatch.setattr("biosignal.rehearsal.refusal", lambda *_: "a number is missing")
    job = candidate(slow)
    assert not job["passed"]
    assert "a number is missing" in job["reason"]
    assert slow.person(Role.ENGINEER).post(f"/learning/candidates/{job['id']}/release", {}).status == 409


# ---- as far as a device ----------------------------------------------------------------------------------------------


class Bed:
    """A device's words: its own updater on its own shelf, against the clinic's repository, at an hour of its own."""

    def __init__(self, place, folder, *, now):
        folder.mkdir(exist_ok=True)
        client = UpdateClient(
            UpdatesSettings(url=f"{place.url}/updates/", reserve_bytes=0),
            state_dir=folder,
            trusted_root=place.workshop.repository.trusted_root(),
            now=lambda: now,
        )
        self.steps, self.heard = [], threading.Condition()
        self.words = WordsInForce(AdapterFolder(folder / "words", lambda _: None))
        line = Line(opened=opened, windows=3)
        self.updater = Updater(
            TrialSettings(retry_s=(0.01,), reserve_bytes=0),
            BundleShelf(folder / "models", lambda _task: None, lines={WORDS: line}),
            device="bed-1",
            fetch=client.fetch,
            admit=ApprovedWords,
            on_switch=self.switch,
            where=lambda _task: Switched(recording=None, at=0, rung=Rung.RULES),
            report=self.report,
        )
        self.updater.start()

    def switch(self, _task, words, reason):
        self.words.take_up(words, reason)
        return Switched(recording=None, at=0, rung=Rung.RULES)

    def report(self, report):
        with self.heard:
            self.steps.append(report.step)
            self.heard.notify_all()

    def hear(self, place):
        """Take the newest announcement of the clinic, as the line would bring it."""
        with place.database.read() as session:
            row = session.query(CommandRow).filter_by(name="new-model").order_by(CommandRow.requested.desc()).first()
            arguments = tuple(row.arguments.items())
            command = Command(id=row.id, name=row.name, issuer=row.issuer, expires_utc="", arguments=arguments)
        assert self.updater.on_command(command).outcome == "done"

    def wait_for(self, step):
        with self.heard:
            assert self.heard.wait_for(lambda: step in self.steps or "refused" in self.steps, 60)
            assert step in self.steps, self.steps

    def speak(self, heart):
        text = explain(heart)
        for bundle, stands in self.words.heard((heart, text)):
            self.updater.window(WORDS, bundle, stands)
        return text


def test_a_phrase_approved_at_the_clinic_is_spoken_by_a_device_an_hour_later(slow, tmp_path):
    viewer, reviewer = slow.person(Role.VIEWER), slow.person(Role.REVIEWER)
    later = slow_heart(7)
    bed = Bed(slow, tmp_path / "bed", now=datetime.now(timezone.utc) + timedelta(hours=1))
    try:
        approved, waiting = suggest(viewer, FELL_HERE), suggest(viewer, SLOWER.pattern)
        assert "fell to" not in bed.speak(later).text
        approve(reviewer, approved)
        assert "fell to" not in bed.speak(later).text
        assert release(slow).status == 201
        bed.hear(slow)
        bed.wait_for("trial")
        text = bed.speak(later)
        assert "The heart rate fell to 31 beats per minute." in text.text
        assert written_in(text) == "words/1.0.0"
        assert listed(reviewer, waiting)["state"] == "waiting"
        assert SLOWER.pattern not in text.text
        for heart in HEARTS:
            bed.speak(heart)
        bed.wait_for("switched")
    finally:
        bed.updater.stop()


def test_an_adapter_reaches_a_device_with_the_words_and_stays_with_the_next_ones(slow, tmp_path):
    viewer, reviewer = slow.person(Role.VIEWER), slow.person(Role.REVIEWER)
    row = import_adapter(slow.workshop, brought(), by="test")
    release_candidate(slow.workshop, row.id, by="test")
    approve(reviewer, suggest(viewer, FELL_HERE))
    bed = Bed(slow, tmp_path / "bed", now=datetime.now(timezone.utc))
    try:
        job = candidate(slow)
        assert job["passed"], job["reason"]
        engineer = slow.person(Role.ENGINEER)
        assert engineer.post(f"/learning/candidates/{job['id']}/release", {}).status == 201
        bed.hear(slow)
        bed.wait_for("trial")
        assert written_in(bed.speak(slow_heart(7))) == "words/1.0.1"
        assert [file.read_bytes() for file in (tmp_path / "bed" / "words").iterdir()] == [ADAPTER]
    finally:
        bed.updater.stop()


WRONG = (FASTER, "The heart stopped.", "The pulse was good.")
PROPOSALS = st.sampled_from([SLOWER.pattern, FELL_HERE, ASK.pattern, *WRONG])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(PROPOSALS, st.booleans(), st.booleans()), min_size=1, max_size=5))
def test_nothing_that_is_not_approved_and_standing_is_ever_in_a_text(slow, acts):
    """Whatever is suggested, approved and withdrawn, in whatever order: the texts hold what stands, and no more."""
    viewer, reviewer = slow.person(Role.VIEWER), slow.person(Role.REVIEWER)
    for words, is_approved, is_withdrawn in acts:
        row = suggest(viewer, words)
        if is_approved and approve(reviewer, row).status == 201 and is_withdrawn:
            reviewer.post(f"/words/{row}/withdraw")
    with slow.database.read() as session:
        standing = {phrasing_of(one) for one in approved_in_force(session)}
    if standing:
        assert release(slow).status == 201
        words = released_words(slow.workshop)
        assert set(words.phrasings) == standing
        speak(ApprovedWords(words).approved)
    said = [explain(heart).text for heart in (*HEARTS, slow_heart(9))]
    patterns = {one.pattern for one in standing}
    for one in (SLOWER, FELL, ASK):
        pieces = one.pattern.split("{value}")
        assert all((one.pattern in patterns) == all(piece in text for piece in pieces) for text in said), one
    assert not any(bad in text for text in said for bad in WRONG)
    speak(None)
