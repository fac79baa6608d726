import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.sources.serial_text import LONGEST_LINE, TextDecoder


def decoded(data, **arguments):
    decoder = TextDecoder(**arguments)
    return decoder.feed(data), decoder.counters


def test_the_line_in_progress_at_opening_is_thrown_away():
    values, counters = decoded(b"23\r\n512\r\n600\r\n")
    assert values.tolist() == [512, 600]
    assert counters.samples == 2


def test_leads_off_becomes_nan_and_is_counted():
    values, counters = decoded(b"\n512\n!\n!\n513\n")
    assert np.isnan(values).tolist() == [False, True, True, False]
    assert counters.leads_off == 2


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        (b"512,513,514", 1, 513),
        (b"512;513", 0, 512),
        (b"512\t513", 1, 513),
        (b"512 513", 1, 513),
        (b"ecg:512", 0, 512),
        (b"ecg: 512, gsr: 9", 1, 9),
        (b"-12.5", 0, -12.5),
        (b"+7", 0, 7),
    ],
)
def test_the_usual_variants_are_read(line, column, value):
    values, counters = decoded(b"\n" + line + b"\n", column=column)
    assert values.tolist() == [value]
    assert counters.malformed == 0


def test_one_heading_is_allowed_and_a_second_is_a_damaged_sample():
    values, counters = decoded(b"\nECG,GSR\n1,2\nECG,GSR\n3,4\n")
    assert values[0] == 1
    assert np.isnan(values[1])
    assert values[2] == 3
    assert (counters.headings, counters.malformed) == (1, 1)


def test_a_damaged_line_keeps_the_count_of_samples():
    values, counters = decoded(b"\n1\n2x\n\xff\xfe\n3\n1e5\nnan\ninf\n4\n")
    assert [value for value in values.tolist() if value == value] == [1, 3, 4]
    assert values.size == 8
    assert counters.malformed == 5


def test_a_line_that_never_ends_does_not_fill_memory():
    decoder = TextDecoder()
    decoder.feed(b"\n")
    for _ in range(1000):
        assert decoder.feed(b"7" * 1000).size == 0
    assert len(decoder._rest) <= LONGEST_LINE
    assert decoder.counters.too_long == 1
    assert decoder.feed(b"\n42\n").tolist() == [42]


@settings(max_examples=300)
@given(data=st.binary(max_size=2000), cuts=st.lists(st.integers(0, 2000), max_size=20))
def test_any_bytes_in_any_pieces_give_the_same_samples(data, cuts):
    whole, counters = decoded(data)
    pieces = TextDecoder()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    values = [pieces.feed(data[first:last]) for first, last in itertools.pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(values), whole)
    assert pieces.counters == counters


@given(numbers=st.lists(st.integers(0, 4095), min_size=1, max_size=200))
def test_what_an_arduino_prints_comes_back(numbers):
    values, counters = decoded(b"\r\n" + b"".join(b"%d\r\n" % number for number in numbers))
    assert values.tolist() == numbers
    assert counters.samples == len(numbers)
