"""Several events in one message: what goes in comes out, and what is broken breaks nothing else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.wire.packet import MOST_EVENTS, join, split

JSON = st.recursive(st.none() | st.floats(allow_nan=False) | st.text(), lambda part: st.lists(part, max_size=3))


@given(st.lists(JSON.map(lambda value: json.dumps({"id": value}).encode()), min_size=1, max_size=MOST_EVENTS))
def test_what_is_joined_is_split_again(payloads):
    assert split(join(payloads)) == payloads


def test_one_event_travels_as_it_always_did():
    assert join([b'{"id": "a"}']) == b'{"id": "a"}'


@given(
    st.lists(st.binary(min_size=1).filter(lambda part: b"\x1e" not in part and not part.endswith(b"\n")), min_size=2)
)
def test_a_neighbour_that_is_no_json_leaves_the_others_whole(parts):
    assert split(join(parts)) == parts


@pytest.mark.parametrize("message", [b"\x1e" * (MOST_EVENTS + 1), b"\x1e\n\x1e{}\n", b"\x1e"])
def test_too_many_or_empty_places_are_refused(message):
    with pytest.raises(BadInput):
        split(message)
