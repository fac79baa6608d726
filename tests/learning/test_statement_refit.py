"""Words on statements move the head of the diagnosis, each its own statement, and the gates judge each for itself."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.model.admission import admit
from biosignal.model.bundle import open_bundle, seal
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.model.similar import Reviewed, logits_of
from biosignal.tasks.ecg_diagnosis.kinds import CLASSES, CONTRACT
from cloud_service.learning.card import card_of
from cloud_service.learning.dataset import freeze, load, save
from cloud_service.learning.errors import NothingToLearn, RefitImpossible
from cloud_service.learning.fixed_sets import load_fixed_sets
from cloud_service.learning.gate import FAILED, PASSED, GateMargins
from cloud_service.learning.gates import grade_refit
from cloud_service.learning.refit import RefitSettings, refit, run
from cloud_service.learning.reviewed import WHOLE
from cloud_service.learning.statement_head import LEAST_SLOPE, fit_statements, memory_of, statement_head_of
from cloud_service.learning.statements import ADDED, DISAGREE, UNSAID, agreed
from tests.learning.statements import WINDOWS, shipped, windows, words

BY = RefitSettings()
MARGINS = GateMargins(speed=50.0)  # what is timed here says nothing beside other tests
PLACE = {code: place for place, code in enumerate(CLASSES)}


@pytest.fixture(scope="module")
def parent():
    return shipped()


@pytest.fixture(scope="module")
def made(parent):
    """Which statements the model makes of the first windows, and which it does not."""
    scores, _ = run(parent, windows(24))
    steady = [code for place, code in enumerate(CLASSES) if (scores[:, place] >= 0.5).all()]
    never = [code for place, code in enumerate(CLASSES) if (scores[:, place] < 0.5).all()]
    assert steady
    assert never
    return steady[0], never[0]


def frozen(parent, *lists):
    return freeze([one for said in lists for one in said], parent.manifest, left_out=Counter())


def test_a_statement_that_is_denied_becomes_less_probable_and_no_other_moves(parent, made):
    inputs = windows(24)
    dataset = frozen(parent, words(parent, inputs, {made[0]: "deny"}))
    candidate = refit(parent, dataset, version="1.2.1", by=BY)
    (before, embedding), (after, same) = run(parent, inputs), run(candidate, inputs)
    place = PLACE[made[0]]
    assert (after[:, place] < before[:, place]).all()
    others = [one for one in range(len(CLASSES)) if one != place]
    np.testing.assert_array_equal(after[:, others], before[:, others])
    np.testing.assert_array_equal(embedding, same)
    assert admit(OnnxCpuBackend(candidate), candidate, CONTRACT).worst_difference < 1e-5
    assert candidate.manifest.training["dataset"] == dataset.id


def test_a_few_words_pass_the_gates_and_the_card_tells_each_statement(parent, made):
    dataset = frozen(parent, words(parent, windows(8), {made[0]: "deny", "all": WHOLE}))
    candidate = refit(parent, dataset, version="1.2.1", by=BY)
    report = grade_refit(parent, candidate, dataset, margins=MARGINS)
    assert report.passed, report
    (gate,) = (one for one in report.gates if one.name == "no regression by statement")
    assert gate.figures["n"] == int(memory_of(parent).grading.sum())
    card = card_of(parent, candidate, dataset, report)
    assert all(f"| {code} |" in card for code in CLASSES)
    assert "8 of them carry another label" in card


def test_whoever_denies_what_is_there_is_refused_by_the_gates(parent, made):
    dataset = frozen(parent, words(parent, windows(120), {made[0]: "deny"}))
    candidate = refit(parent, dataset, version="1.2.1", by=replace(BY, reviewed_weight=100.0))
    report = grade_refit(parent, candidate, dataset, margins=MARGINS)
    (gate,) = (one for one in report.gates if one.name == "no regression by statement")
    assert gate.status == FAILED
    assert made[0] in gate.why


def test_learned_twice_the_same_words_give_the_same_head(parent, made):
    said = list(words(parent, windows(8), {made[0]: "deny", "all": WHOLE}))
    first, second = frozen(parent, said), frozen(parent, reversed(said))
    assert first.id == second.id
    once = refit(parent, first, version="1.2.1", by=BY)
    twice = refit(once, second, version="1.2.2", by=BY)
    np.testing.assert_array_equal(statement_head_of(once).bias, statement_head_of(twice).bias)
    np.testing.assert_array_equal(statement_head_of(once).weight, statement_head_of(twice).weight)
    assert statement_head_of(once).bias[PLACE[made[0]]] < 0.0


def test_a_statement_that_was_added_teaches_only_where_all_was_said(parent, made):
    inputs, added = windows(4), made[1]
    with pytest.raises(NothingToLearn) as nothing:
        frozen(parent, words(parent, inputs, {added: "affirm"}))
    assert nothing.value.facts["left_out"] == {ADDED: 4}
    dataset = frozen(parent, words(parent, inputs, {added: "affirm", "all": WHOLE}))
    assert (dataset.label[:, PLACE[added]] == 1).all()
    assert UNSAID not in dataset.label
    only = frozen(parent, words(parent, inputs, {made[0]: "affirm"}))
    assert (only.label[:, PLACE[made[0]]] == 1).all()
    assert (np.delete(only.label, PLACE[made[0]], axis=1) == UNSAID).all()


def test_readers_who_differ_on_a_statement_teach_nothing_of_that_one(parent, made):
    inputs = windows(4)
    one = words(parent, inputs, {made[0]: "deny", "all": WHOLE})
    other = words(parent, inputs, {made[0]: "affirm", "all": WHOLE}, reader="another")
    dataset = frozen(parent, one, other)
    assert (dataset.label[:, PLACE[made[0]]] == UNSAID).all()
    assert (np.delete(dataset.label, PLACE[made[0]], axis=1) != UNSAID).all()
    assert dataset.manifest["left_out"] == {DISAGREE: 4}
    assert dataset.marks[0]["reviewers"] == ["another", "reader"]


def test_a_data_set_of_statements_is_read_back_as_it_was_frozen(parent, made, tmp_path):
    dataset = frozen(parent, words(parent, windows(6), {made[0]: "deny", "all": WHOLE}))
    save(dataset, tmp_path)
    again = load(tmp_path, dataset.id)
    np.testing.assert_array_equal(again.label, dataset.label)
    assert again.marks == dataset.marks
    assert 0 < again.held_out.sum() < 6


def test_words_on_one_patient_are_not_judged_by_themselves(parent, made):
    dataset = frozen(parent, words(parent, windows(4), {made[0]: "deny"}, groups=1))
    report = grade_refit(parent, refit(parent, dataset, version="1.2.1", by=BY), dataset, margins=MARGINS)
    assert {one.name: one.status for one in report.gates}[f"agreement with held-out reviewed {MARKS}"] == "not-measured"


MARKS = "statements on ten seconds"


def test_held_out_words_that_are_foretold_worse_fail(parent, made):
    groups = 5
    dataset = frozen(parent, words(parent, windows(40), {made[0]: "deny"}, groups=groups))
    held = np.flatnonzero(dataset.held_out)
    label = dataset.label.copy()
    label[held, PLACE[made[0]]] = 1
    turned = replace(dataset, label=label)
    candidate = refit(parent, turned, version="1.2.1", by=BY)
    status = {one.name: one.status for one in grade_refit(parent, candidate, turned, margins=MARGINS).gates}
    assert status[f"agreement with held-out reviewed {MARKS}"] == FAILED


def test_a_labelled_set_of_a_ward_judges_statements_too(parent, made, tmp_path):
    from biosignal.model.npz import write_npz

    inputs = windows(60, seed=3)
    label = np.full((60, len(CLASSES)), UNSAID, np.uint8)
    label[:, PLACE[made[0]]] = np.arange(60) % 2
    (tmp_path / WINDOWS.task).mkdir()
    (tmp_path / WINDOWS.task / "ward-a.npz").write_bytes(write_npz({**inputs, "label": label}))
    (ward,) = load_fixed_sets(tmp_path, WINDOWS.task)
    dataset = frozen(parent, words(parent, windows(8), {made[0]: "affirm"}))
    candidate = refit(parent, dataset, version="1.2.1", by=BY)
    report = grade_refit(parent, candidate, dataset, fixed=[ward], margins=MARGINS)
    (gate,) = (one for one in report.gates if one.figures.get("set") == "ward-a")
    assert gate.figures["parent"][made[0]]["n"] == 30
    assert gate.status in (PASSED, FAILED)


def test_a_bundle_without_reviewed_records_is_not_taught(parent, made):
    dataset = frozen(parent, words(parent, windows(4), {made[0]: "deny"}))
    files = {name: data for name, data in parent.files.items() if name not in ("manifest.json", "similar.npz")}
    with pytest.raises(RefitImpossible):
        refit(open_bundle(seal(parent.manifest, files)), dataset, version="1.2.1", by=BY)


def test_the_records_that_judge_are_of_other_patients_than_those_that_hold(parent):
    memory = memory_of(parent)
    assert 0.4 < memory.grading.mean() < 0.6
    assert np.abs(logits_of(memory.held)).max() <= 6.0
    assert min(memory.stated[memory.grading].sum(axis=0)) >= 10


@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), weight=st.floats(0.0, 1e4))
@settings(max_examples=30, deadline=None)
def test_whatever_is_said_of_two_windows_the_more_probable_one_stays_so(seed, count, weight):
    random = np.random.default_rng(seed)
    held = random.integers(0, 256, (30, 3)).astype(np.uint8)
    grading = np.arange(30) % 2 == 0
    memory = Reviewed(record=np.arange(30, dtype=np.uint16), held=held, stated=held > 128, grading=grading)
    said = random.choice([0, 1, UNSAID], (count, 3)).astype(np.uint8)
    head = fit_statements(memory, random.normal(0.0, 3.0, (count, 3)), said, weight)
    assert np.isfinite(head.weight).all()
    assert (head.weight >= LEAST_SLOPE - 1e-9).all()
    unsaid = (said == UNSAID).all(axis=0)
    assert (head.weight[unsaid] == 1.0).all()
    assert (head.bias[unsaid] == 0.0).all()


@given(order=st.randoms(use_true_random=False), whole=st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_order_of_words_does_not_matter(order, whole):
    said = [*_WORDS[0], *(_WORDS[1] if whole else ())]
    shuffled = list(said)
    order.shuffle(shuffled)
    first, second = (agreed(one, CLASSES, Counter()) for one in (said, shuffled))
    assert [one.said for one in first] == [one.said for one in second]


_PARENT = shipped()
_WORDS = (
    list(words(_PARENT, windows(5), {"NORM": "deny", "SR": "affirm", "MI": "affirm"})),
    list(words(_PARENT, windows(5), {"all": WHOLE}, reader="another")),
)
