"""The montages an EEG is looked at in show what their names say, of whatever leads there are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.eeg.views import Side, side_of, views
from biosignal.synthetic.montage import BIPOLAR, NIGHT, SLEEP

TEN_TWENTY = tuple(name for name in NIGHT if "-" not in name)


def named(leads, name):
    return next(one for one in views(leads) if one.name == name)


def test_nineteen_electrodes_are_read_in_five_montages_and_a_few_leads_as_they_come():
    assert [one.name for one in views(TEN_TWENTY)] == ["longitudinal", "transverse", "average", "centre", "recorded"]
    assert [one.name for one in views(SLEEP)] == ["recorded"]
    assert views(BIPOLAR)[0].name == "longitudinal"


def test_a_pair_is_the_difference_of_its_electrodes():
    x = np.arange(len(TEN_TWENTY) * 3, dtype=float).reshape(-1, 3) ** 2
    view = named(TEN_TWENTY, "longitudinal")
    row = [trace.made.name for trace in view.traces].index("F3-C3")
    assert np.array_equal(view.derive(x)[row], x[TEN_TWENTY.index("F3")] - x[TEN_TWENTY.index("C3")])


def test_what_all_electrodes_share_is_gone_against_the_average_and_what_one_sees_stays():
    x = np.zeros((len(TEN_TWENTY), 4)) + np.array([5.0, -80.0, 12.0, 0.0])
    x[TEN_TWENTY.index("O1")] += 21.0
    view = named(TEN_TWENTY, "average")
    made = dict(zip([trace.made.name for trace in view.traces], view.derive(x), strict=True))
    assert made["O1-Av"] == pytest.approx([20.0] * 4)
    assert made["Fp1-Av"] == pytest.approx([-1.0] * 4)


def test_an_electrode_that_is_lost_takes_only_its_own_trace_from_the_average():
    x = np.ones((len(TEN_TWENTY), 2))
    x[TEN_TWENTY.index("T3")] = np.nan
    view = named(TEN_TWENTY, "average")
    made = view.derive(x)
    lost = [trace.made.name for trace, row in zip(view.traces, made, strict=True) if not np.isfinite(row).all()]
    assert lost == ["T7-Av"]
    assert np.nanmax(np.abs(made)) == pytest.approx(0.0)


def test_the_ears_are_no_part_of_the_average():
    view = named((*TEN_TWENTY, "A1", "A2"), "average")
    assert not {"A1-Av", "A2-Av"} & {trace.made.name for trace in view.traces}
    assert {len(trace.against) for trace in view.traces} == {len(TEN_TWENTY)}


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("Fp1-F7", Side.LEFT),
        ("T8-P8", Side.RIGHT),
        ("Fz-Cz", Side.MIDDLE),
        ("F3-Fz", Side.LEFT),
        ("Fp1-Fp2", Side.MIDDLE),
        ("C4-M1", Side.RIGHT),
        ("EEG 3", Side.MIDDLE),
        ("AF7", Side.LEFT),
        ("PO10", Side.RIGHT),
    ],
)
def test_the_side_is_that_of_the_electrodes(name, side):
    assert side_of(name) is side


@given(st.lists(st.sampled_from([*NIGHT, *BIPOLAR, *SLEEP, "EEG 1", "A1", "Fp1-REF", ""]), max_size=30))
def test_any_leads_can_be_read_and_every_trace_has_its_samples(leads):
    x = np.arange(len(leads), dtype=float)[:, np.newaxis] + np.zeros((1, 5))
    for view in views(leads):
        if view.traces:
            assert np.isfinite(view.derive(x)).all()
        assert len(view.traces) >= 4 or view.name == "recorded"
