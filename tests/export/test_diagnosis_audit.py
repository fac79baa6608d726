"""The audit of the diagnosis on made-up answers whose figures are known."""

from pathlib import Path

import numpy as np
import pytest

from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, MAIN
from export.diagnosis.audit import FEWEST, GROUPED, audit_lines, group_figures, groups_of, limits_of
from export.diagnosis.corpus import Row
from export.diagnosis.evaluate import Answered

STATED = {"NORM": "NORM", "MI": "IMI", "STTC": "NDT", "CD": "LAFB", "HYP": "LVH"}


def row(index, code, **facts):
    return Row(name=str(index), file=Path("none"), fold=9, src="", statements=frozenset({STATED[code]}), **facts)


def answers(count=400, *, good=lambda index: True, sex=lambda index: str(index % 2), seed=1):
    """Records with one main statement each; those that are `good` are answered well, the others by chance."""
    random = np.random.default_rng(seed)
    rows, scores = [], []
    for index in range(count):
        code = MAIN[int(random.integers(len(MAIN)))]
        rows.append(row(index, code, sex=sex(index), age=float(random.integers(20, 90))))
        said = random.uniform(0.0, 0.6, len(CLASSES))
        if good(index):
            said[MAIN.index(code)] = random.uniform(0.7, 1.0)
        scores.append(said)
    return Answered(rows=tuple(rows), scores=np.array(scores))


def test_answers_that_part_all_records_have_an_area_of_one_everywhere():
    said = answers()
    figures = group_figures(said, limits_of(said), draws=20)
    assert figures["macro_auc"] == 1.0
    assert all(one["auc"] == 1.0 and one["se"] == 1.0 for one in figures["statements"].values())
    assert all(one["sp"] == pytest.approx(0.95, abs=0.02) for one in figures["statements"].values())


def test_a_group_that_is_served_worse_has_a_gap_that_is_told():
    said = answers(good=lambda index: index % 2 == 0)
    groups = groups_of(said, GROUPED["sex"], limits_of(said), draws=20)
    assert groups["female"]["gap"] < -0.3
    assert groups["female"]["gap"] == pytest.approx(-groups["male"]["gap"], abs=1e-6)
    assert not groups["female"]["gap_within"]


def test_groups_that_are_served_alike_have_none():
    said = answers()
    groups = groups_of(said, GROUPED["sex"], limits_of(said), draws=20)
    assert all(one["gap"] == 0.0 and one["gap_within"] for one in groups.values())


def test_a_group_of_few_records_is_counted_and_not_audited():
    said = answers(sex=lambda index: "1" if index < FEWEST - 1 else "0")
    groups = groups_of(said, GROUPED["sex"], limits_of(said), draws=20)
    assert groups["female"] == {"records": FEWEST - 1, "too_few": True}
    assert "gap" not in groups["male"]


def test_a_statement_that_few_of_a_group_have_is_left_out_by_name():
    said = answers()
    kept = said.of(np.array(["IMI" not in one.statements for one in said.rows]))
    assert group_figures(kept, limits_of(said), draws=0)["left_out"] == ["MI"]


@pytest.mark.parametrize(
    ("age", "group"),
    [(0.0, "0 to 44"), (44.9, "0 to 44"), (45.0, "45 to 59"), (89.0, "75 and over"), (300.0, "75 and over"),
     (float("nan"), "unknown")],
)  # fmt: skip
def test_ages_fall_into_bands_and_the_oldest_are_not_three_hundred(age, group):
    assert GROUPED["age"](row(0, "MI", age=age)) == group


def test_the_lines_say_what_cannot_be_audited():
    said = answers(sex=lambda index: "1" if index < 3 else "0")
    limits = limits_of(said)
    figures = {
        "folds": [9],
        "bundles": [{"name": "ecg-diagnosis", "version": "0.0.1"}],
        "limits": dict.fromkeys(MAIN, 0.5),
        "all": group_figures(said, limits, draws=20),
        "groups": {"sex": groups_of(said, GROUPED["sex"], limits, draws=20)},
        "shown": {},
        "cannot_be_audited": ["hospitals other than those of the set"],
    }
    text = "\n".join(audit_lines(figures))
    assert "- sex: female: 3 records are too few" in text
    assert "- hospitals other than those of the set" in text
