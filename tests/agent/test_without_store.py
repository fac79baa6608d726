"""A store that cannot be opened at the start ends no monitoring: it is told, tried again, and misses nothing."""

import sqlite3

import pytest

from biosignal.events import AlarmState, Finding
from edge_agent.sources.settings import SourceSettings
from edge_agent.store import keeper
from tests.agent.conftest import until

REAL_TIME = SourceSettings(speed=1.0, passes=0)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(keeper, "BRING_BACK_S", (0.2, 0.4))


def keys(store):
    return {(event.id, event.rev) for event in store.events(limit=10**6)}


def trouble(agent):
    return next((one for one in agent.analysis.alarms if one.kind == "store-trouble"), None)


def test_it_monitors_and_alarms_in_memory_and_takes_the_store_in_use_when_it_is_there(make_agent, settings):
    before = make_agent(source=SourceSettings(speed=40.0, passes=0))
    until(lambda: len(before.events.findings()) > 1, within_s=40)
    before.keeper.stop()  # as killed: nothing is closed
    last = before.analysis.recording.id
    known, waiting = keys(before.events), before.events.counts().outbox
    before.stop()
    file, kept = settings.device.state_dir / "events.db", settings.device.state_dir / "elsewhere.db"
    file.rename(kept)
    file.symlink_to("/nowhere/at/all")

    agent = make_agent(source=SourceSettings(speed=4.0, passes=0))
    until(lambda: agent.tend() or trouble(agent))
    assert trouble(agent).state is AlarmState.ACTIVE
    until(lambda: agent.keeper.idle)
    assert "without a store" in agent.keeper.trouble
    (told,) = [one for one in agent.events.findings() if one.kind == "store-trouble"]
    assert "cannot be opened" in told.outcome.reason
    assert agent.events.away
    assert kept.exists()
    assert agent.status().outbox > 0
    until(lambda: agent.events.events("recording.opened"))
    held = keys(agent.events)

    file.unlink()
    kept.rename(file)
    until(lambda: agent.events.away is None and agent.keeper.trouble is None)
    until(lambda: agent.tend() or not trouble(agent))
    stored = keys(agent.events)
    assert known | held <= stored
    assert agent.events.counts().outbox >= waiting
    # What the last run left open is brought to an end, as a start with a store would have done.
    closed = until(lambda: [e.body for e in agent.events.events("recording.closed") if e.body.recording == last])
    assert len(closed) == 1
    recording = agent.analysis.recording.id
    agent.stop()
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT 1 FROM events GROUP BY id, rev HAVING count(*) > 1").fetchall() == []
    again = make_agent(source=REAL_TIME)
    assert stored <= keys(again.events)
    assert again.analysis.recording.previous == recording


def test_what_came_in_memory_is_written_when_it_stops_just_as_the_store_is_there(make_agent, settings):
    settings.device.state_dir.mkdir(parents=True)
    for name in ("events.db", "waveforms.db"):
        (settings.device.state_dir / name).symlink_to("/nowhere/at/all")
    agent = make_agent(source=SourceSettings(speed=0.0, passes=1))
    until(lambda: agent.analysis.ended.is_set(), within_s=40)
    until(lambda: agent.keeper.idle)
    held = keys(agent.events)
    assert any(isinstance(event.body, Finding) for event in agent.events.events(limit=10**6))
    for name in ("events.db", "waveforms.db"):
        (settings.device.state_dir / name).unlink()
    agent.stop()
    again = make_agent(source=REAL_TIME)
    assert again.events.away is None
    assert held <= keys(again.events)
    assert again.waves.counts().chunks > 0
