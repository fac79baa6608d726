"""A model's file on this machine."""

from hashlib import sha256
from pathlib import Path

from biosignal.errors import BadInput


def file_sha256(path: Path) -> str:
    """Hash a file without holding it in memory.

    Raises
    ------
    BadInput : it cannot be read.
    """
    digest = sha256()
    try:
        with path.open("rb") as stream:
            while part := stream.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise BadInput("the file of a model cannot be read", file=str(path), reason=str(error)) from error
    return digest.hexdigest()
