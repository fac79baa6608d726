"""Adapters of a language model with the figures that a desk found of them, good or not."""

from cloud_service.learning.adapter import ALONE, LOCKED, Brought

ADAPTER = b"GGUF of an adapter"


def brought(data=ADAPTER, *, changed=None, **tuned):
    """An adapter with good figures, but for what is said otherwise of its locked texts."""
    scores = {
        "texts": 29,
        "faithful": 1.0,
        "supported": 1.0,
        "complete": 1.0,
        "grade": 5.7,
        "other_than_template": 0.8,
        "cost": {"by_model_within_8_cpu_s": 0.9},
    }
    figures = {
        "model": {"name": "model.gguf", "sha256": "1" * 64},
        "adapter": {"name": "adapter.gguf", "sha256": Brought(adapter=data, figures={}).sha256},
        "writers": {ALONE: scores, LOCKED: {**scores, **tuned}},
    }
    return Brought(adapter=data, figures={**figures, **(changed or {})})
