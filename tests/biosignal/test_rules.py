"""Rhythm rules: that each finding crosses the line, ends once, and heeds its limits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rhythm_cases import FS, check_revisions, good, in_time, rhythm, rules, run, second, steady, watched

from biosignal.errors import BadInput
from biosignal.events import Finding, QualityLevel
from biosignal.signal.blocks import Gap
from biosignal.stream.stage import Item
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.wire.envelope import decode, encode, wrap


def test_a_steady_rhythm_has_no_findings():
    assert run(watched(rhythm(steady(60)))) == []


def test_every_finding_crosses_the_line_unchanged():
    cycle = [*steady(4), ("V", 0.5), ("V", 0.4), ("V", 0.4), ("N", 1.1), ("N", 2.4)]
    findings = run(in_time(rhythm(cycle * 4), good(60)))
    assert {finding.kind for finding in findings} >= {"v-run", "pause", "asystole"}
    for seq, finding in enumerate(findings):
        envelope = wrap(finding, seq=seq, device="d", boot="b", at="2026-01-01T00:00:00Z")
        assert decode(encode(envelope)).body == finding


def test_limits_can_change_while_running():
    stage = rules()
    findings: list[Finding] = []
    for index, item in enumerate(watched(rhythm(steady(80, 0.55)))):
        if index == 100:
            stage.set_limits(RhythmLimits(tachycardia_per_min=100))
        findings += [out for out in stage.push(item) if isinstance(out, Finding)]
    assert [finding.kind for finding in findings] == ["tachycardia"]


@pytest.mark.parametrize(
    "limits",
    [
        {"bradycardia_per_min": 130.0},
        {"pause_s": 5.0},
        {"vt_beats": 2},
        {"irregular_close": 0.9},
        {"rate_near_s": -1.0},
        {"run_uneven": 0.9},
        {"run_alike": -2.0},
    ],
)
def test_settings_out_of_order_are_refused(limits):
    with pytest.raises(BadInput):
        RhythmLimits(**limits)


@st.composite
def days(draw) -> tuple[list[Item], list[Gap]]:
    """A bad day: any classes, any intervals, rejected seconds, a gap."""
    labels = draw(
        st.lists(st.tuples(st.sampled_from("NNNVVVSFQ"), st.sampled_from([0.4, 0.4, 0.8, 2.5, 6.0])), max_size=40)
    )
    beats = rhythm(labels)
    total = int((beats[-1].start if beats else 0) / FS) + 15
    bad = draw(st.lists(st.sampled_from(["", "", "", "noise", "lead-off"]), min_size=total, max_size=total))
    levels = {True: QualityLevel.REJECTED, False: QualityLevel.USABLE}
    seconds = [second(index, levels[bool(reason)], reason) for index, reason in enumerate(bad)]
    gaps = []
    if draw(st.booleans()):
        start = draw(st.integers(0, total * 250))
        gaps = [Gap(recording="r", start=start, length=0, reason="loop")]
    return in_time(beats, seconds), gaps


@settings(max_examples=150, deadline=None)
@given(days())
def test_every_finding_of_a_bad_day_is_opened_once_and_ended_once(day):
    items, gaps = day
    findings = run(sorted([*items, *gaps], key=lambda item: getattr(item, "decided_at", None) or item.start))
    check_revisions(findings)
    assert [finding.decided_at for finding in findings] == sorted(finding.decided_at for finding in findings)
