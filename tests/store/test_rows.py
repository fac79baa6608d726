"""A payload comes back byte for byte from its row, and a damaged row is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.store.rows import long_id, pack, short_id, unpack

LINES = Path(__file__).parents[1] / "wire" / "golden" / "wire-v2.jsonl"


@given(st.binary(max_size=300))
def test_any_payload_comes_back(payload):
    assert unpack(pack(payload)) == payload


def test_what_devices_write_becomes_short():
    lines = [line for line in LINES.read_bytes().splitlines() if b'"kind":"finding"' in line]
    assert all(unpack(pack(line)) == line for line in lines)
    assert all(len(pack(line)) < 300 < 900 < len(line) for line in lines)


def test_a_plain_row_of_version_1_is_read():
    assert unpack('{"id":"\\u00e4"}') == b'{"id":"\\u00e4"}'


@given(st.binary(min_size=1, max_size=80), st.data())
def test_a_damaged_row_is_refused_or_differs(payload, data):
    stored = bytearray(pack(payload))
    place = data.draw(st.integers(0, len(stored) - 1))
    stored[place] ^= data.draw(st.integers(1, 255))
    try:
        unpack(bytes(stored))
    except ValueError:
        return


@pytest.mark.parametrize("stored", [b"", b"\x00", b"\x02abc", pack(b"x" * 99)[:-1]])
def test_a_row_that_is_none_is_refused(stored):
    with pytest.raises(ValueError, match="row"):
        unpack(stored)


@given(
    st.one_of(
        st.text(max_size=70),
        st.uuids().map(str),
        st.uuids().map(lambda one: str(one).upper()),
        st.binary(min_size=32, max_size=32).map(bytes.hex),
    )
)
def test_any_id_comes_back(id_):
    assert long_id(short_id(id_)) == id_
