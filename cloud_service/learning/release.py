"""A person releases a candidate: it is signed, and announced to the devices."""

from collections.abc import Iterable
from typing import Protocol

from sqlalchemy import select

from biosignal.errors import BadInput
from biosignal.model.admission import admit
from biosignal.model.bundle import Bundle, open_bundle, pack, unpack
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.rehearsal import rehearse
from biosignal.tasks.lookup import contract_of
from biosignal.wording.bundle import WordsBundle
from cloud_service.access import audit
from cloud_service.clinic.approving import approved_in_force, phrasing_of
from cloud_service.database.clinic_tables import DeviceRow
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import CommandRow
from cloud_service.database.learning_tables import LearningJobRow
from cloud_service.learning.errors import NotReleasable
from cloud_service.learning.gates import check_task
from cloud_service.learning.jobs import Candidate, Workshop, released_bundle, task_of, version_key, version_of
from cloud_service.learning.repository import ReleasedTarget
from cloud_service.learning.words import opened_candidate, released_words


class Desk(Protocol):
    """What sends commands to devices and keeps their log."""

    def send(
        self,
        *,
        device: str,
        name: str,
        issuer: str,
        arguments: dict[str, str],
        about: str | None = None,
        valid_s: float = 60.0,
    ) -> CommandRow:
        """Log and send one."""


def target_of(bundle: Candidate) -> str:
    """Name the target of a bundle."""
    return f"{bundle.identity}.bundle"


def release_candidate(workshop: Workshop, candidate: int, *, by: str) -> ReleasedTarget:
    """Sign a candidate that passed its gates. Again changes nothing.

    Raises
    ------
    NotReleasable : there is no such candidate, a gate failed, or it was graded against a model that is not the released
        one any more. ContractBroken : it is not what this version of its task needs. NotAdmitted : its golden vectors
        do not hold on this machine.
    """
    with workshop.database.read() as session:
        row = session.get(LearningJobRow, candidate)
    if row is None or row.digest is None or row.state not in ("gated", "released"):
        raise NotReleasable("there is no such candidate", candidate=candidate)
    if not row.passed:
        raise NotReleasable("a gate failed", candidate=candidate, why=row.reason)
    bundle = _candidate_bundle(workshop, row)
    if row.state == "gated":
        _check_words(workshop, row, bundle) if isinstance(bundle, WordsBundle) else _check_model(workshop, row, bundle)
    noted = {"digest": bundle.digest, "candidate": candidate, "by": by, "parent": row.parent}
    target = workshop.repository.add_target(target_of(bundle), pack(bundle.files), noted)
    with workshop.database.write() as session:
        kept = session.get_one(LearningJobRow, candidate)
        if kept.state != "released":
            kept.state, kept.released, kept.released_by = "released", utc_now(), by
            audit.record(session, actor=by, action="learning.release", subject=target.path, sha256=target.sha256)
    return target


def _check_model(workshop: Workshop, row: LearningJobRow, bundle: Bundle) -> None:
    released = released_bundle(workshop, row.task)
    if row.parent != released.identity and bundle.digest != released.digest:
        raise NotReleasable(
            "another model was released since it was graded; start a new job",
            graded_against=row.parent,
            released=released.identity,
        )
    check_task(bundle)
    admit(OnnxCpuBackend(bundle), bundle, contract_of(bundle.manifest.task))


def _check_words(workshop: Workshop, row: LearningJobRow, bundle: WordsBundle) -> None:
    """What was approved when the candidate was made must stand still, and nothing released since."""
    newest = released_words(workshop)
    if (row.parent or "") != (newest.identity if newest else ""):
        raise NotReleasable("other words were released since it was graded; start a new job", graded_against=row.parent)
    with workshop.database.read() as session:
        standing = {phrasing_of(one) for one in approved_in_force(session)}
    if gone := [one.pattern for one in bundle.phrasings if one not in standing]:
        raise NotReleasable("words in it were withdrawn since it was made; start a new job", withdrawn=gone)
    rehearse(bundle)


def release_unchecked(workshop: Workshop, data: bytes, *, by: str, reason: str) -> ReleasedTarget:
    """Sign a bundle that no gate has graded, for a reason that the audit log keeps. For who holds the machine only.

    Raises
    ------
    BundleRefused, BadInput : it is no bundle, or no reason is given. AlreadyReleased : the version is taken.
    """
    if not reason.strip():
        raise BadInput("a bundle is released unchecked only for a reason")
    bundle = open_bundle(unpack(data))
    noted = {"digest": bundle.digest, "by": by, "unchecked": reason}
    target = workshop.repository.add_target(target_of(bundle), pack(bundle.files), noted)
    with workshop.database.write() as session:
        audit.record(session, actor=by, action="learning.release-unchecked", subject=target.path, reason=reason)
    return target


def withdraw(workshop: Workshop, path: str, *, by: str) -> None:
    """Take a release back: devices that run it go on, no other device fetches it any more.

    Raises
    ------
    NotReleasable : it is not released.
    """
    if not workshop.repository.withdraw_target(path):
        raise NotReleasable("there is no such release", target=path)
    with workshop.database.write() as session:
        audit.record(session, actor=by, action="learning.withdraw", subject=path)


def announce(
    workshop: Workshop, desk: Desk, path: str, *, by: str, devices: Iterable[str] | None, valid_s: float
) -> list[CommandRow]:
    """Announce a release to devices (None: all that are not revoked); gives one command each.

    Raises
    ------
    NotReleasable : it is not released. BadInput : a device is not known.
    """
    if all(target.path != path for target in workshop.repository.targets()):
        raise NotReleasable("there is no such release", target=path)
    with workshop.database.read() as session:
        known = list(
            session.scalars(select(DeviceRow.name).where(DeviceRow.revoked.is_(None)).order_by(DeviceRow.name))
        )
    chosen = known if devices is None else sorted(set(devices))
    if strangers := sorted(set(chosen) - set(known)):
        raise BadInput("no such device", names=strangers)
    task, _, file = path.partition("/")
    arguments = {"task": task, "target": path, "version": file.removesuffix(".bundle")}
    return [
        desk.send(device=device, name="new-model", issuer=by, arguments=arguments, about=path, valid_s=valid_s)
        for device in chosen
    ]


def _candidate_bundle(workshop: Workshop, row: LearningJobRow) -> Bundle | WordsBundle:
    assert row.digest is not None
    try:
        bundle = opened_candidate(row.kind, workshop.candidate_file(row.digest).read_bytes())
    except OSError as error:
        raise NotReleasable("the candidate's file is gone; start a new job", candidate=row.id) from error
    if bundle.digest != row.digest:
        raise NotReleasable("the candidate's file is not the one that was graded", candidate=row.id)
    return bundle


def newest_first(targets: Iterable[ReleasedTarget]) -> list[ReleasedTarget]:
    """Order releases for people: by task, and of each task the newest version first."""
    by_version = sorted(targets, key=lambda target: version_key(version_of(target)), reverse=True)
    return sorted(by_version, key=task_of)
