"""The forms of a model compute what it computes, and the deployment table says which were not measured and why."""

import importlib.util
import json

import numpy as np
import pytest

from biosignal.ecg.leads import INDEPENDENT
from biosignal.ecg.measuring import Beat
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks.ecg_diagnosis.kinds import NAME
from biosignal.tasks.ecg_diagnosis.seen import window_of
from biosignal.tasks.ecg_diagnosis.waves import numbers_of
from export.cli import main
from export.report.served import served
from export.speed import measure
from export.speed.forms import PRODUCTS, eight_bits, half, on_onnx_runtime, single
from export.speed.lines import HEAD, speed_lines

BEATS = tuple(Beat(qrs=(at, at + 0.1), p=(at - 0.18, at - 0.08), t=(at + 0.2, at + 0.4)) for at in (1.1, 2.0, 3.2, 4.1))


@pytest.fixture(scope="module")
def bundle():
    return served().bundles[NAME]


@pytest.fixture(scope="module")
def windows():
    """Windows of the synthetic patient, some with two leads only, some without a measurement."""
    recording = SyntheticRecording(SCENARIOS["twelve-lead"], seed=4)
    names = [lead.name for lead in recording.leads]
    made = []
    for place in range(6):
        part = recording.samples(place * 5000, (place + 1) * 5000)
        kept = INDEPENDENT if place % 3 else INDEPENDENT[:2]
        ecg, mask = window_of({name: part[names.index(name)] for name in kept}, recording.fs_hz)
        given = {"ecg": ecg, "mask": mask, "measured": numbers_of(ecg, mask, BEATS if place % 2 else ())}
        made.append({name: one[np.newaxis] for name, one in given.items()})
    return made


def scores(content, windows):
    run = on_onnx_runtime(content, ("scores",))
    return np.concatenate([run(one)[0] for one in windows])


def test_single_precision_computes_what_the_bundle_computes(bundle, windows):
    assert scores(single(bundle.onnx), windows) == pytest.approx(scores(bundle.onnx, windows), abs=1e-6)
    assert len(single(bundle.onnx)) > 1.5 * len(bundle.onnx)


def test_half_precision_moves_no_probability_far(bundle, windows):
    assert scores(half(bundle.onnx), windows) == pytest.approx(scores(bundle.onnx, windows), abs=0.02)


def test_eight_bits_are_smaller_and_more_so_the_more_is_quantized(bundle, windows):
    some, most = (eight_bits(bundle.onnx, windows, kinds) for kinds in (PRODUCTS[:1], PRODUCTS))
    assert len(most) < len(some) < len(single(bundle.onnx))
    told = scores(most, windows)
    assert np.all((told >= 0.0) & (told <= 1.0))
    assert told != pytest.approx(scores(bundle.onnx, windows), abs=1e-6)


def test_the_table_has_a_row_for_each_form_and_a_reason_where_there_is_none(monkeypatch, capsys):
    monkeypatch.setattr(measure, "RUNS", 1)
    monkeypatch.setattr(measure, "WARM", 0)
    assert main(["speed", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    reasons = {(row["form"], row["runtime"]): row.get("why") for row in figures["rows"]}
    assert reasons["FP32", "ONNX Runtime, CPU"] is None
    assert reasons["INT8 Q/DQ, convolutions", "ONNX Runtime, CPU"] == measure.NO_DATA
    assert reasons["FP16", "TensorRT"].startswith("gpu")
    if importlib.util.find_spec("torch") is None:
        assert reasons["FP32", "TorchScript, CPU"] == measure.NO_TORCH
    assert figures["machine"]["processor"]
    assert all("macro_auc" not in row for row in figures["rows"])
    lines = speed_lines(figures)
    table = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table} == {len(HEAD) + 1}
    assert len(table) - 2 == sum("ms" in row for row in figures["rows"])
    assert sum(line.startswith("Not measured") for line in lines) == sum("why" in row for row in figures["rows"])


def test_a_form_costs_what_its_scores_lose():
    class Scored:
        targets = np.array([[1.0, 0, 0, 0, 1], [0, 1, 0, 1, 0], [1, 0, 1, 0, 0], [0, 1, 0, 1, 1]])

    good = np.array(Scored.targets, np.float32) * 0.8 + 0.1
    bad = good.copy()
    bad[0], bad[1] = good[1], good[0]
    same, worse = measure._cost(good, good, Scored), measure._cost(bad, good, Scored)
    assert (same["auc_loss"], same["most_apart"], same["macro_auc"]) == (0.0, 0.0, 1.0)
    assert worse["auc_loss"] > 0.2
    assert worse["most_apart"] == pytest.approx(0.8, abs=1e-4)


@pytest.mark.train
def test_torch_script_computes_what_the_bundle_computes(bundle, windows):
    pytest.importorskip("torch", reason="torch is not installed")
    from export.speed.torch_script import in_torch, size_of, traced

    content = single(bundle.onnx)
    script = traced(content, windows[1], ("scores", "embedding"))
    run, ours = in_torch(script), on_onnx_runtime(content, ("scores", "embedding"))
    for one in windows:
        for got, wanted in zip(run(one), ours(one), strict=True):
            assert got == pytest.approx(wanted, abs=2e-5)
    assert size_of(script) > 1_000_000
