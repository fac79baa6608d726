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
from edge_agent.store.reading import open_reader
from edge_agent.store.waveforms import CHUNK_S, WaveStore
from tests.flow.analysing import FS_HZ

REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = 10
SPEED = 40.0


# Imports once, then forks a daemon per line of settings: on a busy machine the imports take longer than all else.
_FORKS = """
import os, sys
import edge_agent.agent.agent
from edge_agent.cli import main
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os._exit(main(["run", *line.split()]))
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def flags(state):
    """Settings of a daemon on the excerpt, without a broker, forty times faster than life."""
    settings = {
        "device.state_dir": state,
        "sync.enabled": "false",
        "source.speed": SPEED,
        "inference.tensorrt.enabled": "false",
        "explain.language_model": "false",
        "operate.metrics_port": 0,
        "operate.status_s": 0.2,
    }
    return [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]


class Daemons:
    """Starts daemons on one state folder, one at a time: real processes, killed by their process id."""

    def __init__(self, folder):
        self.state = folder / "state"
        self._log = (folder / "log").open("a")
        self._environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
        self._forks = self._python("-c", _FORKS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _python(self, *arguments, **pipes):
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=REPOSITORY, env=self._environment, stderr=self._log, **pipes
        )

    def forked(self):
        """A daemon of the imported program; gives its process id when it runs."""
        self._forks.stdin.write(" ".join(flags(self.state)) + "\n")
        self._forks.stdin.flush()
        pid = int(self._forks.stdout.readline())
        self._wait_until_it_runs(pid)
        return pid

    def end(self, pid, number):
        """Signal it; its exit code."""
        os.kill(pid, number)
        return int(self._forks.stdout.readline())

    def killed_from_the_command_line(self, after_s):
        """`python -m edge_agent run`, killed a while after it runs."""
        process = self._python("-m", "edge_agent", "run", *flags(self.state))
        self._wait_until_it_runs(process.pid)
        time.sleep(after_s)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL

    def _wait_until_it_runs(self, pid):
        until_s = time.monotonic() + 60
        while time.monotonic() < until_s:
            try:
                if json.loads((self.state / "status.json").read_text())["pid"] == pid:
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.02)
        pytest.fail(f"the daemon did not come up: {Path(self._log.name).read_text()[-2000:]}")

    def close(self):
        self._forks.stdin.close()
        self._forks.wait(30)
        self._forks.stdout.close()
        self._log.close()


@pytest.fixture
def daemons(tmp_path):
    one = Daemons(tmp_path)
    yield one
    one.close()


def rows(state, kind=None):
    reader = open_reader(state / "events.db")
    try:
        return reader.events(kind, limit=1_000_000)
    finally:
        reader.close()


@pytest.mark.timeout(480)
def test_killed_ten_times_and_nothing_is_left_open(daemons):
    rng = random.Random(6)
    daemons.killed_from_the_command_line(rng.uniform(0.5, 1.5))
    state, lives = daemons.state, 1
    # A machine with other work finds less in a life: then there are more of them, and longer ones.
    while lives < KILLS or (lives < 3 * KILLS and len(findings(rows(state))) < KILLS):
        pid = daemons.forked()
        time.sleep(rng.uniform(0.0, 1.5 * max(1.0, lives / KILLS)))
        assert daemons.end(pid, signal.SIGKILL) == -signal.SIGKILL
        lives += 1
    assert daemons.end(daemons.forked(), signal.SIGTERM) == 0

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


def findings(events):
    """Each finding as it was last revised."""
    return {event.body.id: event.body for event in events if isinstance(event.body, Finding)}


def check_findings(events):
    last = findings(events)
    assert len(last) >= KILLS
    assert {finding.state for finding in last.values()} <= {FindingState.CLOSED, FindingState.WITHDRAWN}
    with_strip = {event.body.finding for event in events if isinstance(event.body, Strip)}
    assert sum(one.id in with_strip for one in last.values()) >= sum(one.has_strip for one in last.values()) / 2


def check_sequences(events):
    numbers = defaultdict(list)
    for event in events:
        numbers[event.recording].append(event.seq)
    assert all(sorted(found) == list(range(len(found))) for found in numbers.values())


def check_alarms(events):
    last = {event.body.id: event.body for event in events if isinstance(event.body, AlarmEvent)}
    newest = [event.body.id for event in events if isinstance(event.body, Recording)][-1]
    for alarm in last.values():
        left = alarm.state is not AlarmState.RESOLVED and alarm.recording != newest
        assert not left or (alarm.priority is Priority.HIGH and alarm.state is AlarmState.LATCHED)


def check_waves(state, recordings, closed):
    waves = WaveStore(state / "waveforms.db", 1 << 30)
    try:
        for recording in recordings:
            missing = closed[recording.id].end - waves.newest(recording.id, recording.leads[0].name)
            # A chunk that was not full, and the block that was on its way when the power went.
            assert missing <= (CHUNK_S + SPEED * 0.04 + 0.1) * FS_HZ
    finally:
        waves.close()


def test_a_clean_stop_keeps_every_sample(daemons):
    pid = daemons.forked()
    time.sleep(0.5)
    assert daemons.end(pid, signal.SIGTERM) == 0
    (recording,) = [event.body for event in rows(daemons.state, "recording.opened")]
    (closed,) = [event.body for event in rows(daemons.state, "recording.closed")]
    waves = WaveStore(daemons.state / "waveforms.db", 1 << 30)
    assert waves.newest(recording.id, recording.leads[0].name) == closed.end > 0
    assert closed.reason == "stopped"
    waves.close()
