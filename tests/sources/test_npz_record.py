"""Named arrays are leads: at the rate that stands beside them, in their unit, and nothing in them is executed."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import LeadKind, Unit
from edge_agent.sources.npz_record import NpzRecord
from edge_agent.sources.port import RecordUnreadable


def saved(folder, **arrays):
    path = folder / "ecg.npz"
    np.savez(path, **arrays)
    return path


def read(source):
    source.open("rec")
    return np.concatenate([block.samples for block in source.read()], axis=1)


@pytest.mark.parametrize("rate", ["fs_hz", "fs", "rate_hz"])
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16, np.int16, np.int32, np.int64])
def test_every_array_is_a_lead_at_the_rate_that_stands_beside_them(tmp_path, rate, kind):
    values = (np.arange(300) % 50).astype(kind)
    source = NpzRecord(saved(tmp_path, II=values, V1=values + 1, **{rate: 500}))
    facts = source.recording_facts()
    assert [(lead.name, lead.unit, lead.kind) for lead in facts.leads] == [
        ("II", Unit.MILLIVOLT, LeadKind.ECG),
        ("V1", Unit.MILLIVOLT, LeadKind.ECG),
    ]
    assert (facts.fs_hz, facts.length) == (500, 300)
    assert facts.notes == ("the file says no unit: II, V1 read as mV",)
    np.testing.assert_array_equal(read(source), [values, values + 1])


def test_a_unit_stands_behind_a_name_and_is_taken(tmp_path):
    path = saved(tmp_path, fs_hz=250, **{"EEG Fpz-Cz (uV)": np.ones(10), "II (V)": np.full(10, 0.001)})
    source = NpzRecord(path)
    facts = source.recording_facts()
    assert [(lead.name, lead.unit, lead.kind) for lead in facts.leads] == [
        ("EEG Fpz-Cz", Unit.MICROVOLT, LeadKind.EEG),
        ("II", Unit.MILLIVOLT, LeadKind.ECG),
    ]
    assert facts.notes == ()
    np.testing.assert_allclose(read(source), [np.ones(10), np.ones(10)])


def test_the_rate_given_by_hand_goes_before_that_of_the_file(tmp_path):
    assert NpzRecord(saved(tmp_path, fs_hz=500, II=np.ones(9)), fs_hz=250).recording_facts().fs_hz == 250
    with pytest.raises(RecordUnreadable, match="says its rate"):
        NpzRecord(saved(tmp_path, II=np.ones(9)))


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"II": np.ones((2, 9)), "fs": 250}, "every array is one lead"),
        ({"II": np.ones(9), "V1": np.ones(8), "fs": 250}, "different lengths"),
        ({"fs": 250}, "no samples"),
        ({"II": np.ones(0), "fs": 250}, "no samples"),
        ({"II": np.ones(9), "fs": 0}, "must be positive"),
        ({"II": np.ones(9), "fs": -1}, "must be positive"),
        ({"II": np.ones(9), "fs": np.nan}, "must be positive"),
        ({"II": np.array(["a"]), "fs": 250}, "cannot be read"),
        ({"II": np.array([{}], object), "fs": 250}, "cannot be read"),
    ],
)
def test_what_is_no_lead_is_refused_in_plain_words(tmp_path, arrays, reason):
    with pytest.raises(RecordUnreadable, match=reason):
        NpzRecord(saved(tmp_path, **arrays))


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300) | st.just(pickle.dumps([1])))
def test_whatever_bytes_there_are_they_are_refused_or_read(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.npz"
    path.write_bytes(data)
    with pytest.raises(RecordUnreadable):
        NpzRecord(path)
