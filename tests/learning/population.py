"""A small synthetic population: four kinds of beats, a model that knows three patients' worth of them, reviews."""

from dataclasses import replace

import numpy as np

from biosignal.model.bundle import Anchor, open_bundle, seal
from biosignal.model.npz import write_npz
from cloud_service.learning.dataset import ReviewedBeat
from cloud_service.learning.refit import Head, RefitSettings, fit_head, run, with_head
from tests.bundles import BEAT, CLASSES, EMBEDDING, RR, make_bundle

_SHAPES = np.random.default_rng(11).normal(0, 1.0, (6, *BEAT)).astype(np.float32)
STRANGE = 4
"""A kind of beat the released model has never seen."""


def beats(kind, count, *, seed):
    """Inputs of `count` beats of one kind."""
    rng = np.random.default_rng(seed)
    return {
        "beat": (_SHAPES[kind] + rng.normal(0, 0.45, (count, *BEAT))).astype(np.float32),
        "rr": rng.uniform(0.8, 0.9, (count, *RR)).astype(np.float32),
    }


def joined(parts):
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def released_bundle(*, version="1.0.0", per_class=200):
    """A bundle whose head was fitted on this population, with its anchor."""
    encoder = make_bundle(seed=3)
    inputs = joined([beats(kind, per_class, seed=kind) for kind in range(4)])
    label = np.repeat(np.arange(4, dtype=np.uint8), per_class)
    embedding = run(encoder, inputs)[1].astype(np.float16)
    part = (np.arange(len(label)) % 2).astype(np.uint8)
    anchor = Anchor(embedding=embedding, label=label, patient=(100 + part).astype(np.uint16), part=part)
    blank = Head(np.zeros((4, EMBEDDING)), np.zeros(4))
    fit = part == 0
    settings = RefitSettings(reviewed_share_max=1000.0, l2=1e-4)
    head = fit_head(blank, anchor, embedding[fit], label[fit], settings)
    bundle = with_head(encoder, head, version=version, training={"data": "synthetic population"})
    arrays = {name: getattr(anchor, name) for name in ("embedding", "label", "patient", "part")}
    files = {name: data for name, data in bundle.files.items() if name != "manifest.json"}
    return open_bundle(seal(bundle.manifest, {**files, "anchor.npz": write_npz(arrays)}))


def reviews(kind, label, count, *, seed, patients=5, model_label="N"):
    """Reviewed beats of one kind, all given the same label, from several patients."""
    inputs = beats(kind, count, seed=seed)
    return [
        ReviewedBeat(
            finding=f"finding-{seed}-{index}",
            recording=f"recording-{index % patients}",
            group=f"subject:p{index % patients}",
            sample=1000 * seed + index,
            label=label,
            reviewer="reviewer",
            model_label=model_label,
            bundle="ecg-beats/1.0.0",
            model_seen=False,
            inputs={name: array[index] for name, array in inputs.items()},
        )
        for index in range(count)
    ]


__all__ = ["CLASSES", "STRANGE", "beats", "joined", "released_bundle", "replace", "reviews"]
