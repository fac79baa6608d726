"""Builds the learning part from settings; the application and the command line both start here."""

from collections.abc import Callable
from pathlib import Path

from cloud_service.database.connection import Database
from cloud_service.learning.jobs import LearningWorker, Workshop
from cloud_service.learning.refit import RefitSettings
from cloud_service.learning.release import Desk
from cloud_service.learning.repository import Repository, RepositorySettings
from cloud_service.learning.routes import Learning
from cloud_service.learning.settings import LearningSettings
from cloud_service.learning.words import WORDS_JOB, make_words


def open_workshop(database: Database, state_dir: Path, settings: LearningSettings) -> Workshop:
    """Open the learning part below `state_dir`; makes the release repository where there is none."""
    signers = RepositorySettings(root_keys=settings.root_keys, root_threshold=settings.root_threshold)
    repository = Repository(state_dir / "updates", signers)
    repository.init()
    return Workshop(
        database=database,
        repository=repository,
        models_dir=settings.models_dir,
        state_dir=state_dir / "learning",
        fixed_sets_dir=settings.fixed_sets_dir,
        by=RefitSettings(reviewed_weight=settings.reviewed_weight),
        makers={WORDS_JOB: make_words},
    )


def learning_part(workshop: Workshop, desk: Desk, settings: LearningSettings) -> Learning:
    """What the routes need."""
    return Learning(workshop=workshop, desk=desk, announce_valid_s=settings.announce_valid_s)


def make_worker(workshop: Workshop) -> LearningWorker:
    """Make a worker that also keeps the signatures fresh."""
    keep_fresh: Callable[[], object] = workshop.repository.keep_fresh
    return LearningWorker(workshop, keep_fresh=keep_fresh)
