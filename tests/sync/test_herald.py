"""The thread that sends the status gets on while it waits, however long, and is late where a send never returns."""

import threading
import time

from edge_agent.sync import herald
from edge_agent.sync.herald import LIMIT_S, Herald


class Line:
    """A line on which a message may block."""

    alive = True

    def __init__(self):
        self.sent, self.blocks, self.gone, self.reached = 0, False, threading.Event(), threading.Event()

    def publish(self, topic, payload, *, qos, retain):
        if self.blocks:
            self.reached.set()
            self.gone.wait(30)
        self.sent += 1


def until(condition, within_s=10.0):
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.005)


def test_a_wait_of_an_hour_is_no_silence_and_a_send_that_never_returns_is_one(monkeypatch):
    monkeypatch.setattr(herald, "LOOK_S", 0.01)
    line = Line()
    speaker = Herald(lambda: line, lambda: ("topic", b"status"), every_s=3600.0)
    assert speaker.pulse.limit_s == LIMIT_S < 5
    speaker.start()
    try:
        until(lambda: speaker.pulse.beats > 20)
        assert line.sent == 0
        line.blocks = True
        speaker.send_now()
        until(line.reached.is_set)
        beats, age_s = speaker.pulse.beats, speaker.pulse.age_s
        time.sleep(0.2)
        assert speaker.pulse.beats == beats
        assert speaker.pulse.age_s >= age_s + 0.2
        line.blocks = False
        line.gone.set()
        until(lambda: speaker.pulse.beats > beats and line.sent == 1)
    finally:
        line.gone.set()
        speaker.stop()
    assert speaker.pulse.age_s == 0.0


def test_a_status_goes_each_time_that_it_is_due_whatever_the_looks_in_between(monkeypatch):
    monkeypatch.setattr(herald, "LOOK_S", 0.03)
    line = Line()
    speaker = Herald(lambda: line, lambda: ("topic", b"status"), every_s=0.1)
    began_s = time.monotonic()
    speaker.start()
    try:
        until(lambda: line.sent >= 5)
    finally:
        speaker.stop()
    assert time.monotonic() - began_s >= 0.5
