"""Annotated beats without samples give the rhythm network what it is given on a device."""

import csv

import numpy as np
import pytest
import wfdb
from hypothesis import given
from hypothesis import strategies as st

from biosignal.tasks.ecg_beats.intervals import HISTORY, HISTORY_SHAPE, Intervals
from export.beat_annotations import listed_beats
from export.intervals import (
    LONG_TERM,
    SHORTEST_RR_S,
    SURGICAL,
    UNKNOWN,
    Beats,
    annotated_intervals,
    spoilt,
)
from export.recordings import NoRecordings

COLUMNS = ("time_second", "beat_type", "rhythm_label", "bad_signal_quality")


def write_patient(folder, name, rows):
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([COLUMNS, *rows])


def write_sets(root, rows, *, long_s=40):
    """One patient of each set; the one of `ltafdb` has beats half a second apart and fibrillates from 10 s on."""
    write_patient(root / SURGICAL, "1", rows)
    (root / LONG_TERM).mkdir()
    beats = np.arange(1, 2 * long_s) * 64
    samples, symbols = np.insert(beats, 20, beats[20] - 1), ["N"] * len(beats)
    symbols[5] = "A"
    symbols.insert(20, "+")
    aux = ["(AFIB" if symbol == "+" else "" for symbol in symbols]
    (root / LONG_TERM / "7.hea").write_text(f"7 0 128 {samples[-1] + 1}\n")
    wfdb.wrann("7", "atr", samples, symbol=symbols, aux_note=aux, write_dir=str(root / LONG_TERM))


def rows_of(count, *, kind="N", rhythm="N", bad="False", start_s=100.0, rr_s=0.8):
    return [(start_s + rr_s * index, kind, rhythm, bad) for index in range(count)]


def test_classes_are_those_of_the_standard_and_what_nobody_said_is_unknown(tmp_path):
    rows = [
        *rows_of(30),
        *rows_of(30, kind="S", start_s=124.0),
        *rows_of(30, kind="S", rhythm="AFIB/AFL", start_s=148.0),
        *rows_of(30, kind="V", rhythm="AFIB/AFL", start_s=172.0),
        *rows_of(31, rhythm="Noise", start_s=196.0),
    ]
    write_sets(tmp_path, [rows[40], *rows[:40], *rows[41:]])  # the rows of a file are in no order
    found = annotated_intervals(tmp_path, seed=0)
    label, af = found.label[:150], found.af[:150]
    assert label.tolist() == [0] * 30 + [1] * 30 + [0] * 30 + [2] * 30 + [UNKNOWN] * 30
    assert af.tolist() == [0] * 60 + [1] * 60 + [UNKNOWN] * 30
    assert found.patients == {SURGICAL: ["1"], LONG_TERM: ["7"]}
    long_term = found.group == 1
    assert set(found.label[long_term].tolist()) == {0, 1}
    assert set(found.af[long_term][:15].tolist()) == {UNKNOWN}
    assert set(found.af[long_term][25:].tolist()) == {1}


def test_rows_of_one_moment_stay_as_the_file_has_them(tmp_path):
    write_patient(tmp_path, "1", [(2.0, "N", "N", "False"), (1.0, "S", "N", "False"), (1.0, "", "", "True")])
    known = listed_beats(tmp_path / "1.csv")
    assert (known.kinds, known.bad) == (("S", "", "N"), (False, True, False))
    assert known.time_s.tolist() == [1.0, 1.0, 2.0]


def test_a_bad_signal_teaches_nothing(tmp_path):
    write_sets(tmp_path, rows_of(40, bad="True"))
    found = annotated_intervals(tmp_path, seed=0)
    assert set(found.label[found.group == 0].tolist()) == {UNKNOWN}


def test_one_set_can_be_asked_for_alone(tmp_path):
    write_sets(tmp_path, rows_of(40))
    found = annotated_intervals(tmp_path, seed=0)
    alone = found.of(LONG_TERM)
    assert set(alone.label[found.group == 0].tolist()) == {UNKNOWN}
    assert np.array_equal(alone.label[found.group == 1], found.label[found.group == 1])
    assert alone.patients == {LONG_TERM: ["7"]}


def test_the_histories_are_those_of_the_device_and_cross_no_hole(tmp_path):
    random = np.random.default_rng(3)
    times = np.cumsum(random.uniform(0.3, 1.5, 300))
    times[150:] += 10.0
    write_sets(tmp_path, [(time_s, "N", "N", "False") for time_s in times])
    found = annotated_intervals(tmp_path, seed=0)
    histories = found.histories(np.arange(298))
    assert histories.shape == (298, *HISTORY_SHAPE)
    for stretch, places in ((times[:150], range(149)), (times[150:], range(149, 298))):
        state, before_s = Intervals(), None
        for place, after_s in zip(places, np.diff(stretch), strict=True):
            np.testing.assert_allclose(histories[place], state.history(before_s, after_s), atol=1e-6)
            if before_s is not None:
                state.add(before_s)
            before_s = float(after_s)
    assert histories[HISTORY + 5, 1].sum() == HISTORY


@pytest.mark.parametrize("absent", [SURGICAL, LONG_TERM])
def test_a_set_that_is_not_there_is_named(tmp_path, absent):
    write_sets(tmp_path, rows_of(40))
    for path in list((tmp_path / absent).iterdir()):
        path.unlink()
    with pytest.raises(NoRecordings, match=absent):
        annotated_intervals(tmp_path, seed=0)


@given(st.integers(30, 400), st.integers(0, 9))
def test_spoilt_beats_stay_in_order_and_know_nothing_they_did_not(count, seed):
    beats = Beats("1", np.arange(count) * 0.8, np.ones(count, np.int64), np.zeros(count, np.int64))
    found = spoilt(beats, np.random.default_rng(seed))
    assert (np.diff(found.time_s) >= 0).all()
    assert len(found.time_s) == len(found.label) == len(found.af)
    assert set(found.label.tolist()) <= {1, UNKNOWN}
    assert ((found.label == UNKNOWN) == (found.af == UNKNOWN)).all()
    assert abs(len(found.time_s) - count) < 0.1 * count + SHORTEST_RR_S
