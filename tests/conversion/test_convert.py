import datetime
import json
import os
from pathlib import Path

import edfio
import numpy as np
import pytest
import wfdb

from biosignal.errors import BadInput, RefusedForSafety
from edge_agent.cli import main
from edge_agent.conversion.original import original_of
from edge_agent.sources.port import Remark
from edge_agent.sources.resolve import resolve
from edge_agent.sources.wfdb_annotations import Annotation, read_annotations, write_annotations
from tests.conversion.made_up import PLACES, MadeUp, converted, held

DATA_DIR = os.environ.get("EDGE_DATA_DIR")
STARTED = datetime.datetime(2019, 3, 2, 23, 4, 5, 250_000)  # noqa: DTZ001 - a recorder's clock, of no known zone


def ramp(length, size=1):
    return np.arange(length * size, dtype=np.float64) % 2000 - 1000


def recording(runs=((0, 500), (620, 300)), *, others=(), **said):
    begins = [begin for begin, _ in runs]
    leads = [("II", "mV", 100.0, 0.005, [ramp(length) for _, length in runs])]
    for name, unit, rate_hz in others:
        counts = [ramp(round(length * rate_hz / 100.0)) for _, length in runs]
        leads.append((name, unit, rate_hz, 0.5, counts))
    return MadeUp(leads, begins, fs_hz=100.0, **said)


def test_another_library_reads_the_edf_as_it_was_meant(tmp_path):
    remarks = [Remark(sample=130, for_s=2.5, text="Übelkeit")]
    converted(recording(((0, 500),), started=STARTED, remarks=remarks), tmp_path / "a.edf")
    edf = edfio.read_edf(tmp_path / "a.edf")
    (signal,) = edf.signals
    assert (signal.label, signal.physical_dimension, signal.sampling_frequency) == ("II", "mV", 100)
    assert np.allclose(signal.data, ramp(500) * 0.005, atol=1e-9)
    assert [(one.onset, one.duration, one.text) for one in edf.annotations] == [(1.3, 2.5, "Übelkeit")]
    assert (edf.startdate, edf.starttime) == (STARTED.date(), STARTED.time())
    assert edf.is_edf_plus if hasattr(edf, "is_edf_plus") else True


def test_a_gap_makes_the_edf_discontinuous_and_its_records_say_when_they_begin(tmp_path):
    converted(recording(((0, 500), (620, 300))), tmp_path / "a.edf")
    content = (tmp_path / "a.edf").read_bytes()
    assert content[192:197] == b"EDF+D"
    assert b"+4\x14\x14\0" in content
    assert b"+6.2\x14\x14\0" in content
    converted(recording(((0, 500),)), tmp_path / "b.edf")
    assert (tmp_path / "b.edf").read_bytes()[192:197] == b"EDF+C"


def test_another_library_reads_the_wfdb_record_with_its_gap(tmp_path):
    converted(recording(started=STARTED, texts=[("comment", "a night")]), tmp_path / "a")
    record = wfdb.rdrecord(str(tmp_path / "a"))
    assert (record.fs, record.sig_len, record.units, record.sig_name) == (100, 920, ["mV"], ["II"])
    assert (record.base_date, record.base_time) == (STARTED.date(), STARTED.time())
    signal = record.p_signal[:, 0]
    assert np.isnan(signal[500:620]).all()
    assert np.allclose(np.delete(signal, np.s_[500:620]), np.concatenate([ramp(500), ramp(300)]) * 0.005)
    converted(recording(((0, 500),), texts=[("comment", "a night")]), tmp_path / "b")
    assert wfdb.rdheader(str(tmp_path / "b")).comments == ["a night"]
    assert wfdb.rdrecord(str(tmp_path / "b"), physical=False).checksum == [int(ramp(500).sum()) % 65536]


