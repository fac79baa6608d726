"""Rates, pauses and irregular rhythm: what opens and closes them, and what denies them."""

import random
from dataclasses import replace

import pytest
from rhythm_cases import (
    FS,
    LEAD,
    alarms_of,
    beat,
    check_revisions,
    fitness,
    good,
    in_time,
    last,
    pulse,
    rhythm,
    rules,
    run,
    second,
    seconds,
    steady,
    value,
    watched,
)

from biosignal.events import Abstained, Finding, FindingState, Priority, QualityLevel
from biosignal.signal.blocks import Gap


def test_a_long_interval_after_a_pause_is_a_pause():
    found = last(run(watched(rhythm([*steady(9), ("N", 2.31), *steady(9)]))))
    assert [finding.kind for finding in found] == ["pause"]
    assert (value(found[0], "rr_interval"), value(found[0], "median_rr")) == (2.31, 0.8)


def test_a_pause_soon_after_another_informs_and_does_not_alarm():
    paused = [*steady(5), ("N", 2.6)]
    findings = run(watched(rhythm([*steady(10), *paused * 14])))
    check_revisions(findings)
    pauses = [finding for finding in findings if finding.rev == 0 and finding.kind == "pause"]
    assert len(pauses) == 14
    sounded = [finding.decided_at / FS for finding in pauses if finding.priority is Priority.MEDIUM]
    assert len(sounded) == 2
    assert sounded[1] - sounded[0] > 60
    silent = [finding for finding in pauses if finding.priority is Priority.NONE]
    assert all(0 <= value(finding, "since_alarm") <= 60 for finding in silent)


def test_a_slow_regular_rhythm_is_bradycardia_and_no_pause():
    found = last(run(watched(rhythm(steady(20, 2.1)))))
    assert [finding.kind for finding in found] == ["bradycardia"]
    assert value(found[0], "heart_rate") == 29


def test_a_pause_is_withdrawn_when_its_interval_held_noise():
    beats = rhythm([*steady(9), ("N", 2.31), *steady(9)])
    seconds = good(int(beats[-1].start / FS) + 1)
    late = [second(8, QualityLevel.REJECTED, "noise", decided_at=10 * 250 + 240)]
    items = in_time(beats, [s for s in seconds if s.start != 8 * 250], late)
    found = last(run(items))
    assert [(finding.kind, finding.state) for finding in found] == [("pause", FindingState.WITHDRAWN)]


def test_no_interval_crosses_a_gap():
    beats = rhythm(steady(10))
    gap = Gap(recording="r", start=2500, length=5000, reason="lost")
    behind = [*beat(7600, rr_s=None), *rhythm(steady(5), start_s=7800 / FS)]
    seconds = [second(index) for index in range(30, 35)]
    findings = run([*in_time(beats, good(10)), gap, *in_time(behind, seconds)])
    assert findings == []


def test_a_gap_closes_what_is_open_before_it_passes():
    stage = rules()
    items = watched(rhythm(steady(20, 0.4)))
    for item in items:
        list(stage.push(item))
    out = list(stage.push(Gap(recording="r", start=2300, length=100, reason="lost")))
    assert [(finding.kind, finding.state) for finding in out] == [("tachycardia", FindingState.CLOSED)]
    assert [item for item in stage.finish() if isinstance(item, Finding)] == []


@pytest.mark.parametrize(("rr_s", "kind", "rate"), [(1.5, "bradycardia", 40), (0.42, "tachycardia", 143)])
def test_a_step_of_the_rate_is_told_within_ten_seconds(rr_s, kind, rate):
    beats = rhythm([*steady(20, 0.75), *steady(30, rr_s)])
    findings = run(watched(beats))
    check_revisions(findings)
    step = beats[2 * 19].start
    assert {finding.kind for finding in findings} == {kind}
    assert (findings[0].decided_at - step) / FS < 10.0
    assert value(findings[-1], "heart_rate") == rate


