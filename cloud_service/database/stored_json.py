"""Reading JSON that an earlier release, or another program, stored: what today's border would refuse comes out mended.

The border of ingest refuses text that cannot be written out again. A row that lies here already must not take the list
that it is in with it: half of a surrogate pair becomes a replacement character, and what is no JSON at all becomes
None, which whoever shows the row finds it cannot show.
"""

import json
from typing import Any


def read_stored(text: str | bytes) -> Any:
    """Read a JSON column; never raises."""
    try:
        value = json.loads(text)
        escaped = b"\\ud" if isinstance(text, bytes) else "\\ud"
        return _mended(value) if escaped in text.lower() else value  # type: ignore[operator]  # bytes in bytes, or text in text
    except (ValueError, RecursionError):
        return None


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() if not _is_whole(value) else value
    if isinstance(value, dict):
        return {_mended(key): _mended(part) for key, part in value.items()}
    return [_mended(part) for part in value] if isinstance(value, list) else value


def _is_whole(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
