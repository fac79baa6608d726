"""The scorer counts as `bxb` does."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.scoring.ec57 import CLASSES, F, N, O, Q, S, V, X, average, gross, score_record
from biosignal.scoring.score import Annotations

FS = 360.0
WINDOW = 54
DS2 = [
    "100",
    "103",
    "105",
    "111",
    "113",
    "117",
    "121",
    "123",
    "200",
    "202",
    "210",
    "212",
    "213",
    "214",
    "219",
    "221",
    "222",
    "228",
    "231",
    "232",
    "233",
    "234",
]


def beats(*samples: int, symbols: str | None = None) -> Annotations:
    return Annotations(list(samples), list(symbols or "N" * len(samples)))


def score(reference: Annotations, test: Annotations, start_s: float = 0.0, **options):
    return score_record(reference, test, fs_hz=FS, start_s=start_s, **options)


REGULAR = beats(*range(1000, 20000, 300), symbols=("NNSVFQN" * 10)[: len(range(1000, 20000, 300))])


def moved(annotations: Annotations, by: int) -> Annotations:
    return Annotations([sample + by for sample in annotations.samples], annotations.symbols)


def test_a_file_against_itself_is_perfect():
    result = score(REGULAR, REGULAR)
    for kind in (result.qrs, result.v, result.s, result.f):
        assert (kind.fn, kind.fp) == (0, 0)
        assert kind.sensitivity == kind.positive_predictivity == 1.0
    assert result.matrix[[O, X]].sum() == result.matrix[:, [O, X]].sum() == 0
    assert result.rr_error_s == 0.0


@pytest.mark.parametrize("sign", [1, -1])
def test_a_shift_by_the_window_matches_and_by_one_more_does_not(sign):
    assert score(REGULAR, moved(REGULAR, sign * WINDOW), end=30000).qrs.sensitivity == 1.0
    assert score(REGULAR, moved(REGULAR, sign * (WINDOW + 1)), end=30000).qrs.tp == 0


def test_a_deleted_beat_is_one_miss():
    less = Annotations(np.delete(REGULAR.samples, 30), np.delete(REGULAR.symbols, 30).tolist())
    assert (score(REGULAR, less).qrs.fn, score(REGULAR, less).qrs.fp) == (1, 0)


def test_a_beat_doubled_60_ms_later_is_one_false_beat():
    more = Annotations(
        np.insert(REGULAR.samples, 31, REGULAR.samples[30] + 22), np.insert(REGULAR.symbols, 31, "N").tolist()
    )
    result = score(REGULAR, more)
    assert (result.qrs.fn, result.qrs.fp) == (0, 1)
    assert result.matrix[O, N] == 1


def test_the_nearer_of_two_reference_beats_wins():
    result = score(beats(1000, 1060, 2000), beats(1050, 2000))
    assert (result.qrs.tp, result.qrs.fn) == (2, 1)


def test_fast_beats_are_paired_one_to_one_though_each_is_nearer_the_neighbour():
    reference = beats(*range(1000, 2000, 80))
    result = score(reference, moved(reference, 45), end=3000)
    assert result.qrs.tp >= len(reference.samples) - 1


def test_the_learning_period_is_not_scored():
    reference = beats(360 * 299, 360 * 301, 360 * 302)
    result = score(reference, beats(360 * 301, 360 * 302), start_s=300)
    assert (result.qrs.tp, result.qrs.fn) == (2, 0)


def test_a_test_beat_just_before_the_start_belongs_to_the_first_scored_beat():
    start = 360 * 300
    result = score(beats(start + 10, start + 400), beats(start - 20, start + 395), start_s=300)
    assert (result.qrs.tp, result.qrs.fn, result.qrs.fp) == (2, 0, 0)


def test_a_lone_test_beat_just_behind_the_start_is_not_charged():
    start = 360 * 300
    reference = beats(start - 20, start + 400)
    assert score(reference, beats(start + 20, start + 400), start_s=300).qrs.fp == 0
    assert score(reference, beats(start + WINDOW + 1, start + 400), start_s=300).qrs.fp == 1


def test_beats_in_reference_fibrillation_are_dropped():
    reference = beats(1000, 2000, 2300, 2600, 5000, 6000, symbols="N[!!]N")
    result = score(reference, beats(1000, 2200, 2400, 6000))
    assert (result.qrs.tp, result.qrs.fn, result.qrs.fp) == (2, 0, 0)


def test_beats_in_test_fibrillation_are_not_read_and_reference_beats_there_are_missed():
    result = score(beats(1000, 2000, 3000), beats(1000, 1500, 2000, 2500, 3000, symbols="N[N]N"))
    assert (result.qrs.tp, result.qrs.fn) == (2, 1)


def test_flutter_waves_are_not_beats():
    assert score(beats(1000, 1300, 2000, symbols="N!N"), beats(1000, 2000)).qrs.fn == 0


def test_shutdown_is_counted_apart_and_still_a_miss_or_a_false_beat():
    off = Annotations([1000, 1500, 2500, 3000], ["N", "~", "~", "N"], [0, -1, 0, 0])
    whole = beats(1000, 2000, 3000)
    missed, false = score(whole, off), score(off, whole)
    assert (missed.matrix[N, X], missed.qrs.fn) == (1, 1)
    assert (false.matrix[X, N], false.qrs.fp) == (1, 1)


def test_escape_beats_count_as_s_or_as_n():
    reference, test = beats(1000, 2000, 3000, symbols="ejn"), beats(1000, 2000, 3000, symbols="SSS")
    assert score(reference, test).s.tp == 3
    other = score(reference, test, escape_is_s=False)
    assert (other.s.tp, other.s.fp) == (1, 2)


def test_fusion_called_v_is_not_charged_and_called_s_only_by_bxb():
    result = score(beats(1000, 2000, 3000, symbols="FQF"), beats(1000, 2000, 3000, symbols="VVS"))
    assert (result.v.fp, result.s.fp, result.s_sumstats.fp) == (0, 1, 0)
    assert result.matrix[F, V] == result.matrix[Q, V] == result.matrix[F, S] == 1


def test_gross_pools_and_average_skips_what_is_undefined():
    one = score(beats(1000, 2000, symbols="VV"), beats(1000, 2000, symbols="VN"))
    two = score(beats(1000, 2000, symbols="NN"), beats(1000, 2000, symbols="NV"))
    assert (gross([one, two]).v.tp, gross([one, two]).v.fn, gross([one, two]).v.fp) == (1, 1, 1)
    assert average([one, two], lambda record: record.v) == (0.5, 0.5)
    assert average([one], lambda record: record.s) == (None, None)


def test_unordered_annotations_are_refused():
    with pytest.raises(BadInput, match="order"):
        beats(2000, 1000)


RECORDS = st.lists(st.tuples(st.integers(1, 400), st.sampled_from("NSVFQej")), max_size=60).map(
    lambda steps: Annotations(np.cumsum([gap for gap, _ in steps]).tolist(), [symbol for _, symbol in steps])
)


@given(RECORDS, RECORDS)
def test_every_beat_is_counted_once(reference, test):
    matrix = score(reference, test, end=100_000).matrix
    assert matrix[: len(CLASSES)].sum() == len(reference.samples)
    skipped = len(test.samples) - matrix[:, : len(CLASSES)].sum()
    assert skipped in (0, 1)
    assert matrix[[O, X]][:, [O, X]].sum() == 0


@given(RECORDS)
def test_any_file_matches_itself(reference):
    assert score(reference, reference, end=100_000).qrs.tp == len(reference.samples)


@pytest.mark.data
@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of pandas, inside wfdb
def test_ds2_holds_the_published_number_of_s_beats():
    import wfdb

    folder = Path(os.environ.get("EDGE_DATA_DIR", "")) / "mitdb"
    if not (folder / "100.atr").exists():
        pytest.skip("EDGE_DATA_DIR names no folder with mitdb")
    totals = {True: 0, False: 0}
    for record in DS2:
        annotation = wfdb.rdann(str(folder / record), "atr")
        own = Annotations(annotation.sample, annotation.symbol, annotation.subtype)
        for escape_is_s in totals:
            result = score(own, own, escape_is_s=escape_is_s)
            assert result.qrs.fn == result.qrs.fp == 0
            totals[escape_is_s] += result.s.tp
    assert totals == {True: 2050, False: 1837}
