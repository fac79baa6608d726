"""Whatever a backend does, a stage is given an outcome: an answer, or why there is none."""

import numpy as np
import pytest

from biosignal.events import Prediction, Rung, Unavailable
from biosignal.model.backend import BackendFailed
from biosignal.model.model import Model
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.lookup import contract_of
from tests.bundles import CLASSES, TASK, make_bundle, windows


class Saying:
    """A backend that gives the answer it was made with, or raises it."""

    bundle, rung = "ecg-beats/9.9.9", Rung.ONNX_CPU

    def __init__(self, answer):
        self._answer = answer

    def infer(self, inputs):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def close(self):
        pass


def model(backend, reason=""):
    return Model(TASK, contract_of(TASK), backend, reason)


def test_a_good_backend_answers_with_a_label_and_its_scores():
    outcome = model(OnnxCpuBackend(make_bundle())).answer(windows(1))
    assert isinstance(outcome, Prediction)
    assert [label for label, _ in outcome.scores] == list(CLASSES)
    assert outcome.label == max(outcome.scores, key=lambda pair: pair[1])[0]


def scores(*rows):
    return {"scores": np.array(rows, np.float32)}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (scores([0.1, float("nan"), 0.2, 0.3]), "no set of scores"),
        (scores([0.2, 0.3, 0.5]), "no set of scores"),
        (scores(), "no set of scores"),
        (scores([0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]), "no set of scores"),
        ({"scores": np.float32(0.5)}, "no set of scores"),
        ({"odds": np.zeros((1, 4), np.float32)}, "gave no scores"),
        (None, "the model failed: TypeError"),
        (BackendFailed("the window is lost"), "the window is lost"),
        (KeyError("rr"), "the model failed: KeyError"),
        (MemoryError(), "the model failed: MemoryError"),
    ],
    ids=["NaN", "three", "none", "two windows", "a number", "another name", "nothing", "failed", "KeyError", "memory"],
)
def test_anything_else_is_unavailable_with_its_reason(answer, sentence):
    outcome = model(Saying(answer)).answer(windows(1))
    assert isinstance(outcome, Unavailable)
    assert sentence in outcome.reason


def test_without_a_backend_the_reason_is_the_answer_until_a_switch():
    served = model(None, "there is no bundle")
    assert served.answer(windows(1)) == Unavailable(task=TASK, reason="there is no bundle")
    served.switch(OnnxCpuBackend(make_bundle()))
    assert isinstance(served.answer(windows(1)), Prediction)
