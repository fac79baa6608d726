"""What is measured of ten seconds: known shapes in, known numbers out; what cannot be measured is not a number."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.ecg.leads import INDEPENDENT, derived
from biosignal.ecg.measuring import NAMES, OF_ALL, Beat, measured

FS_HZ = 100.0
ONSETS = (1.0, 1.8, 2.6, 3.4, 4.2, 5.0, 5.8)
BEATS = tuple(Beat(qrs=(at, at + 0.1), p=(at - 0.2, at - 0.1), t=(at + 0.25, at + 0.4)) for at in ONSETS)


def drawn(*, r=1.0, s=-0.5, st_mv=0.2, t=0.4, p=0.15, level=0.0):
    """Ten seconds of one lead with flat waves of known heights at `ONSETS`."""
    x = np.full(1000, level)
    for at in ONSETS:
        on = round(at * FS_HZ)
        x[on - 20 : on - 10] += p
        x[on : on + 5] += r
        x[on + 5 : on + 10] += s
        x[on + 10 : on + 25] += st_mv
        x[on + 25 : on + 40] += t
    return x


def of(leads, beats=BEATS):
    return dict(zip(NAMES, measured(leads, FS_HZ, beats).tolist(), strict=True))


def test_the_waves_of_a_lead_are_as_tall_as_they_were_drawn():
    found = of({"V2": drawn(level=0.3)})
    wanted = {"r": 1.0, "s": -0.5, "j": 0.2, "st": 0.2, "t_high": 0.4, "t_low": 0.4, "p_high": 0.15, "qrs_area": 0.025}
    assert {name: found[f"V2.{name}"] for name in wanted} == pytest.approx(wanted, abs=1e-9)


def test_times_are_those_of_the_bounds():
    found = of({"II": drawn()})
    wanted = {"rr": 0.8, "qrs_long": 0.1, "pr": 0.2, "p_duration": 0.1, "qt": 0.4, "p_share": 1.0, "rr_spread": 0.0}
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, abs=1e-9)
    assert found["qtc"] == pytest.approx(0.4 / 0.8 ** (1 / 3))


def test_indices_of_voltage_follow_from_the_leads_that_they_name():
    leads = dict.fromkeys(INDEPENDENT, drawn())
    leads |= {"I": drawn(r=1.2, s=-0.1), "V1": drawn(r=0.1, s=-1.5), "V3": drawn(r=0.3, s=-0.9), "V5": drawn(r=2.0)}
    whole = derived(leads)
    found = of(whole)
    assert found["sokolow"] == pytest.approx(3.5)
    assert found["cornell"] == pytest.approx(found["aVL.r"] + 0.9)
    assert found["cornell_product"] == pytest.approx(found["cornell"] * 0.1)
    assert np.isnan(of({name: x for name, x in whole.items() if name != "V1"})["sokolow"])


def test_one_odd_beat_of_seven_moves_no_amplitude():
    x = drawn()
    odd = x.copy()
    odd[260:270] = 3.0
    plain, other = of({"V5": x}), of({"V5": odd})
    assert {name: other[name] for name in plain if name.startswith("V5.")} == pytest.approx(
        {name: plain[name] for name in plain if name.startswith("V5.")}, nan_ok=True
    )


def test_what_is_not_there_is_not_measured():
    assert np.isnan(measured({}, FS_HZ, BEATS)).all()
    assert np.isnan(measured({"II": drawn()}, FS_HZ, BEATS[:1])).all()
    found = of({"II": drawn()}, [Beat(qrs=one.qrs) for one in BEATS])
    assert all(np.isnan(found[name]) for name in ("pr", "qt", "II.t_high", "II.p_high", "I.r", "qrs_axis_x"))
    assert found["p_share"] == 0.0
    assert np.isfinite(found["II.r"])


@given(
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 0.4), st.booleans()), max_size=8),
    st.integers(0, 2**32 - 1),
    st.lists(st.sampled_from(INDEPENDENT), max_size=8, unique=True),
)
@settings(max_examples=60, deadline=None)
def test_any_bounds_give_numbers_or_none_and_never_an_error(bounds, seed, names):
    random = np.random.default_rng(seed)
    beats = [
        Beat(qrs=(at, min(at + long, 10.0)), p=(at - long, at) if has_p else None, t=(at, at + long) if has_p else None)
        for at, long, has_p in sorted(bounds)
    ]
    found = measured(derived({name: random.normal(0.0, 1.0, 1000) for name in names}), FS_HZ, beats)
    assert found.shape == (len(NAMES),)
    assert not np.isinf(found).any()
    assert np.isnan(found).all() or len(beats) >= 2


def test_every_number_has_a_name_of_its_own():
    assert len(set(NAMES)) == len(NAMES) == len(OF_ALL) + 12 * 14
