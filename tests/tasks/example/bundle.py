"""The example's released bundle, fitted on the excerpt: small enough to be made when a test needs it."""

from pathlib import Path

import numpy as np

from biosignal.model.bundle import Anchor, Bundle, open_bundle, seal
from biosignal.model.npz import write_npz
from cloud_service.learning.refit import Head, RefitSettings, fit_head, run, with_head
from edge_agent.sources.excerpt import FS_HZ, Excerpt
from tests.bundles import EMBEDDING, make_bundle
from tests.tasks.example.kinds import BINS, CALM, EPOCH_S, LIVELY, NAME

LIMIT_MV = 2.25


def epochs() -> np.ndarray:
    """What the classifier sees of each two seconds of the excerpt, shape (epoch, bin)."""
    samples = np.concatenate([block.samples[0] for block in Excerpt().read()])
    length = round(EPOCH_S * FS_HZ)
    whole = samples[: len(samples) // length * length].reshape(-1, length)
    parts = [np.array_split(epoch, BINS) for epoch in whole]
    return np.array([[np.ptp(part) for part in epoch] for epoch in parts], np.float32)


def released_bundle() -> Bundle:
    """A bundle that calls an epoch lively where the excerpt swings by more than usual."""
    swings = np.repeat(epochs(), 4, axis=0) + np.random.default_rng(5).normal(0, 0.02, (600, BINS))
    inputs = {"swings": swings.astype(np.float32)}
    label = (swings.max(axis=1) > LIMIT_MV).astype(np.uint8)
    encoder = make_bundle(seed=3, task=NAME, classes=(CALM, LIVELY), inputs={"swings": (BINS,)})
    embedding = run(encoder, inputs)[1].astype(np.float16)
    part = (np.arange(len(label)) % 2).astype(np.uint8)
    anchor = Anchor(embedding=embedding, label=label, patient=(100 + part).astype(np.uint16), part=part)
    blank = Head(np.zeros((2, EMBEDDING)), np.zeros(2))
    settings = RefitSettings(reviewed_share_max=1000.0, l2=1e-5)
    head = fit_head(blank, anchor, embedding[part == 0], label[part == 0], settings)
    bundle = with_head(encoder, head, version="1.0.0", training={"data": "the excerpt"})
    arrays = {name: getattr(anchor, name) for name in ("embedding", "label", "patient", "part")}
    files = {name: data for name, data in bundle.files.items() if name != "manifest.json"}
    return open_bundle(seal(bundle.manifest, {**files, "anchor.npz": write_npz(arrays)}))


def lay_out(bundle: Bundle, folder: Path) -> None:
    """Write a bundle as ``folder/NAME/VERSION``."""
    place = folder / bundle.manifest.name / bundle.manifest.version
    place.mkdir(parents=True)
    for name, content in bundle.files.items():
        (place / name).write_bytes(content)
