"""Loggers begin anew, wrap, stamp late, write words between their numbers, and follow the customs of their land."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.sources.logs.clocks import clock_of, is_clock
from edge_agent.sources.logs.counting import missing_by
from edge_agent.sources.logs.grid import grid_of
from edge_agent.sources.logs.record import CsvRecord
from edge_agent.sources.port import RecordUnreadable
from tests.sources.logs import made


def opened(tmp_path, text, **given_by_hand):
    path = tmp_path / "log.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return CsvRecord(path, **given_by_hand)


def read(source):
    source.open("rec")
    items = list(source.read())
    blocks = [item.samples for item in items if isinstance(item, SampleBlock)]
    gaps = [(item.start, item.length, item.reason) for item in items if isinstance(item, Gap)]
    return np.concatenate(blocks, axis=1), gaps


def rows(stamps, values):
    return "".join(f"{stamp},{value}\n" for stamp, value in zip(stamps, values, strict=True))


def test_a_logger_that_begins_anew_leaves_a_gap_of_unknown_length(tmp_path):
    part = rows(range(0, 4000, 4), range(1000))
    source = opened(tmp_path, f"ms,ecg\n{part}ms,ecg\n{part}")
    samples, gaps = read(source)
    assert (source.recording_facts().fs_hz, samples.shape) == (250, (1, 2000))
    assert gaps == [(1000, 0, "clock-restarted")]


def test_a_heading_in_the_middle_is_a_gap_where_nothing_counts(tmp_path):
    samples, gaps = read(opened(tmp_path, "ecg\n1\n2\n3\necg\n4\n5\n6\n", fs_hz=250))
    assert (samples.tolist(), gaps) == ([[1, 2, 3, 4, 5, 6]], [(3, 0, "log-restarted")])


@pytest.mark.parametrize(("bits", "name", "step"), [(32, "us", 4000), (16, "ms", 4), (32, "ms", 4)])
def test_a_counter_of_time_that_wraps_is_no_gap(tmp_path, bits, name, step):
    stamps = [(2**bits - 500 * step + n * step) % 2**bits for n in range(1000)]
    source = opened(tmp_path, f"{name},ecg\n{rows(stamps, range(1000))}")
    assert read(source)[1] == []
    assert (source.recording_facts().fs_hz, source.recording_facts().length) == (250, 1000)


def test_a_summary_at_the_end_is_no_sample(tmp_path):
    text = "time (s),ecg (mV)\n" + rows([f"{n / 250:.3f}" for n in range(300)], range(300))
    source = opened(tmp_path, text + "\nTotal samples: 300\n")
    assert read(source)[0].shape == (1, 300)
    assert any("1 line that is no sample" in note for note in source.recording_facts().notes)


def test_words_under_a_name_of_their_own_are_no_sample(tmp_path):
    text = "".join(f"{n}\n" + ("BPM: 74\n" if n % 50 == 49 else "") for n in range(400))
    assert read(opened(tmp_path, text, fs_hz=250))[0].tolist() == [list(range(400))]


@pytest.mark.parametrize("word", ["!", "off", "LO", "leads off", "Lead Off", "nan", "---", "#DIV/0!", "1.#QNAN", "OVF"])
def test_a_word_for_leads_off_is_an_invalid_sample(tmp_path, word):
    text = "".join(f"{word if 100 <= n < 110 else n}\n" for n in range(300))
    samples, gaps = read(opened(tmp_path, text, fs_hz=250))
    assert np.flatnonzero(np.isnan(samples[0])).tolist() == list(range(100, 110))
    timed = "".join(f"{n * 4},{word if 100 <= n < 110 else n}\n" for n in range(300))
    samples, gaps = read(opened(tmp_path, "ms,ecg\n" + timed))
    assert (np.flatnonzero(np.isnan(samples[0])).tolist(), gaps) == (list(range(100, 110)), [])


def test_a_few_damaged_rows_are_invalid_and_said_and_many_are_refused(tmp_path):
    good = [f"{n}\n" for n in range(200)]
    source = opened(tmp_path, "".join(["4x7\n" if n == 50 else line for n, line in enumerate(good)]), fs_hz=250)
    assert np.flatnonzero(np.isnan(read(source)[0][0])).tolist() == [50]
    assert source.recording_facts().notes == ("1 of 200 rows cannot be read and count as invalid (line 51)",)
    with pytest.raises(RecordUnreadable, match="one of 20 such lines among 200"):
        opened(tmp_path, "".join(["4x7\n" if n % 10 == 5 else line for n, line in enumerate(good)]), fs_hz=250)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r", "\r\r\n"])
def test_lines_may_end_in_any_way(tmp_path, line_end):
    text = line_end.join(["ms,ecg", *(f"{n * 4},{n}" for n in range(100)), ""])
    source = opened(tmp_path, text)
    assert (read(source)[0].tolist(), source.recording_facts().fs_hz) == ([list(range(100))], 250)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_microvolts_are_understood_in_every_encoding(tmp_path, encoding):
    path = tmp_path / "log.txt"
    path.write_bytes(("Zeit (ms)\tEKG (µV)\n" + "".join(f"{n * 4}\t{n}\n" for n in range(50))).encode(encoding))
    assert CsvRecord(path).recording_facts().leads[0].unit is Unit.MICROVOLT


def test_the_rest_of_a_card_that_lost_its_power_is_read_over(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(("ms,ecg\n" + "".join(f"{n * 4},{n}\n" for n in range(500))).encode() + bytes(4096))
    source = CsvRecord(path)
    assert read(source)[0].shape == (1, 500)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("02.01.2023 10:00:00,004", 36000.004),
        ("2023-01-02T10:00:00.004Z", 36000.004),
        ("2023-01-02 11:00:00.004+01:00", 36000.004),
        ("1/2/2023 10:00:00.004 AM", 36000.004),
        ("1/2/2023 12:00:00.5 AM", 0.5),
        ("01/02/23 10:00:00 p.m.", 79200.0),
        ("[10:00:00.004 01/02/2023]", 36000.004),
        ("02-Jan-2023 10:00:00.004", 36000.004),
        ("Jan 2, 2023 10:00:00 AM", 36000.0),
        ("2023/1/2 下午 10:00:00", 79200.0),
        ("10:00:00:004", 36000.004),
        ("0 days 10:00:00.004000", 36000.004),
        ("1:02.5", 62.5),
    ],
)
def test_times_of_every_land_are_read(text, seconds):
    assert clock_of(text).seconds % 86400 == pytest.approx(seconds, abs=1e-4)


@pytest.mark.parametrize("text", ["", "12", "1.5", "10:75x", "ecg:12", "12:", ":30", "a:b"])
def test_what_is_no_time_is_none(text):
    assert not is_clock(text)


@pytest.mark.parametrize(
    "head",
    [
        "# fs = 250\n",
        "# Sampling Rate (Hz):= 250.00\n",
        '# {"sampling rate": 250}\n',
        "Sampling frequency: 250 Hz\n",
        "Abtastrate;250 Hz\n",
        "Fréquence d'échantillonnage;250 Hz\n",
        "// sample interval: 4 ms\n",
        "# dt=0.004\n",
        "4 msec/sample\n",
        "%Sample Rate = 250.0 Hz\n",
        "# unit=mV, fs=250\n",
        "Sample Rate,0.25 kHz\n",
    ],
)
def test_a_head_says_the_rate(tmp_path, head):
    source = opened(tmp_path, head + "".join(f"{n}\n" for n in range(50)))
    assert source.recording_facts().fs_hz == 250
    assert read(source)[0].tolist() == [list(range(50))]


@pytest.mark.parametrize("head", ["# notch filter: 50 Hz\n", "# baud rate: 9600\n", "# heart rate: 74\n"])
def test_another_number_in_a_head_is_no_rate(tmp_path, head):
    with pytest.raises(RecordUnreadable, match="nothing in the file says its rate"):
        opened(tmp_path, head + "".join(f"{n}\n" for n in range(50)))


def test_a_clock_without_unit_is_taken_by_the_rate_it_makes_and_said(tmp_path):
    source = opened(tmp_path, "timer,hr\n" + "".join(f"{n * 4}.000,{n % 9}\n" for n in range(100)))
    facts = source.recording_facts()
    assert (facts.fs_hz, [lead.kind.value for lead in facts.leads]) == (250, ["unknown"])
    assert facts.notes == ("the unit of timer is taken as 0.001 s, which makes 250 Hz",)


@pytest.mark.parametrize(
    ("step", "fs_hz"), [("0.004", 250), ("4", 250), ("4000", 250), ("0.0000666667", 250), ("8", 125)]
)
def test_the_unit_of_a_clock_is_the_only_one_that_makes_a_rate(tmp_path, step, fs_hz):
    source = opened(tmp_path, "time,ecg\n" + "".join(f"{n * float(step):.9g},{n % 9}\n" for n in range(200)))
    assert source.recording_facts().fs_hz == fs_hz


def test_numbers_larger_than_any_signal_are_a_time(tmp_path):
    text = "".join(f"{599616000000000000 + round(n * 1e9 / 130)};{n % 9}\n" for n in range(400))
    source = opened(tmp_path, text)
    assert source.recording_facts().fs_hz == 130
    assert len(source.recording_facts().leads) == 1


@pytest.mark.parametrize("text", ["{}", "[{}]", "ecg: [{}]", "{}\n\n", "# ECG of a day\n{}"])
@pytest.mark.parametrize("separator", [" ", ", ", "\t", ";"])
def test_all_samples_in_one_line_are_one_lead(tmp_path, text, separator):
    source = opened(tmp_path, text.replace("{}", separator.join(str(n % 500) for n in range(2000))), fs_hz=250)
    samples, _ = read(source)
    assert samples.tolist() == [[n % 500 for n in range(2000)]]


def test_a_line_a_lead_is_a_lead(tmp_path):
    text = "".join(
        f"{name}," + ",".join(str(n + place) for n in range(900)) + "\n" for place, name in enumerate(["I", "II", "V1"])
    )
    source = opened(tmp_path, text, fs_hz=500)
    assert [lead.name for lead in source.recording_facts().leads] == ["I", "II", "V1"]
    assert read(source)[0].shape == (3, 900)


def test_stamps_of_the_serial_monitor_are_the_clock(tmp_path):
    text = "".join(f"10:00:{n // 100:02d}.{n % 100 * 10:03d} -> {n}\n" for n in range(500))
    source = opened(tmp_path, text)
    assert (source.recording_facts().fs_hz, read(source)[0].tolist()) == (100, [list(range(500))])


def test_a_stuck_second_clock_leaves_the_rate_to_the_head(tmp_path):
    text = made.openbci_4(made.wave())
    assert opened(tmp_path, text, fs_hz=250).recording_facts().fs_hz == 250


def test_packets_that_a_counter_misses_are_a_gap(tmp_path):
    head, *lines = made.openbci_5(made.wave()).splitlines(keepends=True)
    text = head + "".join(line for place, line in enumerate(lines) if not 104 <= place < 107)
    assert read(opened(tmp_path, text))[1] == [(100, 3, "lost")]


# ---- the grid behind the times -------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    fs_hz=st.sampled_from([100, 125, 130, 250, 256, 500, 512, 1000]),
    tick_ms=st.sampled_from([0.001, 1.0, 10.0, 15.625]),
    phase=st.floats(0, 1),
    lost=st.integers(0, 400),
    seed=st.integers(0, 99),
)
def test_a_coarse_clock_makes_no_gaps_and_hides_only_short_ones(fs_hz, tick_ms, phase, lost, seed):
    rows_there = [n for n in range(4000) if not 1500 <= n < 1500 + lost]
    random = np.random.default_rng(seed)
    late = np.where(random.random(len(rows_there)) < 0.01, tick_ms / 1000, 0.0)  # one reading in a hundred
    true_s = np.asarray(rows_there) / fs_hz + phase + late
    times = np.maximum.accumulate(np.floor(true_s / (tick_ms / 1000)) * (tick_ms / 1000))
    grid = grid_of(times, said_hz=None, unit_s=1.0, dated=True)
    assert grid is not None
    assert grid.fs_hz == fs_hz
    least = 3 + 2 * tick_ms / 1000 * fs_hz
    found = [(one.row, one.count) for one in grid.missing]
    if lost > least:
        assert all(abs(row - 1500) <= least for row, _ in found)  # a late reading beside it may part it in two
        assert abs(sum(count for _, count in found) - lost) <= least
    else:
        assert sum(count for _, count in found) <= lost + least
    if lost == 0:
        assert found == []


@settings(max_examples=40, deadline=None)
@given(
    fs_hz=st.sampled_from([128, 130, 200, 250, 256]),
    packet=st.integers(5, 80),
    within=st.sampled_from([0.0, 1e-4]),
    lost=st.integers(0, 12),
)
def test_packets_stamped_at_once_make_no_gaps(fs_hz, packet, within, lost):
    packets = [n for n in range(60) if not 30 <= n < 30 + lost]
    times = np.asarray([n * packet / fs_hz + place * within / packet for n in packets for place in range(packet)])
    grid = grid_of(times, said_hz=None, unit_s=1.0, dated=True)
    assert grid is not None
    assert grid.fs_hz == pytest.approx(fs_hz, rel=0.004)
    if lost == 0:
        assert grid.missing == ()
    elif lost >= 3:
        assert [one.row for one in grid.missing] == [30 * packet]
        assert abs(grid.missing[0].count - lost * packet) <= packet


@settings(max_examples=60, deadline=None)
@given(
    width=st.sampled_from([16, 100, 201, 256, 65536]),
    first=st.integers(0, 255),
    at=st.integers(700, 1200),
    lost=st.integers(1, 14),
)
def test_a_counter_wraps_at_the_width_seen_and_counts_what_is_missing(width, first, at, lost):
    numbers = [(first + n) % width for n in range(2000)]
    assert missing_by(np.asarray(numbers, float)) == ()
    del numbers[at : at + lost]
    found = missing_by(np.asarray(numbers, float))
    assert [(one.row, one.count) for one in found] == [(at, lost % width)] * (lost % width > 0)


def test_times_that_only_jump_are_no_clock():
    days = np.arange(20) * 5 * 86_400.0
    assert grid_of(days, said_hz=250, unit_s=1.0, dated=True) is None


def test_packets_each_behind_a_gap_have_a_rate():
    times = np.repeat([0.0, 0.1, 50_000.0, 50_000.1, 80_000.0], 30)
    grid = grid_of(times, said_hz=None, unit_s=1.0, dated=True)
    assert grid is not None
    assert grid.fs_hz > 0


def test_half_a_quote_is_a_damaged_cell(tmp_path):
    text = "".join(f"'{n},5\n" if n == 7 else f"{n * n % 90},5\n" for n in range(60))
    samples, _ = read(opened(tmp_path, "ECG\n" + text, fs_hz=250))
    assert samples.shape == (1, 60)
