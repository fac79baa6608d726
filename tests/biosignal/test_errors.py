"""Messages name the facts for people: some of many, and no type of a library."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput, listed
from biosignal.signal.blocks import Lead, Unit


@pytest.mark.parametrize(
    ("fact", "shown"),
    [
        ("II", "'II'"),
        (Path("a/b.hea"), "'a/b.hea'"),
        (np.float64(2.5), "2.5"),
        ([np.int64(3), Unit.MICROVOLT], "[3, 'uV']"),
        (b"1\0", "b'1\\x00'"),
        ({"a": 1}, "['a: 1']"),
        (None, "None"),
        ((Lead(name="II"), Lead(name="V5")), "['II', 'V5']"),
        ("x" * 1000, "'" + "x" * 299 + "..."),
    ],
)
def test_a_fact_is_shown_as_a_person_would_write_it(fact, shown):
    assert str(BadInput("no", fact=fact)) == f"no, fact={shown}"


@given(st.lists(st.text("abcXYZ019", max_size=5), max_size=40))
def test_eight_things_are_named_and_the_others_counted(things):
    for text in (str(BadInput("no", leads=things)), listed(things)):
        assert (f"and {len(things) - 8} more" in text) == (len(things) > 8)
        assert all(one in text for one in things[:8])


def test_the_ninth_is_not_named():
    assert listed([f"lead-{number}" for number in range(9)]).endswith("lead-7 and 1 more")
    assert "lead-8" not in str(BadInput("no", leads=[f"lead-{number}" for number in range(9)]))
