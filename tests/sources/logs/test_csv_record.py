import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BedsideError
from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.sources.logs.record import CsvRecord
from edge_agent.sources.port import RecordUnreadable

ROWS = [(0.0, 0.25, -0.5), (0.004, 0.5, 0.75), (0.008, -0.125, 1.0)] * 4


def read(source):
    source.open("rec")
    items = list(source.read())
    at = 0
    for item in items:
        assert item.start == at
        at = item.end
    blocks = [item for item in items if isinstance(item, SampleBlock)]
    return np.concatenate([b.samples for b in blocks], axis=1), [i for i in items if isinstance(i, Gap)]


def write(path, text, *, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def timed(header, *, step=0.004, delimiter=",", decimal=".", rows=12, skip=()):
    lines = [header] if header else []
    for index in range(rows):
        if index not in skip:
            cells = [f"{index * step:.6g}", f"{ROWS[index][1]}", f"{ROWS[index][2]}"]
            lines.append(delimiter.join(cell.replace(".", decimal) for cell in cells))
    return "\n".join(lines) + "\n"


WANTED = np.asarray([[row[1] for row in ROWS], [row[2] for row in ROWS]], np.float32)


@pytest.mark.parametrize(
    "text",
    [
        timed("time,II (mV),V5 (mV)"),
        timed("Time (ms);II (mV);V5 (mV)", step=4, delimiter=";", decimal=","),
        timed("t_us\tII [mV]\tV5 [mV]", step=4000, delimiter="\t"),
        timed("timestamp,II/mV,V5/mV"),
        timed("'Elapsed time','II','V5'\n'seconds','mV','mV'"),
        timed("# made by a logger\n\ntime,II (mV),V5 (mV)"),
        timed("time II/mV V5/mV", delimiter=" "),
        timed("\ufefftime,II (mV),V5 (mV)").replace("\n", ",\r\n"),
        timed('"time","II (mV)","V5 (mV)"'),
    ],
)
def test_headers_units_delimiters_and_time_columns_are_understood(tmp_path, text):
    source = CsvRecord(write(tmp_path / "a.csv", text))
    samples, gaps = read(source)
    facts = source.recording_facts()
    assert [(lead.name, lead.unit) for lead in facts.leads] == [("II", Unit.MILLIVOLT), ("V5", Unit.MILLIVOLT)]
    assert (facts.fs_hz, facts.length, facts.live) == (250, 12, False)
    np.testing.assert_array_equal(samples, WANTED)
    assert gaps == []


@pytest.mark.parametrize(
    "text", ["0.25\n0.5\n-0.125\n", "ECG\n0.25\n0.5\n-0.125", "ECG\n0,25\n0,5\n-0,125\n", '"0,25"\n"0,5"\n"-0,125"\n']
)
def test_one_column_without_time_needs_only_its_rate(tmp_path, text):
    path = write(tmp_path / "a.csv", text)
    source = CsvRecord(path, fs_hz=200)
    samples, _ = read(source)
    assert samples.tolist() == [[0.25, 0.5, -0.125]]
    facts = source.recording_facts()
    assert (facts.fs_hz, facts.length, facts.leads[0].unit) == (200, 3, Unit.RAW)
    with pytest.raises(RecordUnreadable) as raised:
        CsvRecord(path)
    assert "--fs 250" in raised.value.advice


def test_a_headerless_time_is_recognised_by_its_even_steps(tmp_path):
    source = CsvRecord(write(tmp_path / "a.csv", timed("")))
    assert source.recording_facts().fs_hz == 250
    assert [lead.name for lead in source.recording_facts().leads] == ["column-2", "column-3"]
    milliseconds = CsvRecord(write(tmp_path / "b.csv", timed("", step=4)), fs_hz=250)
    np.testing.assert_array_equal(read(milliseconds)[0], WANTED)
    counted = CsvRecord(write(tmp_path / "c.csv", timed("sample #,II (mV),V5 (mV)", step=1)), fs_hz=360)
    np.testing.assert_array_equal(read(counted)[0], WANTED)


@pytest.mark.parametrize(
    ("stamp", "fs_hz"),
    [
        (lambda i: f"10:59:{59 + i / 200:06.3f}" if i < 200 else f"11:00:{(i - 200) / 200:06.3f}", 200),
        (lambda i: f"2024-02-28 23:59:{50 + i / 200:06.3f}", 200),
        (lambda i: f"0:0{i / 200:.3f}", 200),
    ],
)
def test_times_of_the_clock_are_understood(tmp_path, stamp, fs_hz):
    text = "when,ECG (uV)\n" + "".join(f"{stamp(i)},{i}\n" for i in range(300))
    source = CsvRecord(write(tmp_path / "a.csv", text))
    samples, gaps = read(source)
    assert source.recording_facts().fs_hz == fs_hz
    assert samples.tolist() == [list(range(300))]
    assert gaps == []


def test_midnight_is_no_gap(tmp_path):
    text = "time,ECG (mV)\n" + "".join(
        f"{'23:59:59' if i < 50 else '00:00:00'}.{(500 + i * 10) % 1000:03d},{i}\n" for i in range(100)
    )
    samples, gaps = read(CsvRecord(write(tmp_path / "a.csv", text)))
    assert samples.shape == (1, 100)
    assert gaps == []


@pytest.mark.parametrize("fs_hz", [360, 500, 250, 128, 1000])
def test_rounded_times_give_the_true_rate_and_no_gap(tmp_path, fs_hz):
    text = "time_ms,ECG (mV)\n" + "".join(f"{round(i * 1000 / fs_hz)},{i % 7}\n" for i in range(3000))
    source = CsvRecord(write(tmp_path / "a.csv", text))
    samples, gaps = read(source)
    assert source.recording_facts().fs_hz == fs_hz
    assert samples.shape == (1, 3000)
    assert gaps == []


def test_rows_that_the_times_leave_out_are_a_gap(tmp_path):
    source = CsvRecord(write(tmp_path / "a.csv", timed("time,II (mV),V5 (mV)", skip=(4, 5, 9))))
    samples, gaps = read(source)
    assert [(gap.start, gap.length, gap.reason) for gap in gaps] == [(4, 2, "times-skipped"), (9, 1, "times-skipped")]
    np.testing.assert_array_equal(samples, np.delete(WANTED, [4, 5, 9], axis=1))


def test_empty_cells_and_nan_are_invalid_samples(tmp_path):
    text = "time,II (mV),V5 (mV)\n0,1,\n0.004,nan,2\n0.008,,NA\n0.012,3,4\n"
    samples, _ = read(CsvRecord(write(tmp_path / "a.csv", text)))
    assert np.isnan(samples).tolist() == [[False, True, True, False], [True, False, True, False]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("time,II\n0,1\n0.004,two\n0.008,3\n", "line 3 holds"),
        ("time,II\n0,1\n\n0.004,1\n0.008\n0.012,1\n", "line 5 has 1 cells"),
        ("time,II\n0,1\n0.004,1,9\n0.008,1\n", "line 3 has 3 cells"),
    ],
)
def test_where_many_rows_cannot_be_read_the_first_is_named_by_its_line(tmp_path, text, says):
    path = write(tmp_path / "a.csv", text)
    with pytest.raises(RecordUnreadable, match=says):
        CsvRecord(path, fs_hz=250)