@pytest.mark.parametrize("out", ["a.edf", "a"])
def test_every_lead_keeps_its_own_rate_where_the_format_can(tmp_path, out):
    source = recording(((0, 500), (800, 300)), others=[("SpO2", "%", 1.0), ("EEG Fpz-Cz", "uV", 200.0)])
    converted(source, tmp_path / out)
    again, signals, gaps = held(tmp_path / out)
    assert [lead.fs_hz or again.recording_facts().fs_hz for lead in again.recording_facts().leads] == [100, 1, 200]
    assert gaps == [(500, 300)]
    assert np.allclose(signals["SpO2"][8:11], ramp(3) * 0.5)
    assert np.allclose(signals["EEG Fpz-Cz"][1600:2200], ramp(600) * 0.5)


def test_a_csv_says_which_rates_it_cannot_hold(tmp_path):
    out = converted(recording(others=[("SpO2", "%", 1.0)]), tmp_path / "a.csv")
    assert "left out: SpO2 (1 Hz); a CSV has one rate: .edf keeps them all" in out
    assert [lead.name for lead in held(tmp_path / "a.csv")[0].recording_facts().leads] == ["II"]


def test_a_gap_inside_a_frame_of_several_rates_is_invalid_samples(tmp_path):
    source = recording(((0, 150), (160, 140)), others=[("SpO2", "%", 2.0)])
    converted(source, tmp_path / "a")
    _, signals, gaps = held(tmp_path / "a")
    assert gaps == []
    assert np.flatnonzero(np.isnan(signals["II"])).tolist() == list(range(150, 160))


def test_a_rate_that_eight_characters_cannot_say_is_told(tmp_path):
    source = MadeUp([("II", "mV", 249.89, 0.005, [ramp(3000)])], [0], fs_hz=249.89)
    assert "the header says the rate to eight characters only" in converted(source, tmp_path / "a.edf")


CODES = [
    Annotation(sample=3, symbol="+", aux="(AFIB"),
    Annotation(sample=40, symbol="N"),
    Annotation(sample=77, symbol="~", subtype=-1, chan=1),
    Annotation(sample=90, symbol="V", num=2),
    Annotation(sample=120, symbol='"', aux="patient moved"),
]


@pytest.mark.parametrize("between", ["b.edf", "b.csv", "b"])
def test_annotations_in_wfdbs_codes_survive_every_format(tmp_path, between):
    converted(recording(), tmp_path / "a")
    write_annotations(tmp_path / "a.atr", CODES)
    converted(tmp_path / "a", tmp_path / between)
    converted(tmp_path / between, tmp_path / "c")
    assert read_annotations(tmp_path / "c.atr") == CODES


@pytest.mark.parametrize("between", ["b.edf", "b.csv", "b"])
def test_annotations_in_words_survive_every_format_and_never_become_beats(tmp_path, between):
    said = [
        Remark(sample=10, for_s=30.0, text="Sleep stage W"),
        Remark(sample=20, for_s=None, text="V"),
        Remark(sample=400, for_s=0.25, text="Müller, 3 of 4"),
    ]
    converted(recording(remarks=said), tmp_path / between)
    if between == "b":
        assert {one.symbol for one in read_annotations(tmp_path / "b.atr")} == {'"'}
    converted(tmp_path / between, tmp_path / "c.edf")
    assert resolve(str(tmp_path / "c.edf"), PLACES).remarks() == said


def test_another_annotator_is_named_and_taken_when_asked_for(tmp_path):
    converted(recording(), tmp_path / "a")
    write_annotations(tmp_path / "a.q1c", CODES)
    assert "annotation files that are not converted: q1c" in converted(tmp_path / "a", tmp_path / "b.edf")
    converted(tmp_path / "a", tmp_path / "c.edf", annotator="q1c")
    assert len(resolve(str(tmp_path / "c.edf"), PLACES).remarks()) == len(CODES)


@pytest.mark.parametrize("out", ["b.edf", "b.csv", "b"])
def test_start_and_texts_survive(tmp_path, out):
    said = [("patient", "X F 02-MAY-1951 Haagse_Harry"), ("recording", "Startdate 02-MAR-2019 PSG-1 NN Telemetry")]
    converted(recording(started=STARTED, texts=[*said, ("comment", "quiet night")]), tmp_path / out)
    found = original_of(resolve(str(tmp_path / out), PLACES)).description
    assert found.started == STARTED
    assert dict(found.texts) == {**dict(said), "comment": "quiet night"}


