import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, SampleBlock
from edge_agent.operate.clock import SetClock
from edge_agent.sources.edf_record import EdfRecord
from edge_agent.sources.excerpt import Excerpt
from edge_agent.sources.paced import Paced
from edge_agent.sources.port import replay_id
from edge_agent.sources.stretch import Stretch
from tests.sources.edf_files import make_discontinuous, sine, write_edf


def samples(source):
    source.open("rec")
    items = list(source.read())
    at = 0
    for item in items:
        assert item.start == at
        at = item.end
    return np.concatenate([item.samples for item in items if isinstance(item, SampleBlock)], axis=1), at


@pytest.mark.parametrize(("from_s", "to_s"), [(0, 10), (100, 101.5), (299, None), (0.5, 500)])
def test_a_stretch_holds_the_samples_of_its_times(from_s, to_s):
    whole, _ = samples(Excerpt())
    source = Stretch(Excerpt(), from_s=from_s, to_s=to_s)
    part, end = samples(source)
    np.testing.assert_array_equal(part, whole[:, int(from_s * 360) : None if to_s is None else int(to_s * 360)])
    facts = source.recording_facts()
    assert (facts.length, facts.first_sample) == (end, int(from_s * 360))


def test_a_stretch_is_another_recording_than_the_whole():
    whole, one, other = Excerpt(), Stretch(Excerpt(), from_s=1), Stretch(Excerpt(), from_s=2)
    assert len({replay_id(source.recording_facts()) for source in (whole, one, other)}) == 3


@pytest.mark.parametrize(("from_s", "to_s"), [(10, 10), (20, 10), (300, None), (-1, 5)])
def test_an_empty_stretch_is_refused(from_s, to_s):
    with pytest.raises(BadInput, match="nothing between"):
        Stretch(Excerpt(), from_s=from_s, to_s=to_s)


def test_a_gap_is_cut_where_the_stretch_begins_and_ends(tmp_path):
    path = write_edf(tmp_path / "d.edf", [("ECG", 100, "uV", sine(4, 100))], annotations=[(3.5, 1, "late")])
    make_discontinuous(path, [0, 1, 6, 7])
    source = Stretch(EdfRecord(path), from_s=3, to_s=7.5)
    source.open("rec")
    first, *rest = source.read()
    assert isinstance(first, Gap)
    assert (first.start, first.length, sum(item.length for item in rest)) == (0, 300, 150)
    source = Stretch(EdfRecord(path), from_s=1, to_s=3)
    assert samples(source)[1] == 200
    assert [one.sample for one in Stretch(EdfRecord(path), from_s=3).remarks()] == [50]
    assert Stretch(EdfRecord(path), from_s=4).remarks() == []


def test_a_stretch_can_loop():
    paced = Paced(Stretch(Excerpt(), from_s=10, to_s=11), speed=None, clock=SetClock(), passes=3)
    once, _ = samples(Stretch(Excerpt(), from_s=10, to_s=11))
    three, end = samples(paced)
    np.testing.assert_array_equal(three, np.tile(once, 3))
    assert end == 3 * 360
