"""Lists of samples, as watches and phones export them, in JSON and in the cells of a table."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import LeadKind, Unit
from edge_agent.sources.logs.record import CsvRecord
from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.resolve import Places, resolve
from tests.sources.logs import made
from tests.sources.logs.test_spellings import read

WAVE = [int(value) for value in made.wave(640)]
LIST = json.dumps(WAVE)
PACKETS = [WAVE[at : at + 16] for at in range(0, len(WAVE), 16)]
FITBIT = {"startTime": "2022-09-28T17:12:30.222", "waveformSamples": WAVE, "samplingFrequencyHz": 250}
FITBIT |= {"scalingFactor": 1000, "numberOfWaveformSamples": 640, "leadNumber": 1}
MOVESENSE = [{"ecg": {"Timestamp": 1000 + at * 64, "Samples": packet}} for at, packet in enumerate(PACKETS)]

# The file's name and text; rate; the lead with its unit and kind; what a sample of the list is multiplied with.
LISTS = {
    "fitbit": ("ecg.json", json.dumps({"ecgReadings": [FITBIT]}), 250, ("Lead I", Unit.MILLIVOLT, LeadKind.ECG), 1e-3),
    "fitbit-spread-over-lines": (
        "ecg.json",
        json.dumps({"ecgReadings": [FITBIT]}, indent=1),
        250,
        ("Lead I", Unit.MILLIVOLT, LeadKind.ECG),
        1e-3,
    ),
    "fitbit-csv": (
        "ecg.csv",
        "startTime,waveformSamples,samplingFrequencyHz,scalingFactor\n" + f'2023-01-02T10:00:00,"{LIST}",250,1000\n',
        250,
        ("Lead I", Unit.MILLIVOLT, LeadKind.ECG),
        1e-3,
    ),
    "withings": (
        "ecg.json",
        json.dumps({"body": {"signal": WAVE, "sampling_frequency": 500, "wearposition": 1}}),
        500,
        ("Lead I", Unit.MICROVOLT, LeadKind.ECG),
        1,
    ),
    "withings-csv": (
        "ecg.csv",
        f'"signal","sampling_frequency","wearposition"\n{LIST},500,1\n',
        500,
        ("Lead I", Unit.MICROVOLT, LeadKind.ECG),
        1,
    ),
    "movesense": ("ecg.json", json.dumps({"data": MOVESENSE}), 250, ("ecg", Unit.RAW, LeadKind.ECG), 1),
    "movesense-lines": (
        "ecg.jsonl",
        "".join(json.dumps(one) + "\n" for one in MOVESENSE),
        250,
        ("ecg", Unit.RAW, LeadKind.ECG),
        1,
    ),
    "packets-in-a-table": (
        "ecg.csv",
        "timestamp,samples\n" + "".join(f'{at * 64},"{packet}"\n' for at, packet in enumerate(PACKETS)),
        250,
        ("samples", Unit.RAW, LeadKind.UNKNOWN),
        1,
    ),
    "an-object-a-sample": (
        "ecg.json",
        json.dumps([{"timeStamp": 599616000000000000 + at * 4_000_000, "ecg": value} for at, value in enumerate(WAVE)]),
        250,
        ("ecg", Unit.RAW, LeadKind.ECG),
        1,
    ),
}


def opened(path):
    return resolve(str(path), Places(data_dir=None, cache_dir=path.parent))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_gives_its_rate_unit_and_every_sample(tmp_path, name):
    file, text, fs_hz, (lead, unit, kind), factor = LISTS[name]
    (tmp_path / file).write_text(text)
    source = opened(tmp_path / file)
    facts = source.recording_facts()
    assert [(one.name, one.unit, one.kind) for one in facts.leads] == [(lead, unit, kind)]
    assert facts.fs_hz == fs_hz
    samples, gaps = read(source)
    assert samples[0].tolist() == pytest.approx([value * factor for value in WAVE], rel=1e-6)
    assert gaps == []


def test_of_several_readings_in_one_file_the_first_is_read_and_the_others_are_told(tmp_path):
    path = tmp_path / "ecg.json"
    path.write_text(json.dumps({"ecgReadings": [FITBIT, FITBIT | {"waveformSamples": [0] * 640}]}))
    source = opened(path)
    assert any("2 recordings" in note for note in source.recording_facts().notes)
    assert read(source)[0].shape == (1, 640)


def test_a_packet_that_is_missing_is_a_gap(tmp_path):
    path = tmp_path / "ecg.json"
    path.write_text(json.dumps({"data": MOVESENSE[:20] + MOVESENSE[21:]}))
    _, gaps = read(opened(path))
    assert [gap.length for gap in gaps] == [16]


@pytest.mark.parametrize("beside", [{}, {"name": "A Person"}, {"time": 7}])
def test_a_list_that_says_no_rate_is_refused_with_a_way_on(tmp_path, beside):
    path = tmp_path / "ecg.json"
    path.write_text(json.dumps({"samples": WAVE, **beside}))
    with pytest.raises(RecordUnreadable, match="lists of samples") as refused:
        opened(path)
    assert "one sample a line" in refused.value.advice


def test_all_channels_of_a_board_in_one_list_are_a_row_and_no_samples(tmp_path):
    path = tmp_path / "board.jsonl"
    path.write_text("".join(json.dumps({"t": at * 4, "eeg": [value] * 8}) + "\n" for at, value in enumerate(WAVE)))
    source = CsvRecord(path)
    assert len(source.recording_facts().leads) == 8
    assert source.recording_facts().fs_hz == 250


@settings(max_examples=30, deadline=None)
@given(
    key=st.sampled_from(["startTime", "scalingFactor", "numberOfWaveformSamples", "leadNumber"]),
    value=st.none() | st.integers(-5, 5) | st.text(max_size=5) | st.booleans(),
)
def test_one_damaged_value_beside_a_list_leaves_the_ecg(tmp_path_factory, key, value):
    path = tmp_path_factory.mktemp("damaged") / "ecg.json"
    path.write_text(json.dumps({"ecgReadings": [FITBIT | {key: value}]}))
    source = opened(path)
    assert source.recording_facts().fs_hz == 250
    assert read(source)[0].shape == (1, 640)
