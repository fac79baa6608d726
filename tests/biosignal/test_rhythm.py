"""Naming the rhythm: what the network is asked, when, and what is made of its answers."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rhythm_cases import FS, beat, check_revisions, facts, last, rhythm, steady, unasked, value, watched

from biosignal.events import Finding, FindingState, Mark, MarkState, Priority, Rung, Series
from biosignal.model.backend import BackendFailed
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap
from biosignal.tasks.ecg_beats.windows import LENGTH
from biosignal.tasks.ecg_rhythm.intervals import COUNT, LEAST, MOST, described
from biosignal.tasks.ecg_rhythm.kinds import CLASSES, CONTRACT
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.seen import LastBeats, intervals_of
from biosignal.tasks.ecg_rhythm.stage import RhythmStage

INTERVALS = st.lists(st.floats(0.2, 3.0), min_size=LEAST, max_size=MOST)


class Scripted:
    """Answers the next of some probabilities of af and afl; the last one again when they are used up."""

    bundle, rung = "ecg-rhythm/0.0.1", Rung.ONNX_CPU

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def infer(self, inputs):
        self.asked.append(inputs)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise BackendFailed("not this time")
        af, afl = answer
        return {"scores": np.array([[1.0 - af - afl, af, afl, 0.0, 0.0]], np.float32)}

    def close(self):
        pass


def named(items, *answers, **limits):
    """Rhythm marks, findings and what was asked, where the network gives these answers."""
    out, asked = said(items, *answers, **limits)
    marks = [one for one in out if isinstance(one, Mark) and one.kind == "rhythm"]
    return marks, [one for one in out if isinstance(one, Finding)], asked


def said(items, *answers, **limits):
    """All that is said, and what was asked, where the network gives these answers."""
    backend = Scripted(*answers)
    stage = RhythmStage(facts(), Model("ecg-rhythm", CONTRACT, backend, ""), RhythmLimits(**limits))
    out = []
    for item in items:
        out += stage.push(item)
        out += stage.advance(getattr(item, "decided_at", item.start) + 1)
    out += stage.finish()
    return out, backend.asked


def minutes(out):
    return [{column.quantity: column.values[0] for column in one.columns} for one in out if isinstance(one, Series)]


@given(st.lists(INTERVALS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_intervals_are_described_alike_alone_and_among_others(histories):
    log_s = [np.log(np.array(one)) for one in histories]
    together = intervals_of(log_s)
    assert together.shape == (len(histories), COUNT)
    assert np.isfinite(together).all()
    for row, one in zip(together, log_s, strict=True):
        assert np.array_equal(row, described(one[np.newaxis])[0])


def test_too_few_intervals_are_described_by_nothing():
    assert not intervals_of([np.log(np.full(LEAST - 1, 0.8))]).any()


def test_a_steady_rhythm_and_one_without_a_pattern_are_described_differently():
    random = np.random.default_rng(1)
    steady_one, without = intervals_of([np.full(MOST, np.log(0.8)), np.log(random.uniform(0.4, 1.2, MOST))])
    assert np.abs(steady_one - without).max() > 1.0


def test_p_waves_before_every_beat_are_alike_and_noise_is_not():
    random = np.random.default_rng(2)
    at = np.arange(LENGTH)
    shape = np.exp(-0.5 * ((at - 42) / 4.0) ** 2) * 0.15 + np.exp(-0.5 * ((at - 64) / 3.0) ** 2)
    likeness = []
    for p_wave in (1.0, 0.0):
        beats = LastBeats()
        for _ in range(16):
            beats.add(0.8, amplitude=1.0, ventricular=0.0)
            bare = shape - (1.0 - p_wave) * np.exp(-0.5 * ((at - 42) / 4.0) ** 2) * 0.15
            beats.show((bare + random.normal(0.0, 0.02, LENGTH)).astype(np.float32))
        likeness.append(beats.p_likeness())
    assert likeness[0] > 0.9
    assert likeness[0] - likeness[1] > 0.2


def test_what_is_unknown_of_a_beat_is_zero():
    beats = LastBeats()
    beats.add(None, amplitude=None, ventricular=None)
    beats.add(5.0, amplitude=None, ventricular=None)
    tensors = beats.tensors()
    assert {name: tensor.shape[1:] for name, tensor in tensors.items()} == {
        spec.name: spec.shape for spec in CONTRACT.inputs
    }
    assert not any(tensor.any() for tensor in tensors.values())


def test_the_rhythm_is_named_from_eight_beats_on_and_then_every_four():
    marks, _, _ = named(watched(rhythm(steady(24))), (0.1, 0.0))
    beats = [item.start for item in rhythm(steady(24))[::2]]
    assert [mark.end for mark in marks] == [beats[index] for index in (7, 11, 15, 19, 23)]
    assert [mark.start for mark in marks] == [beats[index] for index in (0, 7, 11, 15, 19)]
    assert {mark.label for mark in marks} == {"sinus"}


def test_a_recording_that_is_too_short_is_named_at_its_end():
    marks, _, _ = named(watched(rhythm(steady(6))), (0.9, 0.0))
    assert [mark.label for mark in marks] == ["af"]
    assert named(watched(rhythm(steady(3))), (0.9, 0.0))[0] == []


def test_without_a_model_no_rhythm_is_named_and_the_rules_go_on():
    stage = RhythmStage(facts(), unasked(), RhythmLimits())
    out = [one for item in watched(rhythm(steady(60, 0.4))) for one in stage.push(item)] + list(stage.finish())
    assert not [one for one in out if isinstance(one, Mark)]
    assert {one.kind for one in out if isinstance(one, Finding)} == {"tachycardia"}


def test_an_answer_that_fails_names_nothing_and_closes_nothing():
    marks, findings, _ = named(watched(rhythm(steady(40))), (0.9, 0.0), None, None, (0.9, 0.0))
    assert [mark.label for mark in marks[:4]] == ["af", None, None, "af"]
    assert [one.kind for one in last(findings)] == ["af"]


def test_fibrillation_opens_where_it_became_likely_and_closes_where_it_went():
    answers = [(0.1, 0.0), (0.6, 0.0), (0.9, 0.0), (0.6, 0.0), (0.9, 0.0), (0.2, 0.1)]
    marks, findings, _ = named(watched(rhythm(steady(60))), *answers)
    (one,) = last(findings)
    assert (one.kind, one.state) == ("af", FindingState.CLOSED)
    assert one.onset == marks[1].start
    assert one.end == marks[5].start
    check_revisions(findings)


def test_fibrillation_that_comes_back_within_minutes_alarms_once():
    answers = [(0.9, 0.0)] * 4 + [(0.1, 0.0)] * 3 + [(0.9, 0.0)]
    first, second = last(named(watched(rhythm(steady(60))), *answers)[1])
    assert (first.kind, first.priority, second.kind, second.priority) == ("af", Priority.LOW, "af", Priority.NONE)
    assert value(second, "since_alarm") > 0


def test_what_is_not_likely_enough_opens_nothing():
    assert named(watched(rhythm(steady(60))), (0.45, 0.5))[1] == []


def test_flutter_that_fibrillates_is_two_findings_one_after_the_other():
    marks, findings, _ = named(watched(rhythm(steady(60))), (0.05, 0.9), (0.05, 0.9), (0.9, 0.05))
    flutter, fibrillation = last(findings)
    assert (flutter.kind, fibrillation.kind) == ("afl", "af")
    assert flutter.end == fibrillation.onset == marks[2].start
    check_revisions(findings)


def test_an_irregular_rhythm_that_has_a_name_is_told_once():
    random = np.random.default_rng(3)
    beats = rhythm([("N", float(rr_s)) for rr_s in random.uniform(0.5, 1.1, 200)])
    alone = named(watched(beats), (0.1, 0.0))[1]
    assert "irregular" in {one.kind for one in alone}
    answers = [(0.1, 0.0)] * 20 + [(0.95, 0.0)]
    findings = last(named(watched(beats), *answers)[1])
    irregular = [one for one in findings if one.kind == "irregular"]
    (named_one,) = [one for one in findings if one.kind == "af"]
    assert all(one.onset <= named_one.onset and one.state is FindingState.CLOSED for one in irregular)


def test_a_gap_ends_it_and_what_lies_behind_is_another_patient_for_all_we_know():
    before = watched(rhythm(steady(30)))
    end = before[-1].decided_at + 200
    behind = list(rhythm(steady(30), start_s=(end + 400) / FS))
    items = [*before, Gap(recording="r", start=end, length=400, reason="lost"), *behind]
    marks, findings, asked = named(items, (0.9, 0.0))
    assert [one.state for one in last(findings)] == [FindingState.CLOSED, FindingState.CLOSED]
    assert not any(mark.start < end < mark.end for mark in marks)
    first_behind = next(index for index, mark in enumerate(marks) if mark.start > end)
    assert asked[first_behind]["intervals"][0, -len((8, 16, 32, 64))] < 1.0


def test_a_day_of_it_is_told_by_its_share():
    answers = [(0.9, 0.0)] * 5 + [(0.1, 0.0)]
    _, findings, _ = named(watched(rhythm(steady(100))), *answers)
    (one,) = last(findings)
    assert value(one, "atrial_burden") == pytest.approx(100.0, abs=8.0)
    assert value(one, "duration") == pytest.approx((one.end - one.onset) / FS, abs=1.0)


def test_a_beat_called_early_inside_fibrillation_is_counted_apart():
    beats = rhythm([*steady(18), ("S", 0.5), *steady(40), *[("S", 0.5), *steady(4)] * 6, *steady(20)])
    answers = [(0.0, 0.0)] * 6 + [(0.6, 0.0)] + [(0.9, 0.0)] * 15 + [(0.0, 0.0)]
    out, _ = said(watched(beats), *answers)
    (one,) = last([item for item in out if isinstance(item, Finding) and item.kind == "af"])
    early = [item.start for item in beats if item.state is MarkState.CONFIRMED and item.label == "S"]
    inside = sum(one.onset <= start <= one.end for start in early)
    assert (len(early), inside) == (7, 6)
    assert value(one, "s_unassessed") == inside
    assert sum(minute["s_unassessed"] for minute in minutes(out)) == inside
    assert sum(minute["s_beats"] for minute in minutes(out)) == len(early) - inside


def test_where_nothing_fibrillates_every_early_beat_is_assessed():
    out, _ = said(watched(rhythm([*steady(10), ("S", 0.5)] * 4)), (0.0, 0.0))
    assert [(minute["s_beats"], minute["s_unassessed"]) for minute in minutes(out)] == [(4, 0)]


@pytest.mark.parametrize(("kind", "period"), [("bigeminy", 2), ("trigeminy", 3)])
def test_every_second_or_third_ventricular_beat_is_a_rhythm_from_the_third_on(kind, period):
    cycle = [*steady(period - 1), ("V", 0.5)]
    _, findings, _ = named(watched(rhythm([*steady(8), *cycle * 6, *steady(8)])), (0.0, 0.0))
    (one,) = [each for each in last(findings) if each.kind == kind]
    assert (one.state, value(one, "v_beats")) == (FindingState.CLOSED, 6)
    assert not [each for each in last(findings) if each.kind in {"bigeminy", "trigeminy"} - {kind}]
    check_revisions(findings)


def test_two_ventricular_beats_in_turn_or_side_by_side_are_neither():
    beats = [*steady(8), ("V", 0.5), ("N", 1.1), ("V", 0.5), *steady(6), *[("V", 0.5)] * 2, *steady(8)]
    kinds = {one.kind for one in named(watched(rhythm(beats)), (0.0, 0.0))[1]}
    assert not kinds & {"bigeminy", "trigeminy"}


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.data())
@settings(max_examples=40, deadline=None)
def test_whatever_is_answered_findings_follow_one_another(answers, data):
    scores = [(a / max(a + b, 1.0), b / max(a + b, 1.0)) for a, b in answers]
    labels = data.draw(st.lists(st.sampled_from("NNNSV"), min_size=30, max_size=90))
    marks, findings, _ = named(watched(rhythm([(label, 0.7) for label in labels])), *scores)
    check_revisions([one for one in findings if one.kind in ("af", "afl", "bigeminy", "trigeminy")])
    atrial = [one for one in last(findings) if one.kind in ("af", "afl")]
    assert all(one.end <= two.onset for one, two in pairwise(atrial))
    assert all(one.end == two.start for one, two in pairwise(marks))
    assert {mark.label for mark in marks} <= set(CLASSES)


def test_a_rejected_beat_is_not_asked_about():
    from biosignal.events import QualityLevel

    items = [mark for index in range(20) for mark in beat(250 + 200 * index, quality=QualityLevel.REJECTED)]
    assert named(items, (0.9, 0.0))[0] == []
