"""A stored row that cannot be shown is shown as that: it never takes the list that it is in with it."""

import logging
from collections.abc import Callable
from typing import TypeVar

log = logging.getLogger("bedside.clinic")
Row = TypeVar("Row")
Shown = TypeVar("Shown")
WORDS = "cannot be shown"
_DAMAGED = (LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


def shown(row: Row, show: Callable[[Row], Shown], instead: Callable[[str], Shown]) -> Shown:
    """Show a row; where what is stored in it does not allow that, what `instead` makes of a sentence that says so."""
    try:
        return show(row)
    except _DAMAGED as error:
        why = f"{WORDS}: what is stored is damaged or of another release ({type(error).__name__})"
        log.warning("clinic.row.unshowable", extra={"table": type(row).__name__, "why": repr(error)[:200]})
        return instead(why)
