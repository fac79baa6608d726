"""sqlite-utils without pandas, which it imports where installed: a second at the start, 40 MB, and nothing uses it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _as_if_absent(name: str) -> Iterator[None]:
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]  # documented: makes `import name` fail
    try:
        yield
    finally:
        del sys.modules[name]


with _as_if_absent("pandas"):
    from sqlite_utils import Database

__all__ = ["Database"]
