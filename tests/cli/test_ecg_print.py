"""`edge-agent classify --pdf`: twelve leads on paper to scale, with statements, reasons and measurements."""

import re
from pathlib import Path

import numpy as np
import pytest
import wfdb

from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS
from biosignal.tasks.explained import Explained
from biosignal.twelve_leads import Shown, draw_twelve
from edge_agent.cli import main
from edge_agent.replay import classify, ecg_print
from edge_agent.replay.ecg_print import EcgPage
from edge_agent.replay.printed.ecg import ecg_pdf
from edge_agent.replay.printed.sheet import NOT_A_DEVICE
from tests.cli.printed_pages import MM, pages_of
from tests.cli.test_report_of_a_record import assert_all_is_on_the_paper, words

FS_HZ = 250
PATH = re.compile(rb"n ((?:[-\d.]+ [-\d.]+ [ml] )+)S")


@pytest.fixture(autouse=True)
def released(monkeypatch):
    """The released models, in the place of those the other tests here are given."""
    monkeypatch.setenv("BEDSIDE_MODELS_DIR", str(Path(__file__).parents[2] / "models"))


def stating():
    return next(task for task in TASKS.values() if task.sees is not None)


def page(known, **changed):
    task = stating()
    statements = [
        {"code": one.name, "means": one.meaning, "probability": 0.9 - 0.03 * place}
        for place, one in enumerate(task.review.labels[:-1])
    ]
    stated = {
        "task": task.name,
        "leads": list(known),
        "quality": "usable",
        "bundle": f"{task.name}/9.9.9",
        "called": statements[0]["code"],
        "statements": statements,
    }
    values = [{"name": "x", "label": "a rather long name of a value", "value": 123456.7, "unit": "ms"}] * 9
    measured = [{"from_s": 0.0, "to_s": 10.0, "leads": list(known), "values": values}]
    code = statements[0]["code"]
    why = Explained(code=code, means=statements[0]["means"], leads={"II": np.linspace(-1, 1, 1000, dtype=np.float32)})
    print_ = draw_twelve(Shown(fs_hz=FS_HZ, known=known, shades=why.leads))
    return EcgPage(record="r" * 90, first_s=3600.0, stated=stated | changed, measured=measured, print_=print_, why=why)


def paths_of(pdf):
    """Each stroked path of the PDF as points in millimetres from the lower left corner."""
    for found in PATH.findall(pdf.replace(b"\n", b" ")):
        yield np.array([float(one) for one in re.findall(rb"[-\d.]+", found)]).reshape(-1, 2) / MM


