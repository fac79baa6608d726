"""Exports of known programs are read as what they are; each is written by `made`, none is anybody's file."""

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.signal.blocks import Gap, LeadKind, SampleBlock, Unit
from edge_agent.sources.logs.makers import MAKERS
from edge_agent.sources.logs.record import CsvRecord
from tests.sources.logs import made

UV, MV, RAW = Unit.MICROVOLT, Unit.MILLIVOLT, Unit.RAW
EXG = tuple(f"EXG Channel {n}" for n in range(8))
rdsamp = functools.partial

# What writes it; who it is read as; rate; names, unit and kind of the leads.
KNOWN = {
    "openbci-5": (made.openbci_5, "OpenBCI GUI 5 and 6", 250, EXG, UV, LeadKind.UNKNOWN),
    "openbci-ganglion": (
        functools.partial(made.openbci_5, fs_hz=200, channels=4),
        "OpenBCI GUI 5 and 6",
        200,
        EXG[:4],
        UV,
        LeadKind.UNKNOWN,
    ),
    "openbci-4": (made.openbci_4, "OpenBCI GUI up to 4", 250, EXG, UV, LeadKind.UNKNOWN),
    "brainflow": (made.brainflow, "BrainFlow, as the OpenBCI GUI writes it", 250, EXG, UV, LeadKind.UNKNOWN),
    "opensignals": (made.opensignals, "OpenSignals (r)evolution", 1000, ("ECG A1", "A2"), RAW, LeadKind.ECG),
    "polar": (made.polar, "Polar Sensor Logger (H10)", 130, ("ecg",), UV, LeadKind.ECG),
    "polar-two-clocks": (made.polar_without_ms, "Polar Sensor Logger (H10)", 130, ("ecg",), UV, LeadKind.ECG),
    "apple": (made.apple, "Apple Health", 512, ("Lead I",), UV, LeadKind.ECG),
    "apple-german": (made.apple_german, "Apple Health", 512.414, ("Lead I",), UV, LeadKind.ECG),
    "biosppy": (made.biosppy, "BioSPPy simple text format", 1000, ("ECG", "Resp"), RAW, LeadKind.ECG),
    "labchart": (made.labchart, "LabChart", 1000, ("ECG", "Resp"), MV, LeadKind.ECG),
    "acqknowledge": (made.acqknowledge, "Biopac AcqKnowledge", 500, ("ECG", "Resp"), MV, LeadKind.ECG),
    "consensys": (made.consensys, "Shimmer Consensys", 512, ("ECG_LL-RA",), MV, LeadKind.ECG),
    "consensys-date": (made.consensys_formatted, "Shimmer Consensys", 500, ("ECG_LL-RA",), MV, LeadKind.ECG),
    "vitaldb": (made.vitaldb, "VitalDB", 500, ("ECG_II", "PLETH"), MV, LeadKind.ECG),
    "mind-monitor": (made.mind_monitor, "Mind Monitor (Muse)", None, ("TP9", "AF7"), UV, LeadKind.EEG),
    "emotiv-pro": (made.emotiv_pro, "EmotivPRO", 128, ("AF3", "T7"), UV, LeadKind.EEG),
    "emotiv": (made.emotiv, "Emotiv EPOC, older exports", 128, ("AF3", "F7"), UV, LeadKind.EEG),
    "empatica": (made.empatica, None, 64, ("column-1",), RAW, LeadKind.UNKNOWN),
    "zephyr": (made.zephyr, "Zephyr BioHarness", 250, ("EcgWaveform",), RAW, LeadKind.ECG),
    "hexoskin": (made.hexoskin, None, 256, ("ECG_I",), MV, LeadKind.ECG),
    "labview": (made.labview, "LabVIEW measurement file", 250, ("ECG", "Resp"), MV, LeadKind.ECG),
    "spike2": (made.spike2, "Spike2", 250, ("ECG",), MV, LeadKind.ECG),
    "nihon-kohden": (made.nihon_kohden, None, 250, ("ECG", "Resp"), RAW, LeadKind.ECG),
    "wfdb-pandas": (made.pandas_of_wfdb, None, 250, ("II",), MV, LeadKind.ECG),
    "vernier": (made.vernier, None, 200, ("Latest: Potential",), MV, LeadKind.UNKNOWN),
    **{
        f"rdsamp-{options}": (
            functools.partial(made.rdsamp, options=options),
            None,
            250,
            ("MLII", "V5") if "v" in options else ("column-2", "column-3"),
            MV if "v" in options else RAW,
            LeadKind.ECG if "v" in options else LeadKind.UNKNOWN,
        )
        for options in ("vp", "ve", "vcp", "vce", "vcd", "vcm", "cd", "cp", "p", "e", "d", "ce")
    },
}


