import contextlib
import os
import socket
import time
import urllib.request
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from biosignal.errors import BadInput, RefusedForSafety
from biosignal.events import LoopStatus, Reading
from edge_agent.operate.metrics import Live, Metrics, MetricsEndpoint
from edge_agent.operate.watchdog import LoopWatch, Notifier, Watched
from edge_agent.operate.watcher import Watcher
from edge_agent.pulse import Pulse


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


class Hand:
    """A pulse that is moved by hand."""

    limit_s = 4.0

    def __init__(self, name, grace_s=0.0):
        self.name, self.grace_s, self.age_s, self.excused = name, grace_s, 0.0, False

    def beat(self):
        self.age_s = 0.0


def watch_of(notifier, *, vital=(), beside=()):
    return LoopWatch(
        notifier,
        (
            *(Watched(pulse=one, vital=True, restart_s=8.0, excused=lambda one=one: one.excused) for one in vital),
            *(Watched(pulse=one, vital=False) for one in beside),
        ),
    )


def test_the_watchdog_is_petted_only_while_every_vital_loop_gets_on(systemd):
    name, server = systemd
    analysis, explainer = Hand("analysis"), Hand("explainer")
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"})
    watch = watch_of(notifier, vital=[analysis], beside=[explainer])
    analysis.age_s = explainer.age_s = 4.0
    assert watch.check().hanging == ()
    assert received(server) == ["WATCHDOG=1"]
    explainer.age_s = 1000.0
    assert [loop.name for loop in watch.check().hanging] == ["explainer"]
    assert received(server) == ["WATCHDOG=1"]
    analysis.age_s = 4.1
    verdict = watch.check()
    assert [loop.name for loop in verdict.hanging] == ["analysis", "explainer"]
    assert (verdict.doomed, received(server)) == ((), [])
    analysis.age_s = 12.1
    assert [loop.name for loop in watch.check().doomed] == ["analysis"]
    assert received(server) == ["WATCHDOG=trigger"]
    analysis.beat()
    assert watch.check().doomed == ()
    assert received(server) == ["WATCHDOG=1"]


def test_a_loop_that_may_wait_for_a_slow_card_is_late_at_once_and_hangs_later(systemd):
    name, server = systemd
    keeper = Hand("keeper", grace_s=11.0)
    watch = watch_of(Notifier({"NOTIFY_SOCKET": name}), vital=[keeper])
    seen = []
    for keeper.age_s in (4.0, 4.1, 15.0, 15.1, 23.0, 23.1):
        verdict = watch.check()
        seen.append((len(verdict.late), len(verdict.hanging), len(verdict.doomed), *received(server)))
    assert seen == [
        (0, 0, 0, "WATCHDOG=1"),
        (1, 0, 0, "WATCHDOG=1"),
        (1, 0, 0, "WATCHDOG=1"),
        (1, 1, 0),
        (1, 1, 0),
        (1, 1, 1, "WATCHDOG=trigger"),
    ]


@given(
    age_s=st.floats(0, 1e6),
    limit_s=st.floats(0.1, 1e3),
    grace_s=st.floats(0, 1e3),
    more_s=st.floats(0, 1e3),
    vital=st.booleans(),
)
def test_no_loop_hangs_that_is_not_late_nor_is_doomed_that_does_not_hang(age_s, limit_s, grace_s, more_s, vital):
    hand = Hand("any", grace_s)
    hand.limit_s, hand.age_s = limit_s, age_s
    verdict = LoopWatch(Notifier({}), (Watched(pulse=hand, vital=vital, restart_s=more_s),)).check()
    assert set(verdict.doomed) <= set(verdict.hanging) <= set(verdict.late)
    assert bool(verdict.late) is (age_s > limit_s)
    assert bool(verdict.hanging) is (age_s > limit_s + grace_s)


def told(watcher, log):
    """One look of the watcher; what it logged."""
    before = len(log.records)
    watcher._turn()
    return [record.message.removeprefix("operate.loop.") for record in log.records[before:]]


def test_each_change_from_late_to_hanging_and_back_is_logged_and_passed_on_once(caplog):
    keeper, changes = Hand("keeper", grace_s=11.0), []
    watch = watch_of(Notifier({}), vital=[keeper])
    watcher = Watcher(watch, lambda loops: changes.append([one.name for one in loops]), end_when_hung=False)
    seen = []
    for keeper.age_s in (1.0, 4.5, 9.0, 15.5, 20.0, 5.0, 1.0, 16.0, 0.0):
        seen.append(told(watcher, caplog))
    assert seen == [[], ["late"], [], ["hanging"], [], [], ["recovered"], ["hanging"], ["recovered"]]
    assert changes == [[], ["keeper"], [], [], ["keeper"], []]


def test_a_loop_that_waits_on_purpose_does_not_hang(systemd):
    reader = Hand("reader")
    watch = watch_of(Notifier({}), vital=[reader])
    reader.age_s, reader.excused = 1000.0, True
    assert watch.check().hanging == ()
    reader.excused = False
    assert watch.check().hanging == ()


def test_a_pulse_ages_from_its_last_beat_rests_and_takes_as_long_as_it_said():
    pulse = Pulse("keeper", 4.0)
    assert (pulse.age_s, pulse.limit_s) == (0.0, 4.0)
    pulse.beat(900.0)
    time.sleep(0.02)
    assert 0.01 < pulse.age_s < 5
    assert pulse.limit_s == 900.0
    pulse.beat()
    assert pulse.limit_s == 4.0
    pulse.rest()
    assert pulse.age_s == 0.0
    assert pulse.beats == 3


def test_no_number_on_the_page_is_older_than_the_page():
    live = Live(
        streaming=True,
        connected=False,
        sample_age_s=0.04,
        loops=(
            LoopStatus(name="analysis", age_s=0.1, limit_s=4.0),
            LoopStatus(name="keeper", age_s=5.0, limit_s=4.0, grace_s=11.0),
        ),
        readings=(
            Reading(task="t", quantity="heart_rate", leads=("II", "V5"), fs_hz=250.0, at=0, until=9, value=72.0),
        ),
    )
    metrics, now = Metrics(), [live]
    metrics.show(lambda: now[0])
    text = generate_latest(metrics.registry).decode()
    assert 'bedside_reading{leads="II,V5",quantity="heart_rate",task="t"} 72.0' in text
    assert 'bedside_loop_age_seconds{loop="analysis"} 0.1' in text
    assert 'bedside_loop_limit_seconds{loop="keeper"} 4.0' in text
    assert 'bedside_loop_hang_seconds{loop="keeper"} 15.0' in text
    assert "bedside_sample_age_seconds 0.04" in text
    now[0] = replace(live, readings=(), sample_age_s=None, streaming=False)
    text = generate_latest(metrics.registry).decode()
    assert "bedside_reading{" not in text
    assert "bedside_sample_age_seconds" not in text
    assert "bedside_source_streaming 0.0" in text


def test_without_systemd_nothing_happens_and_another_process_is_not_meant(tmp_path):
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("serving")
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_s is None
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 1.0
