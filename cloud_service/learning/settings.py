"""What can be set about learning and releasing."""

import sys
from dataclasses import dataclass, field
from pathlib import Path


def _shipped_models() -> Path:
    beside = Path(__file__).resolve().parents[2] / "models"
    return beside if beside.is_dir() else Path(sys.prefix) / "share" / "bedside" / "models"


@dataclass(frozen=True, kw_only=True, slots=True)
class LearningSettings:
    """Learning and releases.

    `models_dir`: bundles the program came with, ``TASK/VERSION/``; what is refitted first. `fixed_sets_dir`: labelled
    sets every candidate is graded on besides the anchor, ``TASK/*.npz``. `worker`: `serve` runs jobs by itself; turn
    it off where `cloud-service worker` processes run. `announce_valid_s`: how long an announcement may wait for a
    device. Root keys and their threshold count when the repository is first made; for real use keep root keys offline.
    """

    models_dir: Path = field(default_factory=_shipped_models)
    fixed_sets_dir: Path | None = None
    worker: bool = True
    announce_valid_s: float = 7 * 86400.0
    root_keys: int = 1
    root_threshold: int = 1
    reviewed_weight: float = 20.0
