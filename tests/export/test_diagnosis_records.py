"""Records with their statements as they train and test the diagnosis, and their figures."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.ecg.leads import INDEPENDENT
from biosignal.events import Rung
from biosignal.model.model import Model
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, CONTRACT, MAIN, NAME
from export.cli import main
from export.diagnosis.calibrating import platt
from export.diagnosis.corpus import BELONGS, SUPERCLASSES, NoDiagnoses, Row, read_table, targets_of
from export.diagnosis.evaluate import WAYS, Answered, main_figures, muscle, scored_rows, scores_of
from export.diagnosis.figures import auc, ece, ece_if_true, interval, macro_auc

TABLE = "ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_lr\n"


def write(folder, *rows):
    (folder / "ptbxl_database.csv").write_text(TABLE + "".join(f"{row}\n" for row in rows))


def row(name="1", fold=9, statements=("NORM",), src=""):
    return Row(name=name, file=Path("none"), fold=fold, src=src, statements=frozenset(statements))


def sines(size=1.0):
    at = np.arange(1000) / 100.0
    return {name: (size * np.sin(2 * np.pi * (1.0 + k) * at)).astype(np.float32) for k, name in enumerate(INDEPENDENT)}


def test_a_record_has_the_superclasses_of_its_statements(tmp_path):
    write(tmp_path, "7,12.0,56.0,1,\"{'IMI': 0.0, 'SR': 0.0, 'LVH': 50.0}\",3,records100/00000/00007_lr")
    (one,) = read_table(tmp_path)
    assert (one.name, one.fold, one.superclasses) == ("7", 3, {"MI", "HYP"})
    told = dict(zip(CLASSES, targets_of(one, CLASSES), strict=True))
    assert {code for code, made in told.items() if made} == {"MI", "HYP", "IMI", "SR", "LVH"}


@pytest.mark.parametrize(
    "broken", [None, "a,b\n1,2\n", TABLE + "7,1,50,1,no codes,3,x\n", TABLE + "7,1,50,1,{},ten,x\n"]
)
def test_a_table_that_is_missing_or_another_is_named(tmp_path, broken, capsys):
    if broken is not None:
        (tmp_path / "ptbxl_database.csv").write_text(broken)
    with pytest.raises(NoDiagnoses):
        read_table(tmp_path)
    assert main(["evaluate", "diagnosis", "--data-dir", str(tmp_path)]) == 2
    assert "ptbxl_database.csv" in capsys.readouterr().err


def test_the_superclass_of_each_statement_is_that_of_the_set():
    root = os.environ.get("EDGE_DATA_DIR")
    if not root or not (Path(root) / "ptbxl" / "scp_statements.csv").exists():
        pytest.skip("EDGE_DATA_DIR names no folder with ptbxl")
    with (Path(root) / "ptbxl" / "scp_statements.csv").open() as file:
        said = {one[""]: one["diagnostic_class"] for one in csv.DictReader(file) if one["diagnostic_class"]}
    assert said == BELONGS


def test_no_record_of_a_fold_that_trained_is_scored():
    rows = [row(str(fold), fold) for fold in range(1, 11)]
    assert [one.fold for one in scored_rows(rows, fold=None, folder=Path("x"))] == [9, 10]
    assert [one.fold for one in scored_rows(rows, fold=10, folder=Path("x"))] == [10]
    for fold in range(1, 9):
        with pytest.raises(NoDiagnoses):
            scored_rows(rows, fold=fold, folder=Path("x"))
    with pytest.raises(NoDiagnoses):
        scored_rows(rows[:8], fold=None, folder=Path("x"))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40))
@settings(max_examples=100, deadline=None)
def test_the_area_is_the_share_of_pairs_in_order_ties_by_half(pairs):
    is_so = np.array([one for one, _ in pairs], float)
    score = np.array([value for _, value in pairs], float)
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0 for a in score[is_so > 0].tolist() for b in score[is_so == 0].tolist()
    ]
    found = auc(is_so, score)
    assert np.isnan(found) if not wins else found == pytest.approx(np.mean(wins))


def test_figures_of_a_perfect_and_of_a_blind_answer():
    random = np.random.default_rng(1)
    targets = (random.random((400, 5)) < 0.4).astype(float)
    assert macro_auc(targets, targets) == 1.0
    assert ece(targets, targets) == 0.0
    low, high = interval(targets, random.random((400, 5)), draws=100)
    assert 0.42 < low < 0.5 < high < 0.58
    assert ece(targets, np.full((400, 5), 0.9)) == pytest.approx(
        np.average(0.9 - targets.mean(0), weights=targets.mean(0))
    )


def test_true_probabilities_show_the_calibration_error_that_is_chance_alone_and_less_the_more_records():
    random = np.random.default_rng(3)
    scores = random.random((300, 5)) ** 2
    drawn = (random.random(scores.shape) < scores).astype(float)
    mean, low, high = ece_if_true(scores)
    assert low < ece(drawn, scores) < high
    assert high < ece(drawn, np.sqrt(scores))
    assert ece_if_true(random.random((6000, 5)) ** 2)[0] < 0.4 * mean


def test_calibration_gives_back_the_odds_that_made_the_records():
    random = np.random.default_rng(2)
    logits = random.normal(0.0, 2.0, 20_000)
    targets = (random.random(20_000) < 1.0 / (1.0 + np.exp(-(0.5 * logits - 1.0)))).astype(float)
    slope, offset = platt(logits, targets)
    assert (slope, offset) == (pytest.approx(0.5, abs=0.03), pytest.approx(-1.0, abs=0.05))
    assert platt(logits, np.zeros(20_000)) == (1.0, 0.0)


def test_records_without_a_superclass_or_an_answer_are_counted_and_not_scored():
    rows = (row("1", statements=("NORM",)), row("2", statements=("IMI",)), row("3", statements=("SR",)), row("4"))
    scores = np.full((4, len(CLASSES)), 0.2)
    scores[0, 0], scores[1, 1], scores[3] = 0.9, 0.8, np.nan
    figures = main_figures(Answered(rows=rows, scores=scores), draws=10)
    assert (figures["records"], figures["unanswered"]) == (2, 1)
    assert (figures["auc"]["NORM"], figures["auc"]["MI"], figures["auc"]["CD"]) == (1.0, 1.0, None)


def test_noise_has_the_power_it_says_and_each_way_shows_its_leads():
    leads = sines()
    noise = muscle(leads["V2"], 6.0, np.random.default_rng(0))
    swing = np.median(np.ptp(leads["V2"].reshape(-1, 100), axis=1))
    assert 10 * np.log10(swing**2 / 8 / noise.var()) == pytest.approx(6.0, abs=0.01)
    assert {name: len(show(leads, 1)) for name, show in WAYS.items()} == {
        "eight leads": 8,
        "twelve leads": 12,
        "I and II": 2,
        "II": 1,
        "I": 1,
        "12 dB of noise": 8,
        "6 dB of noise": 8,
    }


def test_records_are_read_by_the_stage_of_the_daemon():
    asked = []

    class Listening:
        bundle, rung = f"{NAME}/0.0.1", Rung.ONNX_CPU

        def infer(self, inputs):
            asked.append(inputs)
            return {"scores": np.linspace(0.1, 0.6, len(CLASSES), dtype=np.float32)[np.newaxis]}

        def close(self):
            pass

    model = Model(NAME, CONTRACT, Listening())
    assert scores_of(sines(), {NAME: model}) == [
        round(float(x), 4) for x in np.linspace(0.1, 0.6, len(CLASSES), dtype=np.float32)
    ]
    assert asked[0]["mask"].tolist() == [[1.0] * 8]
    assert np.isnan(scores_of(sines(0.0), {NAME: model})).all()


def test_the_superclasses_are_the_main_statements():
    assert SUPERCLASSES == MAIN


@pytest.mark.train
def test_a_short_training_gives_a_bundle_that_is_admitted_and_scored(tmp_path, capsys):
    root = os.environ.get("EDGE_DATA_DIR")
    if not root or not (Path(root) / "ptbxl" / "ptbxl_database.csv").exists():
        pytest.skip("EDGE_DATA_DIR names no folder with ptbxl")
    out = str(tmp_path / "bundle")
    assert main(["train", "--task", NAME, "--data", root, "--quick", "--out", out]) == 0
    capsys.readouterr()
    asked = ["evaluate", "diagnosis", "--data-dir", f"{root}/ptbxl", "--bundle", out, "--json"]
    assert main(asked) == 0
    gross = json.loads(capsys.readouterr().out.splitlines()[-1])["gross"]
    assert set(gross["auc"]) == set(MAIN)
    assert gross["records"] + gross["unanswered"] == 322
