"""Small synthetic populations: kinds of marks, a model that knows three patients' worth of them, reviews."""

from dataclasses import dataclass

import numpy as np

from biosignal.model.bundle import Anchor, open_bundle, seal
from biosignal.model.npz import write_npz
from cloud_service.learning.refit import Head, RefitSettings, fit_head, run, with_head
from cloud_service.learning.reviewed import ReviewedMark
from tests.bundles import CLASSES, EMBEDDING, INPUTS, TASK, make_bundle


@dataclass(frozen=True, kw_only=True)
class Population:
    """Marks of one task. Kinds are counted from 0 as the classes are; one more is a kind no model has ever seen."""

    task: str
    classes: tuple[str, ...]
    inputs: dict
    leads: tuple[str, ...]
    steady: tuple[str, ...] = ()
    """Inputs that do not tell the kinds apart."""
    seed: int = 11

    @property
    def strange(self):
        """A kind of mark the released model has never seen."""
        return len(self.classes)

    def marks(self, kind, count, *, seed):
        """Inputs of `count` marks of one kind."""
        rng, shapes = np.random.default_rng(seed), np.random.default_rng(self.seed)
        made = {}
        for name, shape in self.inputs.items():
            centres = shapes.normal(0, 1.0, (len(self.classes) + 2, *shape))
            if name in self.steady:
                made[name] = rng.uniform(0.8, 0.9, (count, *shape)).astype(np.float32)
            else:
                made[name] = (centres[kind] + rng.normal(0, 0.45, (count, *shape))).astype(np.float32)
        return made

    def released_bundle(self, *, version="1.0.0", per_class=200):
        """A bundle whose head was fitted on this population, with its anchor."""
        count = len(self.classes)
        encoder = make_bundle(seed=3, task=self.task, classes=self.classes, inputs=self.inputs)
        inputs = joined([self.marks(kind, per_class, seed=kind) for kind in range(count)])
        label = np.repeat(np.arange(count, dtype=np.uint8), per_class)
        embedding = run(encoder, inputs)[1].astype(np.float16)
        part = (np.arange(len(label)) % 2).astype(np.uint8)
        anchor = Anchor(embedding=embedding, label=label, patient=(100 + part).astype(np.uint16), part=part)
        blank = Head(np.zeros((count, EMBEDDING)), np.zeros(count))
        fit = part == 0
        settings = RefitSettings(reviewed_share_max=1000.0, l2=1e-4)
        head = fit_head(blank, anchor, embedding[fit], label[fit], settings)
        bundle = with_head(encoder, head, version=version, training={"data": "synthetic population"})
        arrays = {name: getattr(anchor, name) for name in ("embedding", "label", "patient", "part")}
        files = {name: data for name, data in bundle.files.items() if name != "manifest.json"}
        return open_bundle(seal(bundle.manifest, {**files, "anchor.npz": write_npz(arrays)}))

    def labelled(self, count, *, seed):
        """Inputs and labels of `count` marks of each kind."""
        parts = [self.marks(kind, count, seed=seed + kind) for kind in range(len(self.classes))]
        return joined(parts), np.repeat(np.arange(len(self.classes), dtype=np.uint8), count)

    def reviews(self, kind, label, count, *, seed, patients=5, model_label=None):
        """Reviewed marks of one kind, all given the same label, from several patients."""
        inputs = self.marks(kind, count, seed=seed)
        return [
            ReviewedMark(
                finding=f"finding-{seed}-{index}",
                recording=f"recording-{index % patients}",
                group=f"subject:p{index % patients}",
                leads=self.leads,
                start=1000 * seed + index,
                label=label,
                reviewer="reviewer",
                model_label=model_label or self.classes[0],
                bundle=f"{self.task}/1.0.0",
                model_seen=False,
                inputs={name: array[index] for name, array in inputs.items()},
            )
            for index in range(count)
        ]


def joined(parts):
    """Inputs of several parts behind each other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


HEARTS = Population(task=TASK, classes=CLASSES, inputs=INPUTS, leads=("MLII",), steady=("rr",))
STRANGE = HEARTS.strange
