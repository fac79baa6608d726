import contextlib
import os
import socket
import urllib.request

import pytest

from biosignal.errors import BadInput, RefusedForSafety
from edge_agent.operate.clock import SetClock
from edge_agent.operate.metrics import Metrics, MetricsEndpoint
from edge_agent.operate.watchdog import Notifier, ProgressWatch


def page(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return answer.read().decode()


def test_metrics_are_served_on_loopback():
    metrics = Metrics()
    metrics.samples.inc(360)
    metrics.gaps.labels(reason="loop").inc()
    endpoint = MetricsEndpoint(metrics, port=0)
    try:
        text = page(endpoint.port)
    finally:
        endpoint.close()
    assert "bedside_samples_read_total 360.0" in text
    assert 'bedside_gaps_total{reason="loop"} 1.0' in text
    with pytest.raises(OSError, match="refused"):
        page(endpoint.port)


def test_only_the_rung_that_serves_reads_one():
    metrics = Metrics()
    metrics.serving(task="ecg-beats", rung="tensorrt", bundle="ecg-beats/1.0.0")
    metrics.serving(task="ecg-beats", rung="onnx-cpu", bundle="ecg-beats/1.0.0")
    values = {s.labels["rung"]: s.value for metric in metrics.rung.collect() for s in metric.samples}
    assert values == {"tensorrt": 0.0, "onnx-cpu": 1.0}


def test_a_taken_port_is_an_error_with_a_remedy():
    first = MetricsEndpoint(Metrics(), port=0)
    try:
        with pytest.raises(BadInput, match="cannot serve") as caught:
            MetricsEndpoint(Metrics(), port=first.port)
    finally:
        first.close()
    assert "operate.metrics_port" in caught.value.advice


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org"])
def test_metrics_beyond_loopback_are_refused(host):
    with pytest.raises(RefusedForSafety, match="loopback"):
        MetricsEndpoint(Metrics(), host=host, port=0)


@pytest.fixture(params=["path", "abstract"])
def systemd(request, tmp_path):
    name = str(tmp_path / "notify") if request.param == "path" else f"@bedside-test-{os.getpid()}"
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(f"\0{name[1:]}" if name.startswith("@") else name)
    server.setblocking(False)
    yield name, server
    server.close()


def received(server):
    lines = []
    with contextlib.suppress(BlockingIOError):
        while True:
            lines += server.recv(4096).decode().splitlines()
    return lines


def test_systemd_hears_ready_status_and_stopping(systemd):
    name, server = systemd
    notifier = Notifier({"NOTIFY_SOCKET": name})
    notifier.ready("serving")
    notifier.status("line one\nREADY=0")
    notifier.stopping()
    assert received(server) == ["READY=1", "STATUS=serving", "STATUS=line one", "STOPPING=1"]


def test_the_watchdog_is_petted_only_while_every_loop_turns(systemd):
    name, server = systemd
    clock = SetClock()
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"})
    watch = ProgressWatch(notifier, loops=("reader", "analysis"), clock=clock)
    assert watch.every_s == 7.5
    clock.advance(10)
    watch.advance("reader")
    assert watch.check() == {}
    assert received(server) == ["WATCHDOG=1"]
    clock.advance(10)
    watch.advance("reader")
    assert watch.check() == {"analysis": 20.0}
    assert received(server) == []
    watch.advance("analysis")
    assert watch.check() == {}
    assert received(server) == ["WATCHDOG=1"]


def test_a_stepped_wall_clock_does_not_disturb_the_watchdog():
    clock = SetClock()
    watch = ProgressWatch(Notifier({}), loops=("reader",), clock=clock, limit_s=5.0)
    clock.step_utc(365 * 86_400)
    assert watch.hanging() == {}
    clock.step_utc(-2 * 365 * 86_400)
    assert watch.hanging() == {}


def test_without_systemd_nothing_happens_and_another_process_is_not_meant(tmp_path):
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("serving")
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_s is None
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 1.0
