import dataclasses
import datetime
import re

import edfio
import numpy as np
import pytest

from edge_agent.conversion.anonymous import anonymous
from edge_agent.conversion.original import original_of
from edge_agent.sources.port import Remark
from edge_agent.sources.resolve import resolve
from edge_agent.sources.wfdb_annotations import Annotation, read_annotations, write_annotations
from tests.conversion.made_up import PLACES, MadeUp, converted

STARTED = datetime.datetime(2019, 3, 2, 23, 4, 5)  # noqa: DTZ001 - a recorder's clock, of no known zone
TRACES = ("Quaxli", "4711-0815", "1951", "Zschopau", "2019", "02-MAR", "02.03", "02/03")


def person(path):
    """A file of each format, with traces of a person in every field that can hold text."""
    if path.suffix == ".edf":
        signals = [
            edfio.EdfSignal(
                np.arange(500) % 7 * 1.0,
                100,
                label=label,
                transducer_type="electrode of Quaxli",
                physical_dimension="Quaxli",
                prefiltering="HP:0.1Hz of Zschopau",
            )
            for label in ("II Quaxli", "Zschopau")
        ]
        edf = edfio.Edf(
            signals,
            patient=edfio.Patient(code="4711-0815", sex="F", birthdate=datetime.date(1951, 5, 2), name="Quaxli"),
            recording=edfio.Recording(
                startdate=STARTED.date(),
                hospital_administration_code="4711-0815",
                investigator_technician_code="Quaxli",
                equipment_code="Zschopau",
                additional=("Quaxli",),
            ),
            starttime=STARTED.time(),
            annotations=[edfio.EdfAnnotation(1, 2, "Quaxli coughs"), edfio.EdfAnnotation(3, 30, "Sleep stage W")],
        )
        edf.write(path)
    elif path.suffix == ".csv":
        path.write_text(
            "# patient: Quaxli, born 1951\n# 4711-0815 Zschopau 2019-03-02\n"
            "time (s),II Quaxli (mV),Zschopau (Quaxli)\n" + "".join(f"{k / 100},{k % 7},{k % 5}\n" for k in range(500))
        )
    else:
        lines = ["200(0)/mV 16 0 0 0 0 II Quaxli", "200(0)/Quaxli 16 0 0 0 0 Zschopau"]
        path.with_suffix(".hea").write_text(
            "in 2 100 500 23:04:05 02/03/2019\n"
            + "".join(f"in.dat 16 {line}\n" for line in lines)
            + "# Quaxli 4711-0815\n# born 1951 in Zschopau\n#<age>: 68 <name>: Quaxli\n"
        )
        path.with_suffix(".dat").write_bytes(np.arange(1000, dtype="<i2").tobytes())
        codes = [
            Annotation(sample=3, symbol="+", aux="(AFIB"),
            Annotation(sample=10, symbol='"', aux="Quaxli coughs"),
            Annotation(sample=20, symbol="N", aux="Zschopau"),
            Annotation(sample=30, symbol="+", aux="(QUAXLI"),
        ]
        write_annotations(path.with_suffix(".atr"), codes)
    return path


@pytest.mark.parametrize("given", ["in.edf", "in.csv", "in"])
@pytest.mark.parametrize("wanted", ["out.edf", "out.csv", "out"])
def test_no_trace_of_a_person_is_in_any_byte_of_any_format(tmp_path, given, wanted):
    (tmp_path / "to").mkdir()
    converted(person(tmp_path / given), tmp_path / "to" / wanted, anonymise=True)
    converted(person(tmp_path / given), tmp_path / "to" / f"kept{wanted}", anonymise=False)
    kept = b""
    for file in (tmp_path / "to").iterdir():
        content = file.read_bytes()
        if file.name.startswith("kept"):
            kept += content
            continue
        for trace in TRACES:
            assert not re.search(re.escape(trace.encode()), content, re.IGNORECASE), (file.name, trace)
    assert b"Quaxli" in kept, "without --anonymise the traces are there: the test looks at the right bytes"


def test_what_names_nobody_stays(tmp_path):
    converted(person(tmp_path / "in"), tmp_path / "out", anonymise=True)
    found = read_annotations(tmp_path / "out.atr")
    assert [(one.sample, one.symbol, one.aux) for one in found] == [
        (3, "+", "(AFIB"), (10, '"', "annotation"), (20, "N", "annotation"), (30, "+", "annotation"),
    ]  # fmt: skip
    converted(person(tmp_path / "in.edf"), tmp_path / "o.edf", anonymise=True)
    source = resolve(str(tmp_path / "o.edf"), PLACES)
    assert [one.text for one in source.remarks()] == ["annotation", "Sleep stage W"]
    assert [lead.name for lead in source.recording_facts().leads] == ["unknown-1", "unknown-2"]


def test_terms_stay_names_of_leads():
    names = ("MLII", "EEG Fpz-Cz", "ECG", "aVR", "Resp", "SpO2", "CH1", "PLETH", "ABP", "EOG horizontal", "II Quaxli",
             "II \u738b", "II#47110815", "ECG 4711", "ECG Imp\u00e9dance")  # fmt: skip
    leads = [(name, "mV", 100.0, 1.0, [np.zeros(10)]) for name in names]
    kept = anonymous(original_of(MadeUp(leads, [0], fs_hz=100.0))).named
    assert kept[:9] == names[:9]
    assert kept[9:] == ("eog-10", "unknown-11", "ecg-12", "ecg-13", "ecg-14", "ECG Impédance")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("HP:0.1Hz LP:75Hz N:50Hz", True), ("BP 0.5-40 Hz", True), ("N 47110815", False), ("HP:0.1Hz of Quaxli", False)],
)
def test_filters_stay_where_they_are_numbers_of_filters(given, kept):
    source = MadeUp([("II", "mV", 100.0, 1.0, [np.zeros(10)])], [0], fs_hz=100.0)
    source._said = dataclasses.replace(
        source._said, leads=(dataclasses.replace(source._said.leads[0], prefilter=given),)
    )
    assert anonymous(original_of(source)).description.leads[0].prefilter == (given if kept else "")


def test_the_day_moves_at_random_and_the_time_of_day_stays():
    leads = [("II", "mV", 100.0, 1.0, [np.zeros(10)])]
    original = original_of(MadeUp(leads, [0], fs_hz=100.0, started=STARTED))
    moved = {anonymous(original).description.started for _ in range(8)}
    assert {one.time() for one in moved} == {STARTED.time()}
    assert len(moved) > 1, "eight draws of 7,300 days are hardly ever one"
    assert all(abs(STARTED - one) > datetime.timedelta(days=365) for one in moved)


@pytest.mark.parametrize("wanted", ["out.edf", "out.csv", "out"])
def test_what_nobody_was_recorded_for_stays_plainly_marked(tmp_path, wanted):
    converted("synthetic/sinus", tmp_path / wanted, anonymise=True, to_s=2.0)
    assert any(b"not recorded from any person" in file.read_bytes() for file in tmp_path.iterdir())


def test_a_remark_that_only_looks_like_a_code_goes():
    leads = [("II", "mV", 100.0, 1.0, [np.zeros(10)])]
    said = [Remark(sample=1, for_s=None, text="wfdb N Quaxli"), Remark(sample=2, for_s=None, text="wfdb N")]
    found = anonymous(original_of(MadeUp(leads, [0], fs_hz=100.0, remarks=said))).notes
    assert [one.text for one in found] == ["annotation", "wfdb N"]
