"""What the heartbeats' task makes of a whole recording, against counts worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.ecg.nn_intervals import Excluded
from biosignal.events import Evidence, Finding, FindingState, Measure, Priority, QualityLevel, Unavailable
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.episodes import beats_of
from biosignal.tasks.ecg_beats.overview import overview_of_beats
from biosignal.tasks.ecg_beats.rhythm_section import stretches_of
from biosignal.tasks.ecg_beats.variability_section import IRREGULAR
from biosignal.tasks.lookup import finding_kinds
from biosignal.tasks.overview import Heard, MarkColumns, overlap, touched
from biosignal.tasks.task import FindingKind

FS_HZ = 100.0
OF_RHYTHM = sorted(name for name, kind in finding_kinds().items() if kind.wfdb_rhythm is not None)


def heard(labels, *, rr_s=0.8, length_s=None, findings=(), unusable=(), kinds=None):
    """A recording with one beat of each label every `rr_s` seconds; `.` is a beat that is not there."""
    at = [index for index, label in enumerate(labels) if label != "."]
    starts = np.array([round((index + 1) * rr_s * FS_HZ) for index in at], np.int64)
    names = sorted(set(labels) - {"."})
    rr = np.concatenate([[np.nan], np.diff(starts) / FS_HZ])[: len(starts)]
    marks = MarkColumns(
        starts=starts,
        labels=tuple(names),
        label=np.array([names.index(labels[index]) for index in at], np.uint8),
        usable=np.ones(len(starts), bool),
        numbers={"rr_before": rr},
    )
    end = round((length_s or (len(labels) + 1) * rr_s) * FS_HZ)
    return Heard(
        fs_hz=FS_HZ,
        end=end,
        marks={"beat": marks},
        findings=tuple(findings),
        kinds=kinds or finding_kinds(),
        unusable=tuple(unusable),
    )


def finding(kind, onset_s, end_s):
    return Finding(
        id=f"{kind}{onset_s}",
        rev=0,
        task="ecg-rhythm",
        device="d",
        recording="r",
        stream="live",
        kind=kind,
        state=FindingState.CLOSED,
        priority=Priority.NONE,
        onset=round(onset_s * FS_HZ),
        end=round(end_s * FS_HZ) - 1,
        decided_at=round(end_s * FS_HZ),
        leads=("II",),
        outcome=Unavailable(task="ecg-rhythm", reason="a test"),
        evidence=Evidence(measures=(), strip_start=0, strip_end=1, fs_hz=FS_HZ, quality=QualityLevel.USABLE),
    )


def sections(said):
    return {section.name: section for section in overview_of_beats(said)}


def rows(section, name):
    grid = next(grid for grid in section.grids if grid.name == name)
    return [dict(zip([column.name for column in grid.columns], row, strict=True)) for row in grid.rows]


def figures(section):
    return {one.name: one for one in section.figures}


def test_rates_are_those_of_the_intervals():
    summary = figures(sections(heard("N" * 100, rr_s=0.75))["summary"])
    assert summary["beats"].value == 100
    for name in ("mean_rate", "lowest_rate", "highest_rate"):
        assert summary[name].value == pytest.approx(80.0)
    assert summary["usable_share"].value == 100.0


def test_singles_couplets_and_runs_are_told_apart_with_the_longest_and_the_fastest():
    labels = "N" * 10 + "V" + "N" * 5 + "VV" + "N" * 5 + "VVV" + "NN" + "VVVVV" + "N" * 10 + "SSS" + "N"
    said = sections(heard(labels))
    by_class = {row["class"][0]: row for row in rows(said["ectopy"], "classes")}
    ventricular = by_class["V"]
    assert [ventricular[name] for name in ("beats", "single", "couplets", "runs", "longest")] == [11, 1, 1, 2, 5]
    assert ventricular["share"] == pytest.approx(100 * 11 / len(labels))
    assert ventricular["longest_at"] == pytest.approx((labels.index("VVVVV") + 1) * 0.8)
    assert ventricular["fastest"] == pytest.approx(75.0)
    assert (by_class["S"]["runs"], by_class["S"]["longest"]) == (1, 3)
    assert by_class["N"]["runs"] is None


def test_a_beat_called_early_inside_fibrillation_is_in_no_count_but_its_own():
    labels = "N" * 20 + "SSS" + "N" * 20 + "SSSN" * 5 + "N" * 20
    said = sections(heard(labels, findings=[finding("af", 43 * 0.8, 64 * 0.8)]))
    by_class = {row["class"][0]: row for row in rows(said["ectopy"], "classes")}
    assert (by_class["S"]["beats"], by_class["S"]["runs"]) == (3, 1)
    assert figures(said["summary"])["s_unassessed"].value == 15
    assert any("S not assessed: 15 beats" in note for note in said["ectopy"].notes)
    hours = rows(said["hours"], "hours")
    assert (sum(row["s"] for row in hours), sum(row["s_unassessed"] for row in hours)) == (3, 15)
    v_run = sections(heard(labels, findings=[finding("v-run", 43 * 0.8, 64 * 0.8)]))
    assert "s_unassessed" not in figures(v_run["summary"])


@pytest.mark.parametrize(("labels", "is_told"), [("NSS" * 20, True), ("NNNS" * 20, False), ("N" * 20, False)])
def test_a_third_of_early_beats_is_told_as_perhaps_the_dominant_rhythm(labels, is_told):
    notes = sections(heard(labels))["ectopy"].notes
    assert any("sinus node disease" in note.lower() for note in notes) is is_told


def test_a_run_ends_where_no_interval_is_known():
    labels = "N" * 10 + "VVVV" + "N" * 10
    whole = heard(labels)
    at = whole.marks["beat"].starts[12]
    cut = replace(whole, unusable=((int(at) - 30, int(at) - 20),))
    assert [run.beats for run in beats_of(whole).runs("V")] == [4]
    assert [run.beats for run in beats_of(cut).runs("V")] == [2, 2]


def test_an_interval_over_signal_that_could_not_be_assessed_is_neither_a_rate_nor_the_longest():
    labels = "N" * 20 + "." * 20 + "N" * 20
    plain = figures(sections(heard(labels))["summary"])
    assert plain["longest_rr"].value == pytest.approx(16.8)
    lost = heard(labels, unusable=((1650, 3200),))
    said = figures(sections(lost)["summary"])
    assert said["longest_rr"].value == pytest.approx(0.8)
    assert said["lowest_rate"].value == pytest.approx(75.0)
    assert said["usable_share"].value == pytest.approx(100 * (1 - 1550 / lost.end))


@pytest.mark.parametrize(
    ("length_s", "step_s", "count"), [(30, 60, 1), (1800, 300, 6), (1805, 300, 7), (86_400, 3600, 24)]
)
def test_the_rows_of_the_table_are_as_long_as_the_recording_asks(length_s, step_s, count):
    table = rows(sections(heard("N" * 20, length_s=length_s))["hours"], "hours")
    assert len(table) == count
    assert [row["from"] for row in table] == [index * step_s for index in range(count)]
    assert sum(row["beats"] for row in table) == 20


@pytest.mark.parametrize("kind", OF_RHYTHM)
def test_every_kind_that_is_a_rhythm_has_a_burden_of_the_time_that_could_be_assessed(kind):
    said = heard(
        "N" * 100,
        rr_s=1.0,
        length_s=200,
        findings=[finding(kind, 20, 40), finding(kind, 60, 80)],
        unusable=[(7000, 12_000)],
    )
    section = sections(said)["rhythm"]
    (row,) = rows(section, "burden")
    assert (row["episodes"], row["in_all"], row["longest"]) == (2, pytest.approx(30.0), pytest.approx(20.0))
    assert row["burden"] == pytest.approx(100 * 30 / 150)
    assert row["usable_share"] == pytest.approx(75.0)
    by_row = rows(section, "burden_by_row")
    assert by_row[0][kind] == pytest.approx(100 * 20 / 60)
    assert by_row[1][kind] == pytest.approx(100 * 10 / 10)
    assert by_row[-1][kind] == 0.0


def test_a_rhythm_that_is_declared_later_has_a_burden_unasked_and_takes_its_intervals_from_the_variability():
    kinds = {**finding_kinds(), "new": FindingKind(label="new", priority=Priority.LOW, wfdb_rhythm="(NEW")}
    said = heard("N" * 800, rr_s=0.75, length_s=600, findings=[finding("new", 0, 300)], kinds=kinds)
    found = sections(said)
    assert rows(found["rhythm"], "burden")[0]["burden"] == pytest.approx(50.0)
    excluded = {row["reason"]: row["intervals"] for row in rows(found["variability"], "excluded")}
    assert excluded[Excluded.RHYTHM.value] == pytest.approx(400, abs=2)
    assert figures(found["variability"])["sdnn"].value is None
    assert "of the RR intervals are no NN" in figures(found["variability"])["sdnn"].why


def test_a_finding_that_measured_irregular_intervals_leaves_no_variability_though_it_has_no_name_of_a_rhythm():
    one = finding("pvc", 0, 300)
    change = Measure(name=IRREGULAR, value=70.0, unit="%")
    irregular = replace(one, evidence=replace(one.evidence, measures=(change,)))
    plain, doubted = (sections(heard("N" * 800, rr_s=0.75, length_s=600, findings=[each])) for each in (one, irregular))
    assert figures(plain["variability"])["sdnn"].value is not None
    assert figures(doubted["variability"])["sdnn"].value is None
    assert IRREGULAR in {name for task in TASKS.values() for name in task.quantities}


def test_a_slow_sinus_rhythm_leaves_the_variability_as_it_is():
    kinds = {**finding_kinds(), "slow": FindingKind(label="slow", priority=Priority.LOW, wfdb_rhythm="(SBR")}
    said = heard("N" * 800, rr_s=0.75, length_s=600, findings=[finding("slow", 0, 600)], kinds=kinds)
    assert figures(sections(said)["variability"])["sdnn"].value == pytest.approx(0.0, abs=1e-6)


def test_what_no_finding_is_there_for_is_said_in_words():
    notes = " ".join(sections(heard("N" * 20))["rhythm"].notes)
    assert "None of the rhythms that were looked for was found" in notes
    assert "ST segments are not measured" in notes


def test_findings_are_counted_by_kind_the_most_urgent_first():
    said = heard("N" * 100, findings=[finding("pvc", 5, 6), finding("pvc", 30, 36), finding("vt", 50, 55)])
    table = rows(sections(said)["summary"], "findings")
    assert [(row["number"], row["priority"]) for row in table] == [(1, "high"), (2, "none")]
    assert (table[1]["first"], table[1]["last"], table[1]["longest_at"]) == (5.0, 30.0, 30.0)
    by_row = rows(sections(said)["rhythm"], "findings_by_row")
    assert [(row["from"], row["pvc"], row["vt"]) for row in by_row] == [(0.0, 2, 1), (60.0, 0, 0)]


def test_a_recording_without_beats_or_without_a_sample_has_no_number_and_says_why():
    for said in (heard("", length_s=30), heard("", length_s=0.0001)):
        found = sections(said)
        assert figures(found["summary"])["mean_rate"].value is None
        assert figures(found["summary"])["v_share"].why == "there are no beats"
        for section in found.values():
            assert all((one.value is None) == bool(one.why) for one in section.figures)


@settings(max_examples=40, deadline=None)
@given(
    labels=st.text("NSVFQ.", max_size=120),
    unusable=st.lists(st.integers(0, 12_000), max_size=6, unique=True).map(sorted),
)
def test_whatever_was_said_the_rows_add_up_and_nothing_is_invented(labels, unusable):
    ends = unusable[: len(unusable) // 2 * 2]
    said = heard(labels, length_s=120, unusable=tuple(zip(ends[::2], ends[1::2], strict=True)))
    found = sections(said)
    table = rows(found["hours"], "hours")
    beats = len(labels) - labels.count(".")
    assert sum(row["beats"] for row in table) == beats == figures(found["summary"])["beats"].value
    assert sum(row["v"] for row in table) == labels.count("V")
    for row in table:
        assert 0 <= row["usable_share"] <= 100
        assert row["lowest_rate"] is None or row["lowest_rate"] <= row["mean_rate"] <= row["highest_rate"]
    for row in rows(found["ectopy"], "classes"):
        if row["class"][0] in "VS":
            assert row["single"] + 2 * row["couplets"] <= row["beats"]


@given(
    borders=st.lists(st.integers(0, 300), max_size=8, unique=True).map(sorted),
    start=st.integers(0, 300),
    length=st.integers(1, 60),
)
def test_overlap_counts_samples_and_touched_agrees(borders, start, length):
    ends = borders[: len(borders) // 2 * 2]
    stretches = list(zip(ends[::2], ends[1::2], strict=True))
    inside = sum(any(first <= sample < last for first, last in stretches) for sample in range(start, start + length))
    assert overlap(stretches, start, start + length) == inside
    found = touched(stretches, np.array([start]), np.array([start + length]))
    assert bool(found[0]) == (inside > 0)


def test_stretches_of_findings_that_touch_are_one():
    said = heard("N" * 50, length_s=40)
    found = [finding("vt", 5, 10), finding("vt", 10, 12), finding("vt", 39, 90)]
    assert stretches_of(said, found) == [(500, 1200), (3900, 4000)]


def test_only_tasks_at_work_have_an_overview():
    with_one = [task for task in TASKS.values() if task.overview is not None]
    assert with_one
    assert all(task.make is not None and task.marks for task in with_one)
