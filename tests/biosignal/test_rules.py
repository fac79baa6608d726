"""Rhythm rules: what opens, what closes, and that cutting does not matter."""

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.events import (
    Abstained,
    Finding,
    FindingState,
    Mark,
    MarkState,
    Outcome,
    Prediction,
    Priority,
    QualityLevel,
    Rung,
    Unavailable,
)
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead
from biosignal.stream.stage import Item
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_front.kinds import FIBRILLATES, LATELY
from biosignal.tasks.ecg_rhythm.kinds import CONTRACT
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.stage import RhythmStage
from biosignal.tasks.finding_log import FindingLog
from biosignal.tasks.signal_quality.limits import QualityLimits
from biosignal.tasks.signal_quality.rule import SignalRule
from biosignal.tasks.task import TaskFacts
from biosignal.wire.envelope import decode, encode, wrap

FS = 250.0
LEAD = "MLII"


def unasked() -> Model:
    """The rhythm's model where there is none: the rules alone are at work."""
    return Model("ecg-rhythm", CONTRACT, None, "no bundle")


def outcome(label: str) -> Outcome:
    if label == "Q":
        return Abstained(task="ecg-beats", reason="embedding far from training data")
    if label == "-":
        return Unavailable(task="ecg-beats", reason="no model")
    scores = tuple((name, 0.91 if name == label else 0.03) for name in "NSVF")
    return Prediction(task="ecg-beats", bundle="ecg-beats/1.0.0", rung=Rung.ONNX_CPU, label=label, scores=scores)


def mark(
    sample, decided_at, state, *, label="N", rr_s=None, quality=QualityLevel.USABLE, lead=LEAD, likeness=None
) -> Mark:
    numbers = (("rr_before", rr_s), ("likeness_before", likeness))
    return Mark(
        id=f"beat-{sample}",
        task="ecg-beats",
        kind="beat",
        recording="r",
        leads=(lead,),
        start=sample,
        end=sample,
        decided_at=decided_at,
        state=state,
        quality=quality,
        outcome=outcome(label),
        numbers=tuple((name, value) for name, value in numbers if value is not None),
    )


def beat(
    sample: int, label: str = "N", rr_s: float | None = 0.8, quality=QualityLevel.USABLE, likeness: float | None = None
) -> list[Mark]:
    """A beat as the detector says it: provisional 50 samples after its peak, confirmed 100 after."""
    return [
        mark(sample, sample + delay, state, label=label, rr_s=rr_s, quality=quality, likeness=likeness)
        for delay, state in ((50, MarkState.PROVISIONAL), (100, MarkState.CONFIRMED))
    ]


def second(
    index: int, level=QualityLevel.USABLE, reason: str = "", lead: str = LEAD, *, fs_hz=FS, decided_at=None
) -> Mark:
    start, end = round(index * fs_hz), round((index + 1) * fs_hz)
    said = Prediction(
        task="signal-quality", bundle="quality-rules/1", rung=Rung.RULES, label=reason or "usable", scores=()
    )
    return Mark(
        id=f"second-{start}",
        task="signal-quality",
        kind="second",
        recording="r",
        leads=(lead,),
        start=start,
        end=end,
        decided_at=end - 1 if decided_at is None else decided_at,
        state=MarkState.CONFIRMED,
        quality=level,
        outcome=said,
    )


def fitness(index: int, fit: float, label: str = "none") -> Mark:
    """A second as the front end judges it."""
    said = Prediction(task="ecg-front", bundle="ecg-front/1.0.0", rung=Rung.ONNX_CPU, label=label, scores=())
    start = round(index * FS)
    return replace(
        second(index), id=f"fitness-{start}", task="ecg-front", kind="fitness", outcome=said, numbers=(("fit", fit),)
    )


def is_beat(item) -> bool:
    return isinstance(item, Mark) and item.kind == "beat"


