"""However a recording is cut into blocks, the daemon says the same: findings, texts, alarms and trends, to the bit."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biosignal.events import AlarmEvent, AlarmState, Explanation, Finding, FindingState, Loss, MarkPack, Series
from biosignal.wire.envelope import encode, wrap
from tests.flow.analysing import FS_HZ, backend, block, events_of, excerpt, gap

CUTS_S = ((0.0, 75.0), (40.3, 110.0), (225.0, 299.9))


@pytest.fixture(scope="module")
def model():
    with_backend = backend()
    yield with_backend
    with_backend.close()


def cut(samples, gaps, sizes):
    """Blocks of the given sizes, over and over, with the gaps punched out."""
    at, index, end = 0, 0, samples.shape[1]
    borders = [*sorted(gaps), (end, 0, "")]
    for start, length, reason in borders:
        while at < start:
            stop = min(at + sizes[index % len(sizes)], start)
            yield block(at, samples[:, at:stop])
            at, index = stop, index + 1
        if reason:
            yield gap(start, length, reason)
            at = start + length


def random_gaps(rng, length):
    starts = np.sort(rng.choice(np.arange(360, length - 4000, 1500), size=rng.integers(0, 4), replace=False))
    reasons = ("silence", "reconnected", "loop")
    return [
        (int(start), 0 if reason == "loop" else int(rng.integers(1, 1400)), reason)
        for start in starts
        for reason in [reasons[rng.integers(3)]]
    ]


def written(events):
    """As they go over the line, but for the number and time of sending."""
    return [encode(wrap(event, seq=0, device="bed-1", boot="boot", at="2026-01-01T00:00:00.000Z")) for event in events]


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1), where=st.sampled_from(CUTS_S))
def test_blocks_and_gaps_of_any_size_give_the_same_events(model, seed, where):
    rng = np.random.default_rng(seed)
    samples = excerpt(*where)
    gaps = random_gaps(rng, samples.shape[1])
    whole = events_of(cut(samples, gaps, [samples.shape[1]]), with_backend=model)
    sizes = [int(size) for size in np.exp(rng.uniform(0, np.log(samples.shape[1]), size=40)).clip(1, None)]
    assert written(events_of(cut(samples, gaps, sizes), with_backend=model)) == written(whole)
    assert sum(isinstance(event, Loss) for event in whole) == len(gaps)
    assert any(isinstance(event, Series) for event in whole)
    assert any(isinstance(event, MarkPack) for event in whole)


def test_one_sample_at_a_time_gives_the_same_events(model):
    samples = excerpt(60.0, 92.0)
    gaps = [(4000, 0, "loop"), (8000, 500, "silence")]
    whole = events_of(cut(samples, gaps, [samples.shape[1]]), with_backend=model)
    assert written(events_of(cut(samples, gaps, [1]), with_backend=model)) == written(whole)
    assert sum(isinstance(event, Finding) for event in whole) >= 2


def test_what_is_compared_holds_findings_texts_and_alarms_that_come_and_go(model):
    """With flat signal in the middle, so that an alarm surely is raised, latched or settled by the record's time."""
    samples = excerpt(0.0, 75.0).copy()
    samples[:, 9000:15000] = samples[0, 9000]
    whole = events_of(cut(samples, [], [samples.shape[1]]), with_backend=model)
    assert written(events_of(cut(samples, [], [97, 14, 3600, 511]), with_backend=model)) == written(whole)

    findings = [event for event in whole if isinstance(event, Finding)]
    last = {finding.id: finding.state for finding in findings}
    assert set(last.values()) <= {FindingState.CLOSED, FindingState.WITHDRAWN}
    assert sum(isinstance(event, Explanation) for event in whole) == len(findings)
    alarms = [event for event in whole if isinstance(event, AlarmEvent)]
    states = Counter(alarm.state for alarm in alarms)
    assert states[AlarmState.ACTIVE] >= 2
    resolved = [alarm for alarm in alarms if alarm.state is AlarmState.RESOLVED]
    assert resolved
    assert all(alarm.at % FS_HZ == 0 for alarm in resolved)
