"""Every network of the diagnosis is small, reads any set of leads, and computes in a bundle what was trained."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, CONTRACT
from biosignal.tasks.ecg_diagnosis.waves import KNOWN
from export.cli import main
from export.compared import NETWORKS
from export.diagnosis.calibrating import LEAD_SETS, Joined
from export.diagnosis.corpus import BELONGS, SUPERCLASSES, TRAINING, Corpus, Row, targets_of

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("sklearn", reason="needs scikit-learn")
architectures = pytest.importorskip("export.diagnosis.architectures")
compare = pytest.importorskip("export.compare")
contenders = pytest.importorskip("export.diagnosis.contenders")
fitting = pytest.importorskip("export.diagnosis.fitting")
network = pytest.importorskip("export.diagnosis.network")
onnx_file = pytest.importorskip("export.onnx_file")
release = pytest.importorskip("export.diagnosis.release")
state_space = pytest.importorskip("export.diagnosis.state_space")
trees = pytest.importorskip("export.diagnosis.trees")

NAMES = tuple(architectures.ARCHITECTURES)
QUICK = fitting.Recipe(epochs=1, batch=16)


@pytest.fixture
def ptbxl():
    root = Path(os.environ.get("EDGE_DATA_DIR", "."))
    if lacking := [name for name in ("ptbxl", "nstdb") if not (root / name).is_dir()]:
        pytest.skip(f"EDGE_DATA_DIR lacks {', '.join(lacking)}")
    return root / "ptbxl"


def made(name, seed=0):
    torch.manual_seed(seed)
    return architectures.ARCHITECTURES[name](len(CLASSES)).eval()


def windows(count, seed=1):
    random = np.random.default_rng(seed)
    ecg = random.normal(0.0, 0.5, (count, *CONTRACT.inputs[0].shape)).astype(np.float32)
    return {
        "ecg": ecg,
        "mask": (random.random((count, network.LEADS)) < 0.7).astype(np.float32),
        "measured": random.random((count, *KNOWN)).round().astype(np.float32),
    }


def served(name):
    """A network as it is released, with trees that say the same of everybody."""
    count, random = len(CLASSES), np.random.default_rng(2)
    grown = trees.Grown(
        asked=np.zeros((count, 1, trees.INNER), np.int64),
        limits=np.zeros((count, 1, trees.INNER), np.float16),
        values=np.full((count, 1, trees.LEAVES), 0.5, np.float16),
        offsets=np.zeros(count, np.float32),
    )
    parts = {
        part: random.uniform(0.2, 1.0, (len(LEAD_SETS), count))
        for part in ("network", "trees", "offsets", "alone", "alone_offsets")
    }
    return release.Served(made(name), trees.Trees(grown), Joined(**parts)).eval()


def corpus(count=48, seed=3):
    """Made-up records of one statement each."""
    codes = ["NORM", "IMI", "NDT", "LAFB", "LVH"]
    assert [BELONGS[code] for code in codes] == list(SUPERCLASSES)
    rows = tuple(
        Row(name=str(at), file=Path("none"), fold=at % 8 + 1, src="", statements=frozenset({codes[at % 5]}))
        for at in range(count)
    )
    targets = np.array([targets_of(row, CLASSES) for row in rows], np.float32)
    return Corpus(rows=rows, statements=CLASSES, leads=windows(count, seed)["ecg"], targets=targets)


def noise():
    return np.random.default_rng(4).normal(0.0, 1.0, (2, 1000)).astype(np.float32)


def test_those_that_were_asked_for_are_there():
    assert NAMES == NETWORKS
    assert set(NAMES) == {"resnet", "inception", "transformer", "rnn", "s4"}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_every_number_of_it_learns(name):
    one = made(name).train()
    given = windows(4)
    one(torch.from_numpy(given["ecg"][:, :, : network.CROP]), torch.from_numpy(given["mask"])).square().sum().backward()
    parameters = list(one.parameters())
    assert sum(part.numel() for part in parameters) <= 500_000
    assert all(part.grad is not None and float(part.grad.abs().sum()) > 0.0 for part in parameters)


@pytest.mark.parametrize("name", NAMES)
def test_a_lead_that_is_hidden_is_not_looked_at_and_windows_are_read_each_for_itself(name):
    reader, given = contenders.OnWindows(made(name)), windows(3)
    other = np.where(given["mask"][:, :, None] > 0, given["ecg"], 5.0).astype(np.float32)
    with torch.no_grad():
        said, hidden = (reader(torch.from_numpy(x), torch.from_numpy(given["mask"])) for x in (given["ecg"], other))
        alone = reader(torch.from_numpy(given["ecg"][1:2]), torch.from_numpy(given["mask"][1:2]))
    torch.testing.assert_close(said, hidden)
    torch.testing.assert_close(said[1:2], alone, atol=1e-5, rtol=1e-5)
    assert float((said[0] - said[1]).abs().max()) > 1e-4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's exporter
def test_what_is_released_computes_what_was_trained(name):
    one, given = served(name), windows(3)
    content = onnx_file.exported(one, onnx_file.examples_of(CONTRACT), ("scores", "embedding"))
    with torch.no_grad():
        wanted = [part.numpy() for part in one(*(torch.from_numpy(given[spec.name]) for spec in CONTRACT.inputs))]
    got = ort.InferenceSession(content, providers=["CPUExecutionProvider"]).run(["scores", "embedding"], given)
    for said, expected in zip(got, wanted, strict=True):
        np.testing.assert_allclose(said, expected, atol=1e-4)
    small = ort.InferenceSession(release.halved(content), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(small.run(["scores"], given)[0], wanted[0], atol=release.PARITY)


def test_the_filters_of_state_spaces_are_what_their_states_answer_step_by_step():
    torch.manual_seed(5)
    filters = state_space.Filters()
    with torch.no_grad():
        for part in (filters.step, filters.damping, filters.turning):
            part.normal_()
        whole = filters().numpy().astype(np.float64)
    parts = {name: part.detach().numpy().astype(np.float64) for name, part in filters.named_parameters()}
    step = np.exp(filters.first_step.numpy() + state_space.SLOWLY * parts["step"])
    damping = state_space.DAMPING * np.exp(state_space.SLOWLY * parts["damping"])
    turned = -damping + 1j * (filters.first_turning.numpy() + state_space.SLOWLY * parts["turning"])
    kept = np.exp(step * turned)
    driven, heard = (kept - 1.0) / turned, parts["heard"][0] + 1j * parts["heard"][1]
    x = np.random.default_rng(6).normal(0.0, 1.0, state_space.MOMENTS)

    def answers(heard, x):
        state, said = np.zeros_like(kept), []
        for value in x:
            state = kept * state + driven * value
            said.append(2.0 * np.sum(heard * state, axis=1).real)
        return np.stack(said, axis=1)

    behind = answers(heard[1], x[::-1])[:, ::-1]
    wanted = answers(heard[0], x)
    wanted[:, :-1] += behind[:, 1:]
    np.testing.assert_allclose(whole @ x, wanted, atol=1e-3)


def test_what_was_trained_is_taken_up_again_and_only_if_it_is_the_very_same(tmp_path):
    sets = {"all": np.ones(network.LEADS, np.float32)}

    def trained(**changed):
        asked = {"corpus": corpus(), "recipe": QUICK, "seed": 0} | changed
        parts = asked["corpus"], noise(), asked["recipe"], sets
        one = contenders.trained("rnn", *parts, seed=asked["seed"], kept=tmp_path)
        return one.seconds, contenders.logits_by(one.readers["all"], corpus().leads[:2], sets["all"])

    first, again = trained(), trained()
    assert first[0] == again[0]
    np.testing.assert_array_equal(first[1], again[1])
    fewer = corpus().of(np.arange(48) < 32)
    for changed in ({"seed": 1}, {"recipe": replace(QUICK, rate=1e-3)}, {"corpus": fewer}):
        assert np.abs(trained(**changed)[1] - first[1]).max() > 1e-6


def test_a_probe_is_held_back_as_does_best_on_the_last_folds_of_those_it_is_fitted_to():
    random = np.random.default_rng(7)
    folds = np.repeat(np.arange(1, 7), 20)
    truth = random.random(120) < 0.5
    numbers = np.column_stack([truth + random.normal(0.0, 0.1, 120), random.normal(0.0, 1.0, (120, 90))])
    numbers[:, 1] = np.where(folds <= 4, 5.0 * truth, random.normal(0.0, 5.0, 120))
    targets = truth[:, None].astype(float)
    chosen = contenders.best_pull(numbers, targets, folds, contenders.PULLS)
    areas = {}
    for pull in contenders.PULLS:
        weights, added = contenders.ridge(numbers[folds <= 4], targets[folds <= 4], pull=pull)
        areas[pull] = contenders.macro_auc(targets[folds > 4], numbers[folds > 4] @ weights + added)
    assert areas[chosen] == max(areas.values()) > min(areas.values())


def test_baselines_learn_one_layer_for_each_set_of_leads_and_the_same_seed_makes_the_same():
    sets = {"all": np.ones(network.LEADS, np.float32), "one": np.eye(network.LEADS, dtype=np.float32)[0]}
    taught = corpus(16)
    for make in (
        lambda seed: contenders.frozen(taught, sets, seed=seed),
        lambda seed: contenders.random_kernels(taught, sets),
    ):
        one, two = make(0), make(0)
        for name, mask in sets.items():
            said, again = (contenders.logits_by(part.readers[name], taught.leads, mask) for part in (one, two))
            assert said.shape == (len(taught.rows), len(SUPERCLASSES))
            np.testing.assert_array_equal(said, again)
        last = one.readers["all"].last
        assert one.learned == len(sets) * sum(part.numel() for part in last.parameters())
        assert one.is_baseline


@pytest.mark.data
@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's exporter
@pytest.mark.filterwarnings("ignore:All-NaN slice")  # no superclass is known of some few records that are drawn
def test_a_quick_comparison_judges_all_on_folds_that_taught_none(ptbxl, tmp_path, capsys, monkeypatch):
    read, whole = [], compare.corpus_of
    monkeypatch.setattr(compare, "corpus_of", lambda rows, codes: read.extend(rows) or whole(rows, codes))
    asked = ["compare", "--data-dir", str(ptbxl), "--kept", str(tmp_path), "--quick", "--json"]
    assert main(asked) == 0
    first = json.loads(capsys.readouterr().out)
    assert {row.fold for row in read} <= set(TRAINING)
    assert main(asked) == 0
    shown = capsys.readouterr()
    again = json.loads(shown.out)
    assert shown.err.count("was trained before") == len(NAMES)
    assert [row["name"] for row in first["rows"]][: len(NAMES)] == list(NAMES)
    assert [row["by_leads"] for row in first["rows"]] == [row["by_leads"] for row in again["rows"]]
    assert not set(first["taught"]["folds"]) & set(first["scored"]["folds"])
    assert all(row["ms"] > 0.0 and row["seconds"] > 0.0 and row["learned"] > 0 for row in first["rows"])
    assert first["chosen"] in NAMES
    for name in first["rows"][0]["by_leads"]:
        areas = {row["name"]: row["by_leads"][name]["macro_auc"] for row in first["rows"]}
        best = max(areas[one] for one in NAMES)
        for row in first["rows"]:
            assert row["by_leads"][name]["to_best"][0] == pytest.approx(areas[row["name"]] - best, abs=2e-4)
