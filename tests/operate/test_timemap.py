import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.wire.envelope import decode, encode, wrap
from edge_agent.operate.clock import HostClock, SetClock, utc_text
from edge_agent.operate.timemap import TimeMap

YEAR_S = 365.25 * 86_400


@pytest.mark.parametrize("step_s", [YEAR_S, -YEAR_S, 1.0, -1.0])
def test_a_step_of_the_wall_clock_opens_an_anchor_and_moves_no_sample(step_s):
    clock = SetClock()
    times = TimeMap("rec", fs_hz=100.0, clock=clock)
    assert times.observe(0).reason == "start"
    clock.advance(10.0)
    assert times.observe(1000) is None
    before = [times.utc_of(sample) for sample in range(0, 1000, 100)]
    clock.step_utc(step_s)
    anchor = times.observe(1000)
    assert anchor.sample == 1000
    assert "stepped" in anchor.reason
    assert [times.utc_of(sample) for sample in range(0, 1000, 100)] == before
    clock.advance(5.0)
    assert times.observe(1500) is None
    assert times.utc_of(1500).utc_s == pytest.approx(clock.utc_s())
    assert len(times.anchors) == 2


@given(steps=st.lists(st.floats(-2 * YEAR_S, 2 * YEAR_S), max_size=8))
def test_time_between_samples_of_one_anchor_follows_the_samples(steps):
    clock = SetClock()
    times = TimeMap("rec", fs_hz=250.0, clock=clock)
    for index, step_s in enumerate(steps):
        times.observe(index * 250)
        clock.advance(1.0)
        clock.step_utc(step_s)
    last = len(steps) * 250
    times.observe(last)
    assert times.utc_of(last + 500).utc_s - times.utc_of(last).utc_s == pytest.approx(2.0, abs=1e-4)
    samples = [anchor.sample for anchor in times.anchors]
    assert samples == sorted(samples)


def test_the_uncertainty_grows_with_the_distance_from_the_anchor():
    clock = SetClock()
    times = TimeMap("rec", fs_hz=100.0, clock=clock, uncertainty_s=0.1)
    times.observe(0)
    assert times.utc_of(0).uncertainty_s == pytest.approx(0.1)
    assert times.utc_of(100 * 3600).uncertainty_s == pytest.approx(0.1 + 0.36)


def test_before_the_first_anchor_nothing_is_claimed():
    assert TimeMap("rec", fs_hz=100.0, clock=SetClock()).utc_of(0) is None


def test_a_join_behind_a_gap_opens_an_anchor():
    clock = SetClock()
    times = TimeMap("rec", fs_hz=100.0, clock=clock)
    times.observe(0)
    clock.advance(60.0)
    times.join(5900, "reconnected")
    assert times.utc_of(5900).utc_s == pytest.approx(clock.utc_s())
    with pytest.raises(BadInput, match="go back"):
        times.join(10, "wrong")


def test_an_anchor_travels_in_an_envelope():
    anchor = TimeMap("rec", fs_hz=100.0, clock=SetClock()).observe(0)
    envelope = wrap(anchor, seq=0, device="d", boot="b", at=anchor.utc)
    assert decode(encode(envelope)).body == anchor


@pytest.mark.parametrize("utc_s", [-62_000_000_000.0, 0.0, 250_000_000_000.0])
def test_far_off_clocks_still_have_a_text(utc_s):
    assert utc_text(utc_s).endswith("Z")


def test_the_hosts_steady_clock_goes_forward():
    clock = HostClock()
    assert clock.monotonic_s() <= clock.monotonic_s()
    with pytest.raises(BadInput, match="backwards"):
        SetClock().advance(-1)
