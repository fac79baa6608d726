import datetime
import http.server
import io
import json
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from biosignal.errors import BadInput
from biosignal.events import LoopStatus
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import models
from edge_agent.operate import doctor_checks
from edge_agent.operate.broker_probe import probe_broker
from edge_agent.operate.clock import HostClock, SetClock
from edge_agent.operate.doctor import Level, examine, fail, ok, print_checks, warn
from edge_agent.operate.settings_file import load_settings
from edge_agent.operate.status_file import AgentStatus, ServedModel, read_status, write_status

CLOCK = HostClock()


def settings_of(tmp_path, **flags):
    plain = {"device.state_dir": tmp_path / "state", "inference.models_dir": tmp_path / "models"}
    return load_settings(environment={}, flags={**plain, **{name.replace("__", "."): v for name, v in flags.items()}})


def levels(checks):
    return {check.name: check.level.value for check in checks}


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def test_every_check_runs_and_names_what_to_do(tmp_path):
    settings = settings_of(tmp_path, sync__port=free_port(), sync__host="127.0.0.1")
    checks = examine(lambda: settings, config=None, clock=CLOCK)
    found = levels(checks)
    assert found["settings"] == found["state folder"] == found["source"] == found["onnx-cpu"] == "ok"
    assert found["words"] == "ok"
    assert found["broker"] == "fail"
    assert all(found[f"model {task}"] == "fail" for task in models())
    assert all(check.remedy for check in checks if check.level is not Level.OK)


def test_missing_words_are_named_with_what_to_do(tmp_path, monkeypatch):
    name, task = next((name, task) for name, task in TASKS.items() if task.findings)
    monkeypatch.setitem(TASKS, name, replace(task, package="no.such.package"))
    (check,) = doctor_checks.words(settings_of(tmp_path), CLOCK)
    assert (check.name, check.level) == ("words", Level.WARN)
    assert name in check.cause
    assert check.remedy


def test_a_language_model_that_cannot_run_here_is_named_with_the_reason(tmp_path):
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF")
    given = {"explain__python": sys.executable, "explain__model_path": model}
    (check,) = doctor_checks.explainer(settings_of(tmp_path, **given), CLOCK)
    assert check.level is Level.OK
    (check,) = doctor_checks.explainer(settings_of(tmp_path, **given, explain__memory_mb=100), CLOCK)
    assert (check.level, check.cause) == (
        Level.WARN,
        "template texts; too little memory: model.gguf needs 480 MB, explain.memory_mb is 100",
    )
    adapter = {"explain__adapter_path": tmp_path / "gone.gguf", "explain__adapter_sha256": "0" * 64}
    (check,) = doctor_checks.explainer(settings_of(tmp_path, **given, **adapter), CLOCK)
    assert (check.level, check.remedy) == (Level.WARN, "correct explain.adapter_path")


def test_settings_that_cannot_be_read_are_the_one_finding():
    def load():
        raise BadInput("edge.toml:3: unknown setting", remedy="correct it")

    (check,) = examine(load, config=None, clock=CLOCK)
    assert (check.name, check.level, check.remedy) == ("settings", Level.FAIL, "correct it")


def test_a_broken_check_does_not_hide_the_others(tmp_path, monkeypatch):
    def broken(settings, clock):
        raise RuntimeError("boom")
        yield

    monkeypatch.setattr(doctor_checks, "CHECKS", {"one": broken, "clock": doctor_checks.host_clock})
    checks = examine(lambda: settings_of(tmp_path), config=None, clock=CLOCK)
    assert levels(checks)["one"] == "fail"
    assert "clock" in levels(checks)


def test_the_forms_for_people_and_for_programs():
    checks = [ok("a", "fine"), warn("b", "soon", "look", since_utc_s=0.0), fail("c", "gone", "mend it")]
    out = io.StringIO()
    assert print_checks(checks, as_json=False, stdout=out) == 1
    assert out.getvalue().splitlines()[-1] == "Try: mend it"
    assert "since 1970-01-01" in out.getvalue()
    out = io.StringIO()
    assert print_checks(checks[:2], as_json=True, stdout=out) == 0
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert told[1]["since"].startswith("1970")
    assert told[-1] == {"type": "summary", "ok": 1, "warn": 1, "fail": 0}


def test_an_unwritable_state_folder_is_named(tmp_path):
    (tmp_path / "state").write_text("a file where the folder should be")
    (check,) = doctor_checks.state_dir(settings_of(tmp_path), CLOCK)
    assert check.level is Level.FAIL
    assert str(tmp_path / "state") in check.cause


