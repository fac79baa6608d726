"""A power cut at any moment: the next start brings to an end what was left, and little is missing."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from biosignal.events import AlarmEvent, AlarmState, Finding, FindingState, Priority, Recording, RecordingClosed, Strip
from edge_agent.restart import wants_strip
from edge_agent.store.reading import open_reader
from edge_agent.store.waveforms import CHUNK_S, WaveStore
from tests.flow.analysing import FS_HZ

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 10
SPEED = 40.0


class Daemon:
    """`python -m edge_agent run` on the excerpt, without a broker, forty times faster than life."""

    def __init__(self, state):
        self.state = state
        self.log = (state.parent / "log").open("a")
        settings = {
            "device.state_dir": state,
            "sync.enabled": "false",
            "source.speed": SPEED,
            "inference.tensorrt.enabled": "false",
            "explain.language_model": "false",
            "operate.metrics_port": 0,
            "operate.status_s": 0.2,
        }
        # sqlite-utils imports pandas where it finds it, which takes longer than all else at the start.
        lean = state.parent / "lean"
        lean.mkdir(exist_ok=True)
        (lean / "pandas.py").write_text("raise ImportError\n")
        flags = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "run", *flags],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": f"{lean}{os.pathsep}{REPOSITORY}", "OMP_NUM_THREADS": "1"},
            stderr=self.log,
        )

    def wait_until_it_runs(self):
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s and self.process.poll() is None:
            try:
                if json.loads((self.state / "status.json").read_text())["pid"] == self.process.pid:
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.02)
        pytest.fail(f"the daemon did not come up: {(self.state.parent / 'log').read_text()[-2000:]}")

    def end(self, number):
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        self.log.close()
        return code


def rows(state, kind=None):
    reader = open_reader(state / "events.db")
    try:
        return reader.events(kind, limit=1_000_000)
    finally:
        reader.close()


@pytest.mark.timeout(240)
def test_killed_ten_times_and_nothing_is_left_open(tmp_path):
    rng = random.Random(6)
    state = tmp_path / "state"
    for _ in range(KILLS):
        daemon = Daemon(state)
        daemon.wait_until_it_runs()
        time.sleep(rng.uniform(0.0, 1.5))
        assert daemon.end(signal.SIGKILL) == -signal.SIGKILL
    daemon = Daemon(state)
    daemon.wait_until_it_runs()
    assert daemon.end(signal.SIGTERM) == 0, (tmp_path / "log").read_text()[-3000:]

    events = rows(state)
    recordings = [event.body for event in events if isinstance(event.body, Recording)]
    closed = {event.body.recording: event.body for event in events if isinstance(event.body, RecordingClosed)}
    assert len(recordings) >= KILLS
    assert [one.previous for one in recordings] == [None, *(one.id for one in recordings[:-1])]
    assert set(closed) == {one.id for one in recordings}
    check_findings(events)
    check_sequences(events)
    check_alarms(events)
    check_waves(state, recordings, closed)


def check_findings(events):
    last = {}
    for event in events:
        if isinstance(event.body, Finding):
            last[event.body.id] = event.body
    assert len(last) >= KILLS
    assert {finding.state for finding in last.values()} <= {FindingState.CLOSED, FindingState.WITHDRAWN}
    with_strip = {event.body.finding for event in events if isinstance(event.body, Strip)}
    assert sum(one.id in with_strip for one in last.values()) >= sum(wants_strip(one) for one in last.values()) / 2


def check_sequences(events):
    numbers = defaultdict(list)
    for event in events:
        numbers[event.recording].append(event.seq)
    assert all(sorted(found) == list(range(len(found))) for found in numbers.values())


def check_alarms(events):
    last = {event.body.id: event.body for event in events if isinstance(event.body, AlarmEvent)}
    first = rows_of_last_run(events)
    for alarm in last.values():
        left = alarm.state is not AlarmState.RESOLVED and alarm.recording != first
        assert not left or (alarm.priority is Priority.HIGH and alarm.state is AlarmState.LATCHED)


def rows_of_last_run(events):
    return [event.body.id for event in events if isinstance(event.body, Recording)][-1]


def check_waves(state, recordings, closed):
    waves = WaveStore(state / "waveforms.db", 1 << 30)
    try:
        for recording in recordings:
            missing = closed[recording.id].end - waves.newest(recording.id, recording.leads[0])
            # A chunk that was not full, and the block that was on its way when the power went.
            assert missing <= (CHUNK_S + SPEED * 0.04 + 0.1) * FS_HZ
    finally:
        waves.close()


def test_a_clean_stop_keeps_every_sample(tmp_path):
    state = tmp_path / "state"
    daemon = Daemon(state)
    daemon.wait_until_it_runs()
    time.sleep(0.5)
    assert daemon.end(signal.SIGTERM) == 0
    (recording,) = [event.body for event in rows(state, "recording.opened")]
    (closed,) = [event.body for event in rows(state, "recording.closed")]
    waves = WaveStore(state / "waveforms.db", 1 << 30)
    assert waves.newest(recording.id, recording.leads[0]) == closed.end > 0
    assert closed.reason == "stopped"
    waves.close()