def test_a_stretch_takes_its_annotations_and_begins_later(tmp_path):
    said = [Remark(sample=110, for_s=None, text="in"), Remark(sample=10, for_s=None, text="out")]
    converted(recording(remarks=said, started=STARTED), tmp_path / "a.edf")
    converted(tmp_path / "a.edf", tmp_path / "b.edf", from_s=1.0, to_s=3.0)
    part = resolve(str(tmp_path / "b.edf"), PLACES)
    assert part.recording_facts().length == 200
    assert [one.text for one in part.remarks()] == ["in"]
    assert part.description().started == STARTED + datetime.timedelta(seconds=1)


@pytest.mark.parametrize("out", ["b.edf", "b.csv", "b"])
def test_nothing_is_overwritten_unless_asked(tmp_path, out):
    converted(recording(), tmp_path / out)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(RefusedForSafety, match="there already") as caught:
        converted(recording(((0, 50),)), tmp_path / out)
    assert "--force" in caught.value.advice
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    converted(recording(((0, 50),)), tmp_path / out, force=True)
    assert held(tmp_path / out)[0].recording_facts().length == 50


def test_a_recording_is_never_written_over_itself(tmp_path):
    converted(recording(((0, 50),)), tmp_path / "a")
    before = (tmp_path / "a.dat").read_bytes()
    with pytest.raises(RefusedForSafety, match="over itself"):
        converted(tmp_path / "a", tmp_path / "a.hea", force=True)
    assert (tmp_path / "a.dat").read_bytes() == before


def test_annotations_of_what_lay_there_before_do_not_stay(tmp_path):
    converted(recording(remarks=[Remark(sample=1, for_s=None, text="old")]), tmp_path / "a")
    converted(recording(), tmp_path / "a", force=True)
    assert not (tmp_path / "a.atr").exists()


@pytest.mark.parametrize("out", ["a.bdf", "a.xml", "two words.edf", "-a.edf"])
def test_a_name_that_cannot_be_written_is_refused(tmp_path, out):
    with pytest.raises(BadInput):
        converted(recording(), tmp_path / out)


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_read(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["convert", str(tmp_path / "nothing"), str(tmp_path / "file" / "a.edf")]) == 2
    err = capsys.readouterr().err
    assert "cannot be made" in err
    assert err.splitlines()[-1].startswith("Try: ")


def test_a_source_that_breaks_leaves_nothing(tmp_path):
    source = recording()
    whole = source.read

    def broken():
        yield next(iter(whole()))
        raise BadInput("the file became shorter")

    source.read = broken
    with pytest.raises(BadInput):
        converted(source, tmp_path / "a.edf")
    assert list(tmp_path.iterdir()) == []


def test_the_verb_says_what_it_did_in_json(tmp_path, capsys):
    converted(recording(), tmp_path / "a")
    assert main(["convert", str(tmp_path / "a"), str(tmp_path / "b.edf"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["type"], told["gaps"], told["duration_s"], told["rates_hz"]) == ("summary", 1, 9.2, [100.0])


@pytest.mark.data
@pytest.mark.skipif(DATA_DIR is None, reason="EDGE_DATA_DIR is not set")
@pytest.mark.parametrize("out", ["a.edf", "a.csv", "a"])
def test_a_real_record_keeps_every_count_and_every_beat(tmp_path, out):
    file = Path(DATA_DIR or "") / "mitdb" / "100"
    if not file.with_suffix(".hea").is_file():
        pytest.skip("EDGE_DATA_DIR has no mitdb")
    converted(file, tmp_path / out, to_s=60.0)
    converted(tmp_path / out, tmp_path / "back")
    truth = wfdb.rdrecord(str(file), sampto=21_600).p_signal
    assert np.allclose(wfdb.rdrecord(str(tmp_path / "back")).p_signal, truth, atol=1e-9)
    ours, theirs = wfdb.rdann(str(tmp_path / "back"), "atr"), wfdb.rdann(str(file), "atr", sampto=21_600)
    assert ours.sample.tolist() == theirs.sample.tolist()
    assert ours.symbol == theirs.symbol
