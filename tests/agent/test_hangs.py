"""Each loop of the daemon hangs by a real block: it is known, told and shown, and nothing stale stays as a number."""

import subprocess
import sys
import threading
import time
from dataclasses import replace

from biosignal.events import AlarmState, FindingState
from biosignal.liveness import standing
from edge_agent.operate.status_file import read_status
from edge_agent.sources.port import SourceHealth, SourceState
from edge_agent.sources.settings import SourceSettings
from edge_agent.sync.settings import SyncSettings
from tests.agent.conftest import until

FAST = SourceSettings(speed=1.0, passes=0)
KNOWN_S = 5.0


class Block:
    """Puts a real block in the place of a function, and takes it away again."""

    def __init__(self, monkeypatch, owner, name):
        self.gone, self.reached, inside = threading.Event(), threading.Event(), getattr(owner, name)

        def blocked(*given, **named):
            self.reached.set()
            self.gone.wait(60)
            return inside(*given, **named)

        monkeypatch.setattr(owner, name, blocked)

    def set(self):
        self.gone.set()


def rates(status):
    return [one.value for one in status.readings if one.quantity == "heart_rate"]


def shown(agent):
    """What is shown of the analysis: its numbers, and who stands."""
    status = agent.status()
    return [one for one in status.readings if one.value is not None or one.label is not None], standing(status)


def kinds(agent):
    return [one.kind for one in agent.status().alarms]


def test_a_hung_analysis_is_known_within_seconds_and_no_number_stays(make_agent, monkeypatch):
    agent = make_agent(source=replace(FAST, speed=8.0))
    until(lambda: rates(agent.status()) != [None] and rates(agent.status()))
    assert standing(agent.status()) == ()
    recording = agent.analysis.recording.id
    block = Block(monkeypatch, agent.analysis._analysis, "push")
    until(block.reached.is_set)
    began_s = time.monotonic()
    try:
        until(lambda: standing(agent.status()), within_s=KNOWN_S + 3)
        known_s = time.monotonic() - began_s
        assert [loop.name for loop in standing(agent.status())] == ["analysis"]
        assert shown(agent)[0] == []
        # The alarm is raised by others than the analysis, and is on disk.
        until(lambda: "monitor-hanging" in kinds(agent), within_s=3)
        found = until(lambda: [one for one in agent.events.findings(recording) if one.kind == "monitor-hanging"])
        assert "analysis has done nothing for more than 4 s" in found[0].outcome.reason
        until(lambda: [agent.supervisor.turn(), read_status(agent.settings.device.state_dir)][1].readings == ())
    finally:
        block.set()
    until(lambda: "monitor-hanging" not in kinds(agent))
    until(lambda: rates(agent.status()) != [None])
    last = until(
        lambda: [
            one
            for one in agent.events.findings(recording)
            if one.kind == "monitor-hanging" and one.state is FindingState.CLOSED
        ]
    )
    assert last[0].rev == 1
    assert known_s <= KNOWN_S


def test_a_source_that_blocks_takes_its_numbers_with_it_while_nothing_hangs_but_the_reader(make_agent, monkeypatch):
    agent = make_agent(source=FAST, start=False)
    monkeypatch.setattr(agent.reader.pulse, "_limit_s", 1.0)
    read, block = agent.source.read, threading.Event()

    def stuck():
        for number, item in enumerate(read()):
            if number == 200:
                block.wait(60)
            yield item

    monkeypatch.setattr(agent.source, "read", stuck)
    agent.start()
    try:
        until(lambda: [loop.name for loop in standing(agent.status())] == ["reader"], within_s=30)
        assert rates(agent.status()), "there was a heart rate before"
        until(lambda: ("monitor-hanging", AlarmState.ACTIVE) in [(a.kind, a.state) for a in agent.status().alarms])
        # What holds by its samples is shown until then and not longer, though every other part is well.
        until(lambda: shown(agent)[0] == [], within_s=6)
        assert agent.status().sample_age_s > 1.0
    finally:
        block.set()
    until(lambda: standing(agent.status()) == ())


def test_a_source_that_waits_for_its_port_does_not_hang(make_agent, monkeypatch):
    agent = make_agent(source=FAST, start=False)
    monkeypatch.setattr(agent.reader.pulse, "_limit_s", 0.2)
    block = threading.Event()

    def silent():
        block.wait(60)
        yield from ()

    lost = SourceHealth(state=SourceState.LOST, since_monotonic_s=time.monotonic(), reason="the port is gone")
    monkeypatch.setattr(agent.source, "read", silent)
    monkeypatch.setattr(agent.source, "health", lambda: lost)
    agent.start()
    time.sleep(1.5)
    status = agent.status()
    assert standing(status) == ()
    assert (status.source, status.source_reason, status.sample_age_s) == ("lost", "the port is gone", None)
    block.set()


