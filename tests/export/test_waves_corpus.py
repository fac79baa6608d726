"""What annotated leads teach the network of the waves."""

import numpy as np
import pytest

from export.recordings import NoRecordings
from export.waves.corpus import FOLDS, NONE, QRS, UNKNOWN, P, Strip, T, fold_of, may_train, said_of


def marks(*pairs):
    return [(sample, symbol, 0) for sample, symbol in pairs]


BEAT = ((100, "("), (110, "p"), (125, ")"), (150, "("), (160, "N"), (175, ")"), (230, "("), (250, "t"), (280, ")"))


def runs(said):
    edges = np.flatnonzero(np.diff(said)) + 1
    return [int(part[0]) for part in np.split(said, edges)]


def test_bounds_make_the_class_of_each_sample_and_nothing_is_known_outside_them():
    said = said_of(marks(*BEAT), 400, 250.0)
    assert runs(said) == [UNKNOWN, P, NONE, QRS, NONE, T, UNKNOWN]
    assert said[100] == said[125] == P
    assert said[126] == NONE
    assert said[281] == UNKNOWN


def test_a_u_wave_is_none_of_the_three():
    said = said_of(marks(*BEAT, (300, "("), (310, "u"), (330, ")")), 400, 250.0)
    assert set(said[290:331].tolist()) == {NONE}
    with_peak_alone = said_of(marks(*BEAT, (310, "u"), (330, ")")), 400, 250.0)
    assert QRS not in with_peak_alone[281:]


def test_a_t_wave_without_an_onset_is_known_from_its_peak_on():
    said = said_of(marks(*BEAT[:6], (250, "t"), (280, ")")), 400, 250.0)
    assert set(said[250:281].tolist()) == {T}
    assert set(said[176:250].tolist()) == {UNKNOWN}


def test_where_nobody_looked_nothing_is_known():
    later = [(sample + 2000, symbol) for sample, symbol in BEAT]
    said = said_of(marks(*BEAT, *later), 3000, 250.0)
    assert set(said[281:2100].tolist()) == {UNKNOWN}


def test_another_rate_is_brought_to_250_hz():
    twice = [(2 * sample, symbol) for sample, symbol in BEAT]
    assert np.array_equal(said_of(marks(*twice), 400, 500.0), said_of(marks(*BEAT), 400, 250.0))


def test_a_mark_that_nobody_knows_is_refused():
    with pytest.raises(NoRecordings, match="not known"):
        said_of(marks((100, "("), (110, "#"), (120, ")")), 400, 250.0)


@pytest.mark.parametrize(
    ("name", "may"),
    [("sel100", False), ("sel232", False), ("sel840", False), ("sel30", True), ("sele0104", True), ("sel14046", True)],
)
def test_records_named_by_three_digits_never_train(name, may):
    assert may_train(name) is may


def test_all_leads_of_a_record_are_in_one_fold():
    strips = [
        Strip(group="ludb", name=str(index // 3), x=np.zeros(1), said=np.zeros(1, np.int8)) for index in range(60)
    ]
    folds = fold_of(strips)
    assert all(len(set(folds[3 * record : 3 * record + 3])) == 1 for record in range(20))
    assert set(folds) == set(range(FOLDS))
