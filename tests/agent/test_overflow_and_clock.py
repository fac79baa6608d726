"""Losses and clocks: the gap of a drop, its finding, and a host clock that jumps a year."""

import random
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from biosignal.events import (
    AlarmEvent,
    AlarmState,
    ClockAnchor,
    Command,
    CommandAnswer,
    Finding,
    FindingState,
    Loss,
    RecordingClosed,
)
from edge_agent.operate.clock import SetClock, utc_text
from edge_agent.sync.commands import refusal
from tests.flow.analysing import FACTS, block, excerpt, gap, make_analysis

LIVE = replace(FACTS, live=True)
YEAR_S = 365 * 86_400.0


def fed(clock, *, before_each=lambda _second: None, seconds=40, lost=(), **more):
    """Feed a live source second by second; the events, and the analysis (not yet finished)."""
    batches = []
    analysis = make_analysis(put=batches.append, facts=LIVE, clock=clock, timed=True, **more)
    samples = excerpt(0, seconds)
    for second in range(seconds):
        before_each(second)
        clock.advance(1.0)
        first = second * 360
        if second in lost:
            analysis.push(gap(first, 360, "overflow"))
        else:
            analysis.push(block(first, samples[:, first : first + 360]))
    return analysis, lambda kind: [event for batch in batches for event in batch.events if isinstance(event, kind)]


def test_an_overflow_opens_at_the_drop_counts_on_and_closes_ten_seconds_later():
    clock = SetClock()
    analysis, events = fed(clock, lost=(5, 7, 30))
    revs = [one for one in events(Finding) if one.kind == "overflow"]
    first = [one for one in revs if one.id == revs[0].id]
    assert [one.state for one in first] == [FindingState.OPENED, FindingState.EXTENDED, FindingState.CLOSED]
    assert (first[0].onset, first[-1].onset) == (5 * 360, 5 * 360)
    lost = [_measures(one)["lost_samples"] for one in first]
    assert lost == [360, 720, 720]
    assert first[-1].end == 18 * 360  # ten seconds behind the last drop
    second = [one for one in revs if one.id != revs[0].id]
    assert [one.state for one in second] == [FindingState.OPENED]
    assert [(loss.start, loss.length, loss.reason) for loss in events(Loss)] == [
        (start * 360, 360, "overflow") for start in (5, 7, 30)
    ]
    assert analysis.counts.lost_by_reason["overflow"] == 3 * 360
    clock.advance(11)
    analysis.finish("stopped")
    last = {one.id: one.state for one in events(Finding)}
    assert set(last.values()) <= {FindingState.CLOSED, FindingState.WITHDRAWN}


def _measures(finding):
    return {measure.name: measure.value for measure in finding.evidence.measures}


@pytest.mark.parametrize("step_s", [3600.0, -3600.0, YEAR_S, -YEAR_S])
def test_a_clock_step_opens_an_anchor_and_moves_nothing(step_s):
    plain, plain_events = fed(SetClock())
    plain.finish("stopped")
    clock = SetClock()

    def step(second):
        if second == 20:
            clock.step_utc(step_s)

    stepped, events = fed(clock, before_each=step)
    stepped.finish("stopped")

    first, second = events(ClockAnchor)
    assert (first.sample, second.sample) == (359, 21 * 360 - 1)
    assert f"{step_s:+.1f}" in second.reason
    moved = datetime.fromisoformat(second.utc[:-1]) - datetime.fromisoformat(first.utc[:-1])
    assert moved == timedelta(seconds=20 + step_s)
    for kind in (Finding, AlarmEvent, RecordingClosed):
        assert events(kind) == plain_events(kind)


def test_alarms_of_a_live_source_keep_their_time_when_the_clock_steps():
    clock = SetClock()
    analysis, events = fed(clock, seconds=3)
    analysis.set_trouble("source-lost", "noise")
    clock.step_utc(YEAR_S)
    analysis.set_trouble("source-lost", None)
    samples = excerpt(0, 60)
    settled = None
    for second in range(3, 30):
        clock.advance(1.0)
        analysis.push(block(second * 360, samples[:, second * 360 : (second + 1) * 360]))
        over = [one for one in events(AlarmEvent) if one.kind == "source-lost" and one.state is AlarmState.RESOLVED]
        settled = settled or (second if over else None)
    assert settled in (12, 13)  # ten seconds on the steady clock
    analysis.finish("stopped")


def test_a_hole_of_a_timed_source_opens_an_anchor_behind_it():
    clock = SetClock()
    batches = []
    analysis = make_analysis(put=batches.append, facts=LIVE, clock=clock, timed=True)
    samples = excerpt(0, 10)
    clock.advance(1)
    analysis.push(block(0, samples[:, :360]))
    clock.advance(5)
    analysis.push(gap(360, 1440, "reconnected"))
    analysis.push(block(1800, samples[:, 1800:2160]))
    analysis.finish("stopped")
    anchors = [event for batch in batches for event in batch.events if isinstance(event, ClockAnchor)]
    assert [(one.sample, one.reason) for one in anchors] == [(359, "start"), (2159, "behind a gap")]


def test_what_lay_in_the_queue_tells_no_time():
    clock = SetClock()
    batches = []
    analysis = make_analysis(put=batches.append, facts=LIVE, clock=clock, timed=True)
    arrived_s = clock.monotonic_s()
    clock.advance(8.0)
    samples = excerpt(0, 2)
    analysis.push(block(0, samples[:, :360]), arrived_s=arrived_s)
    assert not [event for batch in batches for event in batch.events if isinstance(event, ClockAnchor)]
    analysis.push(block(360, samples[:, 360:720]))
    analysis.finish("stopped")
    assert [event.sample for batch in batches for event in batch.events if isinstance(event, ClockAnchor)] == [719]


def test_no_command_is_dropped_in_silence_by_a_clock_step(make_agent):
    """What expires by a step is answered as expired, with the time it was good until; none goes unanswered."""
    clock = SetClock(utc_s=1_750_000_000.0)
    agent = make_agent(clock=clock, start=False)
    good_until = utc_text(clock.utc_s() + 60)

    def verdict():
        asked = Command(id="c", name="watch", issuer="a", expires_utc=good_until, arguments=())
        refused = refusal(asked, agent._utc())
        return refused or agent.command(asked)

    assert isinstance(verdict(), CommandAnswer)
    clock.step_utc(YEAR_S)
    outcome, reason = verdict()
    assert outcome == "expired"
    assert good_until in reason
    clock.step_utc(-2 * YEAR_S)
    assert isinstance(verdict(), CommandAnswer)
    assert agent._utc() == datetime.fromtimestamp(clock.utc_s(), timezone.utc)
    agent._opened.close()


def test_a_trouble_that_comes_and_goes_at_one_sample_is_told_once():
    clock = SetClock()
    analysis, events = fed(clock, seconds=2)
    rng = random.Random(1)
    for _ in range(20):
        analysis.set_trouble("store-trouble", "the disk" if rng.random() < 0.5 else None)
    analysis.set_trouble("store-trouble", None)
    analysis.finish("stopped")
    revs = [(one.id, one.rev) for one in events(Finding) if one.kind == "store-trouble"]
    assert len(revs) == len(set(revs)) == 2