def rhythm(labels_and_rr: Iterable[tuple[str, float] | tuple[str, float, float]], start_s: float = 1.0) -> list[Mark]:
    """Beats from (label, RR before in s, likeness to the beat before where it is known); the first has no RR."""
    beats: list[Mark] = []
    at_s = start_s
    for index, (label, rr_s, *likeness) in enumerate(labels_and_rr):
        at_s += rr_s if index else 0.0
        beats += beat(round(at_s * FS), label, rr_s if index else None, likeness=likeness[0] if likeness else None)
    return beats


def in_time(*streams: Sequence[Item]) -> list[Item]:
    return sorted(itertools.chain(*streams), key=lambda item: (item.decided_at, is_beat(item)))


def good(seconds: int) -> list[Mark]:
    return [second(index) for index in range(seconds)]


def watched(beats: list[Mark]) -> list[Item]:
    """The beats with usable seconds until the last of them."""
    return in_time(beats, good(int(beats[-1].start / FS) + 1))


def facts(lead: str = LEAD, fs_hz: float = FS) -> TaskFacts:
    return TaskFacts(device="d", recording="r", stream="live", fs_hz=fs_hz, leads=(Lead(name=lead),))


def rules(**limits: float) -> RhythmStage:
    return RhythmStage(facts(), unasked(), RhythmLimits(**limits))


def run(items: Iterable[Item], **limits: float) -> list[Finding]:
    stage = rules(**limits)
    passed = [out for item in items for out in stage.push(item)] + list(stage.finish())
    return [item for item in passed if isinstance(item, Finding)]


def last(findings: Iterable[Finding]) -> list[Finding]:
    """The highest revision of each finding, in order of onset."""
    return sorted({finding.id: finding for finding in findings}.values(), key=lambda finding: finding.onset)


def value(finding: Finding, name: str) -> float:
    return next(m.value for m in finding.evidence.measures if m.name == name)


def steady(count: int, rr_s: float = 0.8) -> list[tuple[str, float]]:
    return [("N", rr_s)] * count


def check_revisions(findings: Iterable[Finding]) -> None:
    by_id: dict[str, list[Finding]] = {}
    for finding in findings:
        by_id.setdefault(finding.id, []).append(finding)
    for revisions in by_id.values():
        assert [finding.rev for finding in revisions] == list(range(len(revisions)))
        assert revisions[0].state is FindingState.OPENED
        assert all(finding.state is FindingState.EXTENDED for finding in revisions[1:-1])
        assert revisions[-1].state in (FindingState.CLOSED, FindingState.WITHDRAWN)
        assert len({(f.kind, f.onset, f.leads, f.stream) for f in revisions}) == 1
        assert all(f.end >= f.onset and f.priority is revisions[0].priority for f in revisions)


def test_a_steady_rhythm_has_no_findings():
    assert run(watched(rhythm(steady(60)))) == []


def test_every_finding_crosses_the_line_unchanged():
    cycle = [*steady(4), ("V", 0.5), ("V", 0.4), ("V", 0.4), ("N", 1.1), ("N", 2.4)]
    findings = run(in_time(rhythm(cycle * 4), good(60)))
    assert {finding.kind for finding in findings} >= {"v-run", "pause", "asystole"}
    for seq, finding in enumerate(findings):
        envelope = wrap(finding, seq=seq, device="d", boot="b", at="2026-01-01T00:00:00Z")
        assert decode(encode(envelope)).body == finding


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


def test_asystole_is_told_without_waiting_for_a_beat():
    beats = rhythm(steady(10))
    findings = run(in_time(beats, good(40)))
    check_revisions(findings)
    assert {finding.kind for finding in findings} == {"asystole"}
    onset = beats[-1].start
    assert findings[0].onset == onset
    assert 4.0 <= (findings[0].decided_at - onset) / FS <= 6.0
    assert value(findings[-1], "duration") == pytest.approx((40 * FS - onset) / FS, abs=20.0)


def test_asystole_closes_with_the_next_beat_and_is_no_pause():
    findings = last(run(watched(rhythm([*steady(10), ("N", 7.0), *steady(5)]))))
    assert [finding.kind for finding in findings] == ["asystole"]
    assert value(findings[0], "duration") == 7.0


