"""Each part that can stand still is made to, in a real process: known in seconds, and started again where it may be."""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from fault_house import House, scrape, wait_for
from fault_program import Program, descendants

from edge_agent.agent.hanging import RESTART_S
from tests import bundles
from tests.brokers import free_port

ASKED_S = 5.0
SLACK_S = 3.0
"""Beyond its own limit: the look of the watching thread, and ours on a machine that does other things as well."""
LOOKS_S = 3.0
"""So often, and twice, it is looked after a process that is asked for nothing."""
FAKES = Path(__file__).parents[1] / "inference" / "fake_tensorrt"
STAND_IN = """
import json, sys
print(json.dumps({"ready": True, "model": "stand-in", "sha256": "ab" * 32}), flush=True)
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "text": "no"}), flush=True)
"""

pytestmark = [pytest.mark.fault, pytest.mark.reliability("stalls"), pytest.mark.broker, pytest.mark.timeout(300)]


def verdict(known_s):
    return {"known_s": round(known_s, 1), **({} if known_s <= ASKED_S else {"missed": "asked 5 s"})}


def daemon(tmp_path, *settings):
    """A daemon that plays the excerpt as fast as a patient, and ends itself where a unit of systemd would end it."""
    faults = tmp_path / "faults"
    faults.mkdir()
    house = House(tmp_path, broker="embedded", speed=1, settings=("operate.end_when_hung=true", *settings))
    house.agent = Program("agent", ["faulty-agent", str(faults), "run", "--config", str(house.config)], tmp_path)
    house.programs["agent"] = house.agent
    return house, faults


def loops(url):
    """Age of each loop, the age past which it is late, and that past which it hangs, in seconds."""
    found = scrape(url)
    names = [key.split('"')[1] for key in found if key.startswith("bedside_loop_age_seconds")]
    return {
        name: (
            found[f'bedside_loop_age_seconds{{loop="{name}"}}'],
            found[f'bedside_loop_limit_seconds{{loop="{name}"}}'],
            found[f'bedside_loop_hang_seconds{{loop="{name}"}}'],
        )
        for name in names
    }


def is_late(url, part):
    """Whether the daemon says of a loop that it is older than it should be."""
    age_s, limit_s, _ = loops(url).get(part, (0.0, 1.0, 1.0))
    return age_s > limit_s


def raised(house, part):
    """Whether the daemon took a loop to hang, which it logs once it has raised its alarm."""
    lines = house.agent.log.read_text().splitlines()
    return any("operate.loop.hanging" in line and f'"{part}"' in line for line in lines)


def metrics_url(house):
    return f"http://127.0.0.1:{said(house)['metrics_port']}/metrics"


def wait_until_reading(house):
    wait_for(lambda: house.agent_counts().get("bedside_samples_read_total", 0) > 720, 120, "samples arrive")


def since(began_s, condition, within_s, what):
    wait_for(condition, within_s, what)
    return time.monotonic() - began_s


def ends_and_comes_back(house, part, began_s, within_s):
    """Wait until the daemon ends for a part it cannot do without, and start it again; seconds until it ended."""
    ended_s = since(began_s, lambda: not house.agent.is_alive, within_s, "the daemon ends itself")
    assert f"edge-agent: {part} has hung for" in house.agent.log.read_text()
    house.agent.start()
    wait_until_reading(house)
    return {"ended_s": round(ended_s, 1)}


@pytest.mark.parametrize("part", ["analysis", "reader", "keeper", "main", "sync", "status"])
def test_a_loop_of_the_daemon_that_stands_still_is_known_and_the_daemon_ends_where_it_cannot_go_on(
    tmp_path, reliability, part
):
    on_the_line = part in ("sync", "status")
    house, faults = daemon(tmp_path, *(() if on_the_line else ("sync.enabled=false",)))
    try:
        if on_the_line:
            house.start()
        else:
            house.agent.start()
        wait_until_reading(house)
        url = metrics_url(house)
        _, limit_s, hang_s = loops(url)[part]
        began_s = time.monotonic()
        (faults / part).touch()
        known_s = since(began_s, lambda: is_late(url, part), limit_s + SLACK_S, f"{part} is known to stand")
        alarm_s = since(began_s, lambda: raised(house, part), hang_s + SLACK_S, f"an alarm is raised for {part}")
        (faults / part).unlink()
        ended = {} if on_the_line else ends_and_comes_back(house, part, began_s, hang_s + RESTART_S + SLACK_S)
    finally:
        house.close()
    reliability.note("stalls", part=part, **verdict(known_s), alarm_s=round(alarm_s, 1), **ended)


def child(house, word):
    """Id of the daemon's child whose command holds a word; None while there is none."""
    for pid in descendants(house.agent.pid):
        with suppress(OSError):
            if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
    return None


