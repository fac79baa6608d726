"""The rules on the reference beats of MIT-BIH: what cardiologists annotated goes in, so only the rules are judged."""

import os
from collections import Counter
from pathlib import Path

import pytest
from rhythm_cases import facts, in_time, mark, second, unasked

from biosignal.events import Finding, FindingState, Mark, MarkState
from biosignal.tasks.ecg_rhythm.limits import RhythmLimits
from biosignal.tasks.ecg_rhythm.stage import RhythmStage

wfdb = pytest.importorskip("wfdb")
RECORDS = Path(os.environ.get("EDGE_DATA_DIR", "/nonexistent")) / "mitdb"
pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not RECORDS.is_dir(), reason="EDGE_DATA_DIR has no mitdb"),
    # wfdb calls pandas in a way that newer pandas warns of; nothing of ours.
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
]
FS = 360.0
CLASS = {**dict.fromkeys("NLRejn", "N"), **dict.fromkeys("AaJS", "S"), **dict.fromkeys("VE", "V"), "F": "F"} | {
    **dict.fromkeys("/fQ", "Q")
}


def findings(record: str) -> tuple[list[Finding], int]:
    notes = wfdb.rdann(str(RECORDS / record), "atr")
    length = wfdb.rdheader(str(RECORDS / record)).sig_len
    beats: list[Mark] = []
    for sample, symbol in zip(notes.sample, notes.symbol, strict=True):
        if symbol in CLASS:
            rr_s = (int(sample) - beats[-1].start) / FS if beats else None
            at = int(sample)
            beats.append(mark(at, at + 144, MarkState.CONFIRMED, label=CLASS[symbol], rr_s=rr_s, lead="MLII"))
    seconds = [second(index, lead="MLII", fs_hz=FS) for index in range(int(length / FS))]
    stage = RhythmStage(facts("MLII", FS), unasked(), RhythmLimits())
    out = [one for item in in_time(beats, seconds) for one in stage.push(item)] + list(stage.finish())
    last = {item.id: item for item in out if isinstance(item, Finding)}
    return [finding for finding in last.values() if finding.state is FindingState.CLOSED], length


def share(found: list[Finding], kind: str, length: int) -> float:
    return sum(finding.end - finding.onset for finding in found if finding.kind == kind) / length


@pytest.mark.parametrize("record", ["203", "210", "219", "221"])
def test_records_in_atrial_fibrillation_are_irregular(record):
    found, length = findings(record)
    assert share(found, "irregular", length) > 0.8


@pytest.mark.parametrize("record", ["100", "105", "116", "119", "200", "208", "233"])
def test_sinus_rhythm_with_ectopy_is_hardly_ever_irregular(record):
    found, length = findings(record)
    assert share(found, "irregular", length) < 0.05


def test_record_205_has_its_ventricular_tachycardias():
    # A third run, of 13 beats at 86/min behind 81/min, is neither premature nor fast: it is not told.
    found, _ = findings("205")
    assert Counter(f.kind for f in found if f.kind in ("vt", "v-run")) == {"vt": 3, "v-run": 2}


def test_record_232_has_its_long_pauses():
    found, _ = findings("232")
    counts = Counter(finding.kind for finding in found)
    assert counts["pause"] > 80
    assert counts["asystole"] >= 10


def test_a_quiet_record_has_nothing():
    assert findings("122")[0] == []
