"""Silence: asystole, and that no ECG was seen."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from rhythm_cases import (
    FS,
    beat,
    check_revisions,
    fitness,
    good,
    in_time,
    last,
    mark,
    pulse,
    rhythm,
    run,
    second,
    steady,
    value,
    watched,
)

from biosignal.events import Finding, FindingState, MarkState, Priority, QualityLevel
from biosignal.signal.blocks import Gap
from biosignal.tasks.ecg_front.kinds import LATELY


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


def test_a_lead_that_showed_beats_before_a_gap_can_show_asystole_behind_it():
    gap = Gap(recording="r", start=2500, length=250, reason="lost")
    behind = [second(index) for index in range(11, 30)]
    findings = run([*in_time(rhythm(steady(10)), good(10)), gap, *behind])
    assert {finding.kind for finding in findings} == {"asystole"}
