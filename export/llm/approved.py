"""Approved words of a clinic, put in force at the desk: pairs are worded in them, and texts judged by them."""

from pathlib import Path

from biosignal.errors import BadInput
from biosignal.model.bundle import unpack
from biosignal.rehearsal import rehearse
from biosignal.wording.bundle import LIMITS, open_words
from biosignal.wording.in_force import speak


def speak_approved(bundle: Path | None) -> None:
    """Put the words of a released bundle in force for this process; None: the vetted words alone.

    Raises
    ------
    BadInput : the file cannot be read, or is no bundle of words.
    PhrasingRefused, NotSpoken : its words may not be said by the vetted words here.
    """
    if bundle is None:
        speak(None)
        return
    try:
        data = bundle.read_bytes()
    except OSError as error:
        raise BadInput("the bundle of words cannot be read", file=str(bundle), reason=str(error)) from error
    speak(rehearse(open_words(unpack(data, max_bytes=sum(LIMITS.values()), limits=LIMITS))))
