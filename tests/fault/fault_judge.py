"""Compares what the device holds with what the clinic holds, on the files themselves, after everything has stopped."""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from fault_house import House, look

from edge_agent.store.rows import unpack

WAVE_LOSS_S = 10.0
WRITE_S = 0.1
"""So long a write may lag behind the analysis on a busy machine; a replay at many times real time multiplies it."""
LATEST = {"finding": "findings", "alarm": "alarms", "explanation": "explanations"}
ONCE = {
    "recording.opened": "recordings",
    "strip": "strips",
    "mark": "marks",
    "inputs": "inputs",
    "marks": "mark_packs",
    "series": "series",
    "loss": "losses",
    "clock.anchor": "clock_anchors",
    "model.report": "model_reports",
    "subject.assigned": "subjects_assigned",
}
ENDED = {"closed", "withdrawn"}


@dataclass(frozen=True)
class Stored:
    """One event as the device holds it."""

    n: int
    id: str
    rev: int
    kind: str
    recording: str | None
    seq: int
    body: dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What was compared; only given when everything held."""

    events: int
    findings: int
    recordings: int
    most_wave_lost_s: float


def judge(house: House, *, waves_may_miss: bool = False) -> Verdict:
    """Check every promise; fails at the first that was broken. On a full disk waves go, so they `may_miss`."""
    _check_files(house)
    stored = device_events(house)
    _check_both_hold_the_same(house, stored)
    _check_latest_states(house, stored)
    _check_nothing_waits(house)
    _check_findings(stored)
    _check_recordings(stored)
    lost_s = float("nan") if waves_may_miss else _check_waves(house, stored)
    return Verdict(
        events=len(stored),
        findings=len({event.id for event in stored if event.kind == "finding"}),
        recordings=sum(event.kind == "recording.opened" for event in stored),
        most_wave_lost_s=lost_s,
    )


def device_events(house: House) -> list[Stored]:
    rows = look(house.events_db, "SELECT n, payload FROM events ORDER BY n")
    found = [(n, json.loads(unpack(payload))) for n, payload in rows]
    names = ("id", "rev", "kind", "recording", "seq", "body")
    return [Stored(n, *(envelope[name] for name in names)) for n, envelope in found]


def _check_files(house: House) -> None:
    for file in (house.events_db, house.waveforms_db, *([] if house.database_url else [house.clinic_db])):
        assert look(file, "PRAGMA integrity_check") == [("ok",)], file
    assert not list(house.device_state.glob("*.damaged-*"))


def _check_both_hold_the_same(house: House, stored: list[Stored]) -> None:
    here = {(event.id, event.rev): event for event in stored}
    assert len(here) == len(stored)
    rows = house.clinic_look("SELECT id, rev, kind, seq, CAST(body AS TEXT) FROM events")
    there = {(row[0], row[1]): row for row in rows}
    assert len(there) == len(rows), "the clinic holds something twice"
    assert not here.keys() - there.keys(), "the clinic lacks what the device holds"
    assert not there.keys() - here.keys(), "the clinic holds what the device does not"
    for key, event in here.items():
        _, _, kind, seq, body = there[key]
        assert (kind, seq, json.loads(body)) == (event.kind, event.seq, event.body), key


def _check_latest_states(house: House, stored: list[Stored]) -> None:
    for kind, table in LATEST.items():
        latest: dict[str, Stored] = {}
        for event in stored:
            if event.kind == kind and event.rev >= latest.get(event.id, event).rev:
                latest[event.id] = event
        rows = house.clinic_look(f"SELECT id, rev FROM {table}")
        assert len(rows) == len(latest), kind
        assert dict(rows) == {id_: event.rev for id_, event in latest.items()}, kind
    rows = house.clinic_look('SELECT id, state, onset, "end", CAST(evidence AS TEXT) FROM findings')
    shown = {row[0]: (row[1], row[2], row[3], json.loads(row[4])) for row in rows}
    for event in newest(stored, "finding").values():
        body = event.body
        assert shown[event.id] == (body["state"], body["onset"], body["end"], body["evidence"]), event.id
    for kind, table in ONCE.items():
        ids = sorted(row[0] for row in house.clinic_look(f"SELECT id FROM {table}"))
        assert ids == sorted({event.id for event in stored if event.kind == kind}), kind
    ends = sorted(house.clinic_look('SELECT recording, "end" FROM recording_ends'))
    told = [(e.body["recording"], e.body["end"]) for e in stored if e.kind == "recording.closed"]
    assert ends == sorted(told)


def newest(stored: list[Stored], kind: str) -> dict[str, Stored]:
    """The highest revision of every event of a kind, by id."""
    found: dict[str, Stored] = {}
    for event in sorted(stored, key=lambda one: one.rev):
        if event.kind == kind:
            found[event.id] = event
    return found


def _check_nothing_waits(house: House) -> None:
    assert look(house.events_db, "SELECT count(*) FROM outbox") == [(0,)]
    assert look(house.events_db, "SELECT count(*) FROM rejected") == [(0,)]
    assert house.clinic_look("SELECT reason, count(*) FROM dead_letters GROUP BY reason") == []


def _check_findings(stored: list[Stored]) -> None:
    """Each has ended, and each revision has the text that was stored with it."""
    for event in newest(stored, "finding").values():
        assert event.body["state"] in ENDED, event
    revisions = {(e.id, e.rev) for e in stored if e.kind == "finding"}
    told = {(e.body["finding"], e.body["finding_rev"]) for e in stored if e.kind == "explanation"}
    assert revisions == told
    by_id: dict[str, list[int]] = defaultdict(list)
    for id_, rev in revisions:
        by_id[id_].append(rev)
    assert all(sorted(revs) == list(range(len(revs))) for revs in by_id.values()), "a revision is missing"


def _check_recordings(stored: list[Stored]) -> None:
    """Linked, each closed, and numbered without a gap."""
    opened = [event for event in stored if event.kind == "recording.opened"]
    assert [event.body["previous"] for event in opened] == [None, *(event.id for event in opened[:-1])]
    assert _ends(stored).keys() == {event.id for event in opened}
    numbers: dict[str | None, list[int]] = defaultdict(list)
    for event in stored:
        numbers[event.recording].append(event.seq)
    for recording, seqs in numbers.items():
        assert sorted(seqs) == list(range(len(seqs))), recording


def _ends(stored: list[Stored]) -> dict[str, int]:
    return {e.body["recording"]: e.body["end"] for e in stored if e.kind == "recording.closed"}


def _check_waves(house: House, stored: list[Stored]) -> float:
    """All but the last seconds of each recording are there. Gives the most seconds that were lost."""
    ends = _ends(stored)
    lost = [event.body for event in stored if event.kind == "loss"]
    gaps = {(body["recording"], body["start"], body["start"] + body["length"]) for body in lost}
    opened = [event for event in stored if event.kind == "recording.opened"]
    return max(_wave_lost_s(house, event, ends[event.id], gaps) for event in opened)


def _wave_lost_s(house: House, opened: Stored, end: int, gaps: set[tuple[str, int, int]]) -> float:
    lost = 0
    for lead in opened.body["leads"]:
        sql = "SELECT first, stop FROM chunks WHERE recording = ? AND lead = ? ORDER BY first"
        reached = 0
        for first, stop in look(house.waveforms_db, sql, opened.id, lead["name"]):
            assert first == reached or (opened.id, reached, first) in gaps, f"{opened.id}: a hole at {reached}"
            reached = stop
        lost = max(lost, end - reached)
    allowed_s = WAVE_LOSS_S + WRITE_S * house.speed
    assert 0 <= lost <= allowed_s * opened.body["fs_hz"], f"{opened.id}: {lost} samples of wave lost"
    return lost / opened.body["fs_hz"]