def test_a_row_without_a_time_keeps_its_place(tmp_path):
    samples, gaps = read(CsvRecord(write(tmp_path / "a.csv", "time,II\n0,1\n,2\n0.008,3\n0.012,4\n"), fs_hz=250))
    assert (samples.tolist(), gaps) == ([[1, 2, 3, 4]], [])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no numbers"),
        ("only words\nand more\n", "no numbers"),
        ("time\n0\n0.004\n", "no signal"),
        ("time,II\n0,1\n1,1\n2,1\n", "unit of the time column"),
        ("a\0b,c\n1,2\n", "no plain text"),
        ("time (s),II\n0,1\n0.1,1\n0.2,1\n", "do not fit"),
    ],
)
def test_a_file_that_says_too_little_is_refused(tmp_path, text, says):
    with pytest.raises(RecordUnreadable, match=says):
        CsvRecord(write(tmp_path / "a.csv", text), fs_hz=250 if "fit" in says else None)


def test_a_named_time_column_is_taken(tmp_path):
    text = "II (mV),when\n" + "".join(f"{i},{i * 0.005:.3f}\n" for i in range(20))
    source = CsvRecord(write(tmp_path / "a.csv", text), time_column="when")
    assert (source.recording_facts().fs_hz, len(source.recording_facts().leads)) == (200, 1)
    with pytest.raises(RecordUnreadable, match="no such column"):
        CsvRecord(tmp_path / "a.csv", time_column="then")


