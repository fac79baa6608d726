"""An alarm is true when what it says was there, by what is known of the patient."""

import numpy as np
import pytest

from biosignal.events import Priority
from biosignal.scoring.score import Annotations
from biosignal.signal.blocks import Lead, LeadKind, Unit
from export.report.analysed import Said
from export.report.pulse import goes_on, pulses_of
from export.report.reading import Signals
from export.report.reference import reference_of
from export.report.sets import Truth
from export.report.verdicts import Verdict, check_for

FS = 250.0


def said(kind, onset_s, decided_s, end_s=None):
    return Said(
        kind=kind,
        priority=Priority.HIGH,
        technical=False,
        onset_s=onset_s,
        end_s=decided_s if end_s is None else end_s,
        decided_s=decided_s,
        until_s=decided_s,
    )


def signals(annotated=(), seconds=60.0, extra=None):
    """A recording of so many seconds; `annotated` are (second, symbol, text)."""
    rows = sorted(annotated, key=lambda row: row[0])
    leads = [Lead(name="II", kind=LeadKind.ECG)]
    samples = [np.zeros(int(seconds * FS))]
    for lead, wave in extra or ():
        leads.append(lead)
        samples.append(wave)
    return Signals(
        name="made",
        fs_hz=FS,
        leads=tuple(leads),
        samples=np.array(samples, np.float32),
        reference=Annotations([round(at * FS) for at, _, _ in rows], [symbol for _, symbol, _ in rows]),
        aux=tuple(text for _, _, text in rows),
    )


def beats(first_s, last_s, every_s=0.8, symbol="N"):
    return [(float(at), symbol, "") for at in np.arange(first_s, last_s, every_s)]


def pulse(seconds=60.0, until_s=60.0, size=1.0):
    at = np.arange(int(seconds * FS)) / FS
    return np.where(at < until_s, size * np.maximum(np.sin(2 * np.pi * 1.2 * at), 0.0), 0.0)


def verdict(truth, recording, alarm, label=()):
    return check_for(truth, recording, label)(alarm)


STEADY = beats(0.5, 60.0)
HOLE = [*beats(0.5, 20.0), *beats(26.0, 60.0)]
RUN = [*beats(0.5, 20.0), *beats(20.4, 24.0, 0.4, "V"), *beats(24.6, 60.0)]


@pytest.mark.parametrize(
    ("annotated", "alarm", "expected"),
    [
        (STEADY, said("asystole", 20.0, 25.0), Verdict.FALSE),
        (HOLE, said("asystole", 19.7, 24.5), Verdict.TRUE),
        (HOLE, said("asystole", 30.0, 34.6), Verdict.FALSE),
        (HOLE, said("pause", 19.7, 26.5), Verdict.TRUE),
        (RUN, said("vt", 20.4, 23.0), Verdict.TRUE),
        (RUN, said("v-run", 20.4, 21.5), Verdict.TRUE),
        (STEADY, said("vt", 20.4, 23.0), Verdict.FALSE),
        (STEADY, said("tachycardia", 20.0, 25.0), Verdict.FALSE),
        (beats(0.5, 60.0, 0.45), said("tachycardia", 20.0, 25.0), Verdict.TRUE),
        (beats(0.5, 60.0, 1.4), said("bradycardia", 20.0, 35.0), Verdict.TRUE),
        (STEADY, said("bradycardia", 20.0, 35.0), Verdict.FALSE),
        (STEADY, said("something-new", 20.0, 25.0), Verdict.UNSCORED),
    ],
)
def test_beats_decide(annotated, alarm, expected):
    assert verdict(Truth.BEATS, signals(annotated), alarm) is expected


def test_a_slow_run_is_a_run_and_no_tachycardia():
    slow = [*beats(0.5, 20.0), *beats(20.8, 26.0, 0.9, "V"), *beats(27.0, 60.0)]
    assert verdict(Truth.BEATS, signals(slow), said("v-run", 20.8, 24.0)) is Verdict.TRUE
    assert verdict(Truth.BEATS, signals(slow), said("vt", 20.8, 24.0)) is Verdict.FALSE


def test_two_ventricular_beats_are_no_run():
    couplet = [*beats(0.5, 20.0), *beats(20.4, 21.0, 0.4, "V"), *beats(21.4, 60.0)]
    assert verdict(Truth.BEATS, signals(couplet), said("v-run", 20.0, 22.0)) is Verdict.FALSE


FIBRILLATING = [*beats(0.5, 20.0), (20.5, "[", ""), (40.0, "]", ""), *beats(40.5, 60.0)]


