"""Readers do not see each other before both have spoken, a third decides where they differ, kappa says how often."""

import contextlib

import numpy as np
import pytest
from cloud_ward import finding, marks_of, message, recording
from hypothesis import given
from hypothesis import strategies as st
from test_wave_archive import kept

from cloud_service.clinic.agreement import Word, compared, first_pairs
from cloud_service.ingest.commit import commit

ABOUT = finding()
PATH = f"/api/v1/findings/{ABOUT.id}/reviews"


@pytest.fixture
def readers(ward):
    """Clients of three readers of a finding on two beats, and of one who only looks."""
    commit(ward.database, [message(one) for one in (recording(), *marks_of(ABOUT), ABOUT)])
    ward.clinic.archive.store("bed-1", [kept(0, np.arange(3600), lead="MLII", fs_hz=360.0)])
    roles = ("reviewer", "engineer", "admin", "viewer")
    with contextlib.ExitStack() as opened:
        yield [opened.enter_context(ward.as_role(role)) for role in roles]


def say(client, label, start=ABOUT.onset, *, verdict="relabel", seen=False):
    body = {"task": "ecg-beats", "kind": "beat", "start": start, "verdict": verdict, "label": label, "model_seen": seen}
    return client.post(PATH, json=body)


def seen_by(client, *, path=PATH):
    return sorted((one["reviewer"], one["label"]) for one in client.get(path).json()["reviews"])


def test_a_reader_sees_the_word_of_another_once_both_have_spoken_and_who_only_looks_sees_it(readers):
    first, second, third, _ = readers
    assert say(first, "N").status_code == 201
    said = [("reviewer", "N")]
    detail = f"/api/v1/findings/{ABOUT.id}"
    for path in (PATH, f"{PATH}?history=true", detail):
        assert [seen_by(client, path=path) for client in readers] == [said, [], [], said]
    say(second, "V", ABOUT.onset + 200)  # of another beat
    assert seen_by(second) == [("engineer", "V")]
    row = say(second, "V").json()["row"]
    both = [("engineer", "V"), ("reviewer", "N")]
    assert [one for one in seen_by(first) if one[0] != "engineer"] == said
    assert set(both) <= set(seen_by(third))
    second.post(f"/api/v1/reviews/{row}/undo").raise_for_status()
    assert seen_by(second) == [("engineer", "V")]
    assert seen_by(third) == []


def test_a_third_decides_between_readers_who_differ_and_nobody_else_does(readers):
    first, second, third, viewer = readers
    say(first, "N")
    refused = say(third, "V", verdict="adjudicate")
    assert (refused.status_code, "do not differ" in refused.json()["detail"]) == (409, True)
    say(second, "V")
    assert say(first, "N", verdict="adjudicate").status_code == 403
    assert say(viewer, "N", verdict="adjudicate").status_code == 403
    assert say(third, None, verdict="adjudicate").status_code == 400
    decided = say(third, "V", verdict="adjudicate").json()
    assert (decided["verdict"], decided["label"], decided["reviewer"]) == ("adjudicate", "V", "admin")
    assert say(third, "F", verdict="adjudicate").json()["supersedes"] == decided["row"]
    assert ("admin", "F") in seen_by(first)


def test_the_pairs_of_readers_are_compared_by_task_on_what_they_said_blind(readers):
    first, second, third, _ = readers
    say(first, "N")
    say(second, "V")
    say(second, "N")  # after having seen the other's
    say(first, "V", ABOUT.onset + 200, seen=True)
    say(second, "V", ABOUT.onset + 200)
    say(third, "F", verdict="adjudicate")
    (pair,) = first.get("/api/v1/agreement").json()["pairs"]
    assert (pair["task"], pair["kind"], pair["readers"]) == ("ecg-beats", "beat", ["engineer", "reviewer"])
    assert (pair["n"], pair["same"], pair["not_blind"]) == (1, 0, 1)
    assert pair["kappa"] == 0.0
    assert pair["low"] <= 0.0 <= pair["high"]
    assert first.get("/api/v1/agreement", params={"task": "ecg-waves"}).json() == {"pairs": []}


def word(reader, label, mark=0, *, blind=True):
    return Word(place=("d", "r", "t", "k", ("II",), mark, None), reader=reader, label=label, blind=blind)


def test_kappa_is_that_of_the_table_of_what_was_said_first():
    table = {("N", "N"): 20, ("N", "V"): 5, ("V", "N"): 10, ("V", "V"): 15}
    pairs = [pair for pair, count in table.items() for _ in range(count)]
    words = [word("ann", one, mark) for mark, (one, _) in enumerate(pairs)]
    words += [word("bob", other, mark) for mark, (_, other) in enumerate(pairs)]
    words += [word("bob", "N", mark) for mark in range(50)]  # when he saw hers
    (pair,) = compared(words)
    assert (pair.n, pair.same, pair.kappa) == (50, 35, 0.4)


SAID = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["N", "V", None]), st.integers(0, 2)), max_size=40)


@given(said=SAID)
def test_each_two_readers_of_a_mark_are_compared_at_most_once(said):
    words = [word(reader, label, mark) for reader, label, mark in said]
    found = [(one.place, *sorted((one.reader, other.reader))) for one, other in first_pairs(words)]
    assert len(found) == len(set(found))
    assert all(one != other for _, one, other in found)
    first = {}
    for one in words:
        if one.label is not None:
            first.setdefault((one.place, one.reader), one)
    assert all(later is first[later.place, later.reader] for _, later in first_pairs(words))
