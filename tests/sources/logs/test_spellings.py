"""Logs that nobody declared: what they say themselves decides about rate, names and what is no signal."""

import datetime
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import Gap, SampleBlock
from edge_agent.sources.logs.record import CsvRecord
from tests.sources.logs import made

WAVE = [int(value) for value in made.wave(600)]
START = datetime.datetime(2023, 1, 2, 10, tzinfo=datetime.timezone.utc)


def each(row):
    return "".join(row(n, value) + "\n" for n, value in enumerate(WAVE))


# The text; what a person says; rate; names and kinds of the leads.
LOGS = {
    "opensignals-of-old": (
        '# {"SamplingResolution": "10", "SampledChannels": [1], "SamplingFrequency": "1000", '
        '"ColumnLabels": ["SeqN", "Digital0", "Digital1", "ECG"], "Version": "110"}\n# EndOfHeader\n'
        + each(lambda n, v: f"{n % 16}\t1\t1\t{v}\t"),
        {},
        1000,
        [("ECG", "ecg")],
    ),
    "separator-line": (
        "\ufeffsep=;\nZeit [ms];EKG [mV]\n" + each(lambda n, v: f"{n * 4};{v},0"),
        {},
        250,
        [("EKG", "ecg")],
    ),
    "whole-seconds": (
        "time,ecg\n" + each(lambda n, v: f"2023-01-02 10:00:{n // 100:02d},{v}"),
        {},
        100,
        [("ecg", "ecg")],
    ),
    "host-clock-in-lumps": (
        "timestamp,ecg\n"
        + each(
            lambda n, v: f"{(START + datetime.timedelta(seconds=(n // 4 + 1) * 0.016 + n % 4 * 2e-5)).isoformat()},{v}"
        ),
        {},
        250,
        [("ecg", "ecg")],
    ),
    "8-khz": ("time,ECG\n" + each(lambda n, v: f"{n / 8000:.6f},{v}"), {}, 8000, [("ECG", "ecg")]),
    "unix-ms": ("ts,value\n" + each(lambda n, v: f"{1672650000123 + n * 4},{v}"), {}, 250, [("value", "unknown")]),
    "twelve-leads": (
        "I,II,III,V1\n" + each(lambda n, v: f"{v},{v},0,{v}"),
        {"fs_hz": 500},
        500,
        [("I", "ecg"), ("II", "ecg"), ("III", "ecg"), ("V1", "ecg")],
    ),
    "row-numbers": (",time,ecg\n" + each(lambda n, v: f"{n},{n * 0.004:.3f},{v}"), {}, 250, [("ecg", "ecg")]),
    "units-below": ("Time,ECG\ns,mV\n" + each(lambda n, v: f"{n * 0.004:.3f},{v}"), {}, 250, [("ECG", "ecg")]),
    "names-like-units": (
        "ms,ecg,bpm\n" + each(lambda n, v: f"{n * 4},{v},74"),
        {},
        250,
        [("ecg", "ecg"), ("bpm", "other")],
    ),
    "boot-lines": (
        "Initializing...\nSD card ok\nStart!\n" + each(lambda n, v: f"{n * 4},{v}"),
        {},
        250,
        [("column-2", "unknown")],
    ),
    "labels": (each(lambda n, v: f"ECG: {v}"), {"fs_hz": 250}, 250, [("ECG", "ecg")]),
    "labels-and-another-stream": (
        each(lambda n, v: f"ECG: {v}" + ("\nBPM: 74" if n % 60 == 9 else "")),
        {"fs_hz": 250},
        250,
        [("ECG", "ecg")],
    ),
    "json-lines": (each(lambda n, v: json.dumps({"t": n * 4, "ecg": v})), {}, 250, [("ecg", "ecg")]),
    "teleplot": (each(lambda n, v: f">ecg:{1627551892437 + n * 4}:{v}"), {}, 250, [("ecg", "ecg")]),
    "terminal-log": (
        "=~=~=~=~=~= PuTTY log 2023.01.02 10:00:00 =~=~=~=~=~=\n" + each(lambda n, v: f"{v}"),
        {"fs_hz": 250},
        250,
        [("column-1", "unknown")],
    ),
    "labchart-without-times": (
        "Interval=\t0.004 s\nChannelTitle=\tECG\nRange=\t10 mV\n" + each(lambda n, v: f"{v}"),
        {},
        250,
        [("ECG", "ecg")],
    ),
    "labchart-comment": (
        "Interval=\t0.004 s\nChannelTitle=\tECG\n"
        + each(lambda n, v: f"{n * 0.004:.6g}\t{v}" + ("\t#* drug given" if n == 300 else "")),
        {},
        250,
        [("ECG", "ecg")],
    ),
    "acqknowledge-without-times": (
        "ecg.acq\n1 msec/sample\n1 channels\nECG\nmV\nCH1\n600\n" + each(lambda n, v: f"{v}"),
        {},
        1000,
        [("ECG", "ecg")],
    ),
    "consensys-four-rows": (
        "Shimmer 3E36\tShimmer 3E36\nTimestamp\tECG LL-RA\nCAL\tCAL\nmSecs\tmV\n" + each(lambda n, v: f"{n * 4}\t{v}"),
        {},
        250,
        [("ECG LL-RA", "ecg")],
    ),
    "date-beside-time": (
        "Date,Time,ECG\n" + each(lambda n, v: f"02.01.2023,10:00:{n / 250:06.3f},{v}"),
        {},
        250,
        [("ECG", "ecg")],
    ),
    "date-and-blank": (each(lambda n, v: f"2023-01-02 10:00:{n / 250:06.3f} {v}"), {}, 250, [("column-2", "unknown")]),
    "matlab": (each(lambda n, v: f"   {n / 250:.7e}   {v:.7e}"), {}, 250, [("column-2", "unknown")]),
    "bars": ("time|ecg\n" + each(lambda n, v: f"{n * 0.004:.3f}|{v}"), {}, 250, [("ecg", "ecg")]),
}


