"""Text that came from outside, reduced to plain characters: it can add no sentence and break no grammar."""

import re

_UNSAFE = re.compile(r"[^A-Za-z0-9 %+\-_./:,()']")
LONGEST = 120


def plain(text: str, *, otherwise: str, longest: int = LONGEST) -> str:
    """Keep the plain characters of `text`, at most `longest` of them; `otherwise` where none is left."""
    return _UNSAFE.sub("", text).strip(" .,:")[:longest].strip() or otherwise
