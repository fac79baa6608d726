"""Findings about the equipment."""

import pytest

from biosignal.errors import BadInput
from biosignal.events import FindingState, Priority, QualityLevel, Unavailable
from biosignal.wire.codec import from_json, to_json
from edge_agent.findings import technical

PLACE = {"device": "d", "recording": "r", "leads": ("MLII", "V5"), "fs_hz": 250.0, "at": 5000}


def made():
    known = {"quality": QualityLevel.USABLE}
    return [
        technical.source_lost(**PLACE, reason="the serial port is gone"),
        technical.backend_lost(**PLACE, **known, reason="the model did not load"),
        technical.store_trouble(**PLACE, **known, reason="the disk is full"),
        technical.overflow(**PLACE, reason="the analysis fell behind", lost_samples=500),
    ]


def test_each_says_what_is_missing_and_why():
    kinds = [finding.kind for finding in made()]
    assert kinds == ["source-lost", "backend-lost", "store-trouble", "overflow"]
    for finding in made():
        assert isinstance(finding.outcome, Unavailable)
        assert finding.outcome.reason
        assert finding.priority in (Priority.LOW, Priority.MEDIUM)
        assert from_json(type(finding), to_json(finding)) == finding


def test_an_overflow_tells_how_much_was_lost():
    measures = {m.name: (m.value, m.unit) for m in made()[3].evidence.measures}
    assert measures == {"lost_samples": (500, "samples"), "duration": (2.0, "s")}


def test_a_closed_finding_tells_how_long_it_lasted_and_stays_closed():
    lost = technical.source_lost(**PLACE, reason="the serial port is gone")
    longer = technical.next_revision(lost, FindingState.EXTENDED, at=7500)
    closed = technical.next_revision(longer, FindingState.CLOSED, at=10_000)
    assert [finding.rev for finding in (lost, longer, closed)] == [0, 1, 2]
    assert closed.id == lost.id
    assert [(m.name, m.value) for m in closed.evidence.measures] == [("duration", 20.0)]
    with pytest.raises(BadInput):
        technical.next_revision(closed, FindingState.CLOSED, at=11_000)


def test_a_rhythm_is_no_technical_finding():
    with pytest.raises(BadInput):
        technical.technical_finding("vt", **PLACE, reason="x", quality=QualityLevel.USABLE)
