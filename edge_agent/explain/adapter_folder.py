"""The adapter that came with approved words, as a file: llama.cpp reads files only."""

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path

from edge_agent.explain.ladder import Adapter

log = logging.getLogger(__name__)


class AdapterFolder:
    """Holds the file of one adapter and hands it on to what writes with it.

    Parameters
    ----------
    folder : directory of its own.
    lay_over : is given the adapter to write with from now on; None: without one.
    """

    def __init__(self, folder: Path, lay_over: Callable[[Adapter | None], None]) -> None:
        self._folder = folder
        self._lay_over = lay_over

    def take_up(self, data: bytes | None) -> None:
        """Write with this adapter, or without one; where it cannot be put down as a file, without one as well."""
        adapter = None if data is None else self._put_down(data)
        self._lay_over(adapter)
        self._clear(adapter)

    def _put_down(self, data: bytes) -> Adapter | None:
        sha256 = hashlib.sha256(data).hexdigest()
        file = self._folder / f"adapter-{sha256[:16]}.gguf"
        try:
            if not file.is_file() or hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                new = file.with_suffix(".new")
                new.write_bytes(data)
                new.replace(file)
        except OSError as error:
            log.warning("explain.adapter.unwritten", extra={"facts": {"file": file.name, "why": error.strerror}})
            return None
        return Adapter(file=file, sha256=sha256)

    def _clear(self, kept: Adapter | None) -> None:
        """Remove the files of those before; a process that has one open reads on."""
        for file in sorted(self._folder.glob("adapter-*")):
            if kept is None or file != kept.file:
                file.unlink(missing_ok=True)
