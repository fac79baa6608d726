"""The API of learning, and the model repository as devices read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeAlias, cast

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field
from sqlalchemy import select

from biosignal.errors import BedsideError
from biosignal.tasks import TASKS
from cloud_service.clinic.context import Engineer, Reviewer, RowNumber
from cloud_service.database.event_tables import CommandRow, ModelReportRow
from cloud_service.database.learning_tables import LearningJobRow
from cloud_service.learning.jobs import Workshop, refittable, released_bundle, start_job, task_of, version_of
from cloud_service.learning.release import Desk, announce, newest_first, release_candidate, withdraw
from cloud_service.learning.repository import ReleasedTarget
from cloud_service.learning.reviewed import reviewed_kind
from cloud_service.learning.words import opened_candidate, start_words

router = APIRouter(prefix="/learning", tags=["learning"])
updates = APIRouter(prefix="/updates", tags=["updates"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Learning:
    """The learning part of a running clinic; hangs on the application's state as `learning`."""

    workshop: Workshop
    desk: Desk
    announce_valid_s: float


def learning_of(request: Request) -> Learning:
    """Find the learning part a request came to."""
    return cast(Learning, request.app.state.learning)


LearningPart: TypeAlias = Annotated[Learning, Depends(learning_of)]


class NewJob(BaseModel):
    """What to refit: the model of a task; it may be left out where there is only one."""

    task: str | None = Field(default=None, max_length=64)


class LearningTask(BaseModel):
    """A task whose model can be refitted; `mark` and `marks` are what one and several of what is reviewed are called.

    `parent` is the released bundle a refit begins with; null where there is none, for `reason`.
    """

    task: str
    label: str
    mark: str
    marks: str
    parent: str | None
    reason: str


class LearningTasks(BaseModel):
    """Tasks in the order of the registry."""

    tasks: list[LearningTask]


class Job(BaseModel):
    """A job. `state`: queued, running, gated, failed, released; `passed` once there is a candidate."""

    id: int
    kind: str
    task: str
    state: str
    requested_by: str
    requested: datetime
    started: datetime | None
    finished: datetime | None
    reason: str
    parent: str | None
    dataset: str | None
    version: str | None
    bundle: str | None
    digest: str | None
    bundle_bytes: int | None
    passed: bool | None
    released: datetime | None
    released_by: str | None


class Jobs(BaseModel):
    """Jobs, newest first."""

    jobs: list[Job]


class Candidate(BaseModel):
    """A candidate with its gates and its card."""

    job: Job
    report: dict[str, Any]
    card: str


class Audience(BaseModel):
    """Devices to announce to; null: all that are not revoked."""

    devices: list[str] | None = None


class Announcement(BaseModel):
    """One device's announcement; `state` is that of the command."""

    device: str
    command: str
    state: str


class DeviceReport(BaseModel):
    """What a device did with a release."""

    device: str
    step: str
    reason: str
    previous: str | None
    rung: str
    recording: str | None
    at: int
    windows_missed: int
    received: datetime


class Release(BaseModel):
    """A signed release, what the release noted, and what devices reported."""

    task: str
    version: str
    target: str
    sha256: str
    bytes: int
    noted: dict[str, Any]
    reports: list[DeviceReport]


class Releases(BaseModel):
    """Releases, newest first."""

    releases: list[Release]


class Announced(BaseModel):
    """A release that was announced."""

    target: str
    sha256: str
    announced_to: list[Announcement] = Field(serialization_alias="told")


@router.post("/jobs", status_code=201)
def start(new: NewJob, login: Engineer, learning: LearningPart) -> Job:
    """Start a refit on the reviews in force now."""
    return _job(start_job(learning.workshop.database, task=new.task, by=login.name))


@router.post("/words", status_code=201)
def start_words_job(login: Engineer, learning: LearningPart) -> Job:
    """Start a candidate of all approved words that stand now."""
    return _job(start_words(learning.workshop, by=login.name))


@router.get("/tasks")
def tasks(_login: Reviewer, learning: LearningPart) -> LearningTasks:
    """List the tasks whose models can be refitted."""
    return LearningTasks(tasks=[_task(learning, task) for task in refittable()])


@router.get("/jobs")
def jobs(_login: Reviewer, learning: LearningPart, limit: int = 50, task: str | None = None) -> Jobs:
    """List the jobs, of one task where it is named."""
    wanted = select(LearningJobRow).order_by(LearningJobRow.id.desc()).limit(max(1, min(limit, 500)))
    if task is not None:
        wanted = wanted.where(LearningJobRow.task == task)
    with learning.workshop.database.read() as session:
        return Jobs(jobs=[_job(row) for row in session.scalars(wanted)])