def read(source):
    source.open("rec")
    items = list(source.read())
    blocks = [item.samples for item in items if isinstance(item, SampleBlock)]
    return np.concatenate(blocks, axis=1), [item for item in items if isinstance(item, Gap)]


@pytest.mark.parametrize("name", KNOWN)
def test_an_export_gives_its_leads_its_rate_and_its_samples(tmp_path, name):
    make, maker, fs_hz, leads, unit, kind = KNOWN[name]
    wave = made.wave()
    path = tmp_path / "export.csv"
    path.write_text(make(wave), encoding="utf-8")
    source = CsvRecord(path)
    facts = source.recording_facts()
    assert tuple(lead.name for lead in facts.leads) == leads
    assert (facts.leads[0].unit, facts.leads[0].kind) == (unit, kind)
    if fs_hz is not None:
        assert facts.fs_hz == pytest.approx(fs_hz, rel=1e-6)
    assert [note for note in facts.notes if note.startswith("read as")] == (
        [f"read as a file of {maker}"] if maker else []
    )
    samples, gaps = read(source)
    assert gaps == []
    np.testing.assert_array_equal(samples[0], wave.astype(np.float32))
    assert facts.length == made.ROWS


def test_every_program_of_the_bank_has_an_export_here():
    shown = {maker for _, maker, *_ in KNOWN.values()}
    assert {maker.name for maker in MAKERS} - shown == {"muselsl (Muse)"}


DAMAGES = ("", "?", "4x7", "#", "NaN", "-", "1e999", "ÿ", "9" * 40, "12:99:99", '"')


def test_something_behind_the_last_column_of_one_row_moves_no_column(tmp_path):
    make, _, _, leads, *_ = KNOWN["opensignals"]
    lines = make(made.wave()).splitlines()
    lines[22] += "?"
    path = tmp_path / "damaged.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = CsvRecord(path)
    assert tuple(lead.name for lead in source.recording_facts().leads) == leads
    samples, _ = read(source)
    assert np.count_nonzero(samples[0] != made.wave().astype(np.float32)) <= 1


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"empatica"}))
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_one_damaged_field_costs_one_sample_at_most(tmp_path_factory, name, data):
    make, _, fs_hz, *_ = KNOWN[name]
    wave = made.wave()
    lines = make(wave).splitlines()
    row = len(lines) - 1 - data.draw(st.integers(0, made.ROWS - 5), label="row from the end")
    separator = next((sign for sign in (";", "\t", ",") if sign in lines[-1]), None)
    cells = lines[row].split(separator) if separator else [lines[row]]
    at = data.draw(st.integers(0, len(cells) - 1), label="cell")
    cells[at] = data.draw(st.sampled_from(DAMAGES), label="damage")
    lines[row] = (separator or "").join(cells)
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = CsvRecord(path)
    samples, gaps = read(source)
    if fs_hz is not None:
        assert source.recording_facts().fs_hz == pytest.approx(fs_hz, rel=2e-3)
    whole = wave.astype(np.float32)
    same = samples.shape[1] == made.ROWS
    # A line that became blank or a comment is no line: then its sample is missing, and a clock or counter says so.
    assert same or samples.shape[1] == made.ROWS - 1
    kept = samples[0] if same else np.insert(samples[0], made.ROWS - (len(lines) - row), np.nan)
    assert np.count_nonzero(kept != whole) <= 1
    assert sum(gap.length for gap in gaps) <= 1
