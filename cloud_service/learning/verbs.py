"""Verbs of the command line: `worker`, and `release` for who holds the machine.

What a verb needs is imported inside it, so that the others start quickly.
"""

import argparse
import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biosignal.errors import BadInput
from cloud_service.verbs import BY, Say, Subparsers, VerbGroup

if TYPE_CHECKING:
    from cloud_service.learning.jobs import Workshop


class LearningVerbs(VerbGroup):
    """The verbs `worker` and `release`."""

    def add_to(self, verbs: Subparsers) -> None:
        """Add `worker` and `release` to the top parser."""
        add_verb = self._program.add_verb
        add_verb(verbs, "worker", self._worker, "run learning jobs, apart from `serve`")
        release = verbs.add_parser("release", help="signed models").add_subparsers(required=True, metavar="VERB")
        add_verb(release, "init", self._init, "make the signing keys and an empty repository")
        listed = add_verb(release, "list", self._list, "list what is released")
        listed.add_argument("--task", help="of this task only")
        root = add_verb(release, "root", self._root, "write the root metadata that devices are provisioned with")
        root.add_argument("file", type=Path)
        add = add_verb(release, "add", self._add, "import a bundle made elsewhere: grade it, and release it")
        add.add_argument("file", type=Path)
        add.add_argument("--unchecked", metavar="REASON", help="sign it without grading it; the audit log keeps why")
        brought = add_verb(release, "adapter", self._adapter, "release the adapter of a language model with words")
        brought.add_argument("file", type=Path, metavar="GGUF", help="what `export llm adapter` wrote")
        brought.add_argument(
            "--figures", type=Path, required=True, help="what `export llm evaluate --json` wrote of it"
        )
        back = add_verb(release, "withdraw", self._withdraw, "take a release back")
        back.add_argument("target", metavar="TASK/VERSION.bundle")
        add_verb(release, "refresh", self._refresh, "sign again what has used up half its time")

    @contextlib.contextmanager
    def _workshop(self, options: argparse.Namespace) -> Iterator["Workshop"]:
        with self._program.opened(options) as state:
            from cloud_service.learning.assembly import open_workshop

            yield open_workshop(state.database, state.settings.state_dir, state.settings.learning)

    def _worker(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.learning.assembly import make_worker

        with self._workshop(options) as workshop:
            worker = make_worker(workshop)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: worker.request_stop())
            said("ready", "waiting for learning jobs")
            worker.run_until_stopped()

    def _init(self, options: argparse.Namespace, said: Say) -> None:
        with self._workshop(options) as workshop:
            root = workshop.repository.root
        said("repository", str(root), folder=root)

    def _list(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.learning.release import newest_first

        with self._workshop(options) as workshop:
            targets = workshop.repository.targets() if options.task is None else workshop.targets(options.task)
        for target in newest_first(targets):
            text = f"{target.path}\t{target.length} bytes\t{target.sha256}"
            said("release", text, target=target.path, bytes=target.length, sha256=target.sha256, **_noted(target.noted))

    def _root(self, options: argparse.Namespace, said: Say) -> None:
        with self._workshop(options) as workshop:
            options.file.write_bytes(workshop.repository.trusted_root())
        said("root", str(options.file), file=options.file)

    def _add(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.learning.jobs import import_bundle
        from cloud_service.learning.release import release_candidate, release_unchecked

        data = _read(options.file)
        with self._workshop(options) as workshop:
            if options.unchecked is not None:
                target = release_unchecked(workshop, data, by=BY, reason=options.unchecked)
            else:
                candidate = import_bundle(workshop, data, by=BY).id
                target = release_candidate(workshop, candidate, by=BY)
            file = workshop.repository.target_path(target)
        said("release", f"{target.path}\t{target.sha256}", target=target.path, sha256=target.sha256, file=file)

    def _adapter(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.learning.adapter import brought_from
        from cloud_service.learning.release import release_candidate
        from cloud_service.learning.words import import_adapter

        brought = brought_from(options.file, options.figures)
        with self._workshop(options) as workshop:
            target = release_candidate(workshop, import_adapter(workshop, brought, by=BY).id, by=BY)
        said("release", f"{target.path}\t{target.sha256}", target=target.path, sha256=target.sha256)

    def _withdraw(self, options: argparse.Namespace, said: Say) -> None:
        from cloud_service.learning.release import withdraw

        with self._workshop(options) as workshop:
            withdraw(workshop, options.target, by=BY)
        said("withdrawn", options.target, target=options.target)

    def _refresh(self, options: argparse.Namespace, said: Say) -> None:
        with self._workshop(options) as workshop:
            signed = workshop.repository.keep_fresh()
        said("refreshed", "signed again" if signed else "nothing was old", signed=signed)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInput("the bundle cannot be read", file=str(file), why=error.strerror) from error


def _noted(noted: Any) -> dict[str, Any]:
    return {name: value for name, value in noted.items() if name in ("by", "candidate", "unchecked")}
