"""What may name a person, taken out of a recording: everything that is not known to name none.

Taken out are all texts about patient and recording, comments, transducers, filters that are more than numbers, names of
leads and units that are no terms of the field, and the text of annotations but for a list of codes (`harmless.json`).
Samples, rates, gaps and the places of annotations stay.

The date moves by a number of days drawn at random, which is written nowhere; the time of day stays, since heart and
brain follow the day, and a time without its date is nobody's. Samples themselves may tell who someone is, to whoever
has other recordings of the same person: that no converter can take out.
"""

import json
import re
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files

from edge_agent.conversion.original import Note, Original
from edge_agent.sources.lead_kinds import is_term, is_unit, kind_of
from edge_agent.sources.port import LeadDescription, Remark
from edge_agent.sources.wfdb_annotations import SYMBOLS, Annotation

_LEAST_DAYS, _MORE_DAYS = 366, 20 * 365
_FIRST_YEAR = 1985  # of EDF
_FILTERS = re.compile(
    r"(?:(?:HP|LP|BP|N|Notch)[:=]? ?_(?: ?- ?_)? ?(?:k?Hz|s)?[ ,;/]*)+".replace("_", r"\d{1,4}(?:\.\d{1,4})?"),
    re.IGNORECASE,
)
TAKEN_OUT = "annotation"
"""What stands in the place of the words of an annotation."""


def anonymous(original: Original, *, days: int | None = None) -> Original:
    """The recording without what may name a person.

    Parameters
    ----------
    days : by how many its date moves; absent: drawn at random.
    """
    moved = _draw() if days is None else days
    described = original.description
    known = _harmless()
    names = _names(
        [(lead.name, one.unit_text) for lead, one in zip(original.facts.leads, described.leads, strict=True)]
    )
    renamed = {lead.name: name for lead, name in zip(original.facts.leads, names, strict=True)}
    return replace(
        original,
        named=tuple(names),
        description=replace(
            described,
            started=_moved(described.started, moved),
            texts=tuple((what, text) for what, text in described.texts if text in known),
            leads=tuple(_without_texts(one) for one in described.leads),
        ),
        notes=tuple(_without_words(note, known) for note in original.notes),
        remarks=(
            *(
                f"lead {place + 1} is called {new}: its name is no term"
                for place, (old, new) in enumerate(renamed.items())
                if old != new
            ),
        ),
    )


def _draw() -> int:
    return -(_LEAST_DAYS + secrets.randbelow(_MORE_DAYS))


def _moved(started: datetime | None, days: int) -> datetime | None:
    """The date moved back, or ahead where EDF knows no such year."""
    if started is None:
        return None
    back = started + timedelta(days=days)
    return back if back.year >= _FIRST_YEAR else started - timedelta(days=days)


def _names(leads: list[tuple[str, str]]) -> list[str]:
    """Names that are terms, and for every other lead what it measures with its place."""
    return [
        name if is_term(name) else f"{kind_of(name, unit).value}-{place}" for place, (name, unit) in enumerate(leads, 1)
    ]


def _without_texts(lead: LeadDescription) -> LeadDescription:
    return replace(
        lead,
        unit_text=lead.unit_text if is_unit(lead.unit_text) else "",
        transducer="",
        prefilter=lead.prefilter if _FILTERS.fullmatch(lead.prefilter) else "",
    )


def _without_words(note: Note, known: frozenset[str]) -> Note:
    if isinstance(note, Remark):
        coded = note.text.startswith("wfdb ") and note.text.removeprefix("wfdb ") in SYMBOLS
        return note if coded or note.text.strip() in known else replace(note, text=TAKEN_OUT)
    symbol = note.symbol if note.symbol in SYMBOLS else '"'
    aux = note.aux if note.aux.rstrip("\0 ") in known else TAKEN_OUT
    return Annotation(
        sample=note.sample,
        symbol=symbol,
        subtype=note.subtype,
        chan=note.chan,
        num=note.num,
        aux=aux if note.aux or symbol != note.symbol else "",
    )


def _harmless() -> frozenset[str]:
    listed = json.loads(files("edge_agent.conversion").joinpath("harmless.json").read_text("utf-8"))
    return frozenset(listed["texts"])
