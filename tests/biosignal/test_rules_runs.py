"""Ventricular beats: single ones, couplets, runs and tachycardia, and runs that the pulse denies."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rhythm_cases import (
    FS,
    alarms_of,
    check_revisions,
    fitness,
    in_time,
    last,
    pulse,
    rhythm,
    run,
    second,
    seconds,
    steady,
    value,
    watched,
)

from biosignal.events import Finding, FindingState, MarkState, Priority, QualityLevel
from biosignal.tasks.ecg_front.kinds import FIBRILLATES

FAST_RUN = [*steady(25), *[("V", 0.4)] * 8, *steady(12)]
RUN_S = 20.2
"""When the run begins, and the pulse of its first beat should have come early."""


def test_single_pvcs_are_one_finding_a_minute_with_a_count():
    cycle = [*steady(4), ("V", 0.5), ("N", 1.1)]
    findings = run(watched(rhythm(cycle * 20)))
    check_revisions(findings)
    pvcs = last(findings)
    assert [finding.kind for finding in pvcs] == ["pvc", "pvc"]
    assert sum(value(finding, "count") for finding in pvcs) == 20
    first = pvcs[0]
    assert value(first, "coupling_interval") == 0.5
    assert value(first, "probability") == 0.91
    assert (
        first.evidence.strip_start == first.onset - 4 * FS if first.onset > 4 * FS else first.evidence.strip_start == 0
    )
    assert first.evidence.strip_end == first.onset + 6 * FS
    assert first.onset < 60 * FS <= pvcs[1].onset
    assert [len(marks.starts) for marks in first.evidence.marks] == [12]
    assert [marks.total for marks in first.evidence.marks] == [value(first, "count")]


def test_two_consecutive_v_are_a_couplet_and_nothing_else():
    found = last(run(watched(rhythm([*steady(5), ("V", 0.5), ("V", 0.45), *steady(5)]))))
    assert [finding.kind for finding in found] == ["pvc-couplet"]
    assert found[0].priority is Priority.NONE
    assert value(found[0], "v_rate") == round(60 / 0.45)
    assert value(found[0], "count") == 2


def test_three_to_five_v_are_a_run_told_at_the_third_beat():
    beats = rhythm([*steady(9), *[("V", 0.5)] * 4, *steady(5)])
    findings = run(watched(beats))
    assert [(f.kind, f.state) for f in findings] == [("v-run", FindingState.OPENED), ("v-run", FindingState.CLOSED)]
    third = [b for b in beats if b.label == "V" and b.state is MarkState.CONFIRMED][2]
    assert findings[0].decided_at == third.decided_at
    assert value(findings[1], "count") == 4


def test_a_fast_run_of_six_withdraws_the_run_and_opens_vt_from_the_same_onset():
    findings = run(watched(rhythm([*steady(9), *[("V", 0.4)] * 9, *steady(5)])))
    check_revisions(findings)
    assert [(f.kind, f.state.value) for f in findings] == [
        ("v-run", "opened"),
        ("v-run", "withdrawn"),
        ("vt", "opened"),
        ("vt", "closed"),
    ]
    assert findings[0].onset == findings[2].onset
    assert value(findings[3], "v_rate") == 150
    assert value(findings[3], "count") == 9


def test_a_slow_run_never_becomes_vt():
    kinds = {finding.kind for finding in run(watched(rhythm([*steady(9), ("V", 0.5), *[("V", 0.9)] * 9, *steady(5)])))}
    assert kinds == {"v-run"}


def test_vt_length_is_a_setting():
    found = run(watched(rhythm([*steady(9), *[("V", 0.4)] * 3, *steady(5)])), vt_beats=3)
    assert {finding.kind for finding in found} == {"vt"}


def runs(labels_and_rr: Iterable[tuple[str, float] | tuple[str, float, float]], **limits: float) -> list[str]:
    """The kinds of runs that stand at the end."""
    found = last(run(watched(rhythm(labels_and_rr)), **limits))
    return [one.kind for one in found if one.kind in ("v-run", "vt") and one.state is FindingState.CLOSED]


def test_beats_at_the_pace_of_those_before_are_no_run_whatever_they_are_called():
    assert runs([*steady(12), *[("V", 0.8)] * 5, *steady(5)]) == []
    assert runs([*steady(12), ("V", 0.6), *[("V", 0.8)] * 4, *steady(5)]) == ["v-run"]


def test_an_early_run_alarms_only_where_it_is_quicker_than_what_is_usual():
    def priorities(rr_s):
        beats = rhythm([*steady(12), ("V", 0.6), *[("V", rr_s)] * 4, *steady(5)])
        return {one.priority for one in run(watched(beats)) if one.kind == "v-run"}

    assert priorities(0.8) == {Priority.NONE}
    assert priorities(0.65) == {Priority.MEDIUM}


@pytest.mark.parametrize(
    ("first_rr_s", "second_rr_s", "likeness", "priority"),
    [
        (0.5, 0.3, 0.2, Priority.NONE),
        (0.3, 0.5, 0.2, Priority.NONE),
        (0.5, 0.3, 0.9, Priority.MEDIUM),
        (0.5, 0.48, 0.2, Priority.MEDIUM),
        (0.5, 0.3, None, Priority.MEDIUM),
    ],
    ids=["ragged", "ragged the other way", "alike", "even", "unknown"],
)
def test_a_short_run_alarms_where_its_beats_are_even_or_alike(first_rr_s, second_rr_s, likeness, priority):
    like = () if likeness is None else (likeness,)
    salvo = [("V", 0.5, 0.1), ("V", first_rr_s, *like), ("V", second_rr_s, *like)]
    found = [one for one in run(watched(rhythm([*steady(12), *salvo, *steady(5)]))) if one.kind == "v-run"]
    assert [one.state for one in found] == [FindingState.OPENED, FindingState.CLOSED]
    assert {one.priority for one in found} == {priority}


def test_tachycardia_that_begins_ragged_alarms_at_its_sixth_beat():
    salvo = [("V", 0.5, 0.1), ("V", 0.3, 0.1), ("V", 0.5, 0.1), *[("V", 0.4, 0.9)] * 6]
    found = last(run(watched(rhythm([*steady(12), *salvo, *steady(5)]))))
    assert [(one.kind, one.priority) for one in found if one.kind == "vt"] == [("vt", Priority.HIGH)]


def test_a_run_at_100_a_minute_needs_no_premature_beat_but_another_shape():
    fast = [("N", 0.55, 0.99)] * 12
    assert runs([*fast, *[("V", 0.55, 0.99)] * 5, *fast]) == []
    assert runs([*fast, ("V", 0.55, 0.4), *[("V", 0.55, 0.99)] * 4, *fast]) == ["v-run"]
    assert runs([*fast, *[("V", 0.55, 0.99)] * 6, *fast]) == ["vt"], "tachycardia is told whatever it looks like"


def test_what_is_usual_is_not_learned_from_ventricular_beats():
    salvo = [("V", 0.65), ("V", 0.65), ("V", 0.65), ("N", 0.9)]
    assert runs([*steady(12), *salvo * 6]) == ["v-run"] * 6


@pytest.mark.parametrize("rejected", [False, True])
def test_no_run_begins_among_the_first_beats(rejected):
    beats = rhythm([*steady(3), *[("V", 0.5)] * 5, *steady(5)], start_s=21.0 if rejected else 1.0)
    before = rhythm(steady(20)) if rejected else []
    seconds = [
        second(i, QualityLevel.REJECTED if rejected and 17 <= i < 21 else QualityLevel.USABLE) for i in range(40)
    ]
    found = [one for one in run(in_time(before, beats, seconds)) if one.kind in ("v-run", "vt")]
    assert found == []
    later = rhythm([*steady(9), *[("V", 0.5)] * 5, *steady(5)], start_s=21.0 if rejected else 1.0)
    assert {one.kind for one in run(in_time(before, later, seconds))} >= {"v-run"}


def test_tachycardia_from_the_first_second_is_told_at_its_eighth_beat():
    beats = rhythm([*[("V", 0.4)] * 20, *steady(5)])
    findings = [one for one in run(watched(beats)) if one.kind in ("v-run", "vt")]
    assert [(one.kind, one.state) for one in findings] == [("vt", FindingState.OPENED), ("vt", FindingState.CLOSED)]
    eighth = [b for b in beats if b.label == "V" and b.state is MarkState.CONFIRMED][7]
    assert findings[0].decided_at == eighth.decided_at
    assert findings[0].onset == beats[0].start


def test_a_slow_run_that_quickens_is_tachycardia_after_six_fast_beats():
    beats = rhythm([*steady(9), ("V", 0.6), *[("V", 0.9)] * 20, *[("V", 0.4)] * 8, *steady(5)])
    findings = [one for one in run(watched(beats)) if one.kind in ("v-run", "vt")]
    check_revisions(findings)
    ended = {one.kind: one for one in findings}
    assert ended["v-run"].state is ended["vt"].state is FindingState.CLOSED
    assert value(ended["vt"], "v_rate") >= 100
    fast = [b for b in beats if b.label == "V" and b.state is MarkState.CONFIRMED][21:]
    opened = next(one for one in findings if one.kind == "vt")
    assert opened.decided_at <= fast[5].decided_at
    assert ended["vt"].end == fast[-1].start


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("NSV"), st.floats(0.7, 1.2)), max_size=25),
    st.floats(0.25, 0.58),
    st.integers(8, 30),
)
def test_tachycardia_is_told_whatever_came_before(before, rr_s, count):
    beats = rhythm([("N", 0.8), *before, *[("V", rr_s)] * count])
    findings = run(watched(beats))
    check_revisions(findings)
    fast = beats[-2 * count :]
    told = [one for one in findings if one.kind == "vt" and one.state is FindingState.OPENED]
    assert told
    assert told[0].decided_at <= fast[15].decided_at


@pytest.mark.parametrize("called", ["N", "S", "F", "Q"])
def test_an_open_tachycardia_goes_on_with_beats_of_its_rate_and_shape(called):
    sustained = [*steady(9), ("V", 0.4, 0.2), *[("V", 0.4, 0.97)] * 11, *[(called, 0.4, 0.97)] * 100]
    findings = run(watched(rhythm([*sustained, ("N", 0.4, 0.1), *steady(5)])))
    check_revisions(findings)
    [vt] = [one for one in last(findings) if one.kind == "vt"]
    assert value(vt, "count") == 112
    assert value(vt, "otherwise") == 100
    assert value(vt, "duration") == pytest.approx(111 * 0.4, abs=0.1)


@pytest.mark.parametrize("ending", [("S", 0.4, 0.5), ("S", 0.4), ("S", 0.55, 0.99), ("S", 1.0, 0.99)])
def test_an_open_tachycardia_ends_with_another_shape_or_a_longer_interval(ending):
    beats = [*steady(9), ("V", 0.4, 0.2), *[("V", 0.4, 0.97)] * 11, ending, *[("S", 0.8, 0.97)] * 9]
    [vt] = [one for one in last(run(watched(rhythm(beats)))) if one.kind == "vt"]
    assert value(vt, "count") == 12


def test_beats_of_another_class_hold_no_shorter_run():
    beats = [*steady(9), ("V", 0.5, 0.2), *[("V", 0.5, 0.97)] * 3, *[("S", 0.5, 0.97)] * 9, *steady(5)]
    [found] = [one for one in last(run(watched(rhythm(beats)))) if one.kind == "v-run"]
    assert value(found, "count") == 4


@pytest.mark.parametrize("between", ["N", "S", "F", "Q"])
def test_any_other_beat_ends_a_run(between):
    labels = [*steady(5), ("V", 0.5), ("V", 0.5), (between, 0.6), ("V", 0.5), ("V", 0.5), *steady(5)]
    found = last(run(watched(rhythm(labels))))
    assert [finding.kind for finding in found] == ["pvc-couplet", "pvc-couplet"]


def test_a_run_that_the_front_end_does_not_see_is_none():
    def told(seen):
        items = watched(rhythm([*steady(12), ("V", 0.5), ("V", 0.5), ("V", 0.5), *steady(4)]))
        numbered = [
            replace(one, numbers=(*one.numbers, ("ventricular_seen", seen))) if one.label == "V" else one
            for one in items
        ]
        return {finding.kind for finding in run(numbered)}

    assert "v-run" in told(0.9)
    assert "v-run" not in told(0.1)


@pytest.mark.parametrize("count", [3, 8])
def test_a_run_with_which_the_pulse_does_not_change_is_none(count):
    beats = watched(rhythm([*steady(25), *[("V", 0.4)] * count, *steady(12)]))
    assert alarms_of(run(in_time(beats, pulse(1.3, seconds(beats))))) == []
    assert alarms_of(run(beats)) == (["v-run"] if count == 3 else ["v-run", "vt"])


@pytest.mark.parametrize(
    "then",
    [
        pytest.param([], id="the pulse stops"),
        pytest.param(pulse(RUN_S + 0.7, 24.0, period_s=0.4), id="the pulse is as fast as the run"),
        pytest.param(pulse(RUN_S + 1.4, 40.0), id="a beat of the pulse is missing"),
    ],
)
def test_a_run_with_which_the_pulse_changes_is_told(then):
    beats = watched(rhythm(FAST_RUN))
    told = run(in_time(beats, pulse(1.3, RUN_S + 0.4), then))
    assert "vt" in alarms_of(told)
    check_revisions(told)


def test_a_run_that_was_held_is_not_told_once_the_heart_fibrillates():
    beats = watched(rhythm([*steady(25), *[("V", 0.4)] * 6, *[("V", 0.75)] * 6]))
    judged = [fitness(index, 0.9, "none" if index < 23 else FIBRILLATES) for index in range(30)]
    told = [one.kind for one in run(in_time(beats, judged, pulse(1.3, RUN_S + 4.0)))]
    assert "vt" not in told
    assert "vt" in [one.kind for one in run(in_time(beats, pulse(1.3, RUN_S + 4.0)))]


def test_a_run_that_ends_before_the_pulse_could_change_is_told_when_it_is_over():
    beats = watched(rhythm([*steady(25), *[("V", 0.3)] * 3, *steady(12)]))
    told = last(run(in_time(beats, pulse(1.3, RUN_S + 0.4), pulse(RUN_S + 1.4, 28.0))))
    assert alarms_of(told) == ["v-run"]
    (one,) = (each for each in told if each.kind == "v-run")
    assert one.state is FindingState.CLOSED
    assert value(one, "count") == 3
    assert one.decided_at <= (RUN_S + 2.5) * FS


@pytest.mark.parametrize("count", [6, 7])
def test_a_tachycardia_that_is_held_while_the_run_before_it_is_told_is_told_as_well(count):
    runs = [*[("V", 0.25)] * 3, ("N", 0.3), *[("V", 0.25)] * count]
    beats = watched(rhythm([*steady(14, 1.2), *runs, *steady(8, 1.2)]))
    told = run(in_time(beats, pulse(1.3, 19.4, period_s=1.2)))
    check_revisions(told)
    assert alarms_of(told) == ["v-run", "vt"]


def test_a_tachycardia_at_the_rate_of_the_pulse_is_told():
    beats = watched(rhythm([*steady(25, 0.5), *[("V", 0.5, 0.2)] * 10]))
    assert "vt" in alarms_of(run(in_time(beats, pulse(1.3, 40.0, period_s=0.5))))


def seen_fast(usually: float, called: str = "S", seen: float = 0.97) -> list[Finding]:
    """Twenty beats as the patient's are, then ten at 150 a minute that the front end calls V and the classifier not."""
    beats = rhythm([*steady(20), *[(called, 0.4)] * 10, *steady(4)])
    numbered = [
        replace(one, numbers=(*one.numbers, ("ventricular_seen", usually if one.label == "N" else seen)))
        for one in beats
    ]
    return last(run(watched(numbered)))


def test_what_the_front_end_is_sure_of_is_tachycardia_whatever_the_classifier_calls_it():
    (finding,) = (one for one in seen_fast(0.02) if one.kind == "vt")
    assert value(finding, "count") == 10
    assert value(finding, "otherwise") == 10


@pytest.mark.parametrize(("called", "told"), [("Q", True), ("-", True), ("S", False)])
def test_the_front_end_needs_to_be_less_sure_of_beats_that_nobody_classified(called, told):
    assert bool([one for one in seen_fast(0.02, called, seen=0.7) if one.kind == "vt"]) is told


def test_in_a_patient_all_of_whose_beats_look_ventricular_the_front_end_alone_is_not_believed():
    assert not [one for one in seen_fast(0.95) if one.kind in ("vt", "v-run")]
