"""How long a reading holds, which parts stand still, and the one order of alarms."""

import itertools
from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from biosignal.events import AlarmState, LoopStatus, Priority, Reading, Status
from biosignal.liveness import standing, valid_for_s
from biosignal.urgency import urgency

FS = st.sampled_from([100.0, 125.0, 250.0, 256.0, 360.0, 1000.0])
SECONDS = st.floats(0, 1e6)


def status(*, sample: int = 0, fs_hz: float | None = 250.0, age_s: float | None = 0.0, loops=()) -> Status:
    return Status(
        online=True,
        recording="r",
        sample=sample,
        fs_hz=fs_hz,
        leads=(),
        readings=(),
        alarms=(),
        tasks=(),
        outbox=0,
        explainer="",
        version="",
        sample_age_s=age_s,
        loops=loops,
    )


def reading(until: int, fs_hz: float = 250.0) -> Reading:
    return Reading(task="t", quantity="q", leads=(), fs_hz=fs_hz, at=0, until=until, value=60.0)


@given(fs_hz=FS, own_hz=FS, at_s=SECONDS, holds_s=st.floats(0, 600), age_s=st.floats(0, 600))
@example(fs_hz=250.0, own_hz=250.0, at_s=100.0, holds_s=4.0, age_s=4.0)
def test_a_reading_holds_for_so_many_samples_less_the_time_since_the_newest(fs_hz, own_hz, at_s, holds_s, age_s):
    now = status(sample=round(at_s * fs_hz), fs_hz=fs_hz, age_s=age_s)
    left_s = valid_for_s(now, reading(round((at_s + holds_s) * own_hz), own_hz))
    # Sample counts are whole: half a sample of each rate is all that rounding may move it.
    assert abs(left_s - (holds_s - age_s)) <= 0.5 / fs_hz + 0.5 / own_hz + 1e-6


@given(sample=st.integers(0, 1 << 40), until=st.integers(0, 1 << 40), ages=st.lists(SECONDS, min_size=2, max_size=2))
def test_no_reading_grows_younger_while_nothing_comes(sample, until, ages):
    earlier, later = (valid_for_s(status(sample=sample, age_s=age_s), reading(until)) for age_s in sorted(ages))
    assert later <= earlier


@given(until=st.integers(0, 1 << 40))
def test_nothing_holds_of_a_device_that_is_offline_or_has_no_samples(until):
    assert valid_for_s(replace(status(), online=False), reading(until)) == 0
    assert valid_for_s(status(fs_hz=None), reading(until)) == 0


def test_a_status_without_an_age_is_as_new_as_its_sample():
    assert valid_for_s(status(sample=250, age_s=None), reading(750)) == 2.0


def test_a_loop_older_than_its_limit_stands_and_the_longest_is_named_first():
    loops = tuple(
        LoopStatus(name=name, age_s=age_s, limit_s=4.0) for name, age_s in (("a", 4.0), ("b", 4.1), ("c", 60.0))
    )
    assert [loop.name for loop in standing(status(loops=loops))] == ["c", "b"]


STATES = [
    AlarmState.ACTIVE,
    AlarmState.LATCHED,
    AlarmState.AUDIO_PAUSED,
    AlarmState.ACKNOWLEDGED,
    AlarmState.RESOLVED,
]
PRIORITIES = [Priority.HIGH, Priority.MEDIUM, Priority.LOW, Priority.NONE]
ALARMS = st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from(PRIORITIES), SECONDS))


@given(alarms=ALARMS)
def test_alarms_are_ordered_by_state_then_priority_then_the_newest_first(alarms):
    ordered = sorted(alarms, key=lambda alarm: urgency(*alarm))
    for before, after in itertools.pairwise(ordered):
        state = STATES.index(before[0]), STATES.index(after[0])
        priority = PRIORITIES.index(before[1]), PRIORITIES.index(after[1])
        assert state[0] <= state[1]
        assert state[0] < state[1] or priority[0] <= priority[1]
        assert state[0] < state[1] or priority[0] < priority[1] or before[2] <= after[2]
