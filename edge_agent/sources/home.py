"""Paths as they were typed: `~` is a home, unless nobody's is meant."""

from pathlib import Path


def path_typed(name: str) -> Path:
    """The path that `name` says; `~0` of no user is a name like any other."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        return Path(name)
