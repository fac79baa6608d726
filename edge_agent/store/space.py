"""Disk space that is a store's own, so that a write on a full disk takes nothing from the file system.

What is freed on a full disk may be taken by another program before it can be used. So nothing is freed: the log lies in
blocks that never leave it (a second name keeps them when SQLite deletes the first), the file's pages have their blocks
before a transaction may use them, and what is held back for findings are pages inside the file.
"""

import contextlib
import os
import sqlite3
from pathlib import Path

from edge_agent.store.database import Database

PIECE_BYTES = 1 << 20
"""What is held back is given up in pieces of this size."""
STEP_BYTES = 128 << 10
"""A file grows by so much at once, unless it is said otherwise."""
INDEX_BYTES = 32 << 10
FRAMES_BY_INDEX = 4096
_HEADER_BYTES = 32
_TABLE = "CREATE TABLE IF NOT EXISTS held_back (n INTEGER PRIMARY KEY, space BLOB NOT NULL)"


class OwnSpace:
    """The space of one store's file.

    Parameters
    ----------
    path : the store's file.
    page_bytes : of the file.
    log_bytes : at this size the log goes back into the file; so much is held for it, and some for the last transaction.
        0: no space is held at all, and the file grows as it does.
    held_bytes : held back inside the file until `release`.
    step_bytes : the file grows by so much at once.
    """

    def __init__(
        self, path: Path, *, page_bytes: int, log_bytes: int, held_bytes: int = 0, step_bytes: int = STEP_BYTES
    ) -> None:
        self._path = path
        self._log = path.with_name(path.name + "-wal")
        self._index = path.with_name(path.name + "-shm")
        self._spare = path.with_name(path.name + ".reserve")
        self._page, self._step = page_bytes, step_bytes
        self._pieces = max(1, held_bytes // PIECE_BYTES) if held_bytes else 0
        self._piece_bytes = min(PIECE_BYTES, held_bytes)
        self._log_pages = log_bytes // page_bytes
        frames = self._log_pages * 5 // 4
        self._index_bytes = (frames // FRAMES_BY_INDEX + 1) * INDEX_BYTES
        self._log_bytes = frames * (page_bytes + 24)
        self._files: list[int] = []
        self._db: Database | None = None
        self._limit = 0
        self._held: int | None = None
        self._laid_out = False
        self.short = False

    def lay_out(self) -> None:
        """Before the file is opened: give the log the blocks that were held for it, where it has none."""
        self._laid_out = False
        if self._log.exists() or not self._spare.exists():
            return
        with contextlib.suppress(OSError):
            # What is in it went into the file long ago, and must not be taken for the log of today; unless the file
            # has lost all it had.
            if _length(self._path) or not self._path.exists() or not holds_frames(self._spare):
                _write_first(self._spare, bytes(_HEADER_BYTES))
                self._laid_out = True
            os.link(self._spare, self._log)

    def give_slack(self) -> bool:
        """Free what the index of the log needs when the file is opened; True when there was something to free."""
        if not self._laid_out or _length(self._spare) <= self._log_bytes:
            return False
        with contextlib.suppress(OSError):
            os.truncate(self._spare, self._log_bytes)
            return True
        return False

    def attach(self, db: Database, *, shared: bool = True) -> None:
        """The file is open: hold space from now on."""
        self._db = db
        if not self._log_pages:
            return
        db.execute(f"PRAGMA wal_autocheckpoint = {self._log_pages}").fetchall()
        # Open to the end: closing a file that SQLite has open would drop SQLite's locks on it.
        self._files = [os.open(self._path, os.O_RDWR | os.O_CLOEXEC)]
        self._hold_log()
        if shared and self._index.exists():
            self._files.append(os.open(self._index, os.O_RDWR | os.O_CLOEXEC))
            _allocate(self._files[1], self._index_bytes)
        self._fit()
        self.hold()

    def detach(self) -> None:
        """The file was closed."""
        for file in self._files:
            os.close(file)
        self._files = []
        self._db = self._held = None

    def settle(self) -> None:
        """After a transaction: the log may have gone back into the file, which then ends with its last page."""
        if self._files and os.fstat(self._files[0]).st_size < self._limit * self._page:
            self._fit()

    def grow(self, wanted: int = 0) -> bool:
        """Let the file grow by a step, or by so many bytes; False where the disk has no space for it."""
        if not self._files:
            return False
        before = self._limit
        self._fit((before + 1) * self._page - self._pragma("page_count") * self._page + max(wanted, self._step))
        self.short = self.short or self._limit <= before
        return self._limit > before

    def release(self) -> bool:
        """Give a piece of what was held back to the file's own use; True when there was one."""
        if self._db is None or not self._pieces:
            return False
        self.short = True
        # Fails when not even the log has space: then nothing was given.
        with contextlib.suppress(sqlite3.Error), self._db.atomic():
            sql = "DELETE FROM held_back WHERE n = (SELECT max(n) FROM held_back)"
            given = self._db.execute(sql).rowcount
            self._held = max(0, self._pieces_held - given)
            return bool(given)
        return False

    def hold(self) -> bool:
        """Hold back what was given up; True when all of it is held."""
        if self._db is None or not self._log_pages:
            return True
        try:
            if self._pieces and self._held is None:
                self._db.execute(_TABLE)
                self._held = int(self._db.execute("SELECT count(*) FROM held_back").fetchone()[0])
            while self._pieces_held < self._pieces and self._fits(self._piece_bytes):
                with self._db.atomic():
                    self._db.execute("INSERT INTO held_back (space) VALUES (zeroblob(?))", (self._piece_bytes,))
                self._held = self._pieces_held + 1
                self.settle()
            self.short = self._pieces_held < self._pieces or not self._fits(self._step)
        except sqlite3.Error:
            self.short = True
        return not self.short

    @property
    def held_bytes(self) -> int:
        """How much is held back inside the file."""
        return self._pieces_held * self._piece_bytes

    @property
    def _pieces_held(self) -> int:
        return self._held or 0

    def _fits(self, more: int) -> bool:
        """Whether the file may take so much more, with the pages that lead to it."""
        assert self._db is not None
        wanted = more + more // 64 + 8 * self._page
        free = (self._limit - self._pragma("page_count")) * self._page
        if free < wanted:
            self._fit(max(wanted, 4 * self._step))
            self._fit(wanted)
            free = (self._limit - self._pragma("page_count")) * self._page
        return free >= wanted

    def _fit(self, more: int = 0) -> None:
        """Have blocks for `more` bytes behind the last page, and let no transaction use pages without blocks."""
        assert self._db is not None
        used = self._pragma("page_count") * self._page
        _allocate(self._files[0], used + (more or self._step))
        self._limit = max(used, os.fstat(self._files[0]).st_size) // self._page
        self._db.execute(f"PRAGMA max_page_count = {self._limit}").fetchall()

    def _hold_log(self) -> None:
        """Give the log its blocks, and these a second name."""
        wanted = self._log_bytes + self._index_bytes + INDEX_BYTES
        with contextlib.suppress(OSError):
            if not self._log.exists():
                return
            if self._spare.exists() and not self._spare.samefile(self._log):
                # Of an earlier version, or the log was made anew: its blocks are needed now.
                self._spare.unlink()
            file = os.open(self._log, os.O_RDWR | os.O_CLOEXEC)
            try:
                _allocate(file, wanted)
            finally:
                os.close(file)
            if not self._spare.exists():
                _link(self._log, self._spare)

    def _pragma(self, name: str) -> int:
        assert self._db is not None
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])


def holds_frames(log: Path) -> bool:
    """Whether a log has anything in it."""
    try:
        with log.open("rb") as file:
            start = file.read(_HEADER_BYTES + 4)
    except OSError:
        return False
    return len(start) == _HEADER_BYTES + 4 and any(start[:4]) and any(start[_HEADER_BYTES:])


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _write_first(path: Path, content: bytes) -> None:
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.pwrite(file, content, 0)
        os.fsync(file)
    finally:
        os.close(file)


def _allocate(file: int, length: int) -> bool:
    """Make a file at least so long, with blocks for all of it; leave it as it is where the disk has none."""
    have = os.fstat(file).st_size
    if have >= length:
        return True
    try:
        os.posix_fallocate(file, have, length - have)
    except OSError:
        if os.fstat(file).st_size > have:
            os.ftruncate(file, have)
        return False
    return True


def _link(path: Path, name: Path) -> None:
    """Give a file a second name; a file system without such names has none to give."""
    with contextlib.suppress(OSError):
        os.link(path, name)
