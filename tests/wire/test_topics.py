"""Topics are built and parsed in one place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.wire.topics import Channel, Direction, Topic, all_devices, parse

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", fullmatch=True)


@given(names, names, st.sampled_from(Direction), st.sampled_from(Channel))
def test_a_topic_comes_back_equal(site, device, direction, channel):
    topic = Topic(site=site, device=device, direction=direction, channel=channel)
    assert parse(str(topic)) == topic


@given(st.text(max_size=40))
def test_anything_else_is_refused(text):
    with pytest.raises(BadInput):
        parse(text)


@pytest.mark.parametrize("name", ["a/b", "#", "+", "", "$share"])
def test_a_wildcard_cannot_hide_in_a_name(name):
    with pytest.raises(BadInput):
        parse(f"bedside/v1/{name}/bed-1/up/event")


def test_a_shared_subscription_names_its_group():
    assert all_devices(Channel.EVENT, group="ingest") == "$share/ingest/bedside/v1/+/+/up/event"
