"""Verbs of the command line for the audit log."""

import argparse
import dataclasses

from cloud_service.access import audit
from cloud_service.verbs import BY, Say, Subparsers, VerbGroup


class AuditVerbs(VerbGroup):
    """The verbs `audit verify` and `accept`."""

    def add_to(self, verbs: Subparsers) -> None:
        """Add `audit` to the top parser."""
        log = verbs.add_parser("audit", help="check the audit log").add_subparsers(required=True, metavar="VERB")
        text = "recompute its hash chain and hold it against its anchors"
        self._program.add_verb(log, "verify", self._verify, text)
        text = "let it go on though anchored entries are gone, as after a restore"
        gone = self._program.add_verb(log, "accept", self._accept, text)
        gone.add_argument("reason", help="why they are gone; kept for good")

    def _verify(self, options: argparse.Namespace, said: Say) -> None:
        with self._program.opened(options) as state, state.database.read() as session:
            head = audit.verify(session)
        lines = [f"{head.entries} entries hold, anchored up to entry {head.anchored}; head {head.hash}"]
        lines += [
            f"entries {one.held + 1} to {one.until} are gone or replaced, accepted at {one.at}: {one.reason}"
            for one in head.accepted
        ]
        facts = {"entries": head.entries, "anchored": head.anchored, "head": head.hash}
        said("audit", "\n".join(lines), **facts, accepted=[dataclasses.asdict(one) for one in head.accepted])

    def _accept(self, options: argparse.Namespace, said: Say) -> None:
        with self._program.opened(options) as state:
            done = audit.accept(state.database, reason=options.reason, by=BY)
        text = f"the log goes on; entries {done.held + 1} to {done.until} are gone or replaced"
        said("audit", text, **dataclasses.asdict(done))
