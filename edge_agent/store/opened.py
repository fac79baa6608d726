"""A store's file while it is open, or the memory that stands in for it until it can be opened."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from biosignal.errors import BedsideError
from edge_agent.store.connecting import translated
from edge_agent.store.database import Database
from edge_agent.store.errors import StoreMisplaced, StoreTrouble
from edge_agent.store.integrity import in_memory, open_file, rows_of
from edge_agent.store.place import WriterLock, check_folder
from edge_agent.store.plan import Plan, Salvage
from edge_agent.store.space import OwnSpace

log = logging.getLogger(__name__)


class OpenStore:
    """One store's file. Calls take turns under the lock of whoever owns it.

    Parameters
    ----------
    space : what is held for it on the disk.
    stand_in_bytes : most that is held in memory while the file cannot be opened; 0: then it is not opened at all.

    Raises
    ------
    StoreMisplaced, StoreUnsafe, StoreInUse, StoreForeign : a person must change something first.
    StoreFull, StoreUnwritable, StoreTrouble : it cannot be opened now, and nothing stands in.
    """

    def __init__(
        self,
        path: Path,
        plan: Plan,
        space: OwnSpace,
        *,
        utc_now: Callable[[], str],
        synchronous: str,
        stand_in_bytes: int = 0,
    ) -> None:
        self.path, self.space, self._plan = path, space, plan
        self._utc_now, self._synchronous = utc_now, synchronous
        self._writer: WriterLock | None = None
        self._shared = True
        self.salvages: list[Salvage] = []
        self.away: StoreTrouble | None = None
        try:
            self.take(self.look())
        except StoreMisplaced:
            raise
        except StoreTrouble as error:
            if not stand_in_bytes:
                raise
            self.away = error
            self.db = in_memory(plan, most_bytes=stand_in_bytes)
            log.warning("store.file.away", extra={"facts": {"file": path.name, "why": str(error)}})

    def look(self) -> Database:
        """Open the file; `take` or `leave` must follow."""
        check_folder(self.path.parent)
        writer = WriterLock(self.path.with_name(self.path.name + ".lock"))
        try:
            db, self.salvages = self._open()
        except BaseException:
            writer.release()
            raise
        self._writer = writer
        return db

    def take(self, db: Database) -> None:
        """Use what was opened from now on."""
        try:
            self.space.attach(db, shared=self._shared)
        except (OSError, sqlite3.Error) as error:
            self.leave(db)
            raise StoreTrouble("no space can be held for the store", file=str(self.path), why=str(error)) from error
        self.db, self.away = db, None

    def leave(self, db: Database) -> None:
        """Close what was opened."""
        db.conn.close()
        self.space.detach()
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    @property
    def salvage(self) -> Salvage | None:
        """What was saved out of a damaged file, or found beside this one, when it was opened."""
        return next(iter(self.salvages), None)

    @property
    def why_away(self) -> str | None:
        """Why the file cannot be opened, while everything is held in memory; None when it is open."""
        return None if self.away is None else str(self.away)

    def bring_back(self, lock: AbstractContextManager[object], use: Callable[[Database], None]) -> bool:
        """Try to open the file again; what was held in memory goes into it. True when the file is open.

        Parameters
        ----------
        lock : of the owner, held while the file takes the memory's place.
        use : called under the lock with what is in use from then on.
        """
        if self.away is None:
            return True
        try:
            db = self.look()
        except BedsideError as error:
            self.away = _as_trouble(error)
            return False
        with lock:
            memory = self.db
            try:
                self._put_back(db)
                self.take(db)
            except StoreTrouble as error:
                self.leave(db)
                self.away = error
                return False
            use(db)
            memory.conn.close()
        return True

    def _put_back(self, db: Database) -> None:
        """Write what was held in memory into the file, in one transaction."""
        try:
            with db.atomic():
                self._plan.absorb(db, rows_of(self.db.conn, self._plan), False)
        except sqlite3.Error as error:
            raise translated(error, self.path) from error

    def close(self) -> None:
        """Close the file, or forget what was held in memory."""
        self.leave(self.db)

    def _open(self) -> tuple[Database, list[Salvage]]:
        at = self._utc_now()
        self.space.lay_out()
        last: StoreTrouble | None = None
        for shared in self._ways():
            self._shared = shared
            try:
                return open_file(self.path, self._plan, at=at, synchronous=self._synchronous, alone=not self._shared)
            except StoreTrouble as error:
                last = error
        assert last is not None
        raise last

    def _ways(self) -> Iterator[bool]:
        """Ways to open it, whether other processes may look in as well. Without any space on the disk they cannot."""
        yield True
        if self.space.give_slack():
            yield True
        yield False


def _as_trouble(error: BedsideError) -> StoreTrouble:
    """Say of anything that keeps a file from being opened that it is trouble with the store."""
    return error if isinstance(error, StoreTrouble) else StoreTrouble(str(error), remedy=error.advice)
