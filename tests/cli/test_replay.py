import json
import os
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import wfdb

from biosignal.events import FindingState, Mark, MarkState, Prediction, QualityLevel, Rung
from biosignal.signal.blocks import Lead, LeadKind, SampleBlock
from biosignal.stream.assign import assign
from biosignal.stream.pipeline import Pipeline
from biosignal.tasks import TASKS
from edge_agent.replay import player
from edge_agent.replay.annotations import annotations_of
from edge_agent.replay.result import Result, joined
from edge_agent.sources import wfdb_record
from edge_agent.sources.port import SourceFacts
from tests.cli.conftest import heart, write_record


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def test_beats_are_found_scored_and_summed_up(edge, record):
    code, out, err = edge("replay", record, "--truth", "--json")
    assert code == 0, err
    told = lines(out)
    assert told[0]["type"] == "recording"
    assert told[0]["bundle"] == "ecg-beats/1.0.0"
    assert told[-1]["type"] == "summary"
    score = next(line for line in told if line["type"] == "score")
    assert (score["start_s"], score["qrs"]["se"], score["qrs"]["ppv"]) == (0.0, 1.0, 1.0)
    beats = [line for line in told if line["type"] == "beat"]
    assert sum(told[-1]["leads"][0]["beats"].values()) == len(beats) == score["qrs"]["tp"]
    classified = [beat for beat in beats if "scores" in beat]
    assert len(classified) >= len(beats) - 2
    assert all(beat["label"] == max(beat["scores"], key=beat["scores"].get) for beat in classified)
    assert told[-1]["samples"] == 15_000


def test_the_readable_form_names_leads_scores_and_counts(edge, record):
    code, out, _ = edge("replay", f"{record}.hea", "--truth")
    assert code == 0
    assert "plain: II at 250 Hz" in out
    assert "EC57 on II" in out
    assert "QRS  100.00  100.00" in out
    assert "beats (" in out


def test_one_heart_by_default_each_lead_on_request_or_one_by_name_or_index(edge, record):
    for lead, expected in (("all", ["II"]), ("each", ["II", "V5"]), ("V5", ["V5"]), ("1", ["V5"])):
        _, out, _ = edge("replay", record, "--lead", lead, "--json")
        assert [one["lead"] for one in lines(out)[-1]["leads"]] == expected


def test_the_annotation_file_holds_the_confirmed_beats(edge, record, tmp_path):
    code, out, _ = edge("replay", record, "--out", tmp_path / "out", "--lead", "1", "--json")
    assert code == 0
    written = wfdb.rdann(str(tmp_path / "out" / "plain"), "bds")
    beats = [line for line in lines(out) if line["type"] == "beat"]
    marks = [(s, y) for s, y in zip(written.sample.tolist(), written.symbol, strict=True) if y in "NSVFQ"]
    assert marks == [(beat["sample"], beat["label"]) for beat in beats]
    assert set(written.chan.tolist()) == {1}
    assert set(written.num.tolist()) == {0}
    assert written.sample.tolist() == sorted(written.sample.tolist())


