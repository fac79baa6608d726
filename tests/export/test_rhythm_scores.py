"""Fibrillation by its duration, lists of beats, strips: figures that can be worked out by hand."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.scoring.score import Annotations
from biosignal.signal.blocks import Lead, LeadKind
from export.cli import main
from export.recordings import NoRecordings
from export.report.af import af_figures, score_af, score_af_of_beats
from export.report.analysed import Analysed, Rhythm
from export.report.beat_lists import BeatList, is_beat_list, read_beats
from export.report.evaluate import Request, prepared
from export.report.reading import Signals
from export.report.sets import NoSet
from export.report.strips import StripScore, score_stated, stated_figures, strip_figures, verdict
from export.report.sureness import calibration_error, risk_by_coverage

FS_HZ = 100.0


def signals(*changes, seconds=100.0):
    """A recording whose rhythm changes at these seconds to these names."""
    at = np.array([round(at_s * FS_HZ) for at_s, _ in changes], np.int64)
    return Signals(
        name="one",
        fs_hz=FS_HZ,
        leads=(Lead(name="II", kind=LeadKind.ECG),),
        samples=np.zeros((1, round(seconds * FS_HZ)), np.float32),
        reference=Annotations(at, ["+"] * len(at), np.zeros(len(at), np.int64)),
        aux=tuple(name for _, name in changes),
    )


def found(**named):
    return Analysed(named={kind: list(stretches) for kind, stretches in named.items()})


def test_seconds_are_named_rightly_wrongly_or_not_at_all():
    one = score_af(signals((0, "(N"), (20, "(AFIB"), (60, "(N")), found(af=[(30.0, 70.0)]), from_s=0.0)
    assert one.af == one.af_strict == (300, 100, 100)
    figures = af_figures([one], {})["gross"]
    assert (figures["se"], figures["ppv"]) == (75.0, 75.0)
    assert figures["false_in"] == {"N": pytest.approx(100 * 10 / 60, abs=0.1)}


def test_flutter_called_fibrillation_is_wrong_only_where_it_is_strict():
    one = score_af(signals((0, "(AFIB"), (50, "(AFL")), found(af=[(0.0, 100.0)]), from_s=0.0)
    figures = af_figures([one], {})["gross"]
    assert (figures["ppv"], figures["ppv_strict"]) == (100.0, pytest.approx(50.0, abs=0.2))
    assert figures["flutter"]["se"] == 0.0
    right = score_af(signals((0, "(AFIB"), (50, "(AFL")), found(af=[(0.0, 50.0)], afl=[(50.0, 100.0)]), from_s=0.0)
    assert af_figures([right], {})["gross"]["flutter"] == {"se": 100.0, "ppv": 100.0, "s": pytest.approx(50.0, abs=0.2)}


def test_the_first_minutes_are_left_out():
    one = score_af(signals((0, "(AFIB"), (50, "(N")), found(af=[(0.0, 50.0)]), from_s=40.0)
    assert one.af == (100, 0, 0)


def test_a_record_without_rhythms_cannot_be_scored():
    with pytest.raises(NoRecordings):
        score_af(signals(), found(), from_s=0.0)


def test_a_second_of_it_scores_above_another():
    said = Analysed(
        rhythms=[
            Rhythm(start_s=0.0, end_s=50.0, scores={"af": 0.1, "afl": 0.0}),
            Rhythm(start_s=50.0, end_s=100.0, scores={"af": 0.5, "afl": 0.4}),
        ]
    )
    one = score_af(signals((0, "(N"), (50, "(AFIB")), said, from_s=0.0)
    assert af_figures([one], {})["gross"]["auroc"] == pytest.approx(1.0, abs=0.02)


def test_a_probability_that_is_as_often_right_as_it_says_has_no_error():
    right, wrong = np.arange(100) < 80, np.arange(100) >= 80
    stated = np.full(100, 0.8)
    assert calibration_error(stated, right) == pytest.approx(0.0, abs=1e-9)
    assert calibration_error(stated, wrong) == pytest.approx(60.0)
    assert calibration_error(stated[:0], right[:0]) is None


def test_the_error_of_fibrillation_is_that_of_its_seconds():
    said = Analysed(rhythms=[Rhythm(start_s=0.0, end_s=100.0, scores={"af": 0.6, "afl": 0.1})])
    one = score_af(signals((0, "(N"), (50, "(AFIB")), said, from_s=0.0)
    assert af_figures([one], {})["gross"]["ece"] == pytest.approx(20.0, abs=1.0)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_fewer_answers_are_surer_ones(answers):
    sure = np.array([value for value, _ in answers])
    right = np.array([value for _, value in answers], bool)
    table = risk_by_coverage(sure, right)
    assert table[0]["coverage"] == 100.0
    assert table[0]["wrong"] == pytest.approx(100 * np.mean(~right), abs=1e-3)
    for row, after in pairwise(table):
        assert row["coverage"] >= after["coverage"] > 0
        assert row["sure_from"] <= after["sure_from"]


def test_the_wrong_ones_of_the_surest_are_counted():
    table = risk_by_coverage(np.arange(10) / 10, np.arange(10) >= 5)
    assert [(row["coverage"], row["wrong"]) for row in table][-1] == (50.0, 0.0)
    assert table[0]["wrong"] == 50.0


def test_patients_are_found_and_falsely_said_to_have_it():
    having = score_af(signals((0, "(AFIB")), found(af=[(0.0, 60.0)]), from_s=0.0)
    missed = score_af(signals((0, "(AFIB")), found(), from_s=0.0)
    false = score_af(signals((0, "(N")), found(afl=[(10.0, 50.0)]), from_s=0.0)
    short = score_af(signals((0, "(N")), found(af=[(10.0, 20.0)]), from_s=0.0)
    gross = af_figures([having, missed, false, short], {})["gross"]
    assert {name: gross[name] for name in gross if name.startswith("patients")} == {
        "patients": 2,
        "patients_found": 1,
        "patients_without": 2,
        "patients_false": 1,
    }


HEADS = ("time_second,beat_type,rhythm_label", "rhythm_label,extra,time_second,beat_type")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@given(st.lists(st.tuples(st.floats(0, 2000), st.sampled_from("NSVU")), max_size=30))
@settings(max_examples=20, deadline=None)
def test_a_list_of_beats_is_read_in_any_order(tmp_path_factory, head, mark, beats):
    folder = tmp_path_factory.mktemp("lists")
    order = head.split(",")
    rows = [{"time_second": repr(at), "beat_type": kind, "rhythm_label": "N", "extra": "x"} for at, kind in beats]
    text = mark + "\n".join([head, *(",".join(row[name] for name in order) for row in rows)]) + "\n"
    (folder / "7.csv").write_text(text, encoding="utf-8")
    assert is_beat_list(folder / "7.csv")
    known = read_beats(folder, "7")
    assert list(known.beats_s) == sorted(at - min(at for at, _ in beats) for at, _ in beats) if beats else True
    assert len(known.kinds) == len(beats)


def test_a_list_that_lacks_a_column_is_refused_with_its_columns(tmp_path):
    (tmp_path / "7.csv").write_text("time_second,beat_type\n1.0,N\n", encoding="utf-8")
    with pytest.raises(NoRecordings) as refused:
        read_beats(tmp_path, "7")
    assert "rhythm_label" in refused.value.advice


def test_what_lies_in_a_hole_between_beats_is_not_scored():
    known = BeatList(name="7", beats_s=(0.0, 1.0, 2.0, 60.0, 61.0), kinds=tuple("NNNNN"), rhythms=("AFIB/AFL",) * 5)
    one = score_af_of_beats(known, found(af=[(0.0, 61.0)]), from_s=0.0)
    assert one.af == (30, 0, 0)
    assert score_af_of_beats(known, found(afl=[(0.0, 61.0)]), from_s=0.0).af == (30, 0, 0)


def test_lists_of_beats_are_evaluated_by_the_stage_of_the_rhythm(tmp_path, capsys):
    random = np.random.default_rng(4)
    for name, rhythm, spread_s in (("1", "N", 0.01), ("2", "AFIB/AFL", 0.18)):
        at = np.cumsum(np.maximum(0.7 + random.normal(0.0, spread_s, 400), 0.3))
        rows = "\n".join(f"{at_s:.3f},N,{rhythm}" for at_s in at)
        (tmp_path / f"{name}.csv").write_text(f"time_second,beat_type,rhythm_label\n{rows}\n", encoding="utf-8")
    assert main(["evaluate", "af", "--data-dir", str(tmp_path), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["set"] == "arrdb"
    assert figures["gross"]["patients_found"] == figures["gross"]["patients"] == 1
    assert figures["gross"]["patients_false"] == 0
    assert figures["gross"]["auroc"] > 0.99
    assert main(["evaluate", "qrs", "--data-dir", str(tmp_path)]) == 2


def said(*names):
    return [Rhythm(start_s=0.0, end_s=1.0, scores={name: 0.9, "unclear": 0.1}) for name in names]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("sinus",), "N"),
        (("af",), "A"),
        (("afl",), "O"),
        (("other-rhythm",), "O"),
        (("unclear",), "~"),
        (("sinus", "sinus", "af"), "A"),
        (("af", "sinus", "sinus"), "N"),
    ],
)
def test_a_strip_is_called_by_what_its_stretches_were_named(names, expected):
    assert verdict(said(*names))[0] == expected


def test_a_strip_without_a_name_is_too_noisy():
    assert verdict([]) == ("~", 1.0)


def test_f1_is_worked_out_by_label():
    scores = [
        StripScore(record=str(index), label=label, said=called, sure=1.0 - index / 10)
        for index, (label, called) in enumerate([("N", "N"), ("N", "O"), ("A", "A"), ("O", "O"), ("~", "N")])
    ]
    gross = strip_figures(scores)["gross"]
    assert gross["f1_n"] == 50.0
    assert gross["f1_a"] == 100.0
    assert gross["f1_o"] == pytest.approx(200 / 3, abs=1e-3)
    assert gross["f1_mean"] == pytest.approx((50 + 100 + 200 / 3) / 3, abs=1e-3)
    assert gross["surest_90"]["strips"] == 4


def test_a_strip_is_scored_by_what_was_stated_of_it():
    strips = [
        ("{'AFIB': 0.0}", {"af": 0.8, "afl": 0.1}),
        ("{'SR': 0.0}", {"af": 0.3, "afl": 0.1}),
        ("{'AFIB': 100.0, 'IMI': 0.0}", {"af": 0.6, "afl": 0.1}),
        ("{'AFLT': 0.0}", None),
    ]
    scores = [
        score_stated(
            signals(),
            Analysed(rhythms=[Rhythm(start_s=0.0, end_s=9.0, scores=said)] if said else []),
            (codes, "9"),
        )
        for codes, said in strips
    ]
    gross = stated_figures(scores)["gross"]
    assert {name: gross[name] for name in ("strips", "stated", "without_a_name", "auroc")} == {
        "strips": 4,
        "stated": 2,
        "without_a_name": 1,
        "auroc": 1.0,
    }


def test_of_a_set_with_statements_only_the_folds_kept_out_are_scored(tmp_path):
    head = "scp_codes,strat_fold,filename_lr\n"
    rows = "".join(f"\"{{'SR': 0.0}}\",{fold},records100/{fold:05d}_lr\n" for fold in (1, 8, 9, 10))
    (tmp_path / "ptbxl_database.csv").write_text(head + rows, encoding="utf-8")
    (tmp_path / "records100").mkdir()
    for fold in (1, 9):
        (tmp_path / "records100" / f"{fold:05d}_lr.hea").write_text("x 1 100 1000\n", encoding="utf-8")
    _, names = prepared(Request(what="af", folder=tmp_path))
    assert names == ["records100/00009_lr"]
    with pytest.raises(NoSet):
        prepared(Request(what="qrs", folder=tmp_path))
