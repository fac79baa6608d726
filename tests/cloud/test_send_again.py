"""After the loss of its database the clinic is given a backup, and the devices send again what it had since."""

import shutil
import sqlite3
import stat

import pytest
from cloud_running import Running, wait_for
from cloud_ward import SITE, alarm, explanation, finding, recording, status
from sqlalchemy import select

from biosignal.events import AlarmState, FindingState
from cloud_service.cli import main
from cloud_service.database.event_tables import AlarmRow, EventRow, FindingRow
from cloud_service.settings import CloudSettings, HttpSettings, MqttSettings
from edge_agent.analysis.commands import Commands
from edge_agent.store.events import EventStore
from edge_agent.sync.client import SyncClient
from edge_agent.sync.commands import answer
from edge_agent.sync.settings import SyncSettings
from tests.brokers import RunningBroker, mosquitto


@pytest.fixture(scope="module", params=["amqtt", "mosquitto"])
def broker(request, tmp_path_factory):
    if request.param == "mosquitto" and mosquitto() is None:
        pytest.skip("mosquitto is not installed")
    running = RunningBroker(request.param, tmp_path_factory.mktemp(request.param))
    running.start()
    yield running
    running.kill()


@pytest.fixture
def settings(broker, tmp_path):
    return CloudSettings(
        state_dir=tmp_path / "clinic",
        http=HttpSettings(port=0),
        mqtt=MqttSettings(host="127.0.0.1", port=broker.port, tls=False),
    )


class Bed:
    """A device: its store, its line and its commands, at a time that the test sets."""

    def __init__(self, folder, port, *, carry_out=None):
        self.now = "2026-05-01T12:00:00.000Z"
        self.store = EventStore(folder / "events.db", "bed-1", "boot-1", utc_now=lambda: self.now, reserve_bytes=0)
        commands = Commands("bed-1", None, new_model=None, send_again=self._send_again, fetch_waves=None, keep=None)
        line = SyncSettings(host="127.0.0.1", port=port, tls=False, resend_s=0.5, longest_retry_s=0.5)
        self.sync = SyncClient(line, self.store, carry_out or commands.carry_out, status, site=SITE, device="bed-1")
        self.sync.start()

    def _send_again(self, since):
        said = str(self.store.send_again(since))
        self.sync.look_again()
        return said

    def add(self, *events):
        self.store.add_many(events)
        self.sync.nudge()

    def wait_until_received(self):
        wait_for(lambda: not self.store.outbox(1))

    def keys(self):
        return sorted((envelope.id, envelope.rev) for envelope in self.store.events(limit=10_000))

    def close(self):
        self.sync.stop()
        self.store.close()


@pytest.fixture
def make_bed(tmp_path, broker):
    made = []

    def make(**options):
        made.append(Bed(tmp_path, broker.port, **options))
        return made[-1]

    yield make
    for bed in made:
        bed.close()


def flags(settings):
    return ["--state-dir", str(settings.state_dir)]


def ask(settings, *more):
    return main(["send-again", *more, *flags(settings), "--mqtt-port", str(settings.mqtt.port), "--no-mqtt-tls"])


def stored(clinic):
    with clinic.database.read() as session:
        return sorted((row.id, row.rev) for row in session.scalars(select(EventRow)))


def findings(first, count):
    made = [finding(onset=onset) for onset in range(first, first + count)]
    return [event for one in made for event in (one, explanation(one))]


@pytest.mark.broker
def test_a_restored_clinic_is_sent_what_it_had_since_and_nothing_twice(settings, make_bed, tmp_path, capsys):
    bed = make_bed()
    about = finding(onset=1)
    with Running(settings):
        bed.add(recording(), about, alarm(about), *findings(10, 20))
        bed.wait_until_received()
        assert main(["backup", str(tmp_path / "copy.db"), *flags(settings)]) == 0
        before = len(bed.keys())
        bed.now = "2026-05-01T12:30:00.000Z"
        ended = finding(onset=1, rev=1, state=FindingState.CLOSED)
        bed.add(*findings(100, 20), ended, alarm(ended, rev=1, state=AlarmState.RESOLVED))
        bed.wait_until_received()
    since = len(bed.keys()) - before
    for file in settings.state_dir.glob("clinic.db*"):
        file.unlink()
    shutil.copyfile(tmp_path / "copy.db", settings.state_dir / "clinic.db")
    with Running(settings) as restored:
        assert len(stored(restored.clinic)) == before
        capsys.readouterr()
        assert ask(settings, "--since", "2026-05-01T14:30+02:00") == 0
        assert f"bed-1: done: {since} events go again, 0 waited anyway; all of that time are held" in (
            capsys.readouterr().out
        )
        bed.wait_until_received()
        assert stored(restored.clinic) == bed.keys()
        with restored.clinic.database.read() as session:
            assert session.get(FindingRow, about.id).state == "closed"
            assert session.get(AlarmRow, f"alarm-{about.id}").state == "resolved"


@pytest.mark.broker
@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
def test_a_device_that_cannot_is_named_with_its_reason(settings, make_bed, capsys):
    def older(command):
        return answer("bed-1", command.id, command.name, "refused", f"this version knows no command {command.name}")

    bed = make_bed(carry_out=older)
    with Running(settings):
        bed.add(recording())
        bed.wait_until_received()
        assert ask(settings) == 1
    said = capsys.readouterr()
    assert "bed-1: refused: this version knows no command send-again" in said.out
    assert "update a daemon that knows no such command" in said.err
    assert ask(settings, "--wait", "0") == 1  # nobody stores the answer
    assert "bed-1: has not answered" in capsys.readouterr().out
    assert ask(settings, "bed-9") == 2
    assert ask(settings, "--since", "yesterday") == 2


def test_a_backup_is_whole_and_private_and_overwrites_nothing(fresh, tmp_path, capsys):
    state, copy = ["--state-dir", str(fresh)], tmp_path / "copy.db"
    assert main(["backup", str(copy), "--state-dir", str(tmp_path / "nowhere")]) == 2
    assert main(["user", "add", "anna", "--role", "viewer", *state]) == 0
    with sqlite3.connect(fresh / "clinic.db") as busy:
        busy.execute("BEGIN IMMEDIATE")
        assert main(["backup", str(copy), *state]) == 0
        busy.rollback()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with sqlite3.connect(copy) as restored:
        assert restored.execute("SELECT role FROM users WHERE name = 'anna'").fetchone() == ("viewer",)
    assert main(["backup", str(copy), *state]) == 2
    assert "a file of that name" in capsys.readouterr().err
    assert main(["backup", str(tmp_path / "b.db"), "--database-url", "postgresql://nowhere/x", *state]) == 2
    assert "pg_dump" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir() if "db" in path.name) == ["copy.db"]
