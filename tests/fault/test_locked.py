"""Another program holds a database: the clinic's, then the device's own. Monitoring goes on and nothing is lost."""

import contextlib
import json
import sqlite3
import time

import pytest
from fault_house import House, look, wait_for
from fault_judge import judge
from test_hardship import rest

pytestmark = [
    pytest.mark.fault,
    pytest.mark.reliability("locked"),
    pytest.mark.broker,
    pytest.mark.timeout(600),
]
HELD_S = 40.0
LINE_EVERY_S = 10.0


@pytest.fixture
def house(tmp_path):
    # As fast as a patient: a replay that is faster waits for its store instead of overflowing it.
    made = House(tmp_path, broker="embedded", speed=1)
    made.start()
    yield made
    made.close()


@contextlib.contextmanager
def held(file):
    """Hold a database as another program does that writes to it."""
    holder = sqlite3.connect(file, isolation_level=None, timeout=30)
    try:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()


def lines_about(house, event):
    return [line for line in house.agent.log.read_text().splitlines() if f'"{event}"' in line]


def newest(house):
    return look(house.events_db, "SELECT max(n) FROM events")[0][0]


def samples_read(house):
    return house.agent_counts().get("bedside_samples_read_total", 0)


def status(house):
    return json.loads((house.device_state / "status.json").read_text())


def test_the_devices_own_store_is_held(house, reliability):
    pid, before, read = house.agent.pid, newest(house), samples_read(house)
    with held(house.events_db):
        began = time.monotonic()
        wait_for(lambda: lines_about(house, "store.events.failed"), HELD_S, "the trouble is logged")
        told_s = time.monotonic() - began
        time.sleep(HELD_S - told_s)
        assert house.agent.is_alive
        assert (house.agent.pid, newest(house)) == (pid, before)
        assert samples_read(house) - read > 0.8 * HELD_S * 360, "the analysis did not go on"
        assert time.time() - status(house)["written_utc_s"] < 5
    wait_for(lambda: newest(house) > before, 30, "what waited is stored")
    lines = len(lines_about(house, "store.events.failed"))
    assert lines <= HELD_S / LINE_EVERY_S + 1
    assert status(house)["lost_samples"] == 0
    rest(house)
    verdict = judge(house)
    reliability.note("locked", of="device", held_s=HELD_S, events=verdict.events, lost=0, log_lines=lines)


def test_the_clinics_database_is_held(house, reliability):
    with held(house.clinic_db):
        before = newest(house)
        time.sleep(HELD_S)
        assert house.agent.is_alive
        assert house.clinic.is_alive
        assert newest(house) > before, "the device stopped storing"
    house.wait_until_flowing()
    lines = [line for line in house.clinic.log.read_text().splitlines() if "locked" in line]
    assert len(lines) <= HELD_S / LINE_EVERY_S + 1, lines[:3]
    rest(house)
    verdict = judge(house)
    reliability.note("locked", of="clinic", held_s=HELD_S, events=verdict.events, lost=0, log_lines=len(lines))