def test_a_silence_of_just_over_the_limit_is_asystole_when_the_beat_ends_it():
    findings = last(run(watched(rhythm([*steady(10), ("N", 4.1), *steady(5)]))))
    assert [finding.kind for finding in findings] == ["asystole"]


def test_a_provisional_beat_holds_asystole_back_and_its_withdrawal_frees_it():
    beats = rhythm(steady(10))
    maybe = [b for b in beat(11 * 250) if b.state is MarkState.PROVISIONAL]
    kept = run(in_time(beats, maybe, good(14)))
    assert kept == []
    withdrawn = [mark(maybe[0].start, maybe[0].start + 120, MarkState.WITHDRAWN, label="-")]
    freed = run(in_time(beats, maybe, withdrawn, good(14)))
    assert {finding.kind for finding in freed} == {"asystole"}


def test_no_asystole_from_a_lead_that_is_off():
    seconds = good(10) + [second(index, QualityLevel.REJECTED, "lead-off") for index in range(10, 40)]
    assert run(in_time(rhythm(steady(10)), seconds)) == []


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


def watched_signal(seconds: list[Mark]) -> list[Finding]:
    """What the signal rule says of seconds of one lead."""
    quality = TASKS["signal-quality"]
    log = FindingLog(facts(), task=quality.name, kinds=quality.findings, quantities=quality.quantities)
    rule = SignalRule(log, QualityLimits())
    for one in seconds:
        log.clock = one.decided_at
        rule.on_second(one)
    rule.on_break()
    return log.drain()


def test_technical_findings_have_hysteresis():
    level = {True: QualityLevel.REJECTED, False: QualityLevel.USABLE}
    bad = "..xx..xxxx..x...." + "x" * 3 + "." * 10
    seconds = [second(index, level[letter == "x"], "noise") for index, letter in enumerate(bad)]
    findings = watched_signal(seconds)
    check_revisions(findings)
    assert [(f.kind, f.onset) for f in last(findings)] == [("poor-signal", 6 * 250)]
    assert last(findings)[0].end == 20 * 250


def test_lead_off_takes_over_from_noise():
    seconds = [second(index, QualityLevel.REJECTED, "noise" if index < 5 else "lead-off") for index in range(12)]
    assert [finding.kind for finding in last(watched_signal(seconds))] == ["poor-signal", "lead-off"]


def test_a_lead_that_never_showed_a_beat_has_no_ecg_and_no_asystole():
    findings = run(good(40))
    check_revisions(findings)
    assert {finding.kind for finding in findings} == {"no-ecg-seen"}
    assert 10.0 <= findings[0].decided_at / FS <= 12.0


def test_the_first_beats_end_that_no_ecg_was_seen():
    findings = last(run(in_time(rhythm(steady(10), start_s=20.0), good(28))))
    assert [(finding.kind, finding.state) for finding in findings] == [("no-ecg-seen", FindingState.CLOSED)]
    assert findings[0].end / FS == pytest.approx(20.0 + 2 * 0.8)


def silent(fits: Sequence[float], label: str = "none") -> list[Finding]:
    """Ten beats, then as many seconds of silence as there are fits."""
    judged = [*(fitness(index, 1.0) for index in range(9)), *(fitness(9 + n, fit, label) for n, fit in enumerate(fits))]
    # What the front end says of a second is known before the second of quality that ends with it is taken.
    return last(run(in_time(rhythm(steady(10)), [one for pair in zip(judged, good(99), strict=False) for one in pair])))


def test_on_a_lead_that_is_fit_a_silence_is_asystole():
    assert [finding.kind for finding in silent([0.9] * 12) if finding.kind != "bradycardia"] == ["asystole"]


def test_on_a_lead_that_is_not_fit_no_ecg_is_seen_and_no_asystole_told():
    (finding,) = silent([0.1] * 12)
    assert finding.kind == "no-ecg-seen"
    assert 4.0 <= (finding.onset / FS) <= 9.0


