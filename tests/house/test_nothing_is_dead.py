"""What nobody names is there for nobody: each function, class and constant of a module, and each property, is used."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("biosignal", "edge_agent", "cloud_service", "export")
READERS = (*PACKAGES, "tests", "demo", "benchmarks", "installed", "audit", "pyproject.toml")
WORD = re.compile(r"\w+")


def texts() -> Iterator[str]:
    for place in READERS:
        paths = [ROOT / place] if place.endswith(".toml") else (ROOT / place).rglob("*.py")
        for path in paths:
            yield path.read_text(encoding="utf-8")


def names_of(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What a module defines: what is decorated may be called by whoever decorates it, but for properties."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef):
            continue
        for one in node.body:
            is_top = isinstance(node, ast.Module)
            decorators = [ast.unparse(word) for word in getattr(one, "decorator_list", [])]
            is_ours = decorators == ["property"] or (is_top and not decorators)
            if isinstance(one, ast.FunctionDef | ast.ClassDef) and is_ours:
                yield one.lineno, one.name
            elif is_top and isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name):
                yield one.lineno, one.targets[0].id


def dead(source: str, words: Counter[str]) -> list[tuple[int, str]]:
    """Names that stand nowhere but where they are defined."""
    found = names_of(ast.parse(source))
    return [(line, name) for line, name in found if words[name] == 1 and not name.startswith("__")]


def test_no_name_is_defined_that_nothing_else_names():
    words = Counter(word for text in texts() for word in WORD.findall(text))
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "migrations" not in path.parts
        for line, name in dead(path.read_text(encoding="utf-8"), words)
    ]
    assert found == []


SOURCE = """
LIMIT = 3

def one():
    return LIMIT

@route
def two(): ...

class A:
    @property
    def b(self): ...
"""


def test_a_name_that_nothing_else_names_is_found():
    assert [name for _, name in dead(SOURCE, Counter(WORD.findall(SOURCE)))] == ["one", "A", "b"]
