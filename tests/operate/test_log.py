import io
import json

import numpy as np
import pytest

from biosignal.errors import BadInput
from edge_agent.operate.clock import SetClock
from edge_agent.operate.log import Log


def written(stream):
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def log_of(**arguments):
    stream, clock = io.StringIO(), SetClock()
    return Log(stream, clock=clock, **arguments), stream, clock


def test_an_event_is_one_json_object_a_line():
    log, stream, _ = log_of()
    log.info("sources.port.opened", port="/dev/ttyACM0", attempts=2)
    (line,) = written(stream)
    assert line["event"] == "sources.port.opened"
    assert (line["level"], line["port"], line["attempts"]) == ("info", "/dev/ttyACM0", 2)
    assert line["at"].endswith("Z")


def test_repeats_are_held_back_and_counted():
    log, stream, clock = log_of(repeat_s=10.0)
    for _ in range(500):
        log.warning("sources.port.lost", why="unplugged")
        clock.advance(0.01)
    log.warning("sync.broker.lost")
    clock.advance(10.0)
    log.warning("sources.port.lost", why="unplugged")
    lines = written(stream)
    assert [line["event"] for line in lines] == ["sources.port.lost", "sync.broker.lost", "sources.port.lost"]
    assert lines[2]["repeated"] == 499


def test_lower_levels_are_left_out():
    log, stream, _ = log_of(level="warning")
    log.info("a.b.c")
    log.debug("a.b.d")
    log.error("a.b.e")
    assert [line["event"] for line in written(stream)] == ["a.b.e"]


def test_no_signal_and_no_person_reach_the_log():
    log, stream, _ = log_of()
    log.info("analysis.block.taken", block=np.arange(10.0), window=b"1234", many=[1, 2])
    assert "1234" not in stream.getvalue()
    assert written(stream)[0]["block"] == "<ndarray>"
    for key in ("samples", "subject", "patient", "password"):
        with pytest.raises(BadInput, match="log"):
            log.info("a.b.c", **{key: "x"})


def test_an_error_brings_its_remedy():
    log, stream, _ = log_of()
    log.error("store.file.failed", error=BadInput("the disk is full", remedy="free space"))
    assert written(stream)[0]["remedy"] == "free space"


def test_numbers_json_cannot_write_and_long_texts_are_tamed():
    log, stream, _ = log_of()
    log.info("a.b.c", ratio=float("nan"), big=float("inf"), text="x" * 10_000)
    (line,) = written(stream)
    assert (line["ratio"], line["big"], len(line["text"])) == ("nan", "inf", 500)


@pytest.mark.parametrize("event", ["", "short", "two.parts", "With.Upper.Case", "a.b.c d"])
def test_an_event_that_is_not_named_as_agreed_is_refused(event):
    log, _, _ = log_of()
    with pytest.raises(BadInput, match=r"part\.noun\.verb"):
        log.info(event)
