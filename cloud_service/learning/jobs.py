"""Jobs that make candidates of a task: asked for by a person, claimed by one worker each, graded by the gates.

On PostgreSQL workers claim with ``FOR UPDATE SKIP LOCKED``; on SQLite a writing transaction begins with
``BEGIN IMMEDIATE`` (see `Database.write`), so that only one claims at a time.
"""

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import and_, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from biosignal.errors import BadInput, BedsideError
from biosignal.model.bundle import Bundle, open_bundle, pack, unpack
from biosignal.model.manifest import VERSION
from biosignal.tasks.lookup import refitted
from cloud_service.access import audit
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import Database
from cloud_service.database.learning_tables import LearningJobRow
from cloud_service.learning.card import card_of
from cloud_service.learning.dataset import DataSet, freeze, save
from cloud_service.learning.errors import LearningFailed
from cloud_service.learning.fixed_sets import FixedSet, load_fixed_sets
from cloud_service.learning.gate import GateMargins, GateReport
from cloud_service.learning.gates import check_task, grade_import, grade_refit
from cloud_service.learning.refit import RefitSettings, refit, with_card
from cloud_service.learning.repository import ReleasedTarget, Repository
from cloud_service.learning.reviewed import collect
from cloud_service.pulse import Loop

log = logging.getLogger("bedside.learning")
LEASE = timedelta(minutes=15)
ATTEMPTS = 3
POLL_S = 1.0


class Candidate(Protocol):
    """A bundle that may be released, whatever is in it."""

    @property
    def identity(self) -> str:
        """``name/version``."""

    @property
    def version(self) -> str:
        """Three numbers."""

    @property
    def digest(self) -> str:
        """sha256 in hex of all that is in it."""

    @property
    def card(self) -> str:
        """What it is, Markdown."""

    @property
    def files(self) -> Mapping[str, bytes]:
        """Name without a folder -> content."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workshop:
    """Where jobs find and leave things."""

    database: Database
    repository: Repository
    models_dir: Path
    state_dir: Path
    fixed_sets_dir: Path | None = None
    by: RefitSettings = field(default_factory=RefitSettings)
    margins: GateMargins = field(default_factory=GateMargins)
    makers: Mapping[str, Callable[["Workshop", int], None]] = field(default_factory=dict)
    """What carries out jobs that are no refit, by their kind."""

    @property
    def datasets(self) -> Path:
        """Folder of frozen data sets."""
        return self.state_dir / "datasets"

    def candidate_file(self, digest: str) -> Path:
        """File of a candidate's bundle."""
        return self.state_dir / "candidates" / f"{digest}.bundle"

    def fixed_sets(self, task: str) -> tuple[FixedSet, ...]:
        """The sets every candidate of a task is graded on besides the anchor."""
        return load_fixed_sets(self.fixed_sets_dir, task) if self.fixed_sets_dir is not None else ()

    def targets(self, task: str) -> list[ReleasedTarget]:
        """What is released of a task."""
        return [target for target in self.repository.targets() if task_of(target) == task]


# ---- asking ----------------------------------------------------------------------------------------------------------


def refittable() -> tuple[str, ...]:
    """Name the tasks whose models can be refitted."""
    return tuple(refitted())


def chosen_task(named: str | None) -> str:
    """Give the task a person means: the named one, or the only one there is.

    Raises
    ------
    BadInput : none of that name can be refitted, or none is named and there are several.
    """
    known = refittable()
    if named is None and len(known) == 1:
        return known[0]
    if named is None:
        raise BadInput("say which task's model is to be refitted", known=known)
    if named not in known:
        raise BadInput("no model of this task can be refitted", task=named, known=known)
    return named


def start_job(database: Database, *, task: str | None = None, by: str) -> LearningJobRow:
    """Queue a refit of the released model of a task; of the only one where none is named.

    Raises
    ------
    BadInput : there is no such task, or several and none is named.
    """
    task = chosen_task(task)
    with database.write() as session:
        row = LearningJobRow(kind="refit", task=task, state="queued", requested_by=by, requested=utc_now())
        session.add(row)
        session.flush()
        audit.record(session, actor=by, action="learning.start", subject=task, job=row.id)
        return row


