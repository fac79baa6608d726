"""When fibrillation is told that has just begun: the figures, and the synthetic patient through the whole pipeline."""

import numpy as np
import pytest

from biosignal.events import Priority
from biosignal.scoring.score import Annotations
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from export.report.af import af_figures, score_af
from export.report.analysed import Analysed, Said, analyse
from export.report.onset import Beginning, beginning_figures, beginnings_of
from export.report.reading import Signals
from export.report.served import served

FIRST_SEED, PATIENTS = 200, 10
BEFORE_S, WATCHED_S = 50.0, 60.0
BEATS_S = [0.8 * index for index in range(400)]


def said(onset_s, end_s, decided_s, until_s=300.0, kind="af"):
    return Said(
        kind=kind,
        priority=Priority.LOW,
        technical=False,
        onset_s=onset_s,
        end_s=end_s,
        decided_s=decided_s,
        until_s=until_s,
    )


def told(rhythms, *findings):
    found = Analysed(findings=list(findings))
    return list(beginnings_of(rhythms, found, BEATS_S, ("AFIB",), ("AFL",)))


def test_it_is_counted_from_where_it_began_to_the_last_beat_that_was_needed():
    (one,) = told([("N", 0.0, 100.0), ("AFIB", 100.0, 200.0)], said(99.0, 108.0, 109.0))
    assert (one.beats, one.seconds) == (10, 9.0)


def test_what_was_told_before_and_what_never_was_are_counted_apart():
    rhythms = [("N", 0.0, 100.0), ("AFIB", 100.0, 200.0)]
    assert told(rhythms, said(80.0, 90.0, 91.0)) == [Beginning(beats=0, seconds=0.0)]
    assert told(rhythms) == [Beginning()]
    assert told(rhythms, said(205.0, 210.0, 211.0)) == [Beginning()]
    assert told(rhythms, said(40.0, 50.0, 51.0, until_s=60.0)) == [Beginning()]
    assert told(rhythms, said(99.0, 108.0, 109.0, kind="afl")) == [Beginning()]


@pytest.mark.parametrize(
    "rhythms",
    [
        [("AFIB", 0.0, 200.0)],
        [("N", 0.0, 20.0), ("AFIB", 20.0, 200.0)],
        [("N", 0.0, 100.0), ("AFIB", 100.0, 110.0), ("N", 110.0, 200.0)],
        [("AFL", 0.0, 100.0), ("AFIB", 100.0, 200.0)],
        [("N", 0.0, 100.0), ("AFIB", 140.0, 200.0)],
    ],
)
def test_no_beginning_is_counted_that_nobody_can_place_or_that_is_short(rhythms):
    assert told(rhythms, said(100.0, 108.0, 109.0)) == []


def test_rhythms_that_are_something_else_are_one_stretch():
    rhythms = [("N", 0.0, 20.0), ("B", 20.0, 40.0), ("AFIB", 40.0, 100.0)]
    assert [one.beats for one in told(rhythms, said(40.0, 48.0, 49.0))] == [10]


def test_what_was_not_told_is_later_than_all_others():
    figures = beginning_figures([Beginning(beats=8, seconds=6.0), Beginning(beats=30, seconds=20.0), Beginning()])
    assert (figures["beginnings"], figures["told"], figures["beats"], figures["beats_latest"]) == (3, 2, 30.0, 30)
    assert figures["by_beats"] == {"10": 1, "20": 1, "40": 2}
    assert beginning_figures([Beginning(), Beginning(beats=8, seconds=6.0), Beginning()])["beats"] is None
    assert beginning_figures([])["beats_latest"] is None


def patient(seed):
    recording = SyntheticRecording(SCENARIOS["af-paroxysmal"], seed=seed)
    fs_hz = recording.fs_hz
    (begins,) = [change.sample for change in recording.truth.rhythms if change.aux == "(AFIB"]
    first, end = begins - round(BEFORE_S * fs_hz), begins + round(WATCHED_S * fs_hz)
    at = np.array([0, begins - first], np.int64)
    return Signals(
        name=str(seed),
        fs_hz=fs_hz,
        leads=recording.leads,
        samples=recording.samples(first, end).astype(np.float32),
        reference=Annotations(at, ["+", "+"], np.zeros(2, np.int64)),
        aux=("(N", "(AFIB"),
    )


def test_on_the_synthetic_patient_it_is_told_within_forty_beats_and_half_the_time_within_ten():
    models = served().models()
    patients = [patient(seed) for seed in range(FIRST_SEED, FIRST_SEED + PATIENTS)]
    scores = [score_af(signals, analyse(signals, models), from_s=0.0) for signals in patients]
    figures = af_figures(scores, {})["gross"]
    onset = figures["onset"]
    print(onset, figures["false_in"])
    assert (onset["beginnings"], onset["told"], onset["before"]) == (PATIENTS, PATIENTS, 0)
    assert onset["beats"] <= 10
    assert onset["beats_latest"] <= 40