@pytest.mark.parametrize("kind", ["asystole", "vt", "v-run", "pause", "bradycardia", "tachycardia"])
def test_another_name_for_fibrillation_is_neither_true_nor_false(kind):
    assert verdict(Truth.BEATS, signals(FIBRILLATING), said(kind, 24.0, 28.0)) is Verdict.MISNAMED


def test_fibrillation_is_true_in_fibrillation_only():
    assert verdict(Truth.BEATS, signals(FIBRILLATING), said("vf", 21.0, 26.0)) is Verdict.TRUE
    assert verdict(Truth.BEATS, signals(FIBRILLATING), said("vf", 50.0, 55.0)) is Verdict.FALSE


def test_fibrillation_without_an_end_lasts_to_the_end():
    open_ = signals([*beats(0.5, 20.0), (20.5, "[", "")])
    assert reference_of(open_).fibrillation == ((20.5, 60.0),)


def test_beats_without_their_kind_cannot_decide_about_a_run():
    assert verdict(Truth.QRS, signals(STEADY), said("vt", 20.0, 23.0)) is Verdict.UNSCORED
    assert verdict(Truth.QRS, signals(STEADY), said("asystole", 20.0, 25.0)) is Verdict.FALSE


RHYTHMS = [(0.1, "+", "(N"), (20.0, "+", "(VT"), (30.0, "+", "(VFL"), (40.0, "+", "(NOISE"), (50.0, "+", "(ASYS")]


@pytest.mark.parametrize(
    ("alarm", "expected"),
    [
        (said("vt", 21.0, 25.0), Verdict.TRUE),
        (said("vt", 31.0, 35.0), Verdict.MISNAMED),
        (said("vt", 41.0, 45.0), Verdict.FALSE),
        (said("vf", 31.0, 35.0), Verdict.TRUE),
        (said("vf", 21.0, 25.0), Verdict.MISNAMED),
        (said("asystole", 51.0, 55.0), Verdict.TRUE),
        (said("asystole", 31.0, 35.0), Verdict.MISNAMED),
        (said("asystole", 5.0, 9.0), Verdict.FALSE),
        (said("v-run", 5.0, 9.0), Verdict.UNSCORED),
        (said("bradycardia", 5.0, 9.0), Verdict.UNSCORED),
    ],
)
def test_rhythms_decide(alarm, expected):
    assert verdict(Truth.RHYTHMS, signals(RHYTHMS), alarm) is expected


PLETH = Lead(name="PLETH", kind=LeadKind.PLETH, unit=Unit.RAW)
PRESSURE = Lead(name="ABP", kind=LeadKind.PRESSURE, unit=Unit.RAW)


@pytest.mark.parametrize(("is_true", "expected"), [("1", Verdict.TRUE), ("0", Verdict.FALSE)])
def test_the_label_decides_about_the_alarm_at_the_end(is_true, expected):
    recording = signals()
    assert verdict(Truth.LAST_ALARM, recording, said("asystole", 50.0, 55.0), ("Asystole", is_true)) is expected
    assert verdict(Truth.LAST_ALARM, recording, said("vt", 50.0, 55.0), ("Asystole", is_true)) is Verdict.UNSCORED


def test_asystole_against_a_going_pulse_is_false_and_without_one_unknown():
    going, stopped, none = signals(extra=[(PLETH, pulse())]), signals(extra=[(PLETH, pulse(until_s=20.0))]), signals()
    alarm, label = said("asystole", 22.0, 27.0), ("Tachycardia", "1")
    assert verdict(Truth.LAST_ALARM, going, alarm, label) is Verdict.FALSE
    assert verdict(Truth.LAST_ALARM, stopped, alarm, label) is Verdict.UNSCORED
    assert verdict(Truth.LAST_ALARM, none, alarm, label) is Verdict.UNSCORED


def test_two_millimetres_of_mercury_are_no_pulse():
    assert not goes_on(pulses_of(signals(extra=[(PRESSURE, pulse(size=2.0))])), 20.0, 25.0)
    assert goes_on(pulses_of(signals(extra=[(PRESSURE, pulse(size=40.0))])), 20.0, 25.0)


def test_a_lead_of_nothing_has_no_pulse():
    assert not goes_on(pulses_of(signals(extra=[(PLETH, np.full(int(60 * FS), np.nan))])), 20.0, 25.0)
    assert not goes_on(pulses_of(signals(extra=[(PLETH, np.zeros(int(60 * FS)))])), 20.0, 25.0)


def test_on_a_normal_strip_every_alarm_is_false_and_on_another_unknown():
    assert verdict(Truth.NORMAL, signals(), said("vt", 1.0, 3.0), ("N",)) is Verdict.FALSE
    assert verdict(Truth.NORMAL, signals(), said("vt", 1.0, 3.0), ("A",)) is Verdict.UNSCORED