@router.get("/jobs/{job}")
def one_job(job: RowNumber, _login: Reviewer, learning: LearningPart) -> Job:
    """Give one job."""
    return _job(_row(learning, job))


@router.get("/candidates/{candidate}")
def one_candidate(candidate: RowNumber, _login: Reviewer, learning: LearningPart) -> Candidate:
    """Give a candidate's report: each gate with its figures, the sets by name and count."""
    row = _row(learning, candidate)
    if row.report is None or row.digest is None:
        raise HTTPException(404, "the job has made no candidate")
    try:
        card = opened_candidate(row.kind, learning.workshop.candidate_file(row.digest).read_bytes()).card
    except OSError:
        card = ""
    return Candidate(job=_job(row), report=row.report, card=card)


@router.post("/candidates/{candidate}/release", status_code=201)
def release(candidate: RowNumber, audience: Audience, login: Engineer, learning: LearningPart) -> Announced:
    """Sign a candidate that passed every gate and announce it."""
    target = release_candidate(learning.workshop, candidate, by=login.name)
    return _announced(learning, target, login.name, audience)


@router.get("/releases")
def releases(_login: Reviewer, learning: LearningPart) -> Releases:
    """List what is released, with what the devices reported."""
    targets = newest_first(learning.workshop.repository.targets())
    with learning.workshop.database.read() as session:
        rows = list(session.scalars(select(ModelReportRow).order_by(ModelReportRow.received)))
    return Releases(releases=[_release(target, rows) for target in targets])


@router.post("/releases/{task}/{version}/announce", status_code=201)
def announce_again(task: str, version: str, audience: Audience, login: Engineer, learning: LearningPart) -> Announced:
    """Announce a release to devices (again)."""
    path = f"{task}/{version}.bundle"
    target = next((one for one in learning.workshop.repository.targets() if one.path == path), None)
    if target is None:
        raise HTTPException(404, "there is no such release")
    return _announced(learning, target, login.name, audience)


@router.post("/releases/{task}/{version}/withdraw", status_code=204)
def take_back(task: str, version: str, login: Engineer, learning: LearningPart) -> None:
    """Take a release back: no device fetches it any more."""
    withdraw(learning.workshop, f"{task}/{version}.bundle", by=login.name)


@updates.get("/metadata/{name}")
def metadata(name: str, learning: LearningPart) -> FileResponse:
    """Serve signed metadata."""
    path = learning.workshop.repository.metadata_file(name)
    if path is None:
        raise HTTPException(404, "no such metadata")
    return FileResponse(path, media_type="application/json", headers={"Cache-Control": "no-cache"})


@updates.get("/targets/{name:path}")
def target_file(name: str, learning: LearningPart) -> FileResponse:
    """Serve a signed bundle."""
    path = learning.workshop.repository.target_file(name)
    if path is None:
        raise HTTPException(404, "no such target")
    return FileResponse(path, media_type="application/octet-stream")


def _task(learning: Learning, task: str) -> LearningTask:
    kind = reviewed_kind(task)
    parent, reason = None, ""
    try:
        parent = released_bundle(learning.workshop, task).identity
    except BedsideError as error:
        reason = str(error)
    return LearningTask(
        task=task, label=TASKS[task].label, mark=kind.label, marks=kind.plural, parent=parent, reason=reason
    )


def _row(learning: Learning, job: int) -> LearningJobRow:
    with learning.workshop.database.read() as session:
        row = session.get(LearningJobRow, job)
    if row is None:
        raise HTTPException(404, "no such job")
    return row


def _job(row: LearningJobRow) -> Job:
    return Job.model_validate(row, from_attributes=True)


def _announced(learning: Learning, target: ReleasedTarget, by: str, audience: Audience) -> Announced:
    rows = announce(
        learning.workshop,
        learning.desk,
        target.path,
        by=by,
        devices=audience.devices,
        valid_s=learning.announce_valid_s,
    )
    return Announced(target=target.path, sha256=target.sha256, announced_to=[_announcement(row) for row in rows])


def _announcement(row: CommandRow) -> Announcement:
    return Announcement(device=row.device, command=row.id, state=row.state)


def _release(target: ReleasedTarget, rows: Sequence[ModelReportRow]) -> Release:
    bundle = target.path.removesuffix(".bundle")
    return Release(
        task=task_of(target),
        version=version_of(target),
        target=target.path,
        sha256=target.sha256,
        bytes=target.length,
        noted=dict(target.noted),
        reports=[DeviceReport.model_validate(row, from_attributes=True) for row in rows if row.bundle == bundle],
    )
