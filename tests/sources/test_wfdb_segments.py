"""Records in several segments: what no segment holds is a gap, in fixed and in variable layouts."""

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.wfdb_record import WfdbRecord
from tests.sources.rates import by_lead, checked

FS_HZ = 250


def write_segment(folder, name, counts, *, leads=("II",), gain="200/mV", per_frame=1):
    """Counts of shape (sample, lead) in format 16; the samples of a frame are shared out alike."""
    counts = np.asarray(counts, "<i2").reshape(-1, len(leads))
    counts.reshape(-1, per_frame, len(leads)).transpose(0, 2, 1).tofile(folder / f"{name}.dat")
    form = "16" if per_frame == 1 else f"16x{per_frame}"
    lines = [f"{name}.dat {form} {gain} 12 0 0 0 0 {lead}" for lead in leads]
    header = [f"{name} {len(leads)} {FS_HZ} {len(counts) // per_frame}", *lines]
    (folder / f"{name}.hea").write_text("\n".join(header) + "\n")


def write_record(folder, *lines, signals=1, length=None, announced=None, name="m"):
    length = sum(int(line.split()[1]) for line in lines) if length is None else length
    first = f"{name}/{announced or len(lines)} {signals} {FS_HZ} {length}"
    (folder / f"{name}.hea").write_text("\n".join([first, *lines]) + "\n")
    return folder / name


def read(path, first=0):
    source = WfdbRecord(path)
    source.open("rec")
    items = checked(source, source.read_from(first))
    gaps = [(item.start, item.length, item.reason) for item in items if isinstance(item, Gap)]
    return source.recording_facts(), by_lead(items), gaps


def test_a_null_segment_of_a_fixed_layout_is_a_gap(tmp_path):
    write_segment(tmp_path, "a", np.arange(500))
    write_segment(tmp_path, "b", np.arange(750))
    facts, leads, gaps = read(write_record(tmp_path, "a 500", "~ 250", "b 750"))
    assert gaps == [(500, 250, "null-segment")]
    np.testing.assert_allclose(leads["II"], np.concatenate([np.arange(500), np.arange(750)]) / 200, rtol=1e-6)
    assert (facts.length, facts.notes) == (1500, ())


def test_a_record_may_begin_and_end_with_nothing(tmp_path):
    write_segment(tmp_path, "a", np.arange(500))
    _, leads, gaps = read(write_record(tmp_path, "~ 100", "a 500", "~ 50"))
    assert gaps == [(0, 100, "null-segment"), (600, 50, "null-segment")]
    assert leads["II"].size == 500


def test_a_variable_layout_names_the_leads_and_each_segment_fills_those_it_has(tmp_path):
    write_segment(tmp_path, "a", np.arange(600), leads=("V5", "II"))
    write_segment(tmp_path, "b", np.arange(400), leads=("II",))
    layout = "lay 3 250 0\n~ 0 200/mV 12 0 0 0 0 II\n~ 0 200/mV 12 0 0 0 0 V5\n~ 0 1/mmHg 12 0 0 0 0 ABP\n"
    (tmp_path / "lay.hea").write_text(layout)
    path = write_record(tmp_path, "lay 0", "a 300", "~ 100", "b 400", signals=3)
    facts, leads, gaps = read(path)
    theirs = wfdb.rdrecord(str(path)).p_signal.T
    assert [lead.name for lead in facts.leads] == ["II", "V5"]
    assert facts.notes == ("left out: ABP (no segment that is there has samples of it)",)
    assert gaps == [(300, 100, "null-segment")]
    there = np.r_[0:300, 400:800]
    np.testing.assert_allclose(leads["II"], theirs[0, there], rtol=1e-6)
    np.testing.assert_allclose(leads["V5"], theirs[1, there], rtol=1e-6)
    assert np.isnan(leads["V5"][300:]).all()


def test_a_segment_in_another_unit_comes_in_that_of_the_layout(tmp_path):
    write_segment(tmp_path, "a", np.full(300, 100))
    write_segment(tmp_path, "b", np.full(300, 100), gain="0.2/uV")
    (tmp_path / "lay.hea").write_text("lay 1 250 0\n~ 0 200/mV 12 0 0 0 0 II\n")
    facts, leads, _ = read(write_record(tmp_path, "lay 0", "a 300", "b 300"))
    assert facts.leads[0].unit is Unit.MILLIVOLT
    np.testing.assert_allclose(leads["II"], 0.5, rtol=1e-6)


def test_a_lead_that_one_segment_leaves_uncalibrated_is_uncalibrated(tmp_path):
    write_segment(tmp_path, "a", np.full(300, 100))
    write_segment(tmp_path, "b", np.full(300, 100), gain="0")
    facts, leads, _ = read(write_record(tmp_path, "a 300", "b 300"))
    assert facts.leads[0].unit is Unit.RAW
    assert leads["II"].size == 600


@pytest.mark.parametrize("suffix", [".hea", ".dat"])
def test_a_segment_whose_file_is_missing_is_a_gap_and_is_named(tmp_path, suffix):
    write_segment(tmp_path, "a", np.arange(500))
    write_segment(tmp_path, "b", np.arange(500))
    (tmp_path / f"b{suffix}").unlink()
    facts, leads, gaps = read(write_record(tmp_path, "a 500", "b 500"))
    assert gaps == [(500, 500, "missing-segment")]
    assert leads["II"].size == 500
    assert f"b{suffix}" in facts.notes[0]


