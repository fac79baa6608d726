"""A running agent seen from outside: watchdog, log, metrics, status file, doctor."""

import io
import json
import logging
import shutil
import socket
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from biosignal.errors import BadInput
from biosignal.events import Rung
from biosignal.liveness import standing
from edge_agent.operate.clock import HostClock
from edge_agent.operate.doctor import Level, examine
from edge_agent.operate.log_handler import logging_to
from edge_agent.operate.settings import OperateSettings
from edge_agent.operate.status_file import read_status
from edge_agent.sources.settings import SourceSettings
from tests.agent.conftest import until

RELEASED = Path(__file__).parents[2] / "models"


class Systemd:
    """The socket that systemd gives a daemon, and what was said on it."""

    def __init__(self, folder, monkeypatch, *, watchdog_s):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "notify"))
        self.socket.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(folder / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", str(int(watchdog_s * 1e6)))
        monkeypatch.delenv("WATCHDOG_PID", raising=False)

    def said(self):
        lines = []
        try:
            while True:
                lines += self.socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return lines


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    one = Systemd(tmp_path, monkeypatch, watchdog_s=2.0)
    yield one
    one.socket.close()


def turned(agent):
    agent.tend()
    agent.supervisor.turn()


def test_a_hung_keeper_stops_the_pings_and_they_come_back_with_it(systemd, make_agent, monkeypatch):
    agent = make_agent(source=SourceSettings(speed=1.0, passes=0), start=False)
    monkeypatch.setattr(agent.keeper.pulse, "_limit_s", 1.0)
    monkeypatch.setattr(agent.keeper.pulse, "grace_s", 0.0)
    agent.start()
    said = until(lambda: [line for line in systemd.said() if line in ("READY=1", "WATCHDOG=1")])
    assert said[0] == "READY=1"
    until(lambda: "WATCHDOG=1" in systemd.said())

    hung, add_many = threading.Event(), agent.events.add_many

    def blocked(events, lane=0):
        hung.wait(30)
        return add_many(events, lane=lane)

    monkeypatch.setattr(agent.events, "add_many", blocked)
    log = io.StringIO()
    with logging_to(log, clock=HostClock(), level="info"):
        agent.analysis.set_trouble("source-lost", "the lead is loose")  # something to write
        until(lambda: agent.supervisor.hanging, within_s=10)
        until(lambda: "operate.loop.hanging" in log.getvalue())
    assert list(agent.supervisor.hanging) == ["keeper"]
    systemd.said()
    end = agent.keeper.pulse.beats
    time.sleep(1.2)
    assert "WATCHDOG=1" not in systemd.said()
    assert agent.keeper.pulse.beats == end
    hanging = [json.loads(line) for line in log.getvalue().splitlines() if "operate.loop.hanging" in line]
    assert hanging[0]["loop"] == "keeper"

    # Everything else goes on meanwhile.
    before = agent.analysis.now.sample
    until(lambda: agent.status().sample > before)
    assert [loop.name for loop in standing(agent.status())] == ["keeper"]
    hung.set()
    until(lambda: "WATCHDOG=1" in systemd.said())
    agent.stop()
    assert "STOPPING=1" in systemd.said()


def rate_of(status):
    """The heart rate that the status tells; None where there is none."""
    return next((one.value for one in status.readings if one.quantity == "heart_rate"), None)


def test_the_status_says_what_is_so(make_agent):
    agent = make_agent(source=SourceSettings(speed=20.0, passes=0))
    until(lambda: rate_of(agent.status()) is not None)
    status = agent.status()
    assert (status.online, [lead.name for lead in status.leads], status.fs_hz) == (True, ["MLII"], 360.0)
    assert status.recording == agent.analysis.recording.id
    assert status.sample > 0
    assert 40 < rate_of(status) < 200
    served = {one.task: (one.leads, one.bundle, one.rung) for one in status.tasks}
    assert served["ecg-beats"] == (("MLII",), "ecg-beats/1.0.0", Rung.ONNX_CPU)
    assert served["ecg-rhythm"] == (("MLII",), None, Rung.RULES)
    agent.analysis.set_trouble("store-trouble", "a test")
    until(lambda: "store-trouble" in {alarm.kind for alarm in agent.status().alarms})
    status = agent.status()
    assert status.outbox == agent.events.counts().outbox or status.outbox > 0


def test_status_file_metrics_and_doctor_tell_the_same(make_agent, settings):
    agent = make_agent(source=SourceSettings(speed=0.0, passes=2))
    until(lambda: agent.analysis.ended.is_set() and agent.keeper.idle, within_s=40)
    turned(agent)
    agent.supervisor._count_all()
    page = (
        urllib.request.urlopen(f"http://127.0.0.1:{agent.supervisor.metrics_port}/metrics", timeout=5).read().decode()
    )
    lines = page.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    counts = agent.analysis.counts
    assert float(values["bedside_samples_read_total"]) == 2 * 108_000 == counts.samples
    assert float(values['bedside_gaps_total{reason="loop"}']) == 1
    marks = sum(float(values[one]) for one in values if one.startswith("bedside_marks_total"))
    assert marks == sum(counts.marks.values()) > 500
    assert sum(float(values[one]) for one in values if one.startswith("bedside_findings_total")) == counts.findings
    assert float(values['bedside_explanations_total{made_by="template"}']) == counts.texts
    timed = [one for one in values if one.startswith("bedside_inference_seconds_count")]
    assert float(values[timed[0]]) > 500
    assert float(values["bedside_delivery_seconds_count"]) > 0
    assert float(values['bedside_rung{bundle="ecg-beats/1.0.0",rung="onnx-cpu",task="ecg-beats"}']) == 1
    assert float(values["bedside_queue_samples"]) == 0
    assert float(values["bedside_waveform_bytes"]) > 10_000
    assert float(values["bedside_connected"]) == 0
    shown = {name: float(values[f'bedside_store_total{{what="{name}"}}']) for name in ("events", "strips", "retries")}
    assert shown == {name: getattr(agent.keeper.counts, name) for name in shown}
    assert shown["events"] > 50

    status = read_status(settings.device.state_dir)
    assert status.metrics_port == agent.supervisor.metrics_port
    assert [(model.task, model.rung, model.bundle) for model in status.models] == [
        ("ecg-front", "rules", None),
        ("ecg-beats", "onnx-cpu", "ecg-beats/1.0.0"),
        ("ecg-rhythm", "rules", None),
        ("ecg-waves", "rules", None),
        ("ecg-diagnosis", "rules", None),
        ("eeg-sleep", "rules", None),
    ]
    assert status.leads == ("ECG MLII -> signal-quality, ecg-front, ecg-beats, ecg-rhythm, ecg-waves, ecg-diagnosis",)
    assert not status.connected
    assert status.outbox == agent.events.counts().outbox


@pytest.fixture
def all_models(settings):
    """The released models of the other tasks beside that of the beats."""
    for task in ("ecg-front", "ecg-rhythm", "ecg-waves", "ecg-diagnosis", "eeg-sleep"):
        shutil.copytree(RELEASED / task, settings.inference.models_dir / task)


def test_doctor_sees_a_running_agent(make_agent, settings, all_models):
    make_agent(source=SourceSettings(speed=1.0, passes=0))
    checks = examine(lambda: settings, config=None, clock=HostClock())
    by_name = {check.name: check for check in checks}
    assert by_name["daemon"].level is Level.OK
    assert by_name["model of ecg-beats"].cause.startswith("ecg-beats/1.0.0 on onnx-cpu")
    assert not [check for check in checks if check.level is Level.FAIL]


def test_a_taken_metrics_port_does_not_end_the_monitoring(make_agent, settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        operate = OperateSettings(metrics_port=taken.getsockname()[1], status_s=0.2)
        log = io.StringIO()
        with logging_to(log, clock=HostClock(), level="info"):
            agent = make_agent(source=SourceSettings(speed=1.0, passes=0), operate=operate)
        assert agent.supervisor.metrics_port is None
        assert "operate.metrics.refused" in log.getvalue()
        until(lambda: agent.analysis.now.sample > 100)


def test_our_records_become_events_and_libraries_one_event_from_warnings_on():
    out = io.StringIO()
    before = len(logging.getLogger().handlers)
    with logging_to(out, clock=HostClock(), level="info"):
        ours, theirs = logging.getLogger("edge_agent.somewhere"), logging.getLogger("paho.client")
        ours.info("part.noun.verb", extra={"facts": {"count": 3, "subject": "p-1"}})
        ours.warning("part.other.verb", extra={"why": "plainly"})
        ours.debug("part.noun.hidden")
        theirs.info("chatter")
        theirs.warning("trouble at %s", "the mill")
        try:
            raise BadInput("it broke", remedy="mend it")
        except BadInput:
            ours.exception("part.noun.failed")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [line["event"] for line in lines] == [
        "part.noun.verb", "part.other.verb", "library.message.logged", "part.noun.failed",
    ]  # fmt: skip
    assert lines[0]["count"] == 3
    assert "subject" not in lines[0]
    assert lines[1]["why"] == "plainly"
    assert (lines[2]["logger"], lines[2]["text"]) == ("paho.client", "trouble at the mill")
    assert (lines[3]["level"], lines[3]["remedy"]) == ("error", "mend it")
    assert "test_supervise.py" in lines[3]["trace"]
    assert len(logging.getLogger().handlers) == before


def test_the_rung_that_is_lost_is_a_finding_until_it_serves_again(make_agent, settings):
    nothing = replace(settings.inference, models_dir=settings.device.state_dir / "no-models")
    agent = make_agent(inference=nothing, source=SourceSettings(speed=5.0, passes=0))
    assert {one.rung for one in agent.status().tasks if one.task == "ecg-beats"} == {Rung.RULES}
    found = until(lambda: [one for one in agent.events.findings() if one.kind == "backend-lost"])
    assert "no released bundle" in found[0].outcome.reason
    until(lambda: sum(agent.analysis.counts.marks.values()) > 3)
    assert agent.analysis.counts.unanswered_by_reason["no backend"] > 0
