"""Refits the classifier's head: multinomial logistic regression on the released encoder's embeddings.

The loss is the weighted cross-entropy of the reviewed marks against their labels, plus that of the anchor's marks
(`anchor.npz`, part 0) against the released head's own answers, plus an L2 pull towards the released weights. So where
nobody objected nothing moves, and without disagreement the head stays what it was. Rare classes weigh more, so that
what is held is held for each class. Learning without forgetting by the old model's answers: Li and Hoiem 2017,
doi:10.1109/TPAMI.2017.2773081; departures: only the head is fitted, and the memory is stored embeddings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.model.bundle import Anchor, Bundle, Role, golden_npz, open_bundle, seal
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.tasks.lookup import reviews_statements
from cloud_service.learning.dataset import DataSet
from cloud_service.learning.errors import NothingToLearn, RefitImpossible
from cloud_service.learning.onnx_head import last_layer, with_last_layer
from cloud_service.learning.reviewed import reviewed_kind
from cloud_service.learning.statement_head import fit_statements, memory_of, statement_head_of

Floats: TypeAlias = NDArray[np.float64]
BATCH = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class RefitSettings:
    """How strongly reviewed marks speak.

    Parameters
    ----------
    reviewed_weight : what one reviewed mark counts against one of the anchor.
    reviewed_share_max : all reviewed marks together count at most this many times all of the anchor.
    l2 : pull of each weight towards the released one, in units of the embedding's own spread.
    class_power : 0 counts marks alike, 1 counts classes alike.
    """

    reviewed_weight: float = 20.0
    reviewed_share_max: float = 1.0
    l2: float = 1e-3
    class_power: float = 0.5
    iterations: int = 500


class LastLayer(Protocol):
    """What stands last in a model, named `head.weight` and `head.bias` in its file."""

    @property
    def weight(self) -> Floats:
        """What the embedding is multiplied by."""

    @property
    def bias(self) -> Floats:
        """What is added."""

    def scores(self, embedding: NDArray[Any]) -> Floats:
        """Probabilities [n, classes] of embeddings [n, E]."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """The last layer: `weight` [classes, E], `bias` [classes], float64."""

    weight: Floats
    bias: Floats

    def scores(self, embedding: NDArray[Any]) -> Floats:
        """Probabilities [n, classes] of embeddings [n, E]."""
        logits = embedding.astype(np.float64) @ self.weight.T + self.bias
        return _softmax(logits)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def head_of(bundle: Bundle) -> Head:
    """Read the head out of a bundle's ONNX file.

    Raises
    ------
    RefitImpossible : it has no head of the agreed form.
    """
    weight, bias = last_layer(bundle)
    width = bundle.manifest.output(Role.EMBEDDING).shape
    if weight.shape != (len(bundle.manifest.classes), *width) or bias.shape != weight.shape[:1]:
        raise RefitImpossible("the model's head has another shape", bundle=bundle.identity, shape=weight.shape)
    return Head(weight, bias)


def run(bundle: Bundle, inputs: Mapping[str, NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Run a bundle on inputs [n, ...]; gives scores [n, classes] and embedding [n, E]."""
    outputs = answers(bundle, inputs)
    return outputs[bundle.manifest.output(Role.SCORES).name], outputs[bundle.manifest.output(Role.EMBEDDING).name]


