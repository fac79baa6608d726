"""Findings about the equipment."""

import pytest

from biosignal.errors import BadInput
from biosignal.events import FindingState, Priority, QualityLevel, Unavailable
from biosignal.tasks import TASKS
from biosignal.tasks.lookup import task_of_finding
from biosignal.wire.codec import from_json, to_json
from edge_agent.findings import technical

PLACE = {"device": "d", "recording": "r", "leads": ("MLII", "V5"), "fs_hz": 250.0, "at": 5000}


KINDS = sorted(
    name
    for task in TASKS.values()
    if task.make is None
    for name, kind in task.findings.items()
    if kind.technical and name != technical.OVERFLOW
)


def opened(kind: str, reason: str = "the cable was pulled"):
    return technical.technical_finding(kind, **PLACE, reason=reason, quality=QualityLevel.USABLE)


def dropped():
    return technical.overflow(**PLACE, reason="the analysis fell behind", lost_samples=500)


@pytest.mark.parametrize("made", [*(opened(kind) for kind in KINDS), dropped()], ids=lambda finding: finding.kind)
def test_each_says_what_is_missing_and_why(made):
    task = task_of_finding(made.kind)
    assert made.task == task.name
    assert made.priority is task.findings[made.kind].priority
    assert isinstance(made.outcome, Unavailable)
    assert made.outcome.task == task.name
    assert made.outcome.reason
    assert made.priority in (Priority.LOW, Priority.MEDIUM)
    assert made.id == opened(made.kind, "another reason").id
    assert from_json(type(made), to_json(made)) == made


def test_an_overflow_tells_how_much_was_lost():
    measures = {m.name: (m.value, m.unit) for m in dropped().evidence.measures}
    assert measures == {"lost_samples": (500, "samples"), "duration": (2.0, "s")}


def test_a_closed_finding_tells_how_long_it_lasted_and_stays_closed():
    lost = opened("source-lost")
    longer = technical.next_revision(lost, FindingState.EXTENDED, at=7500)
    closed = technical.next_revision(longer, FindingState.CLOSED, at=10_000)
    assert [finding.rev for finding in (lost, longer, closed)] == [0, 1, 2]
    assert closed.id == lost.id
    assert [(m.name, m.value) for m in closed.evidence.measures] == [("duration", 20.0)]
    with pytest.raises(BadInput):
        technical.next_revision(closed, FindingState.CLOSED, at=11_000)


@pytest.mark.parametrize("kind", ["vt", "lead-off", "nobody-declares-this"])
def test_what_a_stage_finds_or_nobody_declares_is_no_technical_finding_of_the_daemon(kind):
    with pytest.raises(BadInput):
        opened(kind)
