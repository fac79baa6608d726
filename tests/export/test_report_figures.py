"""Figures of a set are those of its records put together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.events import Priority
from export.report.alarms import AlarmScore, alarm_figures
from export.report.analysed import Analysed
from export.report.interval import interval
from export.report.qrs import QrsScore, qrs_figures
from export.report.quality import QualityScore, auroc, quality_figures
from export.report.verdicts import Verdict
from export.report.vf import score_vf, vf_figures
from tests.export.test_verdicts import FIBRILLATING, Said, said, signals


def alarmed(record, *alarms, seconds=3600.0, from_s=0.0, label=()):
    return AlarmScore(
        record=record, from_s=from_s, seconds=seconds, leads=("II",), alarms=alarms, technical=0, label=label
    )


def test_false_alarms_are_counted_by_the_hour_and_the_first_minute_apart():
    figures = alarm_figures(
        [
            alarmed("a", (said("vt", 4.0, 8.0), Verdict.FALSE), (said("vt", 99.0, 100.0), Verdict.TRUE)),
            alarmed("b", (said("asystole", 99.0, 100.0), Verdict.FALSE), (said("vt", 9.0, 200.0), Verdict.UNSCORED)),
        ]
    )
    high = figures["gross"]["high"]
    assert (high["alarms"], high["false"], high["unscored"]) == (4, 2, 1)
    assert high["false_per_hour"] == 1.0
    assert high["ppv"] == pytest.approx(33.3333)
    assert figures["gross"]["first_10_s"]["high"]["false"] == 1
    assert figures["gross"]["first_minute"]["high"]["false_per_hour"] == 30.0
    assert figures["gross"]["after_first_minute"]["high"]["false"] == 1
    assert figures["gross"]["by_kind"]["asystole"]["ppv"] == 0.0
    assert figures["gross"]["medium"]["ppv"] is None
    assert figures["average"]["high"] == {"false_per_hour": 1.0, "ppv": 25.0}
    assert "challenge_2015" not in figures["gross"]


def test_what_is_left_out_gives_no_hours():
    figures = alarm_figures([alarmed("a", seconds=3600.0, from_s=300.0), alarmed("b", seconds=30.0, from_s=300.0)])
    assert figures["gross"]["hours"] == pytest.approx(0.9167, abs=1e-4)
    assert figures["records"][1]["high"]["false_per_hour"] is None


def test_where_nothing_can_be_scored_no_false_alarm_was_seen():
    figures = alarm_figures([alarmed("a", (said("vt", 1, 2), Verdict.UNSCORED)), alarmed("b")])
    assert (figures["gross"]["high"]["per_hour"], figures["gross"]["high"]["false_per_hour"]) == (0.5, None)
    assert "high" not in figures["interval"]
    assert figures["gross"]["medium"]["false_per_hour"] == 0.0


def test_misnamed_alarms_are_not_false_and_spoil_the_predictive_value():
    high = alarm_figures([alarmed("a", (said("vt", 1, 2), Verdict.MISNAMED), (said("vt", 1, 2), Verdict.TRUE))])
    assert (high["gross"]["high"]["false"], high["gross"]["high"]["ppv"]) == (0, 50.0)


def test_a_missed_true_alarm_costs_five_in_the_challenge():
    at_end = said("vt", 58.0, 59.0)
    figures = alarm_figures(
        [
            alarmed("a", (at_end, Verdict.TRUE), seconds=60.0, label=("Ventricular_Tachycardia", "1")),
            alarmed("b", seconds=60.0, label=("Asystole", "1")),
            alarmed("c", seconds=60.0, label=("Asystole", "0")),
            alarmed("d", (at_end, Verdict.FALSE), seconds=60.0, label=("Ventricular_Tachycardia", "0")),
        ]
    )
    assert figures["gross"]["challenge_2015"] == {"tp": 1, "fn": 1, "fp": 1, "tn": 1, "score": 25.0}


def test_beats_are_pooled_and_averaged():
    scores = [
        QrsScore(record="100", wide=(90, 10, 0), narrow=(80, 20, 10), latency_ms=(300.0, 500.0)),
        QrsScore(record="101", wide=(100, 0, 100), narrow=(100, 0, 100), latency_ms=()),
    ]
    figures = qrs_figures(scores, {"first": ("100",), "absent": ("999",)})
    assert figures["gross"]["se"] == 95.0
    assert figures["gross"]["der"] == 55.0
    assert figures["gross"]["confirmed_ms_median"] == 400.0
    assert figures["average"]["se"] == 95.0
    assert figures["average"]["ppv"] == 75.0
    assert figures["groups"] == {"first": figures["groups"]["first"]}
    assert figures["groups"]["first"]["f1_50"] == pytest.approx(100 * 160 / 190, abs=1e-4)


def test_a_set_without_beats_has_no_figures():
    gross = qrs_figures([QrsScore(record="a", wide=(0, 0, 0), narrow=(0, 0, 0), latency_ms=())], {})["gross"]
    assert (gross["se"], gross["ppv"], gross["der"], gross["confirmed_ms_p99"]) == (None, None, None, None)


def heard(kind, decided_s, until_s=1e9, priority=Priority.HIGH):
    return Said(
        kind=kind,
        priority=priority,
        technical=False,
        onset_s=decided_s - 1.0,
        end_s=decided_s,
        decided_s=decided_s,
        until_s=until_s,
    )


@pytest.mark.parametrize(
    ("findings", "named", "first"),
    [
        ([], None, None),
        ([heard("asystole", 25.0), heard("vf", 26.0)], 5.5, "asystole"),
        ([heard("vf", 18.0)], 0.0, "vf"),
        ([heard("vf", 18.0, until_s=20.0)], None, None),
        ([heard("pvc", 22.0, priority=Priority.NONE), heard("vf", 35.0)], 14.5, "vf"),
    ],
)
def test_an_episode_is_named_by_what_sounds_in_it(findings, named, first):
    score = score_vf(signals(FIBRILLATING), Analysed(findings=findings), from_s=0.0)
    (episode,) = score.episodes
    assert (episode.named_s, episode.first) == (named, first)
    gross = vf_figures([score])["gross"]
    assert gross["se"] == (100.0 if named is not None and named <= 10.0 else 0.0)


def test_fibrillation_elsewhere_is_false_by_the_hour_outside_of_it():
    found = Analysed(findings=[heard("vf", 50.0), heard("vf", 30.0)])
    score = score_vf(signals([*FIBRILLATING, (45.0, "+", "(VT"), (55.0, "+", "(N")]), found, from_s=0.0)
    gross = vf_figures([score])["gross"]
    assert (gross["false"], gross["false_in"]) == (1, {"vt": 1})
    assert gross["false_per_hour"] == pytest.approx(3600 / 40.5, abs=0.01)


def test_without_fibrillation_nothing_can_be_named():
    assert vf_figures([score_vf(signals(), Analysed(), from_s=0.0)])["gross"]["se"] is None


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=30))
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(rows):
    score, good = np.array([float(s) for s, _ in rows]), np.array([g for _, g in rows])
    pairs = [(a > b) + 0.5 * (a == b) for a in score[good] for b in score[~good]]
    assert auroc(score, good) == (pytest.approx(np.mean(pairs)) if pairs else None)


def test_quality_is_scored_by_record():
    rows = [("a", 1.0, True), ("b", 0.9, True), ("c", 0.5, False), ("d", 1.0, False)]
    figures = quality_figures([QualityScore(record=name, score=s, acceptable=good) for name, s, good in rows])
    assert figures["gross"]["auroc"] == 0.625
    assert figures["gross"]["se_at_sp95"] == 50.0
    assert figures["gross"]["accuracy_best"] == 75.0


def test_an_interval_holds_the_figure_and_is_the_same_each_time():
    counts = np.array([[9.0, 1.0], [5.0, 5.0], [10.0, 0.0]])
    drawn = [interval(counts, lambda sums: 100 * sums[:, 0] / sums.sum(axis=1)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert drawn[0][0] <= 80.0 <= drawn[0][1]


def test_one_record_has_no_interval():
    assert interval(np.array([[1.0, 2.0]]), lambda sums: sums[:, 0]) is None