def answers(bundle: Bundle, inputs: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Run a bundle on inputs [n, ...]; gives every output [n, ...], what it hands on among them."""
    backend = OnnxCpuBackend(bundle)
    count = len(next(iter(inputs.values())))
    parts = [
        backend.infer({name: np.ascontiguousarray(array[at : at + BATCH]) for name, array in inputs.items()})
        for at in range(0, count, BATCH)
    ]
    backend.close()
    return {
        spec.name: np.concatenate([part[spec.name] for part in parts] or [np.zeros((0, *spec.shape), np.float32)])
        for spec in bundle.manifest.outputs
    }


def anchor_of(bundle: Bundle) -> Anchor:
    """Give the bundle's memory.

    Raises
    ------
    RefitImpossible : it brings none: nothing would show what a refit forgets.
    """
    anchor = bundle.anchor()
    if anchor is None or not (anchor.part == 0).any() or not (anchor.part == 1).any():
        raise RefitImpossible("the bundle brings no anchor embeddings for fit and gate", bundle=bundle.identity)
    return anchor


def fit_head(released: Head, anchor: Anchor, reviewed: NDArray[Any], label: NDArray[Any], by: RefitSettings) -> Head:
    """Fit a head to reviewed embeddings [n, E] with labels [n], holding the released answers on the anchor's part 0."""
    memory = anchor.embedding[anchor.part == 0].astype(np.float64)
    classes = len(released.bias)
    memory_weight = _class_weights(anchor.label[anchor.part == 0], classes, by.class_power)
    each = min(by.reviewed_weight, by.reviewed_share_max * len(memory) / max(1, len(label)))
    features = np.concatenate([memory, reviewed.astype(np.float64)])
    targets = np.concatenate([released.scores(memory), np.eye(classes)[label]])
    weights = np.concatenate([memory_weight, np.full(len(label), each)])
    return _minimise(released, features, targets, weights / weights.sum(), by)


def _class_weights(label: NDArray[Any], classes: int, power: float) -> Floats:
    counts = np.bincount(label, minlength=classes)
    per_class = np.where(counts > 0, counts.max() / np.maximum(counts, 1), 0.0) ** power
    weights: Floats = per_class[label] * len(label) / per_class[label].sum()
    return weights


def _minimise(released: Head, features: Floats, targets: Floats, weights: Floats, by: RefitSettings) -> Head:
    from scipy import optimize  # here, because the service must start without it

    spread = features.std(axis=0)
    spread[spread < 1e-6] = 1.0  # a dead unit cannot be learned from; its weight stays
    scaled = np.concatenate([features / spread, np.ones((len(features), 1))], axis=1)
    start = np.concatenate([released.weight * spread, released.bias[:, None]], axis=1)

    def loss(flat: Floats) -> tuple[float, Floats]:
        theta = flat.reshape(start.shape)
        scores = _softmax(scaled @ theta.T)
        moved = theta - start
        value = -float(weights @ (targets * np.log(np.maximum(scores, 1e-300))).sum(axis=1))
        slope = ((scores - targets) * weights[:, None]).T @ scaled + 2 * by.l2 * moved
        return value + by.l2 * float((moved**2).sum()), slope.ravel()

    found = optimize.minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": by.iterations})
    theta = found.x.reshape(start.shape)
    return Head(theta[:, :-1] / spread, theta[:, -1])


def refit(
    parent: Bundle, dataset: DataSet, *, version: str, by: RefitSettings, made_at: datetime | None = None
) -> Bundle:
    """Make a candidate bundle from the released one and reviewed marks; its card has yet to name the gates.

    Raises
    ------
    NothingToLearn : the data set's fit side is empty. RefitImpossible : the bundle cannot be refitted.
    """
    fit = dataset.held_out == 0
    if not fit.any():
        what = reviewed_kind(dataset.task).label
        raise NothingToLearn(f"no reviewed {what} is on the fit side", dataset=dataset.id)
    _, embedding = run(parent, {name: array[fit] for name, array in dataset.inputs.items()})
    head = _fitted(parent, embedding, dataset.label[fit], by)
    at = (made_at or datetime.now(timezone.utc)).isoformat(timespec="seconds")
    training = {
        "method": "head refit on reviewed marks",
        "parent": {"bundle": parent.identity, "digest": parent.digest, "training": dict(parent.manifest.training)},
        "dataset": dataset.id,
        "reviewed_marks": int(fit.sum()),
        "settings": {name: getattr(by, name) for name in by.__dataclass_fields__},
        "seed": None,  # nothing is drawn at random
        "made_at": at,
    }
    return with_head(parent, head, version=version, training=training)


def _fitted(parent: Bundle, embedding: NDArray[Any], label: NDArray[Any], by: RefitSettings) -> LastLayer:
    if not reviews_statements(parent.manifest.task):
        return fit_head(head_of(parent), anchor_of(parent), embedding, label, by)
    statement_head_of(parent)  # a model without such a head is refused before anything is fitted
    return fit_statements(memory_of(parent), embedding, label, by.reviewed_weight)


def with_head(parent: Bundle, head: LastLayer, *, version: str, training: Mapping[str, Any]) -> Bundle:
    """Put another head into a bundle, with golden outputs of its own.

    Raises
    ------
    RefitImpossible : the scores do not follow from the head, so it is not the last layer.
    """
    content = with_last_layer(parent.onnx, head.weight, head.bias)
    inputs, _, _ = parent.golden()
    manifest = replace(parent.manifest, version=version, training=dict(training))
    bare = Bundle(manifest, {**parent.files, "model.onnx": content})
    outputs = answers(bare, inputs)
    scores, embedding = (outputs[manifest.output(role).name] for role in (Role.SCORES, Role.EMBEDDING))
    if not np.allclose(scores, head.scores(embedding), atol=1e-3):
        raise RefitImpossible("the scores do not follow from the head", bundle=parent.identity)
    files = {name: value for name, value in parent.files.items() if name != "manifest.json"}
    files |= {"model.onnx": content, "golden.npz": golden_npz(inputs, outputs), "card.md": b"# Candidate\n"}
    return open_bundle(seal(manifest, files))


def with_card(bundle: Bundle, card: str) -> Bundle:
    """Give a bundle its card."""
    files = {name: value for name, value in bundle.files.items() if name != "manifest.json"}
    return open_bundle(seal(bundle.manifest, {**files, "card.md": card.encode()}))
