"""Headers as the world writes them: what is off in one field does not cost the signals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.wfdb_header import read_header
from edge_agent.sources.wfdb_record import WfdbRecord

COUNTS = np.arange(-500, 500, dtype="<i2")


def write(folder, header, *, name="r", encoding="utf-8", file="r.dat"):
    (folder / f"{name}.hea").write_bytes(header.encode(encoding))
    COUNTS.tofile(folder / file)
    return folder / name


def read(path):
    source = WfdbRecord(path)
    source.open("rec")
    return source.recording_facts(), np.concatenate([block.samples[0] for block in source.read()])


@pytest.mark.parametrize(
    "record_line",
    [
        "r 1 500 1000",
        "r.mat 1 500 1000 05-May-2020 09:49:17",
        "r.dat 1 500 1000",
        "training/set-a/g1/r 1 500 1000",
        "set/100 1 500 1000",
        "r(copy) 1 500 1000",
        "r\u00e9sum\u00e9 1 500 1000",
        "another-name 1 500 1000",
        "r 1 500/1000(0) 1000 09:49:17.250 5/5/2020",
        "r 1 500,0 1000",
        "r 1 500 1000 09.49.17 5.5.20",
        "r 1 500 1000 2020-05-05T09:49:17Z",
        "r 1 500 1000 [09:49:17 05/05/2020]",
        "r 1 500 1000 ??:??:?? --",
        "r 1 500 05-May-2020 09:49:17",
        "\ufeffr 1 500 1000",
        "# written by a program\n\nr\t1\t500\t1000",
    ],
)
def test_names_and_dates_may_be_of_every_kind(tmp_path, record_line):
    facts, samples = read(write(tmp_path, f"{record_line}\nr.dat 16 100/mV 12 0 0 0 0 II\n"))
    assert (facts.fs_hz, facts.length, facts.leads[0].name) == (500, 1000, "II")
    np.testing.assert_allclose(samples, COUNTS / 100, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_the_text_may_be_encoded_and_ended_as_it_is(tmp_path, encoding, ends):
    header = "r 1 500 1000\nr.dat 16 100/\u00b5V 12 0 0 0 0 II\n# \u00e9lectrodes\n".replace("\n", ends)
    facts, samples = read(write(tmp_path, header, encoding=encoding))
    assert facts.leads[0].unit.value == "uV"
    np.testing.assert_allclose(samples, COUNTS / 100, rtol=1e-6)


def test_names_may_hold_blanks(tmp_path):
    header = "my record 1 500 1000\nmy file.dat 16 100/mV 12 0 0 0 0 ECG lead II\n"
    facts, samples = read(write(tmp_path, header, name="my record", file="my file.dat"))
    assert facts.leads[0].name == "ECG lead II"
    np.testing.assert_allclose(samples, COUNTS / 100, rtol=1e-6)


@pytest.mark.parametrize(
    ("signal_line", "name", "gain", "baseline"),
    [
        ("r.dat 16 100(5)/mV 12 0 0 0 0 II", "II", 100, 5),
        ("r.dat 16 100(5.0)/mV 12 0 0 0 0 II", "II", 100, 5),
        ("r.dat 16 99,5/mV 12 0 0 0 0 II", "II", 99.5, 0),
        ("r.dat 16 1e2/mV 12 7 0 0 0 II", "II", 100, 7),
        ("r.dat 16 100/mV II", "II", 100, 0),
        ("r.dat 16 100/mV 12 0 II", "II", 100, 0),
        ("r.dat 16 100/mV 12 0.0 0 0 0 II", "II", 100, 0),
        ("r.dat 16 100/mV 12 0 0 0 0", "", 100, 0),
        ("r.dat 16 nan/mV 12 0 0 0 0 II", "II", 0, 0),
        ("r.dat 16", "", 0, 0),
    ],
)
def test_fields_of_a_signal_may_be_left_out_or_spelled_otherwise(tmp_path, signal_line, name, gain, baseline):
    path = write(tmp_path, f"r 1 500 1000\n{signal_line}\n")
    (line,) = read_header(path.with_suffix(".hea")).signals
    assert (line.file, line.format, line.name, line.gain, line.baseline) == ("r.dat", "16", name, gain, baseline)


def test_a_record_of_segments_is_told_from_a_record_in_a_folder(tmp_path):
    (tmp_path / "100.hea").write_text("mitdb/100 2 360 650000\n100.dat 212 200 11 1024 0 0 0 MLII\n" * 1)
    with pytest.raises(RecordUnreadable, match="ends before its last signal"):
        read_header(tmp_path / "100.hea")
    (tmp_path / "p.hea").write_text("p/2 1 125 2000\na 1000\nb 1000\n")
    assert [one.name for one in read_header(tmp_path / "p.hea").segments] == ["a", "b"]


free_text = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=20)
FIELDS = ("resolution", "zero", "initial", "checksum", "block", "name")


@settings(max_examples=150, deadline=None)
@given(name=free_text, behind=st.text(max_size=30), field=st.sampled_from(FIELDS), value=free_text)
def test_whatever_one_field_says_the_samples_come(tmp_path_factory, name, behind, field, value):
    folder = tmp_path_factory.getbasetemp()
    fields = dict.fromkeys(FIELDS, "0") | {"name": "II", field: value}
    line = f"r.dat 16 100(0)/mV {' '.join(fields.values())}"
    record = f"x{name} 1 500 1000 {' '.join(behind.split())}".replace("\0", "")
    facts, samples = read(write(folder, f"{record}\n{line}\n".replace("\0", "")))
    assert (facts.fs_hz, facts.length) == (500, 1000)
    np.testing.assert_allclose(samples, COUNTS / 100, rtol=1e-6)


@pytest.mark.parametrize("named", ["R.DAT", "C:\\data\\r.dat", "/home/somebody/r.dat", "sub/r.dat"])
def test_a_file_that_was_moved_with_its_header_is_found_beside_it(tmp_path, named):
    _, samples = read(write(tmp_path, f"r 1 500 1000\n{named} 16 100/mV 12 0 0 0 0 II\n"))
    np.testing.assert_allclose(samples, COUNTS / 100, rtol=1e-6)


@pytest.mark.parametrize("named", ["../secret.dat", "/etc/secret.dat", "secret.dat"])
def test_no_file_outside_of_the_folder_is_read(tmp_path, named):
    inside = tmp_path / "inside"
    inside.mkdir()
    COUNTS.tofile(tmp_path / "secret.dat")
    (inside / "secret.dat").symlink_to(tmp_path / "secret.dat")
    with pytest.raises(RecordUnreadable, match="outside its folder"):
        WfdbRecord(write(inside, f"r 1 500 1000\n{named} 16 100/mV 12 0 0 0 0 II\n"))


def test_signals_of_one_file_are_all_there_though_fewer_are_announced(tmp_path):
    lines = "r.dat 16 100/mV 12 0 0 0 0 II\nr.dat 16 100/mV 12 0 0 0 0 V5\n"
    facts, samples = read(write(tmp_path, f"r 1 500 500\n{lines}"))
    assert [lead.name for lead in facts.leads] == ["II", "V5"]
    np.testing.assert_allclose(samples, COUNTS[::2] / 100, rtol=1e-6)
