"""Pairs as files: JSON lines for programs, sections of text for people; both are read back as they were written.

A section begins with ``[pair ID]``; its fields follow as ``name: value``, and each line of a prompt or text behind
``| ``, so that nothing inside a text can end it.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from export.llm.pair import NoCorpus, Pair, pair_of, row_of

HEAD = "# Bedside pairs, version 1"
_OPEN, _CLOSE = "[pair ", "]"
_LINE = "| "


def jsonl(pairs: Iterable[Pair]) -> str:
    """Write pairs as JSON lines."""
    return "".join(json.dumps(row_of(pair), ensure_ascii=False) + "\n" for pair in pairs)


def from_jsonl(text: str) -> list[Pair]:
    """Read JSON lines.

    Raises
    ------
    NoCorpus : a line is no pair.
    """
    # By "\n" alone: `splitlines` would also cut at characters that JSON leaves inside a text.
    return [pair_of(_document(line, number)) for number, line in enumerate(text.split("\n"), 1) if line]


def sections(pairs: Iterable[Pair]) -> str:
    """Write pairs as sectioned text."""
    return HEAD + "\n" + "".join(map(_section, pairs))


def from_sections(text: str) -> list[Pair]:
    """Read sectioned text.

    Raises
    ------
    NoCorpus : it is no such text, or a section lacks a field.
    """
    head, *lines = text.split("\n")
    if head != HEAD:
        raise NoCorpus("the text does not begin as sections of pairs do", first=head[:80], expected=HEAD)
    return [_pair(section) for section in _cut(lines)]


def read_pairs(path: Path) -> list[Pair]:
    """Read a file of pairs: sections where it is called ``.txt``, JSON lines otherwise.

    Raises
    ------
    NoCorpus : it cannot be read.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoCorpus("the pairs cannot be read", file=str(path), reason=str(error)) from error
    return from_sections(text) if path.suffix == ".txt" else from_jsonl(text)


def _document(line: str, number: int) -> object:
    try:
        return json.loads(line)
    except ValueError as error:
        raise NoCorpus("a line is no JSON", line=number, reason=str(error)) from error


def _section(pair: Pair) -> str:
    row = row_of(pair)
    # JSON writes each on one line, whatever an id or an origin holds.
    fields = [f"{name}: {json.dumps(row[name], ensure_ascii=False)}" for name in ("part", "origin", "finding")]
    bodies = [f"{name}:\n{_quoted(row[name])}" for name in ("prompt", "text")]
    return "\n".join(["", f"{_OPEN}{json.dumps(pair.id, ensure_ascii=False)}{_CLOSE}", *fields, *bodies, ""])


def _quoted(text: str) -> str:
    return "\n".join(_LINE + line for line in text.split("\n"))


def _cut(lines: list[str]) -> Iterator[list[str]]:
    section: list[str] = []
    for line in lines:
        if line.startswith(_OPEN) and section:
            yield section
            section = []
        if line:
            section.append(line)
    if section:
        yield section


def _pair(section: list[str]) -> Pair:
    first, *rest = section
    if not (first.startswith(_OPEN) and first.endswith(_CLOSE)):
        raise NoCorpus("a section does not begin with its pair", line=first[:80])
    row: dict[str, object] = {"id": _document(first[len(_OPEN) : -len(_CLOSE)], 0)}
    body, bodies = "", dict[str, list[str]]()
    for line in rest:
        if line.startswith(_LINE) and body:
            bodies[body].append(line[len(_LINE) :])
            continue
        name, _, value = line.partition(":")
        body = "" if value else name
        if value:
            row[name] = _document(value.strip(), 0)
        else:
            bodies[name] = []
    return pair_of(row | {name: "\n".join(lines) for name, lines in bodies.items()})
