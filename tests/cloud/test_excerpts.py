"""A stretch taken out is read back by libraries that are not ours: the same samples, the same holes, the same marks."""

import csv
import io
import zipfile

import edfio
import numpy as np
import pytest
import wfdb
from cloud_ward import explanation, finding, message, pack, recording, strip
from fhir.resources.R4B.bundle import Bundle
from test_wave_archive import kept

from biosignal.events import Recording
from biosignal.signal.blocks import Lead, LeadKind, Unit
from cloud_service.cli import main
from cloud_service.ingest.commit import commit

RNG = np.random.default_rng(11)
COUNTS = RNG.integers(-2500, 2500, 360 * 60).astype(np.int16)
PLACE = "/api/v1/devices/bed-1/recordings/r"


def filed(archive, *, skip=(), name="r", lead="MLII", fs_hz=360.0, counts=COUNTS):
    per = round(10 * fs_hz)
    archive.store(
        "bed-1",
        [
            kept(first, counts[first : first + per], lead=lead, fs_hz=fs_hz, recording=name)
            for first in range(0, counts.size, per)
            if first // per not in skip
        ],
    )


@pytest.fixture
def known(ward):
    commit(ward.database, [message(recording()), message(pack(starts=(2000, 4000, 7000)))])
    filed(ward.clinic.archive, skip={3})
    return ward


def taken(ward, form, tmp_path, start_s=5, end_s=45, role="reviewer", **more):
    wanted = {"form": form, "start_s": start_s, "end_s": end_s, **more}
    with ward.as_role(role) as client:
        answer = client.get(f"{PLACE}/excerpt", params=wanted).raise_for_status()
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path)
        return sorted(packed.namelist())