@pytest.mark.parametrize("block", [2, 1000, 1 << 20])
def test_the_same_input_gives_the_same_file_however_it_is_cut(edge, record, tmp_path, monkeypatch, block):
    edge("replay", record, "--out", tmp_path / "whole", "--lead", "each")
    monkeypatch.setattr(wfdb_record, "BLOCK_SAMPLES", 2 * max(1, block // 2))
    if block == 2:
        monkeypatch.setattr(wfdb_record, "BLOCK_SAMPLES", 38)
    edge("replay", record, "--out", tmp_path / "cut", "--lead", "each")
    assert (tmp_path / "cut" / "plain.bds").read_bytes() == (tmp_path / "whole" / "plain.bds").read_bytes()


def test_annotations_are_never_written_beside_a_record(edge, record, tmp_path):
    before = sorted(record.parent.iterdir())
    for folder in (record.parent, record.parent / ".." / "in"):
        code, _, err = edge("replay", record, "--out", folder)
        assert code == 3
        assert err.splitlines()[-1] == "Try: give --out another folder"
    (tmp_path / "link").symlink_to(record.parent)
    assert edge("replay", record, "--out", tmp_path / "link", "--annotator", "atr")[0] == 3
    copy = write_record(tmp_path / "copy", "plain", heart(10)[0])
    assert edge("replay", record, "--out", copy.parent)[0] == 3
    assert sorted(record.parent.iterdir()) == before


@pytest.mark.parametrize("annotator", ["", "../x", "hea", "dat", "a b"])
def test_an_annotator_that_cannot_be_a_suffix_is_refused(edge, record, tmp_path, annotator):
    assert edge("replay", record, "--out", tmp_path / "out", f"--annotator={annotator}")[0] == 2
    assert not (tmp_path / "out").exists()


def test_an_unusable_stretch_is_marked_and_its_beats_are_written(edge, tmp_path):
    ecg, _ = heart(60)
    ecg[5000:8000] = np.nan
    record = write_record(tmp_path / "in", "hole", ecg)
    code, _, err = edge("replay", record, "--out", tmp_path / "out")
    assert code == 0, err
    written = wfdb.rdann(str(tmp_path / "out" / "hole"), "bds")
    noise = [(s, t) for s, y, t in zip(written.sample, written.symbol, written.subtype, strict=True) if y == "~"]
    assert [subtype for _, subtype in noise] == [-1, 0]
    assert 4750 <= noise[0][0] <= 5250
    assert 7750 <= noise[1][0] <= 8500


def test_a_truncated_record_is_played_and_its_end_marked(edge, record, tmp_path):
    file = record.with_suffix(".dat")
    file.write_bytes(file.read_bytes()[:40_000])
    code, out, _ = edge("replay", record, "--out", tmp_path / "out", "--json")
    assert code == 0
    told = lines(out)
    assert [line for line in told if line["type"] == "gap"] == [
        {"type": "gap", "start": 10_000, "length": 5000, "reason": "truncated"}
    ]
    assert told[-1]["gaps"] == 1
    written = wfdb.rdann(str(tmp_path / "out" / "plain"), "bds")
    assert (written.sample[-1], written.symbol[-1], written.subtype[-1]) == (15_000, "~", 0)


@pytest.mark.parametrize("content", ["flat", "nan"])
def test_a_record_without_a_heart_in_it_gives_no_beats_and_says_why(edge, tmp_path, content):
    ecg = np.zeros(5000) if content == "flat" else np.full(5000, np.nan)
    code, out, err = edge("replay", write_record(tmp_path / "in", "none", ecg), "--json")
    assert code == 0, err
    told = lines(out)
    assert told[-1]["leads"][0]["beats"] == {}
    assert {"lead-off", "poor-signal"} & {line["kind"] for line in told if line["type"] == "finding"}


def test_a_record_without_a_scale_is_replayed_and_said_to_be_raw(edge, record):
    header = record.with_suffix(".hea")
    header.write_text(header.read_text().replace("/mV", "/bananas"))
    code, out, _ = edge("replay", record)
    assert code == 0
    assert "scale of II is not known" in out


def test_without_a_bundle_beats_are_found_and_not_classified(edge, record, tmp_path, monkeypatch):
    monkeypatch.setenv("BEDSIDE_MODELS_DIR", str(tmp_path / "no-models"))
    code, out, _ = edge("replay", record, "--json")
    assert code == 0
    told = lines(out)
    assert told[0]["bundle"] is None
    assert "no bundle" in told[0]["reason"]
    assert set(told[-1]["leads"][0]["beats"]) == {"Q"}


def test_a_bundle_with_a_wrong_hash_is_refused(edge, record, tmp_path):
    (tmp_path / "models" / "ecg-beats" / "1.0.0" / "card.md").write_text("changed")
    code, _, err = edge("replay", record)
    assert code == 3
    assert err.splitlines()[-1].startswith("Try: ")


def test_truth_that_is_not_there_is_an_error_before_anything_runs(edge, record):
    code, out, err = edge("replay", record, "--truth", "qrs")
    assert code == 2
    assert out == ""
    assert "plain.qrs" in err


def test_the_excerpt_plays_and_wants_the_data_folder_for_its_truth(edge):
    code, out, _ = edge("replay", "excerpt", "--json")
    assert code == 0
    assert lines(out)[-1]["samples"] == 108_000
    code, _, err = edge("replay", "excerpt", "--truth")
    assert code == 2
    assert "EDGE_DATA_DIR" in err.splitlines()[-1]


def test_a_paced_replay_takes_its_time_and_finds_the_same(edge, tmp_path):
    record = write_record(tmp_path / "in", "short", heart(6)[0])
    _, fast, _ = edge("replay", record, "--json")
    _, paced, _ = edge("replay", record, "--json", "--speed", "5")
    assert 1.1 < lines(paced)[-1]["seconds"] < 4
    assert lines(fast)[:-1] == lines(paced)[:-1]


def test_progress_is_lines_where_nobody_watches_and_a_bar_on_a_terminal():
    import io

    from edge_agent.operate.clock import SetClock
    from edge_agent.replay.progress import Progress
    from edge_agent.sources.excerpt import Excerpt

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    facts = Excerpt().recording_facts()
    for stream, expected in ((io.StringIO(), " 50%  2:30.0 of 5:00.0\n"), (Terminal(), "\r[####################....")):
        clock = SetClock()
        progress = Progress(stream, facts=facts, clock=clock)
        progress.at(100)
        assert stream.getvalue() == ""
        clock.advance(6.0)
        progress.at(54_000)
        assert stream.getvalue().startswith(expected)
        progress.end()
        assert progress.seconds == 6.0


def test_a_process_prints_json_only_and_imports_neither_the_clinics_side_nor_the_wfdb_package(record):
    heavy = ("fastapi", "sqlalchemy", "wfdb", "pandas", "paho", "cryptography", "serial", "cloud_service", "tuf")
    code = (
        f"import json, sys; from edge_agent.cli import main; code = main(['replay', {str(record)!r}, '--json']);"
        f"print(json.dumps({{'type': [name for name in {heavy!r} if name in sys.modules]}})); sys.exit(code)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=100)
    assert done.returncode == 0, done.stderr
    told = lines(done.stdout)
    assert told[-2]["type"] == "summary"
    assert told[-1]["type"] == []


def test_a_reader_that_goes_away_ends_the_program_without_a_traceback():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    code = "import time; from edge_agent.cli import main; time.sleep(0.5); raise SystemExit(main(['check-config']))"
    done = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    done.stdout.close()
    errors = done.stderr.read()
    done.stderr.close()
    assert done.wait(60) == 1
    assert errors == ""


@pytest.mark.data
@pytest.mark.usefixtures("mitdb")
def test_the_excerpt_is_scored_against_its_stretch_of_208(edge):
    code, out, err = edge("replay", "excerpt", "--truth", "--json")
    assert code == 0, err
    score = next(line for line in lines(out) if line["type"] == "score")
    assert [sum(row) for row in score["matrix"][:5]] == [358, 0, 93, 56, 2]
    assert score["qrs"]["se"] > 0.97
    assert score["qrs"]["ppv"] > 0.97


@pytest.mark.data
@pytest.mark.usefixtures("mitdb")
def test_a_record_of_the_data_folder_is_replayed_scored_and_written(edge, tmp_path):
    code, out, err = edge("replay", "mitdb/100", "--truth", "--out", tmp_path / "out", "--json")
    assert code == 0, err
    score = next(line for line in lines(out) if line["type"] == "score")
    assert score["start_s"] == 300.0
    assert score["qrs"]["se"] > 0.995
    assert score["qrs"]["ppv"] > 0.995
    assert (tmp_path / "out" / "100.bds").is_file()


def ventricular(onset, end, state=FindingState.CLOSED, kind="vt"):
    from biosignal.events import Evidence, Finding, Priority, QualityLevel, Unavailable

    evidence = Evidence(measures=(), strip_start=0, strip_end=1, fs_hz=250.0, quality=QualityLevel.USABLE)
    return Finding(
        id=f"{kind}{onset}", rev=1, task="ecg-rhythm", device="d", recording="r", stream="live", kind=kind, state=state,
        priority=Priority.HIGH, onset=onset, end=end, decided_at=end, leads=("II",),
        outcome=Unavailable(task="t", reason=""), evidence=evidence,
    )  # fmt: skip


FACTS = SourceFacts(name="x", leads=(Lead(name="II", kind=LeadKind.ECG),), fs_hz=250.0, live=False)


def result(beats, findings, unusable=()):
    """What an analysis of lead II found: (sample, label) of beats, findings, unusable stretches."""
    plan = assign(TASKS.values(), FACTS.leads, fs_hz=250.0)
    marks = [
        Mark(
            id=f"beat {sample}", task="ecg-beats", kind="beat", recording="r", leads=("II",), start=sample, end=sample,
            decided_at=sample, state=MarkState.CONFIRMED, quality=QualityLevel.USABLE,
            outcome=Prediction(task="ecg-beats", bundle="b/1.0.0", rung=Rung.ONNX_CPU, label=label, scores=()),
        )
        for sample, label in beats
    ]  # fmt: skip
    return Result(plan=plan, marks=marks, findings={one.id: one for one in findings}, unusable={"II": [*unusable]})


def test_a_run_begins_a_rhythm_and_its_end_takes_it_back():
    run, vt = ventricular(1000, 1400, kind="v-run"), ventricular(1000, 3000)
    gone = ventricular(9000, 9500, FindingState.WITHDRAWN)
    found = annotations_of([result([(1000, "V"), (3000, "V")], (run, vt, gone))], FACTS)
    assert [(one.sample, one.symbol, one.aux) for one in found] == [
        (999, "+", "(VT"),
        (1000, "V", ""),
        (3000, "V", ""),
        (3001, "+", "(N"),
    ]


def test_no_two_annotations_of_a_lead_share_a_sample():
    hard = result([(0, "N"), (250, "N")], [ventricular(0, 249)], [(0, 250), (250, 500)])
    found = annotations_of([hard], FACTS)
    places = Counter(one.sample for one in found)
    assert max(places.values()) == 1
    assert [one.symbol for one in found].count("~") == 2


def test_stretches_that_touch_are_one():
    assert joined([(10, 20), (0, 5), (20, 30), (4, 6)]) == [(0, 6), (10, 30)]


def test_each_lead_is_analysed_as_if_it_were_the_only_one(record, monkeypatch):
    seen = []

    class Spy(Pipeline):
        def push(self, signal, /):
            if isinstance(signal, SampleBlock):
                seen.append(signal.leads)
                assert signal.samples.shape[0] == 1
            return super().push(signal)

    monkeypatch.setattr(player, "Pipeline", Spy)
    from edge_agent.cli import main

    assert main(["replay", str(record), "--lead", "each", "--json"]) == 0
    assert {tuple(lead.name for lead in leads) for leads in seen} == {("II",), ("V5",)}


def test_twelve_leads_give_one_heart_and_the_others_are_watched(edge):
    code, out, err = edge("replay", "synthetic/twelve-lead", "--json", "--to", "01:00")
    assert code == 0, err
    told = lines(out)
    assert [one["lead"] for one in told[-1]["leads"]] == ["I"]
    assert {line["lead"] for line in told if line["type"] == "beat"} == {"I"}
    watched = [one["leads"] for one in told[0]["tasks"] if one["task"] == "signal-quality"]
    assert len(watched) == 12
    pvcs = [line for line in told if line["type"] == "finding" and line["rev"] == 0 and line["kind"] == "pvc"]
    assert len(pvcs) <= 1


def test_brain_waves_are_no_heart(edge):
    code, out, err = edge("replay", "synthetic/eeg-sleep", "--json", "--to", "01:00")
    assert code == 0, err
    told = lines(out)
    assert not [line for line in told if line["type"] in ("beat", "alarm") or line.get("kind") == "asystole"]
    assert not [one for one in told[0]["tasks"] if one["task"] == "ecg-beats"]
