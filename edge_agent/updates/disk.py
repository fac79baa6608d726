"""The few effects the shelf has on the disk, one method each, so that a test can pull the plug between any two."""

import os
from pathlib import Path


class Disk:
    """Writes that a power cut either did or did not do."""

    def write(self, path: Path, data: bytes) -> None:
        """Write a file that nothing points to yet, down to the medium."""
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target`, at once."""
        source.replace(target)

    def sync_folder(self, folder: Path) -> None:
        """Make renames in `folder` last."""
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file; one that is gone already is no error."""
        path.unlink(missing_ok=True)
