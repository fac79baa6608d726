"""Trees as the graph computes them: what scikit-learn says, unknown numbers among the known ones."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs torch")
ensemble = pytest.importorskip("sklearn.ensemble", reason="needs scikit-learn")
trees = pytest.importorskip("export.diagnosis.trees")


def records(count=600, numbers=5, seed=1):
    """Numbers in steps of an eighth, which half precision holds exactly, a fifth of them unknown."""
    random = np.random.default_rng(seed)
    x = np.round(random.normal(0.0, 1.0, (count, numbers)) * 8.0) / 8.0
    is_so = x[:, 0] + x[:, 1] * (x[:, 2] > 0) + random.normal(0.0, 0.5, count) > 0
    x[random.random(x.shape) < 0.2] = np.nan
    return x, np.stack([is_so, ~is_so & (random.random(count) < 0.5)], axis=1).astype(np.float32)


def test_the_graph_says_what_the_library_says():
    x, y = records()
    said = trees.said_by(trees.grown(x, y, np.ones_like(y), trees=30), x)
    for at in range(2):
        fitted = ensemble.HistGradientBoostingClassifier(
            max_iter=30,
            max_depth=trees.DEPTH,
            max_leaf_nodes=None,
            learning_rate=trees.RATE,
            max_features=trees.LOOKED_AT,
            l2_regularization=trees.PULL,
            min_samples_leaf=trees.FEWEST,
            early_stopping=False,
            random_state=trees.SEED,
        ).fit(x, y[:, at])
        np.testing.assert_allclose(said[:, at], fitted.decision_function(x), atol=5e-3)


def test_a_record_of_which_nothing_is_known_has_an_answer():
    x, y = records()
    grown = trees.grown(x, y, np.ones_like(y), trees=5)
    assert np.isfinite(trees.said_by(grown, np.full((1, x.shape[1]), np.nan))).all()


def test_a_statement_that_nobody_made_or_all_did_is_said_of_nobody_or_all():
    x, _ = records(100)
    same = np.stack([np.zeros(100), np.ones(100)], axis=1).astype(np.float32)
    said = trees.said_by(trees.grown(x, same, np.ones_like(same), trees=3), x)
    assert (said[:, 0] < -5).all()
    assert (said[:, 1] > 5).all()


def test_what_is_not_known_of_a_statement_teaches_nothing():
    x, y = records()
    known = np.ones_like(y)
    known[300:, 0] = 0.0
    wrong = y.copy()
    wrong[300:, 0] = 1.0 - wrong[300:, 0]
    one, two = (trees.grown(x, target, known, trees=4) for target in (y, wrong))
    np.testing.assert_array_equal(one.values, two.values)


def test_exactly_one_leaf_is_reached_by_any_answers():
    weights, added = trees.paths()
    for answers in range(2**trees.INNER):
        yes = np.array([(answers >> bit) & 1 for bit in range(trees.INNER)])
        assert np.count_nonzero(yes @ weights + added == trees.DEPTH) == 1
