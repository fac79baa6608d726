"""Start and stop: what refuses a start and with which exit code, what does not, and how the line is left."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from biosignal.errors import BadInput
from biosignal.events import AlarmState, FindingState, Receipt
from biosignal.wire.envelope import decode, encode_message
from biosignal.wire.topics import Channel, down, up
from edge_agent.operate.settings import DeviceSettings, OperateSettings
from edge_agent.running import run
from edge_agent.sources.settings import SourceSettings
from edge_agent.store import place
from edge_agent.store.errors import StoreInUse, StoreUnsafe, StoreUnwritable
from edge_agent.sync.settings import SyncSettings
from tests.agent.conftest import until
from tests.brokers import RunningBroker, free_port, make_authority, mosquitto

REAL_TIME = SourceSettings(speed=1.0, passes=0)
REPOSITORY = Path(__file__).resolve().parents[2]
KIND = "amqtt" if mosquitto() is None else "mosquitto"


@pytest.fixture
def make_broker(tmp_path):
    made = []

    def make(**options):
        made.append(RunningBroker(KIND, tmp_path, **options))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.kill()


# ---- refusals ----------------------------------------------------------------------------------------------------


def test_a_missing_source_refuses_the_start_with_exit_code_2(make_agent):
    for source in (
        SourceSettings(record="/no/such/record"),
        SourceSettings(kind="telepathy"),
        SourceSettings(kind="serial-text", port="", fs_hz=250.0),
    ):
        with pytest.raises(BadInput) as refused:
            make_agent(source=source)
        assert refused.value.exit_code == 2
        assert refused.value.advice


def test_a_store_that_cannot_be_refuses_the_start_with_its_code(make_agent, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreUnwritable) as unwritable:
        make_agent(device=DeviceSettings(state_dir=tmp_path / "file" / "state"))
    agent = make_agent(source=REAL_TIME)
    with pytest.raises(StoreInUse) as in_use:
        make_agent(source=REAL_TIME)
    agent.stop()
    again = make_agent(source=REAL_TIME)  # a refused start has left nothing held
    again.stop()
    monkeypatch.setattr(place, "file_system", lambda _folder, _mounts: "nfs4")
    with pytest.raises(StoreUnsafe) as unsafe:
        make_agent(source=REAL_TIME)
    assert [one.value.exit_code for one in (unwritable, in_use, unsafe)] == [2, 3, 3]


def test_a_start_that_is_refused_late_gives_everything_back(make_agent):
    with pytest.raises(BadInput):
        make_agent(source=REAL_TIME, sync=SyncSettings(enabled=True, port=0), analysis=_lead("V9"))
    make_agent(source=REAL_TIME).stop()


def _lead(name):
    from edge_agent.operate.settings import AnalysisSettings

    return AnalysisSettings(lead=name)


def test_the_process_ends_with_code_and_advice_when_its_source_fails(settings, monkeypatch, tmp_path):
    """A record that is torn behind its header: read as far as it goes, then the reason, then exit code 2."""
    from edge_agent.sources.paced import Paced

    def torn(self):
        yield from ()
        raise BadInput("the record is torn", file="x.dat", remedy="fetch it again")

    monkeypatch.setattr(Paced, "read", torn)
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(BadInput) as failed:
        run(settings)
    assert (failed.value.exit_code, failed.value.advice) == (2, "fetch it again")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


# ---- what must not end the monitoring ----------------------------------------------------------------------------


@pytest.mark.broker
def test_no_broker_wrong_login_wrong_certificate_and_no_certificate_file_do_not_stop_it(
    make_agent, make_broker, settings, tmp_path
):
    guarded = make_broker(users={"bed-1": "right"})
    _, certificate, key = make_authority(tmp_path, "theirs")
    ours, _, _ = make_authority(tmp_path, "ours")
    secure = make_broker(certificate=(certificate, key))
    cases = {
        "cannot be reached|nobody": SyncSettings(port=free_port()),
        "refused|login|user": SyncSettings(port=guarded.port, username="bed-1", password="wrong"),
        "certificate": SyncSettings(port=secure.port, tls=True, ca_file=ours),
        "certificate file": SyncSettings(tls=True, ca_file=tmp_path / "gone.pem"),
    }
    for words, sync in cases.items():
        agent = make_agent(source=REAL_TIME, sync=sync)
        until(lambda agent=agent, words=words: re.search(words, agent.supervisor._line()[2], re.IGNORECASE))
        before = agent.analysis.now.sample
        until(lambda agent=agent, before=before: agent.analysis.now.sample > before)
        agent.supervisor.turn()
        status = json.loads((settings.device.state_dir / "status.json").read_text())
        assert status["connected"] is False
        assert status["connection_reason"]
        began_s = time.monotonic()
        agent.stop()
        assert time.monotonic() - began_s < 8.0


@pytest.mark.parametrize("file", ["events.db", "waveforms.db"])
def test_a_damaged_store_is_set_aside_and_told_until_somebody_has_seen_it(make_agent, settings, file):
    agent = make_agent(source=SourceSettings(speed=0.0, passes=1))
    until(lambda: agent.analysis.ended.is_set(), within_s=40)
    agent.stop()
    path = settings.device.state_dir / file
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 6] = os.urandom(4096 * 3)
    path.write_bytes(content)

    agent = make_agent(source=REAL_TIME)
    assert list(settings.device.state_dir.glob(f"{file}.damaged-*"))
    for _ in range(5):
        agent.tend()
    alarm = until(lambda: next((one for one in agent.analysis.alarms if one.kind == "store-trouble"), None))
    assert alarm.state is AlarmState.ACTIVE
    agent.analysis.acknowledge(alarm.id, "dr-a")
    agent.tend()
    until(lambda: not [one for one in agent.analysis.alarms if one.kind == "store-trouble"])
    agent.tend()
    until(lambda: agent.keeper.idle)
    revs = [one.body for one in agent.events.events("finding", limit=10_000) if one.body.kind == "store-trouble"]
    assert [one.state for one in revs] == [FindingState.OPENED, FindingState.CLOSED]
    assert file in revs[0].outcome.reason


def test_alarms_of_the_last_run_are_adopted(make_agent, settings):
    agent = make_agent()
    until(lambda: any(one.state is AlarmState.LATCHED for one in agent.analysis.alarms))
    agent.stop()
    left = {one.id: one for one in agent.analysis.alarms}
    latched = [one.id for one in left.values() if one.priority.value == "high"]
    again = make_agent(source=REAL_TIME)
    adopted = {one.id: one for one in again.analysis.alarms}
    assert set(latched) <= set(adopted)
    assert {adopted[one].state for one in latched} == {AlarmState.LATCHED}
    assert again.analysis.recording.previous == agent.analysis.recording.id
    again.analysis.acknowledge(latched[0], "dr-a")
    assert latched[0] not in {one.id for one in again.analysis.alarms}


# ---- stopping ----------------------------------------------------------------------------------------------------


class Clinic:
    """Receives what a device sends, and gives receipts while `answers`."""

    def __init__(self, port, *, answers):
        self.got = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="clinic", protocol=mqtt.MQTTv311)
        ready = threading.Event()

        def on_message(client, _userdata, message):
            envelope = decode(message.payload)
            self.got.append(envelope)
            if answers:
                receipt = Receipt(committed=((envelope.id, envelope.rev),))
                client.publish(down("home", "bed-1", Channel.RECEIPT), encode_message(receipt), qos=1)

        self.client.on_message = on_message
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(up("home", "bed-1", Channel.EVENT), qos=1)
        assert ready.wait(5)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.mark.broker
def test_a_stop_waits_for_the_clinic_and_no_longer_than_it_may(make_agent, make_broker):
    broker = make_broker()
    line = SyncSettings(port=broker.port, resend_s=1.0)
    clinic = Clinic(broker.port, answers=True)
    agent = make_agent(sync=line, source=SourceSettings(speed=30.0, passes=0), operate=OperateSettings(metrics_port=0))
    until(lambda: agent.sync.connected)
    time.sleep(1.0)
    agent.stop()
    clinic.close()
    from edge_agent.store.reading import open_reader

    reader = open_reader(agent.events.path)
    assert reader.counts().outbox == 0
    closed = reader.events("recording.closed")
    reader.close()
    assert closed[0].id in {envelope.id for envelope in clinic.got}

    silent = Clinic(broker.port, answers=False)
    agent = make_agent(sync=line, source=REAL_TIME)  # operate.stop_s = 2
    until(lambda: agent.sync.connected)
    began_s = time.monotonic()
    agent.stop()
    assert 2.0 <= time.monotonic() - began_s < 6.0
    silent.close()


@pytest.mark.broker
def test_told_to_stop_twice_it_stops_at_once_with_code_1(make_broker, settings, tmp_path):
    broker = make_broker()
    silent = Clinic(broker.port, answers=False)
    flags = {
        "device.name": "bed-1",
        "device.state_dir": settings.device.state_dir,
        "inference.models_dir": settings.inference.models_dir,
        "sync.port": broker.port,
        "operate.stop_s": 60,
        "operate.metrics_port": 0,
        "operate.status_s": 0.2,
        "explain.language_model": "false",
        "inference.tensorrt.enabled": "false",
    }
    lean = tmp_path / "lean"  # sqlite-utils imports pandas where it finds it: seconds that this test does not need
    lean.mkdir()
    (lean / "pandas.py").write_text("raise ImportError\n")
    command = [sys.executable, "-m", "edge_agent", "run"]
    command += [part for name, value in flags.items() for part in ("--set", f"{name}={value}")]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stderr=log, env={**os.environ, "PYTHONPATH": f"{lean}{os.pathsep}{REPOSITORY}"}
        )
        until(lambda: silent.got, within_s=60)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.0)
        process.send_signal(signal.SIGTERM)
        assert process.wait(5.0) == 1
    silent.close()
    assert "agent.stop.forced" in (tmp_path / "log").read_text()
