"""Fibrillation that has just begun: told by the last few beats alone, and only behind something else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rhythm_cases import FS, check_revisions, facts, last, value

from biosignal.errors import BadInput
from biosignal.events import (
    Finding,
    FindingState,
    Mark,
    MarkState,
    Prediction,
    QualityLevel,
    Rung,
    Unavailable,
    mark_id,
)
from biosignal.tasks.ecg_beats.windows import LENGTH
from biosignal.tasks.ecg_rhythm.atrial import AtrialRule
from biosignal.tasks.ecg_rhythm.kinds import CLASSES, FINDINGS, NAME, QUANTITIES
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.naming import LATELY, Named
from biosignal.tasks.ecg_rhythm.onset import BEFORE_BEATS, SINCE_BEATS
from biosignal.tasks.ecg_rhythm.seen import LastBeats
from biosignal.tasks.finding_log import FindingLog

LONG = 64.0
QUIET = [(0.0, 0.0)] * 8


def answered(af):
    scores = dict.fromkeys(CLASSES, 0.0) | {"sinus": 1.0 - af, "af": af}
    label = "af" if af > 0.5 else "sinus"
    return Prediction(task=NAME, bundle="b/1", rung=Rung.ONNX_CPU, label=label, scores=tuple(scores.items()))


def named(index, whole, lately):
    start = round(index * 4 * 0.8 * FS)
    mark = Mark(
        id=mark_id(recording="r", task=NAME, kind="rhythm", leads=("MLII",), start=start),
        task=NAME,
        kind="rhythm",
        recording="r",
        leads=("MLII",),
        start=start,
        end=start + round(4 * 0.8 * FS),
        decided_at=start + round(5 * 0.8 * FS),
        state=MarkState.CONFIRMED,
        quality=QualityLevel.USABLE,
        outcome=answered(whole),
        numbers=(("intervals", LONG), ("p_likeness", 0.5)),
    )
    return Named(mark=mark, lately=lately if lately is None or not isinstance(lately, float) else answered(lately))


def told(answers, labels=None, **limits):
    """Findings, where each four beats the whole history and the last few say this, and beats are called so."""
    log = FindingLog(facts(), task=NAME, kinds=FINDINGS, quantities=QUANTITIES)
    rule = AtrialRule(log, RhythmLimits(**limits))
    findings: list[Finding] = []
    for index, (whole, lately) in enumerate(answers):
        one = named(index, whole, lately)
        for beat in range(4):
            label = "N" if labels is None else labels[4 * index + beat]
            rule.on_beat(one.mark.start + round((beat + 1) * 0.8 * FS), label)
        log.clock = one.mark.decided_at
        rule.on_named(one)
        findings += log.drain()
    rule.on_break()
    return [*findings, *log.drain()]


def test_the_last_few_beats_open_it_while_the_whole_history_still_says_something_else():
    findings = told([*QUIET, (0.0, 0.7), (0.01, 0.95), (0.1, 0.97), (0.99, 0.99), (0.99, 0.2)])
    first, whole = findings[0], last(findings)[0]
    assert (first.kind, first.state) == ("af", FindingState.OPENED)
    assert first.onset == named(8, 0.0, None).mark.start
    assert first.end == named(9, 0.0, None).mark.end
    assert value(first, "probability") == 0.95
    assert value(first, "intervals") == LATELY
    assert dict(first.outcome.scores)["af"] == 0.95
    assert first.outcome.label == "af"
    assert whole.end == named(12, 0.0, None).mark.end
    check_revisions(findings)


def test_once_the_whole_history_holds_it_the_last_few_beats_hold_it_no_more():
    findings = told([*QUIET, (0.01, 0.95), (0.7, 0.9), (0.1, 0.7)])
    (one,) = last(findings)
    assert one.state is FindingState.CLOSED
    assert one.end == named(10, 0.0, None).mark.start


def test_a_few_beats_that_pass_are_over_when_they_are():
    (one,) = last(told([*QUIET, (0.01, 0.95), (0.05, 0.3), (0.0, 0.0)]))
    assert one.end == named(9, 0.0, None).mark.start


@pytest.mark.parametrize("before", [0.03, 0.35, 0.9])
def test_where_it_was_never_something_else_more_is_asked_for(before):
    assert told([(before, 0.99)] * 30) == []


@pytest.mark.parametrize("label", ["S", "V"])
def test_behind_beats_that_came_early_more_is_asked_for(label):
    answers = [(0.0, 0.0)] * 20 + [(0.01, 0.95)]
    beats = ["N"] * 4 * len(answers)
    assert last(told(answers, beats))
    early = list(beats)
    early[-SINCE_BEATS - 1] = label
    assert told(answers, early) == []
    within = list(beats)
    within[-SINCE_BEATS:] = [label] * SINCE_BEATS
    assert last(told(answers, within))
    long_ago = list(beats)
    long_ago[-SINCE_BEATS - BEFORE_BEATS - 1] = label
    assert last(told(answers, long_ago))


@pytest.mark.parametrize("lately", [None, Unavailable(task=NAME, reason="not this time"), 0.89])
def test_without_their_answer_or_below_the_limit_nothing_opens(lately):
    assert told([*QUIET, (0.01, lately), (0.02, lately)]) == []


@given(st.lists(st.tuples(st.floats(0, 1), st.none() | st.floats(0, 1)), min_size=1, max_size=40), st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_both_say_findings_follow_one_another_and_rest_on_an_answer(answers, data):
    size = 4 * len(answers)
    labels = data.draw(st.lists(st.sampled_from("NNNNNNSV"), min_size=size, max_size=size))
    findings = told(answers, labels)
    check_revisions(findings)
    for one in findings:
        if one.state is FindingState.OPENED:
            assert value(one, "probability") >= 0.5
    assert all(one.state is FindingState.CLOSED for one in last(findings))


def test_a_limit_that_closes_above_where_it_opens_is_refused():
    with pytest.raises(BadInput):
        RhythmLimits(af_open_lately=0.5, af_close_lately=0.6)
    with pytest.raises(BadInput):
        RhythmLimits(af_before=0.7)


def test_the_last_few_beats_are_asked_about_as_if_there_were_no_others():
    random = np.random.default_rng(4)
    rows = [(float(rr_s), random.normal(size=LENGTH).astype(np.float32)) for rr_s in random.uniform(0.5, 1.2, 40)]
    both = LastBeats(), LastBeats()
    for beats, shown in zip(both, (rows, rows[-LATELY:]), strict=True):
        for rr_s, shape in shown:
            beats.add(rr_s, amplitude=1.0, ventricular=0.0)
            beats.show(shape)
    few, alone = both[0].tensors(LATELY), both[1].tensors()
    assert few.keys() == alone.keys()
    assert all(np.array_equal(few[name], alone[name]) for name in few)
