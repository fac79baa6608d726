"""No room names a task, a class, a kind of finding or a kind of mark: what tasks declare is looked up where it is used.

The declarations themselves, the scorers and the synthetic patient (data of the field), what reads version 1 and the
trainers at the engineer's desk are not rooms.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from biosignal.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("edge_agent", "cloud_service", "biosignal")
NO_ROOMS = (
    "biosignal/tasks",
    "biosignal/scoring",
    "biosignal/synthetic",
    "biosignal/wire/v1.py",
    "cloud_service/database/migrations",
    "edge_agent/sources/wfdb_annotations.py",  # the format's own letters
    "edge_agent/sources/synthetic.py",  # the scenario's own words
    "biosignal/model/npz.py",  # the order of an array
)
OURS = "monitoring"
"""What the daemon says of itself is said by its rooms."""


def declared() -> set[str]:
    """Every name that a task declares, but for words that the language has anyway."""
    names: set[str] = set()
    for task in TASKS.values():
        if task.name == OURS:
            continue
        names |= {task.name, task.name.replace("-", "_"), *task.findings}
        names |= {kind.name for kind in task.marks}
        names |= set(task.model.classes) if task.model is not None else set()
        names |= {label.name for label in task.review.labels} if task.review is not None else set()
    return names - {"pause", "second"}


def files(suffix: str) -> Iterator[Path]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob(f"*{suffix}")):
            where = path.relative_to(ROOT).as_posix()
            if not where.startswith(NO_ROOMS) and "/vendor/" not in where:
                yield path


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """String literals of a Python file that are no docstrings."""
    tree = ast.parse(path.read_text())
    told = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    # The letter that a usage line shows for a number is none of ours.
    shown = {node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "metavar"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in told | shown:
            yield node.lineno, node.value


def test_no_literal_of_a_room_is_a_name_that_a_task_declares():
    names = declared()
    found = [
        f"{path.relative_to(ROOT)}:{line} {text!r}"
        for path in files(".py")
        for line, text in literals(path)
        if text in names
    ]
    assert found == []


def test_no_room_imports_a_task_by_name():
    folders = [task.package for task in TASKS.values() if task.name != OURS]
    found = []
    for path in files(".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if module is not None and module.startswith(tuple(folders)):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {module}")
    assert found == []


@pytest.mark.parametrize("suffix", [".js", ".html"])
def test_no_page_names_a_task_or_a_kind(suffix):
    long = sorted(name for name in declared() if len(name) > 3)
    pattern = re.compile(r"""["'`](%s)["'`]""" % "|".join(map(re.escape, long)))  # noqa: UP031 - the pattern has braces
    found = [
        f"{path.relative_to(ROOT)}: {match.group(0)}"
        for path in files(suffix)
        for match in pattern.finditer(path.read_text())
    ]
    assert found == []


def test_it_would_be_seen():
    assert {"ecg-beats", "vt", "asystole", "V", "Q", "beat"} <= declared()
    assert [text for _, text in literals(ROOT / "biosignal/tasks/ecg_rhythm/kinds.py") if text in declared()]
