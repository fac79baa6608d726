"""The trainer's beats come from the device's own pipeline."""

from dataclasses import replace

import numpy as np
import pytest

from biosignal.events import MarkState
from biosignal.scoring.score import Annotations
from biosignal.synthetic.ecg import synthetic_ecg
from biosignal.tasks import TASKS
from export.dataset import CONDITIONS, beats_as_inputs, find_beats, with_needs
from export.recordings import NoRecordings, Recording, folder_of, read_recording

BEATS = TASKS["ecg-beats"]


@pytest.fixture(scope="module")
def recording():
    ecg = synthetic_ecg(seed=4, fs_hz=360.0, duration_s=60.0)
    return Recording("1", 360.0, ecg.samples, Annotations(ecg.beats, ["N"] * len(ecg.beats)))


def test_every_found_beat_is_confirmed_and_has_what_the_classifier_would_see(recording):
    found = find_beats(recording, None)
    assert len(found.marks) > 50
    assert {mark.state for mark in found.marks} == {MarkState.CONFIRMED}
    assert [mark.start for mark in found.marks] == sorted(mark.start for mark in found.marks)
    shapes = {spec.name: spec.shape for spec in BEATS.model.inputs}
    for name, shape in shapes.items():
        assert found.tensor(found.marks[0], name).shape == shape


def test_a_beat_the_reference_could_not_tell_is_left_out(recording):
    unsure = replace(
        recording, reference=Annotations(recording.reference.samples, ["Q"] * len(recording.reference.symbols))
    )
    assert len(beats_as_inputs(recording, CONDITIONS[0], seed=0)) > 50
    assert len(beats_as_inputs(unsure, CONDITIONS[0], seed=0)) == 0


def test_only_what_the_beats_need_is_run():
    names = [task.name for task in with_needs(BEATS)]
    assert names == ["signal-quality", "ecg-front", "ecg-beats"]
    assert [task.name for task in with_needs(TASKS["ecg-rhythm"])] == [*names, "ecg-rhythm"]


def test_a_stage_that_fails_ends_the_run_instead_of_leaving_beats_out(recording, monkeypatch):
    def broken(_facts, _model, _limits):
        raise ArithmeticError("a stage failed")

    monkeypatch.setitem(TASKS, "ecg-beats", replace(BEATS, make=broken))
    with pytest.raises(ArithmeticError, match="a stage failed"):
        find_beats(recording, None)


@pytest.fixture
def data_folder():
    try:
        return folder_of(None)
    except NoRecordings:
        pytest.skip("EDGE_DATA_DIR names no folder with mitdb")


@pytest.mark.data
def test_the_beats_of_record_208_are_those_the_release_was_trained_on(data_folder):
    recording = read_recording(data_folder, "208")
    given = beats_as_inputs(recording, CONDITIONS[2], seed=3)
    assert len(given) == 2945
    assert all(np.isfinite(array).all() for array in given.inputs.values())