def read(source):
    source.open("rec")
    items = list(source.read())
    blocks = [item.samples for item in items if isinstance(item, SampleBlock)]
    return np.concatenate(blocks, axis=1), [item for item in items if isinstance(item, Gap)]


@pytest.mark.parametrize("name", LOGS)
def test_a_log_gives_what_it_says_of_itself(tmp_path, name):
    text, said, fs_hz, leads = LOGS[name]
    path = tmp_path / "log.txt"
    path.write_text(text, encoding="utf-8")
    source = CsvRecord(path, **said)
    facts = source.recording_facts()
    assert [(lead.name, lead.kind.value) for lead in facts.leads] == leads
    assert facts.fs_hz == fs_hz
    samples, gaps = read(source)
    assert samples[0].tolist() == WAVE
    assert gaps == []


def test_a_block_with_its_own_head_begins_anew(tmp_path):
    path = tmp_path / "labchart.txt"
    block = "Interval=\t0.004 s\nChannelTitle=\tECG\nRange=\t10 mV\n" + each(lambda n, v: f"{n * 0.004:.6g}\t{v}")
    path.write_text(block + block)
    samples, gaps = read(CsvRecord(path))
    assert samples[0].tolist() == WAVE + WAVE
    assert [(gap.start, gap.length) for gap in gaps] == [(600, 0)]


def test_a_column_that_says_leads_off_makes_its_rows_invalid(tmp_path):
    path = tmp_path / "ad8232.csv"
    path.write_text("ms,value,LO+,LO-\n" + each(lambda n, v: f"{n * 4},{v},{int(50 <= n < 60)},0"))
    source = CsvRecord(path)
    assert [lead.name for lead in source.recording_facts().leads] == ["value"]
    assert np.flatnonzero(np.isnan(read(source)[0][0])).tolist() == list(range(50, 60))


@settings(max_examples=25, deadline=None)
@given(widths=st.lists(st.integers(2, 40), min_size=6, max_size=40), separator=st.sampled_from([" ", ", ", "\t"]))
def test_numbers_that_fill_lines_as_they_come_are_one_lead(tmp_path_factory, widths, separator):
    usual = max(set(widths), key=widths.count)
    widths = [width if place % 2 else usual + 1 + place for place, width in enumerate(widths)]
    numbers, lines = list(range(100, 100 + sum(widths))), []
    for width in widths:
        first = sum(len(line) for line in lines)
        lines.append(numbers[first : first + width])
    path = tmp_path_factory.getbasetemp() / "running.txt"
    path.write_text("".join(separator.join(str(number) for number in line) + "\n" for line in lines))
    samples, _ = read(CsvRecord(path, fs_hz=250))
    assert samples.tolist() == [numbers]