def test_words_are_left_out_and_said(tmp_path):
    source = CsvRecord(write(tmp_path / "a.csv", "time,II (mV),state\n0,1,ok\n0.004,2,ok\n0.008,3,off\n"))
    samples, _ = read(source)
    assert samples.tolist() == [[1, 2, 3]]
    assert source.recording_facts().notes == ("left out: state (no numbers)",)


def test_a_torn_last_line_is_left_out_and_said(tmp_path):
    source = CsvRecord(write(tmp_path / "a.csv", "II (mV),V5 (mV)\n1,2\n3,4\n5"), fs_hz=250)
    samples, _ = read(source)
    assert samples.tolist() == [[1, 3], [2, 4]]
    assert source.recording_facts().length == 2
    assert "torn" in source.recording_facts().notes[0]


def test_latin_1_microvolts_are_understood(tmp_path):
    path = write(tmp_path / "a.csv", timed("time,II (\u00b5V),V5 (\u00b5V)"), encoding="latin-1")
    assert {lead.unit for lead in CsvRecord(path).recording_facts().leads} == {Unit.MICROVOLT}


def test_a_long_file_comes_in_blocks(tmp_path):
    text = "ECG (mV)\n" + "".join(f"{i}\n" for i in range(10_000))
    source = CsvRecord(write(tmp_path / "a.csv", text), fs_hz=250)
    source.open("rec")
    items = list(source.read())
    assert [item.length for item in items] == [4096, 4096, 1808]
    assert source.recording_facts().length == 10_000


@settings(max_examples=200, deadline=None)
@given(
    st.text(alphabet="0123456789.,;:-+eE \t\n\r\"'#nat()mVµ", max_size=200)
    | st.binary(max_size=120).map(lambda data: data.decode("latin-1"))
)
def test_no_text_does_more_than_to_be_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(text.encode("latin-1", "ignore"))
    with contextlib.suppress(BedsideError):
        source = CsvRecord(path, fs_hz=250)
        source.open("rec")
        items = list(source.read())
        assert all(item.length > 0 or isinstance(item, Gap) for item in items)
        length = source.recording_facts().length
        assert sum(item.length for item in items) == length


@pytest.mark.parametrize(
    "text",
    [
        'start,duration,value\n2023-01-02 10:00:00,"[2,2]","[{}]"\n',
        'timestamp,samples\n0,"{}"\n44,"{}"\n88,"{}"\n',
        'time,heart_rate,lead,waveform\n10:00:00,75,Lead I,"{}"\n',
    ],
)
def test_a_row_whose_cells_hold_lists_of_samples_is_refused_with_a_rate_as_well(tmp_path, text):
    path = tmp_path / "watch.csv"
    path.write_text(text.replace("{}", ",".join(str(n % 50) for n in range(200))))
    for fs_hz in (None, 300.0):
        with pytest.raises(RecordUnreadable, match="lists of samples"):
            CsvRecord(path, fs_hz=fs_hz)
