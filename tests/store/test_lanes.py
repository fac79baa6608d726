"""Which lane each kind of event is sent in."""

import pytest

from biosignal.events import Explanation, SubjectAssigned
from edge_agent.store.lanes import Lane, lane_of
from tests.store import events_made


def text(made_by):
    return Explanation(
        id="e", rev=0, finding="f", finding_rev=0, text="t", made_by=made_by, model_sha256=None, checked="language"
    )


@pytest.mark.parametrize(
    ("event", "lane"),
    [
        (events_made.finding("a", "r"), Lane.FINDINGS),
        (text("template"), Lane.FINDINGS),
        (text("llm"), Lane.EVIDENCE),
        (events_made.recording("r"), Lane.RECORDINGS),
        (events_made.closed("r"), Lane.RECORDINGS),
        (SubjectAssigned(id="s", recording="r", subject="p", at=0), Lane.RECORDINGS),
    ],
)
def test_an_event_has_its_lane(event, lane):
    assert lane_of(event) is lane
