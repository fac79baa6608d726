"""`edge-agent report`: the numbers of a recording, and their pages."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.paper import LabelRow
from biosignal.signal.blocks import Unit
from biosignal.tasks.overview import ColumnHead, Figure, Grid, Scale, Section, States, Trend
from edge_agent.replay import player
from edge_agent.replay.compared import rhythms_of
from edge_agent.replay.printed.document import pdf_of
from edge_agent.replay.printed.sheet import HEIGHT_MM, MARGIN_MM, NOT_A_DEVICE, WIDTH_MM
from edge_agent.replay.record_report import RecordReport, ReportStrip
from edge_agent.replay.reporting import ReportRequest, report
from edge_agent.sources.resolve import Places
from edge_agent.sources.wfdb_annotations import Annotation
from tests.cli.conftest import FS_HZ, heart, write_record
from tests.cli.printed_pages import pages_of


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def section(told, name):
    return next(line for line in told if line["type"] == "section" and line["name"] == name)


def words(pages):
    return " ".join(shown.text for page in pages for shown in page)


@pytest.fixture
def made(capsys):
    """Report on a record; what the report says, before it is drawn."""

    def run(record, **flags):
        request = ReportRequest(record=str(record), json=True, **flags)
        return report(request, places=Places.of_environment(), stdout=sys.stdout, stderr=sys.stderr)

    return run


def assert_all_is_on_the_paper(pages):
    """Nothing leaves the page or its margins, and no two texts of a line lie on each other."""
    assert pages
    for page in pages:
        assert [shown.text for shown in page].count(NOT_A_DEVICE) == 1
        for shown in page:
            assert MARGIN_MM - 1 <= shown.left <= shown.right <= WIDTH_MM - MARGIN_MM + 1, shown
            assert 5 <= shown.y <= HEIGHT_MM - 5, shown
        for one, other in combinations(page, 2):
            if abs(one.y - other.y) < 1.5 and one.text.strip() and other.text.strip():
                assert one.right <= other.left + 0.1 or other.right <= one.left + 0.1, (one, other)


def test_its_numbers_are_those_of_the_replay(edge, record):
    code, out, err = edge("report", record, "--json", "--truth")
    assert code == 0, err
    told = lines(out)
    _, replayed, _ = edge("replay", record, "--json", "--truth")
    beats = [line for line in lines(replayed) if line["type"] == "beat"]
    score = next(line for line in lines(replayed) if line["type"] == "score")
    summary = section(told, "summary")["figures"]
    assert summary["beats"]["value"] == len(beats)
    assert summary["mean_rate"]["value"] == pytest.approx(72.0, abs=1.0)
    assert sum(row["beats"] for row in section(told, "hours")["grids"]["hours"]) == len(beats)
    ours = next(line for line in told if line["type"] == "score")
    assert {name: ours[name] for name in ("matrix", "qrs", "v", "s", "f")} == {
        name: score[name] for name in ("matrix", "qrs", "v", "s", "f")
    }
    assert (told[0]["type"], told[-1]["type"], told[-1]["pdf"]) == ("recording", "summary", None)


def test_a_minute_has_no_variability_and_says_why(edge, record):
    _, out, _ = edge("report", record, "--json")
    said = section(lines(out), "variability")
    assert said["figures"]["sdnn"]["value"] is None
    assert said["figures"]["sdnn"]["why"]
    assert said["grids"]["short_term"] == []


def test_the_pages_hold_what_was_found_and_say_what_they_are(edge, record, tmp_path, made):
    code, out, err = edge("report", record, "--pdf", tmp_path / "out.pdf", "--truth")
    assert code == 0, err
    assert out == f"Report of plain written to {tmp_path / 'out.pdf'}\n"
    assert (tmp_path / "out.pdf").read_bytes().startswith(b"%PDF-")
    pages = pages_of(pdf_of(made(record, truth="atr"), maker="Bedside", compress=False))
    assert_all_is_on_the_paper(pages)
    text = words(pages)
    assert "25 mm/s, 10 mm/mV" in text
    assert "Beside the record's own annotations" in text
    assert "QRS" in text
    assert "ours" in text
    assert "record's" in text


def test_the_same_record_gives_the_same_file(edge, record, tmp_path):
    edge("report", record, "--pdf", tmp_path / "one.pdf")
    edge("report", record, "--pdf", tmp_path / "two.pdf")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_a_stretch_of_the_record_has_the_times_of_the_whole(edge, record, made):
    _, out, _ = edge("report", record, "--json", "--from", "0:20", "--to", "0:50")
    told = lines(out)
    assert told[0]["first_s"] == 20.0
    assert [row["from"] for row in section(told, "hours")["grids"]["hours"]] == [20.0]
    assert 20.0 < section(told, "summary")["figures"]["longest_rr"]["at_s"] < 50.0
    (strip,) = made(record, from_s=20.0, to_s=50.0).strips
    whole = made(record).strips[0]
    start = round((strip.start_s - whole.start_s) * FS_HZ)
    assert strip.start_s == 20.0
    assert whole.start_s == 0.0
    assert strip.samples[: len(whole.samples) - start] == pytest.approx(whole.samples[start:], abs=1e-6)


def test_the_strip_of_a_finding_has_its_samples_its_labels_and_its_bar(made, tmp_path):
    ecg, peaks = heart(60)
    ecg[30 * FS_HZ : 39 * FS_HZ] = 0.005 * np.random.default_rng(2).standard_normal(9 * FS_HZ)
    kept = peaks[(peaks < 30 * FS_HZ) | (peaks >= 39 * FS_HZ)]
    record = write_record(tmp_path / "in", "silence", ecg, truth=kept)
    strips = made(record, truth="atr").strips
    strip = next(one for one in strips if one.stretch_s is not None)
    start = round(strip.start_s * FS_HZ)
    assert strip.samples == pytest.approx(ecg[start : start + len(strip.samples)], abs=0.002)
    ours, theirs = strip.rows
    assert [round(at, 1) for at, _ in ours.labels] == [round(at, 1) for at, _ in theirs.labels]
    onset = strip.start_s + strip.stretch_s[0]
    assert 28 <= onset <= 31


def test_lost_signal_is_no_number_and_the_strip_is_broken(edge, tmp_path, made):
    ecg, _ = heart(60)
    ecg[20 * FS_HZ : 40 * FS_HZ] = np.nan
    record = write_record(tmp_path / "in", "hole", ecg)
    code, out, err = edge("report", record, "--json")
    assert code == 0, err
    usable = section(lines(out), "summary")["figures"]["usable_share"]["value"]
    assert usable == pytest.approx(100 * 40 / 60, abs=5)
    longest = section(lines(out), "summary")["figures"]["longest_rr"]["value"]
    assert longest < 2
    assert_all_is_on_the_paper(pages_of(pdf_of(made(record), maker="Bedside", compress=False)))


def test_a_record_without_one_valid_sample_has_a_report_that_says_so(edge, tmp_path, made):
    record = write_record(tmp_path / "in", "nothing", np.full(30 * FS_HZ, np.nan))
    code, out, err = edge("report", record, "--pdf", tmp_path / "out.pdf", "--json")
    assert code == 0, err
    summary = section(lines(out), "summary")
    assert summary["figures"]["beats"]["value"] == 0
    assert summary["figures"]["mean_rate"]["value"] is None
    pages = pages_of(pdf_of(made(record), maker="Bedside", compress=False))
    assert "No heartbeat was found" in words(pages)
    assert_all_is_on_the_paper(pages)


def test_what_no_task_reads_has_a_report_without_sections(edge, tmp_path, made):
    record = write_record(tmp_path / "in", "breath", heart(20)[0], leads=("RESP",))
    code, out, err = edge("report", record, "--pdf", tmp_path / "out.pdf", "--json")
    assert code == 0, err
    assert [line for line in lines(out) if line["type"] == "section"] == []
    assert "No lead was read" in words(pages_of(pdf_of(made(record), maker="Bedside", compress=False)))


def test_the_analysis_is_the_one_of_the_replay_and_its_faults_are_on_the_cover(monkeypatch, record, made):
    class Failing(player.Pipeline):
        def __init__(self, *given, on_failure, **more):
            super().__init__(*given, on_failure=on_failure, **more)
            on_failure("ecg-rhythm", ValueError("a fault"))

    monkeypatch.setattr(player, "Pipeline", Failing)
    assert any("ecg-rhythm failed" in note and "a fault" in note for note in made(record).notes)


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--lead", "each", "--json"],
        ["--pdf", "no-such-folder/out.pdf"],
        ["--truth", "xyz", "--json"],
        ["--lead", "V9", "--json"],
    ],
)
def test_what_cannot_be_reported_is_refused_with_what_to_try(edge, record, flags):
    code, _, err = edge("report", record, *flags)
    assert code == 2
    assert err.strip().splitlines()[-1].startswith("Try: ")


def test_a_file_that_is_no_pdf_is_never_overwritten(edge, record):
    before = record.with_suffix(".dat").read_bytes()
    code, _, err = edge("report", record, "--pdf", record.with_suffix(".dat"))
    assert code == 3
    assert "no PDF" in err
    assert record.with_suffix(".dat").read_bytes() == before


def test_a_pdf_is_replaced_and_nothing_is_left_beside_it(edge, record, tmp_path):
    (tmp_path / "out.pdf").write_bytes(b"%PDF-1.4 an older report")
    assert edge("report", record, "--pdf", tmp_path / "out.pdf")[0] == 0
    assert b"an older report" not in (tmp_path / "out.pdf").read_bytes()
    assert [path.name for path in tmp_path.glob("*.p*")] == ["out.pdf"]
    assert list(tmp_path.glob(".*")) == []


def test_neither_the_daemon_nor_a_replay_loads_what_only_a_report_needs():
    code = (
        "import sys, edge_agent.agent.agent, edge_agent.replay.replay\n"
        "print([name for name in ('reportlab', 'PIL', 'scipy.signal') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.data
def test_a_record_in_fibrillation_with_runs_has_its_runs_and_no_variability(edge, mitdb, monkeypatch):
    monkeypatch.delenv("BEDSIDE_MODELS_DIR")  # the released models
    _, out, _ = edge("report", "mitdb/203", "--json", "--truth", "--to", "6:00")
    told = lines(out)
    ventricular = section(told, "ectopy")["grids"]["classes"]
    row = next(row for row in ventricular if row["class"].startswith("V"))
    assert row["runs"] >= 3
    assert row["longest"] == 9
    assert row["longest_at"] == pytest.approx(304.5, abs=1.0)
    said = section(told, "variability")
    assert all(said["figures"][name]["value"] is None for name in ("sdnn", "rmssd", "day_ulf"))
    assert said["grids"]["short_term"] == []
    theirs = {row["name"]: row["theirs"] for row in next(line for line in told if line["type"] == "score")["rhythms"]}
    assert theirs["(AFIB"] > 100


def test_the_times_of_the_records_rhythms_are_counted_from_change_to_change():
    def change(sample, aux):
        return Annotation(sample=sample, symbol="+", aux=aux)

    truth = [change(10, "(N\0"), Annotation(sample=50, symbol="N"), change(100, "(AFIB"), change(150, "(N")]
    assert rhythms_of(truth, 400) == {"(N": 90 + 250, "(AFIB": 50}
    assert rhythms_of([Annotation(sample=5, symbol="N")], 400) == {}


def test_a_night_has_its_hypnogram_and_the_amplitude_its_margins(edge, made):
    (_, told, _) = edge("report", "synthetic/night", "--to", "2:00", "--json")
    courses = section(lines(told), "sleep")["courses"]
    assert courses["hypnogram"]["step_s"] == 30.0
    assert len(courses["hypnogram"]["held"]) == 3, "the fourth epoch is not over"
    margins = section(lines(told), "eeg-trends")["trends"]["aeeg"]
    assert margins["step_s"] == 15.0
    assert all(low < high for low, high in zip(margins["low"], margins["high"], strict=True) if low is not None)


# ---- pages -----------------------------------------------------------------------------------------------------------

LONG = "a-record-name-that-nobody-would-type-but-a-program-makes-" * 4
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=140) | st.just(LONG)
NUMBERS = st.none() | st.floats(-1e6, 1e9) | st.just(0.0)


def grid(name, texts, numbers):
    heads = tuple(
        ColumnHead(name=f"c{index}", label=text, unit=unit, decimals=1)
        for index, (text, unit) in enumerate(zip(texts, ["", "%", "time", "length", "/min"] * 3, strict=False))
    )
    rows = tuple((texts[0], *[number] * (len(heads) - 1)) for number in numbers)
    return Grid(name=name, title=texts[-1], columns=heads, rows=rows)


@settings(max_examples=25, deadline=None)
@given(
    name=TEXTS,
    texts=st.lists(TEXTS, min_size=2, max_size=14),
    numbers=st.lists(NUMBERS, max_size=45) | st.just([1.5] * 45),
    length_s=st.sampled_from([0.004, 30.0, 1805.5, 86_400.0, 2e6]),
)
def test_whatever_is_reported_no_text_leaves_its_page_or_lies_on_another(name, texts, numbers, length_s):
    figures = tuple(
        Figure(name=f"f{index}", label=text, value=value, unit="ms", why="" if value is not None else text)
        for index, (text, value) in enumerate(zip(texts, numbers, strict=False))
    )
    values = tuple(numbers)
    trend = Trend(name="t", title=texts[0], unit="/min", step_s=60.0, low=values, mean=values, high=values)
    nothing = (None,) * len(values)
    margins = replace(trend, name="m", mean=nothing, about=texts[0], scale=Scale.AMPLITUDE)
    held = tuple(None if value is None else "ABC"[index % 3] for index, value in enumerate(values))
    course = States(name="c", title=texts[0], states=("A", "B", "C"), step_s=30.0, held=held)
    said = Section(
        name="s",
        title=texts[0],
        figures=figures,
        grids=(grid("g", texts, numbers),),
        trends=(trend, margins) if numbers else (),
        courses=(course,),
        notes=tuple(texts),
    )
    strip = ReportStrip(
        title=name,
        caption=texts[0],
        lead=texts[-1],
        unit=Unit.MILLIVOLT,
        fs_hz=100.0,
        start_s=length_s,
        samples=np.zeros(1000, np.float32),
        rows=(),
        stretch_s=(1.0, 2.0),
    )
    labels = LabelRow(name="ours", labels=tuple((float(at), "N") for at in range(10)))
    faster = replace(strip, unit=Unit.MICROVOLT, rows=(labels,))
    made = RecordReport(
        record=name,
        length_s=length_s,
        first_s=0.0,
        fs_hz=100.0,
        read=tuple(texts),
        served=(),
        notes=(LONG,),
        sections=(((texts[0],), said), (("II",), replace(said, figures=()))),
        strips=(strip, faster),
        chosen="",
        comparisons=(),
    )
    assert_all_is_on_the_paper(pages_of(pdf_of(made, maker="Bedside 0.1.0", compress=False)))