def test_a_disk_with_too_little_room_is_named(tmp_path):
    settings = settings_of(tmp_path, store__free_reserve_mb=10**12)
    assert levels(doctor_checks.state_dir(settings, CLOCK))["disk space"] == "fail"
    settings = settings_of(tmp_path, store__waveform_budget_mb=10**12)
    assert levels(doctor_checks.state_dir(settings, CLOCK))["disk space"] == "warn"


def test_a_corrupt_database_is_named(tmp_path):
    state = tmp_path / "state"
    state.mkdir()
    with sqlite3.connect(state / "events.db") as database:
        database.execute("create table t (x)")
        database.executemany("insert into t values (?)", [("x" * 500,)] * 1000)
    database.close()
    settings = settings_of(tmp_path)
    assert levels(doctor_checks.store(settings, CLOCK)) == {"events.db": "ok", "waveforms.db": "ok"}
    content = bytearray((state / "events.db").read_bytes())
    content[4096:12_288] = os.urandom(8192)
    (state / "events.db").write_bytes(content)
    (state / "waveforms.db").write_bytes(b"this is no database at all, whatever its name says")
    assert levels(doctor_checks.store(settings, CLOCK)) == {"events.db": "fail", "waveforms.db": "fail"}


@pytest.mark.parametrize("utc_s", [0.0, 5_000_000_000.0])
def test_an_implausible_clock_is_named(tmp_path, utc_s):
    (check,) = doctor_checks.host_clock(settings_of(tmp_path), SetClock(utc_s=utc_s))
    assert check.level is Level.FAIL


def test_a_source_that_cannot_be_opened_is_named_with_its_remedy(tmp_path):
    for flags in (
        {"source__record": "nothing"},
        {"source__kind": "telepathy"},
        {"source__kind": "serial-text"},
        {"source__kind": "serial-text", "source__fs_hz": 250.0, "source__port": str(tmp_path / "ttyACM9")},
    ):
        (check,) = doctor_checks.source(settings_of(tmp_path, **flags), CLOCK)
        assert check.level is Level.FAIL, flags
        assert check.remedy


def test_the_reason_why_tensorrt_cannot_serve_is_told(tmp_path):
    settings = settings_of(tmp_path, inference__tensorrt__python=str(tmp_path / "python"))
    checks = {check.name: check for check in doctor_checks.backends(settings, CLOCK)}
    assert checks["tensorrt"].level is Level.OK
    assert "not available" in checks["tensorrt"].cause