def test_a_silence_that_goes_on_once_a_lead_is_fit_becomes_asystole():
    assert [finding.kind for finding in silent([0.1] * 8 + [0.9] * 10)] == ["no-ecg-seen", "asystole"]


def test_in_fibrillation_nothing_is_silent():
    assert not silent([0.9] * 12, label="vf")


def test_a_pause_on_a_lead_that_is_not_fit_is_none():
    beats = rhythm([*steady(10), ("N", 3.0), *steady(3)])

    def kinds(fit):
        judged = [fitness(index, fit if 8 <= index < 12 else 1.0) for index in range(20)]
        return {finding.kind for finding in run(in_time(beats, judged, good(14)))}

    assert "pause" in kinds(1.0)
    assert "pause" not in kinds(0.1)


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


def pulse(start_s: float, end_s: float, height: float = 1.0, period_s: float = 0.8) -> list[Mark]:
    """Waves of a pulse, told a quarter of a second after their top."""
    times = [start_s + index * period_s for index in range(int((end_s - start_s) / period_s))]
    return [
        replace(
            mark(round(at_s * FS), round((at_s + 0.25) * FS), MarkState.CONFIRMED, lead="ABP"),
            id=f"wave-{at_s}",
            task="peripheral-pulse",
            kind="pulse-wave",
            numbers=(("pulse_height", height),),
        )
        for at_s in times
    ]


def swept(swing_mv: float) -> list[str]:
    """Beats of 1 mV, then a silence in whose second second the quietest lead swings so far."""
    beats = [replace(one, numbers=(*one.numbers, ("amplitude", 1.0))) for one in rhythm(steady(10))]
    judged = [
        replace(one, numbers=(*one.numbers, ("lead_swing", swing_mv if index == 10 else 0.1)))
        for index, one in enumerate(fitness(index, 0.9) for index in range(30))
    ]
    return [one.kind for one in last(run(in_time(beats, judged, good(14))))]


def test_a_silence_in_which_an_electrode_moves_is_no_asystole():
    assert swept(0.4) == ["asystole"]
    assert swept(1.6) == ["no-ecg-seen"]


@pytest.mark.parametrize(("reason", "told_by_s"), [("unfit", 24), ("swept", 24), ("swept, once in vf", 60)])
def test_a_silence_that_could_be_judged_again_is_asystole_once_and_no_id_is_used_twice(reason, told_by_s):
    beats = [replace(one, numbers=(*one.numbers, ("amplitude", 1.0))) for one in rhythm(steady(10))]
    judged = []
    for index in range(60):
        was_bad = 9 <= index < 18
        label = "vf" if index == 12 and reason.endswith("vf") else "none"
        one = fitness(index, 0.1 if was_bad and reason == "unfit" else 0.9, label)
        swing = 1.6 if was_bad and reason.startswith("swept") else 0.1
        judged.append(replace(one, numbers=(*one.numbers, ("lead_swing", swing))))
    seconds = [one for pair in zip(judged, good(60), strict=True) for one in pair]
    findings = run(in_time(beats, seconds))
    check_revisions(findings)
    opened = [finding for finding in findings if finding.rev == 0]
    assert [finding.kind for finding in opened] == ["no-ecg-seen", "asystole"]
    assert opened[-1].decided_at / FS <= told_by_s


def test_behind_fibrillation_no_ecg_seen_informs_and_alarms_once_fibrillation_is_over():
    judged = [fitness(index, 0.9 if index < 9 else 0.1, LATELY if 9 <= index < 30 else "none") for index in range(60)]
    seconds = [one for pair in zip(judged, good(60), strict=True) for one in pair]
    findings = run(in_time(rhythm(steady(10)), seconds))
    check_revisions(findings)
    quiet, loud = (finding for finding in findings if finding.rev == 0)
    assert {quiet.kind, loud.kind} == {"no-ecg-seen"}
    assert (quiet.priority, loud.priority) == (Priority.NONE, Priority.MEDIUM)
    assert quiet.decided_at / FS < 20
    assert 30 <= loud.onset / FS <= 32
    assert loud.decided_at / FS <= 45
    assert last(findings)[0].state is FindingState.CLOSED


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


