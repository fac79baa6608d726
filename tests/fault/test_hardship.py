"""What is not a kill: a full disk under the daemon, a database that is away, a broker that says no."""

import contextlib
import json
import sqlite3
import subprocess
import time

import pytest
from fault_house import DEVICE, House, listens, look, wait_for
from fault_judge import device_events, judge, newest

pytestmark = [pytest.mark.broker, pytest.mark.timeout(300)]
FILLS = 5


@pytest.fixture
def make_house(tmp_path):
    made = []

    def make(**options):
        made.append(House(tmp_path, **{"broker": "embedded", "speed": 30, **options}))
        return made[-1]

    yield make
    for house in made:
        house.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB; only root can mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


class Ballast:
    """Another program that takes every byte of a disk, and gives it back at the end."""

    def __init__(self, place):
        self._path = place / "ballast"

    def __enter__(self):
        self.fill()
        return self

    def __exit__(self, *_):
        self._path.unlink()

    def fill(self):
        with self._path.open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass


def rest(house):
    """Let the daemon finish as it would when told to stop, then send what is left."""
    assert house.agent.stop(60) == 0, house.agent.last_words()
    house.agent.start("--set", "source.passes=1", "--set", "source.speed=0")
    assert house.agent.wait(120) == 0, house.agent.last_words()
    for program in (house.clinic, house.broker):
        assert program.stop() == 0, program.last_words()


def count(house, kind):
    return look(house.events_db, "SELECT count(*) FROM events WHERE kind = ?", kind)[0][0]


def technical(house, kind):
    """States of the technical findings of a kind, each at its last revision."""
    findings = newest(device_events(house), "finding").values()
    return [finding.body["state"] for finding in findings if finding.body["kind"] == kind]


def fill_for_a_while(house, disk):
    """Fill the disk until waves go and trouble is told, then make room; gives the findings stored meanwhile."""
    wait_for(lambda: look(house.waveforms_db, "SELECT count(*) FROM chunks")[0][0] > 8, 60, "waves are stored")
    chunks = look(house.waveforms_db, "SELECT min(n) FROM chunks")
    with Ballast(disk) as ballast:
        findings, troubles = count(house, "finding"), len(technical(house, "store-trouble"))
        wait_for(lambda: look(house.waveforms_db, "SELECT min(n) FROM chunks") > chunks, 60, "old waves make room")
        wait_for(lambda: count(house, "finding") >= findings + 5, 60, "findings are stored on a full disk")
        # What was given up is taken as well, until dropping waves no longer helps.
        wait_for(
            lambda: ballast.fill() or len(technical(house, "store-trouble")) > troubles, 60, "store-trouble is raised"
        )
        assert house.agent.is_alive
        stored = count(house, "finding") - findings
    wait_for(lambda: "opened" not in technical(house, "store-trouble"), 60, "the trouble is over")
    newest_chunk = look(house.waveforms_db, "SELECT max(n) FROM chunks")
    wait_for(lambda: look(house.waveforms_db, "SELECT max(n) FROM chunks") > newest_chunk, 30, "waves are stored again")
    return stored


def test_on_a_full_disk_waves_go_and_findings_stay(make_house, small_disk):
    house = make_house(device_state=small_disk / DEVICE)
    house.start()
    fill_for_a_while(house, small_disk)
    rest(house)
    judge(house, waves_may_miss=True)


@pytest.mark.fault
@pytest.mark.reliability("disk")
@pytest.mark.timeout(1800)
def test_a_disk_that_fills_again_and_again_takes_no_finding(make_house, small_disk, reliability):
    house = make_house(device_state=small_disk / DEVICE)
    house.start()
    stored = sum(fill_for_a_while(house, small_disk) for _ in range(FILLS))
    rest(house)
    verdict = judge(house, waves_may_miss=True)
    reliability.note("disk", fills=FILLS, findings_meanwhile=stored, events=verdict.events, lost=0)


def test_while_the_database_is_away_nothing_is_receipted_and_nothing_is_lost(make_house):
    house = make_house()
    house.start()
    locked = sqlite3.connect(house.clinic_db, isolation_level=None, timeout=20)
    locked.execute("BEGIN IMMEDIATE")
    time.sleep(2.0)  # receipts of what was committed before may still be on their way
    confirmed = house.confirmed_keys()
    committed = house.clinic_keys()
    time.sleep(18.0)
    assert house.confirmed_keys() == confirmed <= committed
    assert house.clinic_keys() == committed
    assert house.outbox() > 0
    locked.execute("ROLLBACK")
    locked.close()
    house.wait_until_flowing()
    assert house.clinic_counts()["bedside_ingest_database_failures_total"] > 0
    rest(house)
    judge(house)


def test_a_refused_login_stops_nothing_and_is_told(make_house, broker_kind):
    house = make_house(broker=broker_kind)
    house.start()
    house.revoke()
    house.broker.kill()
    house.broker.start()
    wait_for(lambda: listens(house.mqtt_port), 30, "the broker is back")
    wait_for(lambda: "refused the login" in _status(house)["connection_reason"], 60, "the refusal is told")
    before, kept = count(house, "finding"), house.clinic_keys()
    wait_for(lambda: count(house, "finding") > before + 2, 60, "findings go on")
    assert house.agent.is_alive
    assert house.clinic_keys() == kept
    house.write_password(house.renew_password())
    time.sleep(2.0)  # the broker looks at its accounts once a second
    assert house.agent.stop(60) == 0, house.agent.last_words()
    house.agent.start()
    house.wait_until_flowing()
    rest(house)
    judge(house)


def _status(house):
    return json.loads((house.device_state / "status.json").read_text())
