"""Every task with a scorer gives figures for programs and a table for people."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.events import Abstained, Mark, MarkState, Prediction, QualityLevel, Rung, mark_id
from biosignal.scoring.ec57 import N, V, X, score_record
from biosignal.scoring.score import Annotations, Table
from biosignal.tasks import TASKS

FS = 250.0
END = 20_000
BEATS = TASKS["ecg-beats"]


def mark(start, label="N", *, state=MarkState.CONFIRMED, task="ecg-beats", kind="beat"):
    leads = ("II",)
    answered = Prediction(task=task, bundle="b/1.0.0", rung=Rung.ONNX_CPU, label=label or "", scores=())
    return Mark(
        id=mark_id(recording="r", task=task, kind=kind, leads=leads, start=start),
        task=task,
        kind=kind,
        recording="r",
        leads=leads,
        start=start,
        end=start,
        decided_at=start + 100,
        state=state,
        quality=QualityLevel.USABLE,
        outcome=answered if label else Abstained(task=task, reason="quality"),
    )


def scored(reference, marks, **options):
    return BEATS.scorer(reference, marks, fs_hz=FS, end=END, **options)


REFERENCE = Annotations([1000, 1300, 1600, 1900], list("NVNN"))


def test_beats_are_counted_as_ec57_counts_them():
    told = [mark(1002), mark(1301, "V"), mark(1600, None), mark(2600, "V")]
    found = Annotations([1002, 1301, 1600, 2600], list("NVQV"))
    wanted = score_record(REFERENCE, found, fs_hz=FS, start_s=0.0, end=END)
    got = scored(REFERENCE, told)
    assert got.to_json()["matrix"] == wanted.matrix.tolist()
    assert got.to_json()["v"] == {"tp": 1, "fn": 0, "fp": 1, "se": 1.0, "ppv": 0.5}
    assert got.protocol == "EC57"
    json.dumps(got.to_json(), allow_nan=False)


def test_only_confirmed_beats_of_the_task_are_counted():
    told = [mark(1000), mark(1300, "V")]
    more = [
        mark(1600, state=MarkState.WITHDRAWN),
        mark(1610, state=MarkState.PROVISIONAL),
        mark(1900, task="another"),
        mark(1900, kind="second"),
    ]
    assert scored(REFERENCE, told + more).to_json() == scored(REFERENCE, told).to_json()


def test_a_label_without_a_symbol_is_not_counted():
    assert scored(REFERENCE, [mark(1000, "Z")]).to_json()["qrs"]["tp"] == 0


def test_beats_missed_where_the_signal_was_unusable_are_told_apart():
    matrix = np.array(scored(REFERENCE, [mark(1000)], unusable=[(1200, 1700)]).to_json()["matrix"])
    assert (matrix[V, X], matrix[N, X]) == (1, 1)


@pytest.mark.parametrize(("length_s", "left_out_s"), [(599.0, 0.0), (600.0, 300.0)])
def test_the_learning_period_is_the_standards_and_none_in_a_short_recording(length_s, left_out_s):
    got = BEATS.scorer(REFERENCE, [], fs_hz=FS, end=round(length_s * FS))
    assert got.start_s == left_out_s
    assert BEATS.scorer(REFERENCE, [], fs_hz=FS, end=END, start_s=2.0).start_s == 2.0


@given(st.permutations([mark(at, label) for at, label in zip(range(1000, 3000, 250), "NVSFNVNN", strict=True)]))
def test_the_order_of_the_marks_does_not_matter(told):
    ordered = sorted(told, key=lambda one: one.start)
    assert scored(REFERENCE, told).to_json() == scored(REFERENCE, ordered).to_json()


def test_a_table_has_a_cell_for_every_column_and_lines_of_one_width():
    table = scored(REFERENCE, [mark(1000)]).table()
    assert [row[0] for row in table.rows] == ["QRS", "V", "S", "F"]
    assert {len(row) for row in table.rows} == {len(table.head)}
    lines = table.lines(indent="  ")
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert lines[1].startswith("  QRS ")


def test_columns_are_as_wide_as_their_widest_cell():
    assert Table(head=("", "n"), rows=(("long name", "1"), ("a", "1000"))).lines() == [
        "              n",
        "long name     1",
        "a          1000",
    ]


@pytest.mark.parametrize(
    "task", [task for task in TASKS.values() if task.scorer is not None], ids=lambda task: task.name
)
def test_every_scorer_says_what_it_left_out_and_by_which_protocol(task):
    nothing = Annotations([], [])
    got = task.scorer(nothing, [], fs_hz=FS, end=END)
    assert got.protocol
    assert 0.0 <= got.start_s <= END / FS
    assert {len(row) for row in got.table().rows} == {len(got.table().head)}
    json.dumps(got.to_json(), allow_nan=False)