EXPECTED = np.where((np.arange(5 * 360, 45 * 360) // 3600) == 3, np.nan, COUNTS[5 * 360 : 45 * 360] / 1000.0)


def test_wfdb_reads_the_samples_the_hole_and_the_beats(known, tmp_path):
    names = taken(known, "wfdb", tmp_path)
    assert names == ["bed-1-r-5s.bed", "bed-1-r-5s.dat", "bed-1-r-5s.hea", "bed-1-r-5s.txt"]
    read = wfdb.rdrecord(str(tmp_path / "bed-1-r-5s"))
    assert (read.fs, read.sig_name, read.units) == (360, ["MLII"], ["mV"])
    np.testing.assert_allclose(read.p_signal[:, 0], EXPECTED, atol=1e-9)
    assert any("not a medical device" in line for line in read.comments)
    with known.as_role("viewer") as client:
        (track,) = client.get(f"{PLACE}/marks", params={"start": 1800, "end": 16200}).json()["marks"]
    said = wfdb.rdann(str(tmp_path / "bed-1-r-5s"), "bed")
    assert [sample + 1800 for sample in said.sample] == track["starts"]
    assert said.symbol == track["labels"]


def test_edf_is_read_to_the_count_and_says_where_nothing_was(known, tmp_path):
    assert taken(known, "edf", tmp_path) == ["bed-1-r-5s.edf", "bed-1-r-5s.txt"]
    read = edfio.read_edf(tmp_path / "bed-1-r-5s.edf")
    (signal,) = read.signals
    assert (signal.label, signal.sampling_frequency, signal.physical_dimension) == ("MLII", 360, "mV")
    is_there = ~np.isnan(EXPECTED)
    np.testing.assert_allclose(signal.data[is_there], EXPECTED[is_there], atol=1e-4)
    (hole,) = [one for one in read.annotations if one.text.startswith("No samples")]
    assert (hole.onset, hole.duration) == (25.0, 10.0)
    assert "10.0 s of the stretch are not at the clinic" in (tmp_path / "bed-1-r-5s.txt").read_text()


def test_a_table_has_a_row_a_sample_and_empty_fields_where_nothing_was(known, tmp_path):
    names = taken(known, "csv", tmp_path)
    assert names == ["bed-1-r-5s.txt", "bed-1-r-5s_360Hz.csv", "bed-1-r-5s_said.csv"]
    with (tmp_path / "bed-1-r-5s_360Hz.csv").open() as file:
        head, *rows = csv.reader(file)
    assert head == ["time_s", "MLII (mV)"]
    values = np.asarray([float(value) if value else np.nan for _, value in rows])
    np.testing.assert_allclose(values, EXPECTED, atol=1e-6)
    assert [rows[0][0], rows[360][0]] == ["5.000000", "6.000000"]


def test_leads_of_other_rates_and_offsets_keep_both(ward, tmp_path):
    leads = (
        Lead(name="II", unit=Unit.MILLIVOLT, kind=LeadKind.ECG, fs_hz=360.0),
        Lead(name="pleth", unit=Unit.RAW, kind=LeadKind.PLETH, fs_hz=125.0),
    )
    facts = {"id": "two", "device": "bed-1", "source": "wfdb", "leads": leads, "fs_hz": 360.0}
    opened = Recording(**facts, started_utc="2026-05-01T10:00:00.000Z", subject=None, previous=None)
    commit(ward.database, [message(opened)])
    slow = RNG.integers(20_000, 32_000, 125 * 60).astype(np.int16)
    filed(ward.clinic.archive, name="two", lead="II")
    filed(ward.clinic.archive, name="two", lead="pleth", fs_hz=125.0, counts=slow)
    with ward.as_role("reviewer") as client:
        place = "/api/v1/devices/bed-1/recordings/two/excerpt"
        for form in ("wfdb", "edf"):
            answer = client.get(place, params={"form": form, "start_s": 10, "end_s": 20}).raise_for_status()
            zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path)
    second = wfdb.rdrecord(str(tmp_path / "bed-1-two-10s_125"))
    np.testing.assert_allclose(second.p_signal[:, 0], slow[1250:2500] * 0.001, atol=1e-9)
    assert str(second.base_datetime) == "2026-05-01 10:00:10"
    read = edfio.read_edf(tmp_path / "bed-1-two-10s.edf")
    assert [one.sampling_frequency for one in read.signals] == [360, 125]
    np.testing.assert_allclose(read.signals[1].data, slow[1250:2500] * 0.001, atol=1e-3)


@pytest.mark.parametrize(
    ("wanted", "status", "words"),
    [
        ({"start_s": 30, "end_s": 40}, 400, "no waves of this stretch"),
        ({"start_s": 9, "end_s": 3}, 400, "before its beginning"),
        ({"start_s": 0, "end_s": 1e8}, 400, "too many samples"),
        ({"start_s": 0, "end_s": 5, "lead": "V9"}, 400, "no such lead"),
    ],
)
def test_what_cannot_be_taken_out_is_refused_with_a_sentence(known, wanted, status, words):
    with known.as_role("reviewer") as client:
        answer = client.get(f"{PLACE}/excerpt", params=wanted)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_who_took_what_is_in_the_audit_log(known, tmp_path):
    taken(known, "csv", tmp_path)
    with known.as_role("admin") as client:
        entry = next(one for one in client.get("/api/v1/audit").json()["entries"] if one["action"] == "waves.export")
    assert entry["subject"] == "bed-1"
    assert '"form":"csv"' in entry["detail"]


def test_the_command_line_writes_the_same_and_overwrites_nothing(known, fresh, tmp_path, capsys):
    out = tmp_path / "out.zip"
    arguments = [
        "export",
        "bed-1",
        "r",
        "--from-s",
        "5",
        "--to-s",
        "45",
        "--output",
        str(out),
        "--state-dir",
        str(fresh),
    ]
    assert main(arguments) == 0
    with zipfile.ZipFile(out) as packed:
        assert "bed-1-r-5s.hea" in packed.namelist()
    assert main(arguments) == 2
    assert "a file of that name" in capsys.readouterr().err
    assert main([*arguments[:2], "none", *arguments[3:]]) == 2


@pytest.fixture
def reported(known):
    about = finding(onset=8000)
    commit(known.database, [message(about), message(explanation(about)), message(strip(about))])
    return about


def as_fhir(ward, about):
    with ward.as_role("reviewer") as client:
        answer = client.get(f"/api/v1/findings/{about.id}/fhir").raise_for_status()
    assert answer.headers["content-type"] == "application/fhir+json"
    return Bundle.model_validate_json(answer.content)


def test_a_finding_is_a_report_that_the_resources_of_r4_take(known, reported):
    report, observation, samples = [entry.resource for entry in as_fhir(known, reported).entry]
    assert (report.get_resource_type(), report.status) == ("DiagnosticReport", "preliminary")
    assert "not a medical device" in report.conclusion
    assert observation.subject.identifier.value == "subject-7"
    (rate,) = observation.component
    assert (float(rate.valueQuantity.value), rate.valueQuantity.code) == (130.0, "/min")
    sampled = samples.valueSampledData
    first = [float(count) * float(sampled.factor) for count in sampled.data.split()[:3]]
    with known.as_role("viewer") as client:
        (shown,) = client.get(f"/api/v1/findings/{reported.id}").json()["strips"]
    assert first == pytest.approx(shown["samples"][:3], abs=1e-6)
    assert 1000 / float(sampled.period) == pytest.approx(shown["fs_hz"])


@pytest.mark.parametrize(("word", "status"), [("true", "final"), ("false", "entered-in-error"), ("artefact", "final")])
def test_what_readers_said_is_the_status(known, reported, word, status):
    with known.as_role("reviewer") as client:
        client.post(f"/api/v1/findings/{reported.id}/verdicts", json={"verdict": word}).raise_for_status()
    assert {entry.resource.status for entry in as_fhir(known, reported).entry} == {status}
