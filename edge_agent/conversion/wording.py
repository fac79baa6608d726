"""Annotations in WFDB's codes as text, for formats that know text alone, and back; and texts as WFDB annotations.

A code is written as ``wfdb V``, with its text and its numbers where it has any: ``wfdb + (AFIB``,
``wfdb ~ [subtype=-1]``. The word in front keeps a remark that happens to be one letter from becoming a heartbeat.
"""

import re

from edge_agent.conversion.original import Note
from edge_agent.sources.port import Remark
from edge_agent.sources.wfdb_annotations import SYMBOLS, Annotation

COMMENT = '"'
LONGEST_BYTES = 250  # of the text of a WFDB annotation
_CODED = re.compile(
    r"wfdb (?P<symbol>\S)(?: (?P<aux>(?!\[(?:subtype|chan|num)=).*?))?"
    r"(?: \[(?P<numbers>(?:(?:subtype|chan|num)=-?\d+ ?)+)\])?",
    re.DOTALL,
)
_LENGTH = re.compile(r"(?P<text>.*) \[(?P<for_s>\d+(?:\.\d+)?) s\]", re.DOTALL)


def as_remark(note: Note) -> Remark:
    """The same as words; a comment of WFDB becomes its text."""
    if isinstance(note, Remark):
        return note
    aux = note.aux.rstrip("\0 ")
    if note.symbol == COMMENT and aux and not (note.subtype or note.chan or note.num):
        long = _LENGTH.fullmatch(aux)
        return Remark(
            sample=note.sample, for_s=float(long["for_s"]) if long else None, text=long["text"] if long else aux
        )
    said = (("subtype", note.subtype), ("chan", note.chan), ("num", note.num))
    numbers = " ".join(f"{name}={value}" for name, value in said if value)
    parts = [f"wfdb {note.symbol}", aux, f"[{numbers}]" if numbers else ""]
    return Remark(sample=note.sample, for_s=None, text=" ".join(part for part in parts if part))


def as_annotation(note: Note) -> Annotation:
    """The same as a WFDB annotation; words become a comment, cut to what one holds, with their duration behind them."""
    if isinstance(note, Annotation):
        return note if note.symbol in SYMBOLS else _comment(note.sample, f"{note.symbol} {note.aux}".rstrip("\0 "))
    coded = _CODED.fullmatch(note.text)
    if coded is not None and coded["symbol"] in SYMBOLS:
        numbers = dict(pair.split("=") for pair in (coded["numbers"] or "").split())
        return Annotation(
            sample=note.sample,
            symbol=coded["symbol"],
            aux=_plain(coded["aux"] or ""),
            **{name: int(value) for name, value in numbers.items()},
        )
    return _comment(note.sample, note.text if note.for_s is None else f"{note.text} [{note.for_s:.9g} s]")


def _comment(sample: int, text: str) -> Annotation:
    return Annotation(sample=sample, symbol=COMMENT, aux=_plain(text))


def _plain(text: str) -> str:
    """Text that a WFDB annotation holds: Latin-1, without NUL."""
    return text.encode("latin-1", "replace")[:LONGEST_BYTES].decode("latin-1").replace("\0", " ")