def test_many_missing_segments_are_counted_and_eight_are_named(tmp_path):
    write_segment(tmp_path, "a", np.arange(500))
    facts, _, gaps = read(write_record(tmp_path, "a 500", *[f"x{number} 10" for number in range(20)]))
    assert len(gaps) == 20
    assert "x7 and 12 more" in facts.notes[0]
    assert "x8" not in facts.notes[0]


def test_a_record_of_which_no_segment_is_there_is_refused_with_the_file(tmp_path):
    with pytest.raises(RecordUnreadable, match=r"a\.hea"):
        WfdbRecord(write_record(tmp_path, "a 500", "b 500"))
    with pytest.raises(RecordUnreadable, match="no segment of the record holds samples"):
        WfdbRecord(write_record(tmp_path, "~ 500"))


def test_a_segment_shorter_than_announced_ends_in_a_gap(tmp_path):
    write_segment(tmp_path, "a", np.arange(400))
    write_segment(tmp_path, "b", np.arange(300))
    _, leads, gaps = read(write_record(tmp_path, "a 500", "b 300"))
    assert gaps == [(400, 100, "truncated")]
    assert leads["II"].size == 700


def test_fewer_segments_than_announced_is_said(tmp_path):
    write_segment(tmp_path, "a", np.arange(400))
    facts, _, _ = read(write_record(tmp_path, "a 400", announced=3, length=1200))
    assert facts.notes == (
        "the header announces 3 segments and lists 1",
        "the header announces 1200 samples, its segments have 400",
    )
    assert facts.length == 400


def test_a_layout_that_is_missing_leaves_the_leads_to_the_segments(tmp_path):
    write_segment(tmp_path, "a", np.arange(400))
    facts, leads, _ = read(write_record(tmp_path, "lay 0", "a 400"))
    assert leads["II"].size == 400
    assert "lay.hea" in facts.notes[0]


def test_frames_of_several_samples_keep_the_own_rate_of_a_lead_over_segments(tmp_path):
    write_segment(tmp_path, "a", np.arange(800), per_frame=4)
    write_segment(tmp_path, "b", np.arange(400), per_frame=4)
    facts, leads, gaps = read(write_record(tmp_path, "a 200", "~ 50", "b 100"))
    assert (facts.fs_hz, facts.length) == (1000, 1400)
    assert gaps == [(800, 200, "null-segment")]
    np.testing.assert_allclose(leads["II"], np.concatenate([np.arange(800), np.arange(400)]) / 200, rtol=1e-6)


def test_of_a_record_in_two_files_the_one_that_is_there_is_read(tmp_path):
    counts = np.arange(300, dtype="<i2")
    counts.tofile(tmp_path / "p.dat")
    (tmp_path / "p.hea").write_text("p 2 250 300\np.dat 16 200 12 0 0 0 0 ii\np.xyz 16 200 12 0 0 0 0 vx\n")
    facts, leads, _ = read(tmp_path / "p")
    assert [lead.name for lead in facts.leads] == ["ii"]
    np.testing.assert_allclose(leads["ii"], counts / 200, rtol=1e-6)
    assert "p.xyz" in facts.notes[0]


def test_a_segment_of_a_format_that_nobody_knows_is_a_gap_and_named(tmp_path):
    write_segment(tmp_path, "a", np.arange(500))
    write_segment(tmp_path, "b", np.arange(500))
    header = tmp_path / "b.hea"
    header.write_text(header.read_text().replace(".dat 16 ", ".dat 17 "))
    facts, leads, gaps = read(write_record(tmp_path, "a 500", "b 500"))
    assert gaps == [(500, 500, "missing-segment")]
    assert leads["II"].size == 500
    assert "format='17'" in facts.notes[0]


segments = st.lists(
    st.tuples(st.sampled_from(["there", "null", "no header", "no samples", "torn"]), st.integers(1, 400)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(segments=segments, first=st.integers(0, 2400))
def test_whatever_segments_are_lost_every_sample_that_is_there_comes_at_its_place(tmp_path_factory, segments, first):
    folder = tmp_path_factory.mktemp("segments")
    expected = []
    for number, (state, length) in enumerate([("there", 100), *segments]):
        counts = np.arange(length) + number
        write_segment(folder, f"s{number}", counts)
        there = length if state == "there" else length // 2 if state == "torn" else 0
        if state == "torn":
            (folder / f"s{number}.dat").write_bytes(counts[:there].astype("<i2").tobytes())
        if state in ("no header", "no samples"):
            (folder / f"s{number}{'.hea' if state == 'no header' else '.dat'}").unlink()
        expected.append(np.where(np.arange(length) < there, counts / 200, np.nan))
    lines = [
        f"{'~' if state == 'null' else f's{number}'} {length}"
        for number, (state, length) in enumerate([("there", 100), *segments])
    ]
    source = WfdbRecord(write_record(folder, *lines))
    source.open("rec")
    whole = np.concatenate(expected)
    first = min(first, whole.size - 1)
    found = np.full(whole.size, np.nan)
    items = list(source.read_from(first))
    assert items[0].start <= first
    for item in items:
        if isinstance(item, SampleBlock):
            found[item.start : item.end] = item.samples[0]
    np.testing.assert_allclose(found[first:], whole[first:], rtol=1e-6)
    assert items[-1].end == source.recording_facts().length == whole.size