def import_bundle(workshop: Workshop, data: bytes, *, by: str) -> LearningJobRow:
    """Take in a bundle made elsewhere (`export train`) as a candidate, and grade it.

    Raises
    ------
    BundleRefused, BadInput : it is no valid bundle, of a task that uses no model here, or of a version that is taken.
    """
    bundle = open_bundle(unpack(data))
    task = chosen_task(bundle.manifest.task)
    parent = released_bundle(workshop, task)
    report = grade_import(parent, bundle, fixed=workshop.fixed_sets(task), margins=workshop.margins)
    with workshop.database.write() as session:
        _refuse_taken(session, bundle)
        row = LearningJobRow(
            kind="import", task=bundle.manifest.task, state="queued", requested_by=by, requested=utc_now()
        )
        session.add(row)
        session.flush()
        audit.record(session, actor=by, action="learning.import", subject=bundle.identity, digest=bundle.digest)
        _note_candidate(workshop, row, parent, bundle, None, report)
        return row


def _refuse_taken(session: Session, bundle: Bundle) -> None:
    taken = session.scalars(
        select(LearningJobRow).where(
            LearningJobRow.task == bundle.manifest.task, LearningJobRow.version == bundle.manifest.version
        )
    ).first()
    if taken is not None:
        raise BadInput("this version is taken by another candidate", bundle=bundle.identity, candidate=taken.id)


# ---- the released model ----------------------------------------------------------------------------------------------


def version_key(version: str) -> tuple[int, ...]:
    """Order versions as numbers."""
    return tuple(int(part) for part in version.split("."))


def shipped_bundle(models_dir: Path, task: str) -> Bundle:
    """Give the newest bundle the program came with.

    Raises
    ------
    LearningFailed : there is none.
    """
    folders = [path for path in (models_dir / task).glob("*") if VERSION.fullmatch(path.name)]
    if not folders:
        raise LearningFailed("there is no model to start from", folder=str(models_dir / task))
    newest = max(folders, key=lambda path: version_key(path.name))
    return open_bundle({path.name: path.read_bytes() for path in sorted(newest.iterdir()) if path.is_file()})


def released_bundle(workshop: Workshop, task: str) -> Bundle:
    """Give the newest released bundle of a task; before any release, the one the program came with.

    Raises
    ------
    LearningFailed : there is none. ContractBroken : it is not what this version of the task needs.
    """
    bundle = _newest_bundle(workshop, task)
    check_task(bundle)
    return bundle


def _newest_bundle(workshop: Workshop, task: str) -> Bundle:
    shipped = shipped_bundle(workshop.models_dir, task)
    newest = max(workshop.targets(task), key=lambda target: version_key(version_of(target)), default=None)
    if newest is None or version_key(version_of(newest)) < version_key(shipped.manifest.version):
        return shipped
    return open_bundle(unpack(workshop.repository.target_path(newest).read_bytes()))


def task_of(target: ReleasedTarget) -> str:
    """Name the task of a target, ``TASK/VERSION.bundle``."""
    return target.path.partition("/")[0]


def version_of(target: ReleasedTarget) -> str:
    """Give the version of a target, ``TASK/VERSION.bundle``."""
    return target.path.partition("/")[2].removesuffix(".bundle")


def next_version(session: Session, workshop: Workshop, parent: Bundle) -> str:
    """Give the patch version behind all that is released or proposed of the task with the parent's major and minor."""
    task = parent.manifest.task
    proposed = session.scalars(
        select(LearningJobRow.version).where(LearningJobRow.task == task, LearningJobRow.version.is_not(None))
    )
    released = [version_of(target) for target in workshop.targets(task)]
    known = [version_key(version) for version in (*proposed, *released, parent.manifest.version) if version]
    major, minor, _ = version_key(parent.manifest.version)
    patch = max(key[2] for key in known if key[:2] == (major, minor))
    return f"{major}.{minor}.{patch + 1}"


# ---- working ---------------------------------------------------------------------------------------------------------


def claim(database: Database, worker: str) -> int | None:
    """Claim the oldest job that waits, or whose worker has not come back; None where there is none."""
    now = utc_now()
    waiting = or_(
        LearningJobRow.state == "queued",
        and_(LearningJobRow.state == "running", LearningJobRow.lease_until < now),
    )
    with database.write() as session:
        row = session.scalars(
            select(LearningJobRow).where(waiting).order_by(LearningJobRow.id).limit(1).with_for_update(skip_locked=True)
        ).first()
        if row is None:
            return None
        row.attempts += 1
        if row.attempts > ATTEMPTS:
            row.state, row.finished = "failed", now
            row.reason = f"its workers did not come back {ATTEMPTS} times"
            return None
        row.state, row.worker, row.started, row.lease_until = "running", worker, now, now + LEASE
        return row.id