def test_a_part_beside_the_monitoring_that_hangs_is_a_low_alarm_and_costs_no_ping(make_agent, monkeypatch):
    agent = make_agent(source=FAST, start=False)
    monkeypatch.setattr(agent.serving.updates.pulse, "_limit_s", 0.5)
    block = Block(monkeypatch, agent.serving.updates, "_tend")
    agent.start()
    try:
        until(lambda: [loop.name for loop in standing(agent.status())] == ["updates"])
        until(lambda: "part-hanging" in kinds(agent))
        assert {one.priority.value for one in agent.status().alarms if one.kind == "part-hanging"} == {"low"}
    finally:
        block.set()
    until(lambda: standing(agent.status()) == ())


def test_a_store_that_is_slow_is_shown_as_late_and_raises_no_alarm_until_it_hangs(make_agent, monkeypatch):
    agent = make_agent(source=FAST, start=False)
    monkeypatch.setattr(agent.keeper.pulse, "_limit_s", 0.5)
    agent.start()
    block = Block(monkeypatch, agent.events, "add_many")
    try:
        agent.analysis.set_trouble("backend-lost", "something to write")
        until(lambda: [one.name for one in agent.status().loops if one.is_late] == ["keeper"])
        assert standing(agent.status()) == ()
        assert agent.supervisor.hanging == {}
        assert "monitor-hanging" not in kinds(agent)
        # The same silence, without its grace, is a hang.
        monkeypatch.setattr(agent.keeper.pulse, "grace_s", 0.1)
        until(lambda: "monitor-hanging" in kinds(agent))
        assert [loop.name for loop in standing(agent.status())] == ["keeper"]
    finally:
        block.set()
    until(lambda: "monitor-hanging" not in kinds(agent))


def test_the_parts_that_wait_for_a_card_are_late_within_the_time_asked_and_have_grace_for_ten_seconds(make_agent):
    agent = make_agent(source=FAST, start=False, sync=SyncSettings())
    pulses = {one.pulse.name: one.pulse for one in agent.hanging.watched()}
    assert all(pulses[name].limit_s < KNOWN_S for name in ("analysis", "reader", "keeper", "main", "sync", "status"))
    assert all(pulses[name].limit_s + pulses[name].grace_s >= 10.0 for name in ("keeper", "main", "sync"))


def test_a_clock_that_is_stepped_moves_no_age(make_agent, monkeypatch):
    agent = make_agent(source=replace(FAST, speed=4.0))
    until(lambda: rates(agent.status()) not in ([], [None]))
    utc_s = agent.clock.utc_s
    for step_s in (3600.0, -3600.0, 365 * 86_400.0, -2 * 365 * 86_400.0):
        monkeypatch.setattr(agent.clock, "utc_s", lambda step_s=step_s: utc_s() + step_s)
        agent.supervisor.turn()
        time.sleep(0.6)
        status = agent.status()
        assert standing(status) == ()
        assert rates(status) != [None], "a number that holds was taken away"
        assert status.sample_age_s < 1.0
        assert abs(status.sent_utc_s - utc_s() - step_s) < 5


PROGRAM = """
import sys, threading
from pathlib import Path
from edge_agent.agent import hanging
from edge_agent.agent.agent import Agent
from edge_agent.explain.settings import ExplainSettings
from edge_agent.inference.settings import InferenceSettings, TensorRtSettings
from edge_agent.operate.settings import DeviceSettings, OperateSettings, Settings
from edge_agent.running import run
from edge_agent.sync.settings import SyncSettings

hanging.RESTART_S = 1.0
start = Agent.start

def hang_soon(self):
    start(self)
    self.analysis.pulse._limit_s = 1.0
    self.analysis._analysis.push = stand_still

def stand_still(*given, **named):
    threading.Event().wait()

Agent.start = hang_soon
sys.exit(run(Settings(
    device=DeviceSettings(name="bed-1", state_dir=Path(sys.argv[1])),
    inference=InferenceSettings(tensorrt=TensorRtSettings(enabled=False)),
    explain=ExplainSettings(language_model=False),
    sync=SyncSettings(enabled=False),
    operate=OperateSettings(metrics_port=0, end_when_hung=True),
)))
"""


def test_without_systemd_the_daemon_ends_itself_with_a_clear_last_line_where_that_is_set(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[-1].startswith("Try: ")
    assert lines[-2].startswith("edge-agent: analysis has hung for ")
    assert "in stand_still" in done.stderr, "the stacks say where it hangs"
