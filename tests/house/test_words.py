"""The code is named by the words of docs/glossary.md: some words, used here for too many things, are in no name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("biosignal", "edge_agent", "cloud_service", "export")
NO_WORDS = {"tell", "tells", "told", "judge", "judges", "judged", "room", "rooms"}
"""Say emit, log, return, send or show; grade, check, score or decide; part, place or queue."""
EXCEPTIONS: dict[str, str] = {}
"""Names that hold such a word all the same, each with its reason."""


def words_of(name: str) -> set[str]:
    """The words a name is made of, written as ``two_words`` or ``TwoWords``."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def names_of(source: str) -> Iterator[str]:
    """What a module names: functions, methods, classes, fields and parameters."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def wrongly_named(source: str) -> list[str]:
    return [name for name in names_of(source) if words_of(name) & NO_WORDS and name not in EXCEPTIONS]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_name_holds_a_word_that_the_glossary_leaves_out(package):
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        where = path.relative_to(ROOT)
        found += [f"{where}: {name}" for name in wrongly_named(path.read_text(encoding="utf-8"))]
        found += [f"{where}: its own name" for part in where.parts if words_of(part) & NO_WORDS]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "def tell(): ...",
        "async def _until_told(): ...",
        "class JudgeOfBeats: ...",
        "class Store:\n    def wait_for_room(self): ...",
        "def put(*, room=1): ...",
        "class Review:\n    cannot_tell: str",
    ],
)
def test_such_a_name_is_found(source):
    assert len(wrongly_named(source)) == 1


def test_words_that_only_hold_one_of_them_are_good_names():
    assert wrongly_named("def headroom(roomy, intellect, misjudgement): ...") == []
