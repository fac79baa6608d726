"""What a statement is said to rest on is what it rests on: without it the statement is less probable."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from biosignal.events import Mark, Unavailable
from biosignal.model.bundle import LIMITS, Bundle, open_bundle
from biosignal.model.contract import SCORES
from biosignal.model.listening import Listening
from biosignal.model.model import Model
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.model.salience import bridged, log_odds, salience
from biosignal.signal.blocks import SampleBlock
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS
from biosignal.tasks.explained import NoSuchStatement, explained, listening
from biosignal.tasks.stated import states

TASK = next(task for task in TASKS.values() if task.sees is not None)
TENSOR, CLASSES = TASK.sees.tensor, TASK.model.classes
CELL = 20
"""Samples hidden together: 0.2 s."""


@pytest.fixture(scope="module")
def bundle():
    folder = max((Path(__file__).parents[2] / "models" / TASK.name).iterdir())
    return open_bundle({file.name: file.read_bytes() for file in folder.iterdir() if file.name in LIMITS})


@pytest.fixture(scope="module")
def model(bundle):
    return Model(TASK.name, TASK.model, OnnxCpuBackend(bundle))


def run(model, seed=2):
    """Ten seconds of the synthetic patient through the analysis: the mark, and the models that remember."""
    recording = SyntheticRecording(SCENARIOS["twelve-lead"], seed=seed)
    length = round(10 * recording.fs_hz)
    recorded = Recorded(device="d", recording="r", fs_hz=recording.fs_hz, leads=recording.leads)
    models = listening({TASK.name: model})
    pipeline = Pipeline(TASKS.values(), recorded, models=models)
    samples = recording.samples(0, length)
    block = SampleBlock(recording="r", start=0, fs_hz=recording.fs_hz, leads=recording.leads, samples=samples)
    said = [one for one in (*pipeline.push(block), *pipeline.finish()) if isinstance(one, Mark) and states(one)]
    return said[0], models


@pytest.fixture(scope="module")
def one(model):
    mark, models = run(model)
    return mark, models, models[TASK.name].inputs_of(mark.outcome)


def without(inputs, cells):
    """The window without some cells, given as (lead, cell) true or false."""
    hidden = np.repeat(cells, CELL, axis=1)
    ecg = inputs[TENSOR][0].copy()
    for row, is_hidden in enumerate(hidden):
        edges = np.flatnonzero(np.diff(np.r_[0, is_hidden.astype(int), 0]))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            ecg[row, start:end] = bridged(inputs[TENSOR][0, row], start, end)
    return inputs | {TENSOR: ecg[np.newaxis]}


def test_hiding_what_is_most_salient_costs_more_than_hiding_as_much_at_random(one, model):
    mark, models, inputs = one
    said = explained(mark, models)
    cells = np.stack([said.leads[name] for name in TASK.sees.rows]).reshape(8, -1, CELL).mean(axis=2)
    at, hidden = CLASSES.index(mark.label), cells.size // 10

    def odds_without(chosen):
        mask = np.zeros(cells.size, bool)
        mask[chosen] = True
        return float(log_odds(model.infer(without(inputs, mask.reshape(cells.shape)))[SCORES][0, at]))

    random = np.random.default_rng(0)
    by_chance = [odds_without(random.permutation(cells.size)[:hidden]) for _ in range(20)]
    assert odds_without(np.argsort(-cells.ravel())[:hidden]) < min(by_chance)


CALIBRATION = ("of_network", "of_trees", "offsets")
"""Mixed among the statements these would only put every score at 0 or 1."""


def shuffled(bundle, seed):
    """The same network with the numbers of each weight in another order."""
    whole, random = onnx.load_from_string(bundle.onnx), np.random.default_rng(seed)
    for weight in whole.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.ndim >= 2 and weight.name not in CALIBRATION:
            mixed = random.permutation(values.ravel()).reshape(values.shape)
            weight.CopyFrom(numpy_helper.from_array(mixed, weight.name))
    files = dict(bundle.files) | {"model.onnx": whole.SerializeToString()}
    return Model(TASK.name, TASK.model, OnnxCpuBackend(Bundle(bundle.manifest, files)))


def test_a_network_with_shuffled_weights_gives_another_map(one, model, bundle):
    mark, _, inputs = one

    def map_of(asked):
        return salience(asked, inputs, tensor=TENSOR, label=mark.label, rate_hz=100.0).ravel()

    ours = map_of(model)
    for seed in range(2):
        other = map_of(shuffled(bundle, seed))
        assert other.std() > 0.0
        assert abs(np.corrcoef(ours, other)[0, 1]) < 0.5


def test_a_lead_that_is_not_there_is_worth_nothing(one, model):
    mark, _, inputs = one
    ecg, mask = inputs["ecg"].copy(), inputs["mask"].copy()
    ecg[0, 3] = mask[0, 3] = 0.0
    found = salience(model, {**inputs, "ecg": ecg, "mask": mask}, tensor=TENSOR, label=mark.label, rate_hz=100.0)
    assert found.shape == ecg.shape[1:]
    assert not found[3].any()
    assert found[4].any()


def test_another_statement_has_another_map_and_one_that_is_not_made_is_refused(one):
    mark, models, _ = one
    first, other = explained(mark, models), explained(mark, models, CLASSES[1])
    assert (first.code, other.code) == (mark.label, CLASSES[1])
    assert other.means
    assert not np.allclose(first.leads["II"], other.leads["II"])
    with pytest.raises(NoSuchStatement):
        explained(mark, models, "nothing")


def test_a_model_that_does_not_answer_explains_nothing_and_says_why(one):
    mark, _, inputs = one
    silent = Model(TASK.name, TASK.model, None, "no bundle is here")
    assert isinstance(salience(silent, inputs, tensor=TENSOR, label=mark.label, rate_hz=100.0), Unavailable)
    assert explained(mark, {TASK.name: silent}).because == "what the model was shown is not kept"


def test_of_many_questions_the_first_are_kept(one, model):
    _, _, inputs = one
    kept = Listening(model, most=2)
    said = [kept.answer({**inputs, TENSOR: inputs[TENSOR] * np.float32(1 + 0.2 * place)}) for place in range(4)]
    assert [kept.inputs_of(each) is not None for each in said] == [True, True, False, False]


def test_listening_changes_no_answer(model):
    assert run(model)[0].outcome == run(model)[0].outcome
    mark, models = run(model, seed=3)
    inputs = models[TASK.name].inputs_of(mark.outcome)
    assert model.answer(inputs).scores == mark.outcome.scores
