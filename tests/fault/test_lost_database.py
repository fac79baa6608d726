"""The clinic loses its database to a kill, is given a backup, and asks the daemon for what it had sent since."""

import json
import shutil
import subprocess
import sys

import pytest
from fault_house import House, look, wait_for
from fault_judge import judge
from fault_program import ROOT
from test_hardship import rest

pytestmark = [pytest.mark.fault, pytest.mark.broker, pytest.mark.timeout(600)]


def ask(house, *verb):
    state = ["--state-dir", str(house.clinic_state), "--json"]
    command = [sys.executable, "-m", "cloud_service.cli", *verb, *state]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[0])


def last_stored(house):
    return look(house.clinic_db, "SELECT max(at) FROM events")[0][0]


def test_a_lost_database_is_made_whole_by_a_backup_and_the_devices(tmp_path, broker_kind, capsys):
    house = House(tmp_path, broker=broker_kind, speed=20)
    try:
        house.start()
        wait_for(lambda: house.clinic_rows() > 30, 240, "the clinic holds something")
        since, copy = last_stored(house), tmp_path / "copy.db"
        ask(house, "backup", str(copy))
        kept = look(copy, "SELECT count(*) FROM events")[0][0]
        wait_for(lambda: house.clinic_rows() > 2 * kept + 30, 240, "the clinic goes on")
        house.clinic.kill()
        lost = house.clinic_rows() - kept
        for file in house.clinic_state.glob("clinic.db*"):
            file.unlink()
        shutil.copyfile(copy, house.clinic_db)
        house.clinic.start()
        house.wait_until_flowing()
        said = ask(house, "send-again", "--since", since, "--mqtt-port", str(house.clinic_port), "--wait", "240")
        assert said["state"] == "done"
        assert "all of that time are held" in said["reason"]
        rest(house)
        verdict = judge(house)
    finally:
        house.close()
    with capsys.disabled():
        print(f"\n{broker_kind}: {lost} events lost with the database, {said['reason']}; {verdict.events} of both ends")
    assert lost > 30