def test_a_process_of_the_language_model_that_is_stopped_is_replaced(tmp_path, reliability):
    script = tmp_path / "stand_in.py"
    script.write_text(STAND_IN)
    command = json.dumps([sys.executable, "-I", str(script)])
    settings = ("sync.enabled=false", "explain.language_model=true", f"explain.command={command}")
    house, _ = daemon(tmp_path, *settings, "explain.deadline_s=3.0")
    try:
        house.agent.start()
        wait_for(lambda: "llm: stand-in" in said(house).get("explainer", ""), 180, "a finding wanted a text")
        before = child(house, script.name)
        began_s = time.monotonic()
        os.kill(before, signal.SIGSTOP)
        replaced = lambda: child(house, script.name) not in (None, before)  # noqa: E731
        replaced_s = since(began_s, replaced, 3.0 + LOOKS_S + SLACK_S, "another process takes its place")
        assert house.agent.is_alive
    finally:
        house.close()
    reliability.note("stalls", part="process of the language model", **verdict(replaced_s), replaced="yes")


def test_a_process_of_tensorrt_that_is_stopped_costs_a_window_its_rung_and_is_replaced(
    tmp_path, monkeypatch, reliability
):
    """With our stand-ins for TensorRT and CUDA in the place of a GPU's."""
    folder = tmp_path / "models" / "ecg-beats" / "1.0.0"
    folder.mkdir(parents=True)
    for name, content in bundles.bundle_files().items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("FAKE_TRT_CONTROL", str(tmp_path / "control"))
    monkeypatch.setenv("FAKE_TRT_VERSION", "10.3.0")
    monkeypatch.setenv("FAKE_DRIVER", "")
    tensorrt = {
        "enabled": True,
        "python": sys.executable,
        "flavour": "tensorrt",
        "python_path": [str(FAKES)],
        "infer_timeout_s": 2.0,
        "wait_s": 60.0,
    }
    settings = [f"inference.tensorrt.{name}={json.dumps(value)}" for name, value in tensorrt.items()]
    models = f"inference.models_dir={json.dumps(str(tmp_path / 'models'))}"
    house, _ = daemon(tmp_path, "sync.enabled=false", models, *settings)
    try:
        house.agent.start()
        wait_for(lambda: serves(house) == ["tensorrt"], 180, "TensorRT serves")
        wait_until_reading(house)
        before = child(house, "trt_host")
        began_s = time.monotonic()
        os.kill(before, signal.SIGSTOP)
        known_s = since(began_s, lambda: serves(house) != ["tensorrt"], 30, "the CPU serves")
        wait_for(lambda: serves(house) == ["tensorrt"] and child(house, "trt_host") != before, 120, "TensorRT is back")
        assert house.agent.is_alive
    finally:
        house.close()
    reliability.note("stalls", part="process of TensorRT (stand-in)", **verdict(known_s), replaced="yes")


def serves(house):
    """The rung of each model, as the daemon's status says."""
    return [one["rung"] for one in said(house).get("models", [])]


def said(house):
    """The daemon's status; nothing before there is one."""
    try:
        return json.loads((house.device_state / "status.json").read_text())
    except (OSError, ValueError):
        return {}


def health(port):
    """What the clinic says of itself; nothing where it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return json.load(refused)
    except OSError:
        return {"ok": None, "why": "", "parts": []}


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGKILL])
def test_a_broker_of_the_clinics_own_that_stands_still_or_ends_is_named_and_replaced(tmp_path, reliability, how):
    port, mqtt_port, clinic_port = free_port(), free_port(), free_port()
    ports = ["--port", str(port), "--broker-port", str(mqtt_port), "--clinic-port", str(clinic_port)]
    state = ["--state-dir", str(tmp_path / "clinic"), "--json"]
    clinic = Program("clinic", ["cloud-service", "serve", "--with-broker", *ports, *state], tmp_path)
    try:
        clinic.start()
        wait_for(lambda: health(port)["ok"] and health(port)["broker"], 120, "the clinic hears its broker")
        began_s = time.monotonic()
        for pid in descendants(clinic.pid):
            os.kill(pid, how)
        known_s = since(began_s, lambda: "the broker's process" in health(port)["why"], 30, "the broker is named")
        back_s = since(began_s, lambda: (now := health(port))["ok"] and now["broker"], 60, "another broker serves")
        counts = scrape(f"http://127.0.0.1:{port}/metrics")
        assert counts['bedside_part_restarts_total{part="broker"}'] == 1
        assert "own_alarm" in clinic.log.read_text()
    finally:
        clinic.kill()
    part = f"broker of the clinic, {how.name}"
    reliability.note("stalls", part=part, **verdict(known_s), heard_again_s=round(back_s, 1))