def test_while_the_pulse_goes_on_a_silence_is_no_asystole_and_when_it_stops_it_is_one():
    beats = rhythm(steady(10))
    findings = last(run(in_time(beats, pulse(1.3, 20.0), good(40))))
    assert [(finding.kind, finding.state) for finding in findings] == [
        ("no-ecg-seen", FindingState.CLOSED),
        ("asystole", FindingState.CLOSED),
    ]
    assert "pulse" in findings[0].outcome.reason
    assert findings[1].decided_at >= 20 * FS
    assert [finding.kind for finding in last(run(in_time(beats, pulse(1.3, 8.6), good(40))))] == ["asystole"]


def alarms_of(findings: Iterable[Finding]) -> list[str]:
    return [one.kind for one in last(findings) if one.priority in (Priority.MEDIUM, Priority.HIGH)]


def seconds(items: Iterable[Item]) -> float:
    return max(one.start for one in items) / FS + 0.9


FAST_RUN = [*steady(25), *[("V", 0.4)] * 8, *steady(12)]
RUN_S = 20.2
"""When the run begins, and the pulse of its first beat should have come early."""


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


def test_a_tachycardia_at_the_rate_of_the_pulse_is_told():
    beats = watched(rhythm([*steady(25, 0.5), *[("V", 0.5, 0.2)] * 10]))
    assert "vt" in alarms_of(run(in_time(beats, pulse(1.3, 40.0, period_s=0.5))))


def test_a_rate_or_a_pause_that_the_pulse_denies_is_not_told():
    slow, fast = watched(rhythm([*steady(20), *steady(12, 1.6)])), watched(rhythm([*steady(20), *steady(30, 0.4)]))
    paused = watched(rhythm([*steady(20), ("N", 2.4), *steady(8)]))
    for beats, kind in ((slow, "bradycardia"), (fast, "tachycardia"), (paused, "pause")):
        assert alarms_of(run(beats)) == [kind]
        assert alarms_of(run(in_time(beats, pulse(1.3, seconds(beats))))) == []
    changed = [*pulse(1.3, 17.5), *pulse(18.2, seconds(slow), period_s=1.6)]
    assert alarms_of(run(in_time(slow, changed))) == ["bradycardia"]


def test_beats_that_come_singly_do_not_end_an_asystole_and_a_rhythm_does():
    agonal = [("N", 6.0)] * 5
    findings = last(run(watched(rhythm([*steady(10), *agonal, *steady(8)]))))
    (asystole,) = (finding for finding in findings if finding.kind == "asystole")
    assert not [finding for finding in findings if finding.kind == "pause"]
    assert value(asystole, "duration") == pytest.approx(30.0)


def test_while_the_heart_stands_still_or_fibrillates_lesser_alarms_are_silent():
    v_run = [("N", 0.8), ("V", 0.4), ("V", 0.4), ("V", 0.4), ("V", 0.4), ("N", 1.2)]
    beats = rhythm([*steady(12), *v_run, ("N", 2.6), *steady(3), *v_run, ("N", 2.6), *steady(8)])

    def kinds(label):
        judged = [fitness(index, 1.0, label) for index in range(40)]
        return {finding.kind for finding in run(in_time(beats, judged, good(int(beats[-1].start / FS))))}

    assert {"v-run", "pause"} <= kinds("none")
    assert not {"v-run", "pause", "bradycardia", "tachycardia"} & kinds("vf lately")


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


def test_a_lead_that_showed_beats_before_a_gap_can_show_asystole_behind_it():
    gap = Gap(recording="r", start=2500, length=250, reason="lost")
    behind = [second(index) for index in range(11, 30)]
    findings = run([*in_time(rhythm(steady(10)), good(10)), gap, *behind])
    assert {finding.kind for finding in findings} == {"asystole"}


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
