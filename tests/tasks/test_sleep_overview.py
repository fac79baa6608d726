"""A night in numbers, against hypnograms whose numbers were worked out by hand."""

import numpy as np
import pytest

from biosignal.tasks.eeg_sleep.overview import overview_of_sleep
from biosignal.tasks.lookup import finding_kinds
from biosignal.tasks.overview import Heard, MarkColumns

FS_HZ = 100.0
NAMED = {"W": "W", "1": "N1", "2": "N2", "3": "N3", "R": "R", "?": ""}


def heard(hypnogram):
    """A recording with one epoch for each letter; `?` has no stage, `.` was never recorded."""
    at = [index for index, letter in enumerate(hypnogram) if letter != "."]
    names = sorted({NAMED[hypnogram[index]] for index in at})
    marks = MarkColumns(
        starts=np.array(at, np.int64) * 3000,
        labels=tuple(names),
        label=np.array([names.index(NAMED[hypnogram[index]]) for index in at], np.uint8),
        usable=np.ones(len(at), bool),
        numbers={},
    )
    end = len(hypnogram) * 3000
    return Heard(fs_hz=FS_HZ, end=end, marks={"epoch": marks}, findings=(), kinds=finding_kinds(), unusable=())


def figures(hypnogram):
    sections = {section.name: section for section in overview_of_sleep(heard(hypnogram))}
    return {figure.name: figure for figure in sections["sleep"].figures}


def values(hypnogram):
    return {name: figure.value for name, figure in figures(hypnogram).items()}


def test_a_night_has_the_numbers_worked_out_by_hand():
    # 3 W, a stray N1, 2 W, then sleep from epoch 6 on; one awakening of 2 epochs, 4 W at the end
    got = values("WWW1WW" + "122233333333" + "WW" + "22R2RRRR" + "WWWW")
    assert got["time_in_bed"] == 16.0
    assert got["total_sleep_time"] == 10.5
    assert got["sleep_efficiency"] == pytest.approx(100 * 10.5 / 16.0)
    assert got["sleep_latency"] == 3.0
    assert got["rem_latency"] == 9.0
    assert got["wake_after_onset"] == 1.0
    assert got["awakenings"] == 1
    assert [got[f"{stage}_minutes"] for stage in ("w", "n1", "n2", "n3", "r")] == [5.5, 1.0, 3.0, 4.0, 2.5]
    assert got["n2_share"] == pytest.approx(100 * 3.0 / 10.5)
    assert got["not_staged"] == 0.0


def test_epochs_without_a_stage_are_neither_asleep_nor_awake():
    got = values("W22222222222??22W?W222")
    assert got["not_staged"] == 1.5
    assert got["total_sleep_time"] == 8.0
    assert got["awakenings"] == 1
    assert got["wake_after_onset"] == 1.0


def test_what_was_lost_counts_as_time_in_bed_and_as_nothing_else():
    got = values("WW...." + "2" * 12)
    assert (got["time_in_bed"], got["total_sleep_time"], got["sleep_latency"]) == (9.0, 6.0, 3.0)


def test_what_is_not_there_is_null_with_its_reason():
    awake = figures("WWWW")
    assert (awake["total_sleep_time"].value, awake["sleep_efficiency"].value) == (0.0, 0.0)
    assert (awake["sleep_latency"].value, awake["sleep_latency"].why) == (None, "no sleep that lasted was seen")
    assert (awake["n3_share"].value, awake["n3_share"].why) == (None, "no sleep that lasted was seen")
    assert figures("W" + "2" * 12)["rem_latency"].why == "no REM sleep was seen"
    unknown = figures("??")
    assert (unknown["total_sleep_time"].value, unknown["total_sleep_time"].why) == (None, "no epoch was staged")
    nothing = figures("")
    assert all(figure.value is None and figure.why for figure in nothing.values())


def test_minutes_over_time_add_up_to_the_epochs():
    section = overview_of_sleep(heard("W" * 60 + "2" * 120 + "?" * 60))[1]
    rows = section.grids[0].rows
    assert sum(row[1] for row in rows) == 30.0
    assert sum(row[3] for row in rows) == 60.0
    assert sum(row[-1] for row in rows) == 30.0
    assert overview_of_sleep(heard(""))[1].grids == ()


def test_the_hypnogram_has_a_step_for_every_epoch_and_none_where_nothing_is_known():
    (summary, _) = overview_of_sleep(heard("W1.?3R"))
    (course,) = summary.courses
    assert course.held == ("W", "N1", None, None, "N3", "R")
    assert course.states == ("W", "R", "N1", "N2", "N3")
    assert overview_of_sleep(heard("..."))[0].courses == ()