def run_job(workshop: Workshop, job: int) -> None:
    """Carry out a claimed job, such as freeze, refit, grade; its row then says how it ended."""
    try:
        with workshop.database.read() as session:
            kind = session.get_one(LearningJobRow, job).kind
        workshop.makers.get(kind, _refit_job)(workshop, job)
    except Exception as error:  # a job ends with a reason, whatever it met; the worker goes on
        log.exception("learning.job.failed", extra={"job": job})
        reason = str(error) if isinstance(error, BedsideError) else f"{type(error).__name__}: {error}"
        with workshop.database.write() as session:
            row = session.get_one(LearningJobRow, job)
            row.state, row.reason, row.finished = "failed", reason, utc_now()


def _refit_job(workshop: Workshop, job: int) -> None:
    with workshop.database.read() as session:
        task = session.get_one(LearningJobRow, job).task
    parent = released_bundle(workshop, task)
    with workshop.database.read() as session:
        marks, left_out = collect(session, parent.manifest)
        version = next_version(session, workshop, parent)
    dataset = freeze(marks, parent.manifest, left_out=left_out)
    save(dataset, workshop.datasets)
    draft = refit(parent, dataset, version=version, by=workshop.by)
    report = grade_refit(parent, draft, dataset, fixed=workshop.fixed_sets(task), margins=workshop.margins)
    bundle = with_card(draft, card_of(parent, draft, dataset, report))
    with workshop.database.write() as session:
        row = session.get_one(LearningJobRow, job)
        _note_candidate(workshop, row, parent, bundle, dataset, report)


def _note_candidate(
    workshop: Workshop, row: LearningJobRow, parent: Bundle, bundle: Bundle, dataset: DataSet | None, report: GateReport
) -> None:
    note_candidate(workshop, row, bundle, report)
    row.parent, row.dataset = parent.identity, dataset.id if dataset is not None else None


def note_candidate(workshop: Workshop, row: LearningJobRow, bundle: Candidate, report: GateReport) -> None:
    """Keep a candidate's file, and what its gates said in the row of its job."""
    data = pack(bundle.files)
    file = workshop.candidate_file(bundle.digest)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".new")
    temporary.write_bytes(data)
    temporary.replace(file)
    row.state, row.finished = "gated", utc_now()
    row.version, row.bundle, row.digest = bundle.version, bundle.identity, bundle.digest
    row.bundle_bytes, row.passed = len(data), report.passed
    row.report = {**report.to_json(), "candidate_digest": bundle.digest}
    row.reason = "" if report.passed else "; ".join(f"{g.name}: {g.why}" for g in report.gates if g.status == "failed")


class LearningWorker:
    """Runs jobs in a thread; several, here or elsewhere, share the table. Keeps the repository's signatures fresh."""

    def __init__(self, workshop: Workshop, *, keep_fresh: Callable[[], object] | None = None) -> None:
        self._workshop = workshop
        self._keep_fresh = keep_fresh
        self._stop = threading.Event()
        self.loop = Loop("learning", self._run, limit_s=LEASE.total_seconds())
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    def start(self) -> None:
        """Begin."""
        self.loop.start()

    def request_stop(self) -> None:
        """Ask it to end after the job in hand; returns at once."""
        self._stop.set()

    def stop(self) -> None:
        """Finish the job in hand and end."""
        self._stop.set()
        self.loop.join()

    def run_until_stopped(self) -> None:
        """Work in the calling thread until `stop`."""
        self._run()

    def work_once(self) -> bool:
        """Run one job if there is one; give whether there was."""
        job = claim(self._workshop.database, self._name)
        if job is None:
            return False
        run_job(self._workshop, job)
        return True

    def _run(self) -> None:
        turns = 0
        while not self._stop.is_set():
            self.loop.beat()
            if turns % 600 == 0 and self._keep_fresh is not None:
                self._guarded(self._keep_fresh)
            turns += 1
            if not self._guarded(self.work_once):
                self._stop.wait(POLL_S)

    def _guarded(self, work: Callable[[], object]) -> object:
        try:
            return work()
        except SQLAlchemyError as error:
            log.warning("learning.worker.failed: the database is away, %s", type(error).__name__)
            return False
        except Exception:  # border of the thread: the next job may be a better one
            log.exception("learning.worker.failed")
            return False
