"""Verbs of the command line: `worker`, and `release` for who holds the machine.

What a verb needs is imported inside it, so that the others start quickly.
"""

import argparse
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from biosignal.errors import BadInput
from cloud_service.database.connection import Database
from cloud_service.settings import CloudSettings

BY = "command line"
Say = Callable[..., None]
Verb = Callable[[argparse.Namespace, Any], None]
MakeVerb = Callable[[Any, str, Verb, str], argparse.ArgumentParser]


class LearningVerbs:
    """The verbs, given how the program makes verbs and opens its state."""

    def __init__(
        self,
        make_verb: MakeVerb,
        settings_from: Callable[[argparse.Namespace], CloudSettings],
        open_state: Callable[[CloudSettings], Database],
    ) -> None:
        self._make_verb = make_verb
        self._settings_from = settings_from
        self._open_state = open_state

    def add_to(self, verbs: Any) -> None:
        """Add `worker` and `release` to the top parser."""
        self._make_verb(verbs, "worker", self._worker, "run learning jobs, apart from `serve`")
        release = verbs.add_parser("release", help="signed models").add_subparsers(required=True, metavar="VERB")
        self._make_verb(release, "init", self._init, "make the signing keys and an empty repository")
        listed = self._make_verb(release, "list", self._list, "list what is released")
        listed.add_argument("--task", help="of this task only")
        root = self._make_verb(release, "root", self._root, "write the root metadata that devices are provisioned with")
        root.add_argument("file", type=Path)
        add = self._make_verb(release, "add", self._add, "import a bundle made elsewhere: grade it, and release it")
        add.add_argument("file", type=Path)
        add.add_argument("--unchecked", metavar="REASON", help="sign it without grading it; the audit log keeps why")
        brought = self._make_verb(
            release, "adapter", self._adapter, "release the adapter of a language model with words"
        )
        brought.add_argument("file", type=Path, metavar="GGUF", help="what `export llm adapter` wrote")
        brought.add_argument(
            "--figures", type=Path, required=True, help="what `export llm evaluate --json` wrote of it"
        )
        back = self._make_verb(release, "withdraw", self._withdraw, "take a release back")
        back.add_argument("target", metavar="TASK/VERSION.bundle")
        self._make_verb(release, "refresh", self._refresh, "sign again what has used up half its time")

    def _opened(self, options: argparse.Namespace) -> tuple[Database, Any]:
        settings = self._settings_from(options)
        database = self._open_state(settings)
        from cloud_service.learning.assembly import open_workshop

        return database, open_workshop(database, settings.state_dir, settings.learning)

    def _worker(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.learning.assembly import make_worker

        database, workshop = self._opened(options)
        worker = make_worker(workshop)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: worker.request_stop())
        said("ready", "waiting for learning jobs")
        worker.run_until_stopped()
        database.close()

    def _init(self, options: argparse.Namespace, said: Say) -> None:
        database, workshop = self._opened(options)
        database.close()
        said("repository", str(workshop.repository.root), folder=workshop.repository.root)

    def _list(self, options: argparse.Namespace, said: Say) -> None:
        database, workshop = self._opened(options)
        database.close()
        from cloud_service.learning.release import newest_first

        targets = workshop.repository.targets() if options.task is None else workshop.targets(options.task)
        for target in newest_first(targets):
            text = f"{target.path}\t{target.length} bytes\t{target.sha256}"
            said("release", text, target=target.path, bytes=target.length, sha256=target.sha256, **_noted(target.noted))

    def _root(self, options: argparse.Namespace, said: Say) -> None:
        database, workshop = self._opened(options)
        database.close()
        options.file.write_bytes(workshop.repository.trusted_root())
        said("root", str(options.file), file=options.file)

    def _add(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.learning.jobs import import_bundle
        from cloud_service.learning.release import release_candidate, release_unchecked

        data = _read(options.file)
        database, workshop = self._opened(options)
        try:
            if options.unchecked is not None:
                target = release_unchecked(workshop, data, by=BY, reason=options.unchecked)
            else:
                candidate = import_bundle(workshop, data, by=BY).id
                target = release_candidate(workshop, candidate, by=BY)
        finally:
            database.close()
        file = workshop.repository.target_path(target)
        said("release", f"{target.path}\t{target.sha256}", target=target.path, sha256=target.sha256, file=file)

    def _adapter(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.learning.adapter import brought_from
        from cloud_service.learning.release import release_candidate
        from cloud_service.learning.words import import_adapter

        brought = brought_from(options.file, options.figures)
        database, workshop = self._opened(options)
        try:
            target = release_candidate(workshop, import_adapter(workshop, brought, by=BY).id, by=BY)
        finally:
            database.close()
        said("release", f"{target.path}\t{target.sha256}", target=target.path, sha256=target.sha256)

    def _withdraw(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.learning.release import withdraw

        database, workshop = self._opened(options)
        try:
            withdraw(workshop, options.target, by=BY)
        finally:
            database.close()
        said("withdrawn", options.target, target=options.target)

    def _refresh(self, options: argparse.Namespace, said: Say) -> None:
        database, workshop = self._opened(options)
        database.close()
        signed = workshop.repository.keep_fresh()
        said("refreshed", "signed again" if signed else "nothing was old", signed=signed)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput("the bundle cannot be read", file=str(file), why=error.strerror) from error


def _noted(noted: Any) -> dict[str, Any]:
    return {name: value for name, value in noted.items() if name in ("by", "candidate", "unchecked")}
