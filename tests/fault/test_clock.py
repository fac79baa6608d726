"""The host's wall clock is stepped under a daemon that runs: no sample moves, nothing is taken for a hang."""

import contextlib
import itertools
import socket
import time
from datetime import datetime

import pytest
from fault_house import House, look, wait_for
from fault_program import Program

from biosignal.events import ClockAnchor, Finding, Loss, MarkPack
from biosignal.wire.envelope import decode
from edge_agent.sources.excerpt import FS_HZ
from edge_agent.store.rows import unpack

HOUR_S = 3600.0
STEPS_S = (-HOUR_S, HOUR_S, 10 * 365 * 86_400.0, 0.0)
"""How wrong the clock is from one moment to the next: an hour back, an hour ahead, ten years ahead, right again."""
HELD_S = 8.0
PET_EVERY_S = 6.0
"""Half of the unit's WatchdogSec."""


class Systemd:
    """Hears what the daemon tells its service manager."""

    def __init__(self, path):
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.setblocking(False)
        self.pets_s, self.gave_up = [], False

    def listen(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(BlockingIOError):
                said = self._socket.recv(4096).decode()
                self.gave_up = self.gave_up or "WATCHDOG=trigger" in said
                self.pets_s += [time.monotonic()] if "WATCHDOG=1" in said else []
                continue
            time.sleep(0.05)

    def close(self):
        self._socket.close()


def daemon(folder, faults):
    """A daemon that plays the excerpt as fast as a patient, alone, with a clock that can be stepped."""
    folder.mkdir()
    faults.mkdir()
    house = House(folder, broker="embedded", speed=1, settings=("sync.enabled=false",))
    house.agent = Program("agent", ["faulty-agent", str(faults), "run", "--config", str(house.config)], folder)
    house.programs["agent"] = house.agent
    return house


def stored(house):
    """All events with the wall time of their storing."""
    rows = look(house.events_db, "SELECT payload FROM events ORDER BY n")
    envelopes = [decode(unpack(payload)) for (payload,) in rows]
    return [(envelope.body, datetime.fromisoformat(envelope.at.replace("Z", "+00:00"))) for envelope in envelopes]


def found(events):
    """What was found in the signal, each with its sample: every confirmed mark, and where a finding begins."""
    packs = [one for one, _ in events if isinstance(one, MarkPack)]
    marks = {
        (pack.kind, start, pack.labels[index])
        for pack in packs
        for start, index in zip(pack.starts, pack.label, strict=True)
    }
    return marks | {(one.kind, one.onset, None) for one, _ in events if isinstance(one, Finding)}


def holes(house):
    """Where the stored waves of a lead do not follow on each other."""
    rows = look(house.waveforms_db, "SELECT recording, lead, first, stop FROM chunks ORDER BY recording, lead, first")
    return [(a, b) for a, b in itertools.pairwise(rows) if a[:2] == b[:2] and a[3] != b[2]]


@pytest.mark.fault
@pytest.mark.reliability("clock")
@pytest.mark.timeout(300)
def test_a_clock_that_jumps_moves_no_sample_and_raises_no_alarm(tmp_path, monkeypatch, reliability):
    systemd = Systemd(tmp_path / "notify")
    stepped = daemon(tmp_path / "stepped", tmp_path / "faults")
    plain = daemon(tmp_path / "plain", tmp_path / "no-faults")
    try:
        monkeypatch.setenv("NOTIFY_SOCKET", systemd.path)
        stepped.agent.start()
        monkeypatch.delenv("NOTIFY_SOCKET")
        plain.agent.start()
        wait_for(lambda: stepped.agent_counts().get("bedside_samples_read_total", 0) > 360, 60, "samples arrive")
        systemd.listen(HELD_S)
        bounds = []
        for step_s in STEPS_S:
            (tmp_path / "faults" / "clock.part").write_text(str(step_s))
            (tmp_path / "faults" / "clock.part").rename(tmp_path / "faults" / "clock")
            began_s = time.time() + step_s
            systemd.listen(HELD_S)
            bounds.append((began_s, time.time() + step_s))
        assert stepped.agent.stop() == 0, stepped.agent.last_words()
        assert plain.agent.stop() == 0
    finally:
        stepped.close()
        plain.close()
        systemd.close()
    events, others = stored(stepped), stored(plain)
    both = found(events), found(others)
    # What one of them had not come to yet when it was stopped is no difference.
    reached = min(max(sample for _, sample, _ in each) for each in both) - 5 * FS_HZ
    same = [{one for one in each if one[1] < reached} for each in both]
    assert same[0] == same[1]
    assert len(same[0]) > 20
    assert [one for one, _ in events if isinstance(one, Loss)] == []
    assert holes(stepped) == []
    assert "operate.loop.hanging" not in stepped.agent.log.read_text()
    assert not systemd.gave_up
    gaps_s = [b - a for a, b in itertools.pairwise(systemd.pets_s)]
    assert max(gaps_s) < PET_EVERY_S
    # What is said after a step carries the time that the host then believes; an anchor says by how much it moved.
    anchors = [one for one, _ in events if isinstance(one, ClockAnchor)]
    moved = [b - a for a, b in itertools.pairwise((0.0, *STEPS_S))]
    assert [one.reason for one in anchors[1:]] == [f"clock stepped by {each:+.1f} s" for each in moved]
    times_s = [at.timestamp() for _, at in events]
    for began_s, ended_s in bounds[:-1]:
        assert any(began_s <= each <= ended_s for each in times_s)
    reliability.note(
        "clock",
        steps=len(STEPS_S),
        marks_and_findings=len(same[0]),
        moved=0,
        holes=0,
        longest_without_a_pet_s=max(gaps_s),
    )
