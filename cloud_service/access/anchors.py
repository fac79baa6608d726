"""Heads of the audit log in a file outside of its database: who can change the one can often not change the other.

A line each, only ever appended, readable by its owner alone. On a line stands a head, or the word of a person that what
the heads before it say is gone for a known reason: after a restore the end of the log is.
"""

import json
import logging
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from cloud_service.access.errors import AnchorsUnreadable
from cloud_service.database.columns import utc_now

log = logging.getLogger("bedside.audit")


@dataclass(frozen=True, kw_only=True, slots=True)
class Acceptance:
    """A person's word: of the entries behind `held` up to `until`, some were lost or replaced, for `reason`."""

    held: int
    until: int
    reason: str
    at: str


@dataclass(kw_only=True, slots=True)
class Kept:
    """What the file says: the hashes that entries were written with, by their numbers, and what was accepted."""

    hashes: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    accepted: list[Acceptance] = field(default_factory=list)

    @property
    def last(self) -> int:
        """Number of the last entry that is anchored; 0 where none is."""
        return max(self.hashes, default=0)

    def agrees(self, number: int, hash_: str) -> bool:
        """Whether an entry has the hash that it was written with, as far as that was kept."""
        return self.hashes.get(number, {hash_}) == {hash_}


class Anchors:
    """The file. Several processes may append to it."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def add(self, number: int, hash_: str) -> None:
        """Keep the head of the log: the number and the hash of its last entry.

        A disk that is full undoes no deed that is in the log: it is logged, and the next head covers this one.
        """
        log.info("audit.anchored entry=%d hash=%s", number, hash_)
        try:
            self._append({"entry": number, "hash": hash_, "at": _now()})
        except OSError as error:
            log.error("audit.anchor.failed entry=%d why=%s", number, error)

    def accept(self, *, held: int, until: int, reason: str) -> None:
        """Keep a person's word about the entries behind `held` up to `until`."""
        self._append({"held": held, "until": until, "reason": reason, "at": _now()})

    def read(self) -> Kept:
        """Read it all; a line that a power cut left half-written says nothing.

        Raises
        ------
        AnchorsUnreadable : it is there and cannot be read.
        """
        kept = Kept()
        for line in self._lines():
            try:
                said = json.loads(line)
                if "hash" in said:
                    kept.hashes[int(said["entry"])].add(str(said["hash"]))
                else:
                    accepted = Acceptance(**said)
                    for number in [one for one in kept.hashes if one > accepted.held]:
                        del kept.hashes[number]
                    kept.accepted.append(accepted)
            except (ValueError, KeyError, TypeError):
                continue
        return kept

    def _lines(self) -> list[str]:
        try:
            return self.file.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise AnchorsUnreadable(
                "the anchors of the audit log cannot be read", file=str(self.file), why=str(error)
            ) from error

    def _append(self, said: dict[str, object]) -> None:
        # The line break before it ends what a power cut may have left of the line before.
        line = f"\n{json.dumps(said, sort_keys=True)}\n".encode()
        handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)


def _now() -> str:
    return utc_now().isoformat(timespec="milliseconds")