def certificate(folder, *, begins_days, ends_days):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=begins_days))
        .not_valid_after(now + datetime.timedelta(days=ends_days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem"


@pytest.mark.parametrize(
    ("begins_days", "ends_days", "level"), [(-1, 365, "ok"), (-1, 5, "warn"), (-9, -2, "fail"), (2, 9, "fail")]
)
def test_the_dates_of_a_certificate_are_judged(tmp_path, begins_days, ends_days, level):
    path = certificate(tmp_path, begins_days=begins_days, ends_days=ends_days)
    (check,) = doctor_checks.certificates(settings_of(tmp_path, sync__ca_file=path), CLOCK)
    assert check.level.value == level


def test_a_file_that_is_no_certificate_is_named(tmp_path):
    (tmp_path / "ca.pem").write_text("hello")
    (check,) = doctor_checks.certificates(settings_of(tmp_path, sync__ca_file=tmp_path / "ca.pem"), CLOCK)
    assert check.level is Level.FAIL


def test_an_absent_broker_is_named(tmp_path):
    cause, remedy = probe_broker(settings_of(tmp_path, sync__port=free_port()))
    assert "cannot be reached" in cause
    assert "sync.host" in remedy


def test_a_server_with_an_untrusted_certificate_is_named(tmp_path):
    certificate(tmp_path, begins_days=-1, ends_days=9)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        cause, remedy = probe_broker(settings_of(tmp_path, sync__port=server.server_port, sync__tls=True))
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert "not trusted" in cause
    assert "sync.ca_file" in remedy


@pytest.fixture
def mosquitto(tmp_path):
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if program is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    passwords = tmp_path / "passwords"
    passwords.touch(0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "device", "right"], check=True, capture_output=True)
    passwords.chmod(0o644)
    tmp_path.chmod(0o755)
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n")
    process = subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield port
    process.terminate()
    process.wait(10)


@pytest.mark.broker
def test_a_broker_that_takes_or_refuses_the_login_is_told_apart(tmp_path, mosquitto):
    right = settings_of(tmp_path, sync__port=mosquitto, sync__username="device", sync__password="right")
    assert probe_broker(right) is None
    cause, remedy = probe_broker(replace(right, sync=replace(right.sync, password="wrong")))
    assert "refuses the login" in cause
    assert "sync.password" in remedy
    assert "wrong" not in cause


def status_of(**changes):
    values = {
        "pid": os.getpid(), "written_utc_s": CLOCK.utc_s(), "started_utc_s": CLOCK.utc_s() - 60, "version": "0.1.0",
        "source_state": "streaming", "source_reason": "", "source_since_utc_s": CLOCK.utc_s() - 50,
        "models": (ServedModel(task="nights", bundle="nights/1.0.0", rung="onnx-cpu", reason="no driver"),),
        "leads": ("II -> nights",), "connected": True,
        "connected_since_utc_s": CLOCK.utc_s() - 40, "connection_reason": "", "outbox": 0, "rejected": 0,
        "explainer": "template", "lost_samples": 0,
    }  # fmt: skip
    return AgentStatus(**{**values, **changes})


def test_what_the_running_daemon_says_is_passed_on_with_since_when(tmp_path):
    settings = settings_of(tmp_path)
    settings.device.state_dir.mkdir(parents=True)
    assert levels(doctor_checks.agent(settings, CLOCK)) == {"daemon": "warn"}
    write_status(settings.device.state_dir, status_of())
    said = {check.name: check.cause for check in doctor_checks.agent(settings, CLOCK)}
    assert said.keys() == {"daemon", "model of nights", "leads"}
    assert said["model of nights"] == "nights/1.0.0 on onnx-cpu: no driver"
    assert said["leads"] == "II -> nights"
    trouble = status_of(source_state="lost", source_reason="unplugged", connected=False, outbox=7, rejected=2)
    write_status(settings.device.state_dir, trouble)
    checks = {check.name: check for check in doctor_checks.agent(settings, CLOCK)}
    assert checks["signal"].level is Level.FAIL
    assert "unplugged" in checks["signal"].cause
    assert checks["signal"].since is not None
    assert "7 events wait" in checks["line"].cause
    assert checks["rejected"].level is Level.WARN
    write_status(settings.device.state_dir, status_of(written_utc_s=CLOCK.utc_s() - 600))
    assert levels(doctor_checks.agent(settings, CLOCK)) == {"daemon": "fail"}


@pytest.mark.parametrize(("age_s", "said"), [(1.0, None), (9.0, ("late", "warn")), (30.0, ("hangs", "fail"))])
def test_a_part_that_waits_for_a_slow_card_is_a_warning_and_one_that_hangs_a_failure(tmp_path, age_s, said):
    settings = settings_of(tmp_path)
    settings.device.state_dir.mkdir(parents=True)
    keeper = LoopStatus(name="keeper", age_s=age_s, limit_s=4.0, grace_s=11.0)
    write_status(settings.device.state_dir, status_of(loops=(keeper,)))
    found = [check for check in doctor_checks.agent(settings, CLOCK) if check.name in ("late", "hangs")]
    assert [(check.name, check.level.value) for check in found] == ([] if said is None else [said])
    assert all("keeper" in check.cause and check.since is not None for check in found)


def test_a_status_of_a_dead_process_or_torn_file_counts_as_not_running(tmp_path):
    settings = settings_of(tmp_path)
    settings.device.state_dir.mkdir(parents=True)
    gone = subprocess.Popen(["true"])
    gone.wait()
    write_status(settings.device.state_dir, status_of(pid=gone.pid))
    assert levels(doctor_checks.agent(settings, CLOCK)) == {"daemon": "warn"}
    (settings.device.state_dir / "status.json").write_text('{"pid": 1')
    assert read_status(settings.device.state_dir) is None


def test_a_folder_that_may_not_be_looked_into_is_no_daemon_that_does_not_run(tmp_path, monkeypatch):
    settings = settings_of(tmp_path)
    settings.device.state_dir.mkdir(parents=True)
    write_status(settings.device.state_dir, status_of())
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    for check in (doctor_checks.agent, doctor_checks.store):
        (said,) = check(settings, CLOCK)
        assert said.level is Level.WARN
        assert "may not look" in said.cause
        assert "as root" in said.remedy


@pytest.mark.parametrize(("held_ms", "level"), [("16", Level.WARN), ("1", Level.OK)])
def test_a_bridge_that_holds_bytes_back_is_named(tmp_path, monkeypatch, held_ms, level):
    port = tmp_path / "ttyUSB7"
    port.touch()
    (tmp_path / "ttyUSB7.latency").write_text(f"{held_ms}\n")
    monkeypatch.setattr("edge_agent.sources.serial_line.LATENCY_FILES", (str(tmp_path / "{name}.latency"),))
    flags = {"source__kind": "serial", "source__protocol": "cyton", "source__port": str(port)}
    checks = {check.name: check for check in doctor_checks.source(settings_of(tmp_path, **flags), CLOCK)}
    assert checks["source"].level is Level.OK
    assert checks["bridge"].level is level
    assert held_ms in checks["bridge"].cause