def test_a_rate_around_the_limit_does_not_flap():
    wobble = [("N", 0.495 if (index // 12) % 2 else 0.505) for index in range(200)]
    findings = run(watched(rhythm(wobble)))
    assert len({finding.id for finding in findings}) == 1


def test_a_rate_back_inside_the_limit_closes_the_finding():
    findings = run(watched(rhythm([*steady(20, 1.5), *steady(40, 0.8)])))
    check_revisions(findings)
    assert {finding.kind for finding in findings} == {"bradycardia"}
    assert value(findings[-1], "lowest_rate") == 40
    assert (findings[-1].end - findings[-1].onset) / FS < 20 * 1.5 + 20 * 0.8


def test_a_rate_that_swings_across_the_limit_and_its_margin_is_one_finding():
    swing = [*steady(20), *[("N", 0.46 if (index // 30) % 2 else 0.54) for index in range(240)], *steady(60)]
    findings = run(watched(rhythm(swing)))
    check_revisions(findings)
    assert [finding.kind for finding in last(findings)] == ["tachycardia"]
    assert len(last(run(watched(rhythm(swing)), rate_inside_s=0.0))) >= 4


def test_a_rate_near_the_limit_has_to_stay_there_and_one_far_beyond_has_not():
    for rr_s, count, told in ((0.485, 10, False), (0.485, 24, True), (0.4, 11, True)):
        findings = run(watched(rhythm([*steady(20, 0.6), *steady(count, rr_s), *steady(20, 0.6)])))
        assert bool(findings) is told, (rr_s, count)


def test_a_rate_ends_where_it_came_back_and_not_where_that_was_certain():
    beats = rhythm([*steady(30, 0.4), *steady(80, 0.8)])
    closed = run(watched(beats))[-1]
    came_back = beats[2 * 30].start
    assert closed.state is FindingState.CLOSED
    assert 0 <= closed.end - came_back <= 8 * 0.8 * FS
    assert closed.decided_at - closed.end >= 30 * FS


def test_three_very_long_intervals_are_bradycardia_at_once():
    beats = rhythm([*steady(20), *[("N", 1.7)] * 3])
    (finding,) = (one for one in run(watched(beats)) if one.rev == 0 and one.kind == "bradycardia")
    assert finding.decided_at == beats[-1].decided_at
    assert value(finding, "heart_rate") == round(60 / 1.7)
    assert finding.onset == beats[-1].start - round(3 * 1.7 * FS)
    assert not [one for one in run(watched(rhythm([*steady(20), *[("N", 1.7)] * 2]))) if one.kind == "bradycardia"]


def test_one_pause_is_not_bradycardia():
    found = last(run(watched(rhythm([*steady(12), ("N", 3.9), *steady(12)]))))
    assert [finding.kind for finding in found] == ["pause"]


def test_an_irregular_rhythm_opens_and_a_regular_one_closes_it():
    dice = random.Random(3)
    wild = [("N", dice.uniform(0.45, 1.1)) for _ in range(90)]
    findings = run(watched(rhythm([*steady(40), *wild, *steady(60)])))
    check_revisions(findings)
    assert {finding.kind for finding in findings} == {"irregular"}
    assert findings[-1].state is FindingState.CLOSED
    assert findings[-1].end < 150 * FS


def test_regular_rhythm_with_many_v_is_not_irregular():
    cycle = [*steady(3), ("V", 0.5), ("N", 1.1)]
    assert {finding.kind for finding in run(watched(rhythm(cycle * 40)))} == {"pvc"}


def test_unclassified_beats_are_told():
    dice = random.Random(4)
    wild = [("Q", dice.uniform(0.45, 1.1)) for _ in range(90)]
    found = last(run(watched(rhythm(wild))))
    assert isinstance(found[0].outcome, Abstained)
    assert value(found[0], "unclassified") == 32
    fast = last(run(watched(rhythm([("-", 0.4)] * 30))))
    assert value(fast[0], "unclassified") == 9


def test_a_pause_on_a_lead_that_is_not_fit_is_none():
    beats = rhythm([*steady(10), ("N", 3.0), *steady(3)])

    def kinds(fit):
        judged = [fitness(index, fit if 8 <= index < 12 else 1.0) for index in range(20)]
        return {finding.kind for finding in run(in_time(beats, judged, good(14)))}

    assert "pause" in kinds(1.0)
    assert "pause" not in kinds(0.1)


def test_a_pause_in_which_an_electrode_moves_is_none():
    beats = rhythm([*steady(10), ("N", 3.0), *steady(3)])
    beats = [replace(one, numbers=(*one.numbers, ("amplitude", 1.0))) for one in beats]

    def kinds(swing_mv):
        judged = [
            replace(one, numbers=(*one.numbers, ("lead_swing", swing_mv)))
            for one in (fitness(n, 0.9) for n in range(14))
        ]
        return {finding.kind for finding in run(in_time(beats, judged, good(14)))}

    assert "pause" in kinds(0.3)
    assert "pause" not in kinds(1.6)


def test_a_rate_or_a_pause_that_the_pulse_denies_is_not_told():
    slow, fast = watched(rhythm([*steady(20), *steady(12, 1.6)])), watched(rhythm([*steady(20), *steady(30, 0.4)]))
    paused = watched(rhythm([*steady(20), ("N", 2.4), *steady(8)]))
    for beats, kind in ((slow, "bradycardia"), (fast, "tachycardia"), (paused, "pause")):
        assert alarms_of(run(beats)) == [kind]
        assert alarms_of(run(in_time(beats, pulse(1.3, seconds(beats))))) == []
    changed = [*pulse(1.3, 17.5), *pulse(18.2, seconds(slow), period_s=1.6)]
    assert alarms_of(run(in_time(slow, changed))) == ["bradycardia"]


def test_a_second_that_another_lead_can_judge_does_not_go_for_nothing():
    beats = rhythm(steady(40))
    seconds = [*good(8), *(second(index, QualityLevel.REJECTED, "lead-off") for index in range(8, 33))]

    def rate_known(leads):
        judged = [replace(fitness(index, 0.9), leads=leads, quality=QualityLevel.USABLE) for index in range(33)]
        stage = rules()
        out = [one for item in in_time(beats, judged, seconds) for one in stage.push(item)]
        found = [one for one in out if isinstance(one, Finding)]
        assert not found
        return stage._before is not None

    assert rate_known((LEAD, "V1"))