def test_on_the_page_a_second_is_25_mm_and_a_millivolt_10_mm():
    samples = np.tile(np.float32([0.0, 0.05]), 5 * FS_HZ)
    samples[[FS_HZ // 2, 3 * FS_HZ // 2]] = 1.0
    pdf = ecg_pdf([page({"II": samples})], maker="Bedside", compress=False)
    (rhythm,) = [one for one in paths_of(pdf) if len(one) > 1000 and np.ptp(one[:, 0]) > 240]
    peaks = rhythm[np.argsort(-rhythm[:, 1])[:2]]
    assert abs(peaks[0, 0] - peaks[1, 0]) == pytest.approx(25.0, abs=0.02)
    assert peaks[0, 1] - np.median(rhythm[:, 1]) == pytest.approx(10.0, abs=0.52)
    assert np.ptp(rhythm[:, 0]) == pytest.approx(250.0, abs=0.2)
    pulses = [one for one in paths_of(pdf) if len(one) == 6]
    assert len(pulses) == 4
    for pulse in pulses:
        assert np.ptp(pulse[:, 1]) == pytest.approx(10.0, abs=0.01)
        assert pulse[3, 0] - pulse[2, 0] == pytest.approx(5.0, abs=0.01)
    tall = [one for one in paths_of(pdf) if len(one) == 2 and np.ptp(one[:, 0]) == 0 and np.ptp(one[:, 1]) > 100]
    upright = sorted({round(float(one[0, 0]), 2) for one in tall})
    assert np.diff(upright)[10:200] == pytest.approx(np.ones(190), abs=0.02)


def test_pages_hold_all_statements_and_say_what_they_are():
    full = np.tile(np.float32([0.0, 0.05]), 5 * FS_HZ)
    pdf = ecg_pdf([page({"I": full, "II": full}), page({"V1": full})], maker="Bedside", compress=False)
    pages = pages_of(pdf)
    assert len(pages) == 4
    for shown in pages:
        assert [one.text for one in shown].count(NOT_A_DEVICE) == 1
    assert_all_is_on_the_paper([pages[1], pages[3]])
    text = words(pages)
    assert all(one.meaning in text for one in stating().review.labels[:-1])
    assert "Missing, and not drawn: V1, V2, V3, V4, V5, V6." in text
    assert "Derived (computed from the other limb leads): III, aVR, aVL, aVF." in text


def test_where_nothing_is_stated_the_page_says_why():
    changed = {"statements": [], "because": "no lead can be assessed"}
    pages = pages_of(ecg_pdf([page({"II": np.zeros(2500, np.float32)}, **changed)], maker="B", compress=False))
    assert words(pages).count("Nothing is stated: no lead can be assessed.") == 2
    assert "Flat" in words(pages)


def test_a_recording_is_written_as_pages_and_twice_the_same(tmp_path, capsys):
    for name in ("one.pdf", "two.pdf"):
        assert main(["classify", "synthetic/twelve-lead", "--to", "0:10", "--pdf", str(tmp_path / name)]) == 0
    first, second = ((tmp_path / name).read_bytes() for name in ("one.pdf", "two.pdf"))
    assert first.startswith(b"%PDF-")
    assert first == second
    assert "1 of 1 windows answered" in capsys.readouterr().out


def test_what_is_filled_on_paper_changes_no_other_line(tmp_path, capsys):
    recording = SyntheticRecording(SCENARIOS["twelve-lead"], seed=2)
    samples = recording.samples(0, round(12 * recording.fs_hz))
    samples[[lead.name for lead in recording.leads].index("V2"), 2000:2300] = np.nan
    file = tmp_path / "gap.csv"
    heads = ["time [s]", *(f"{lead.name} [mV]" for lead in recording.leads)]
    cells = [["" if np.isnan(x) else f"{x:.4f}" for x in row] for row in samples.T]
    rows = [[f"{at / recording.fs_hz:.3f}", *row] for at, row in enumerate(cells)]
    file.write_text("\n".join(",".join(row) for row in (heads, *rows)) + "\n")
    said = []
    for more in ([], ["--fill"]):
        assert main(["classify", str(file), "--json", "--pdf", str(tmp_path / f"{len(more)}.pdf"), *more]) == 0
        said.append(capsys.readouterr().out.splitlines())
    plain, filled = said
    assert [line for line in filled if '"type": "filled"' not in line] == plain
    assert [line for line in filled if line not in plain] == [
        '{"type": "filled", "lead": "V2", "from_s": 4.0, "to_s": 4.6, "by": "the other leads"}'
    ]
    assert (tmp_path / "0.pdf").read_bytes() != (tmp_path / "1.pdf").read_bytes()


def test_of_a_longer_recording_the_first_windows_are_on_paper(tmp_path, capsys, monkeypatch):
    for module in (ecg_print, classify):
        monkeypatch.setattr(module, "MOST_PRINTS", 1)
    assert main(["classify", "synthetic/twelve-lead", "--to", "0:20", "--pdf", str(tmp_path / "out.pdf")]) == 0
    assert "the first 1 of 2 windows" in capsys.readouterr().err
    assert (tmp_path / "out.pdf").read_bytes().count(b"/Type /Page\n") == 2


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--pdf", "OUT", "--why", "nothing"], "there is no such statement"),
        (["--why", "x"], "reasons are shown on paper"),
        (["--fill"], "filled on paper alone"),
        (["--pdf", "nowhere/out.pdf"], "there is no such folder"),
    ],
)
def test_what_cannot_be_printed_says_why_and_what_to_do(tmp_path, capsys, more, says):
    more = [str(tmp_path / "out.pdf") if one == "OUT" else one for one in more]
    assert main(["classify", "synthetic/twelve-lead", "--to", "0:10", *more]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert "Try: " in error
    assert not (tmp_path / "out.pdf").exists()


def test_three_leads_of_a_file_are_printed_with_what_follows_of_them(tmp_path, capsys):
    seconds = np.arange(10 * FS_HZ) / FS_HZ
    beat = np.exp(-(((seconds + 0.4) % 0.8 - 0.4) ** 2) / 2e-4)
    wfdb.wrsamp(
        "three", fs=FS_HZ, units=["mV"] * 3, sig_name=["I", "II", "V5"], write_dir=str(tmp_path), fmt=["16"] * 3,
        p_signal=np.stack([0.6 * beat, beat, 1.2 * beat], axis=1),
    )  # fmt: skip
    assert main(["classify", str(tmp_path / "three"), "--pdf", str(tmp_path / "out.pdf")]) == 0
    assert (tmp_path / "out.pdf").stat().st_size > 10_000
