"""A setting that nothing reads does nothing: every one is read somewhere."""

import ast
from pathlib import Path

import pytest

from biosignal.settings_tree import leaves, tree_of
from cloud_service.settings import CloudSettings
from edge_agent.operate.settings import Settings, limits_of_tasks

ROOT = Path(__file__).resolve().parents[2]


def names_read_below(package: str) -> set[str]:
    """Attributes that the code of a package reads, but for those a class reads of itself."""
    read: set[str] = set()
    for file in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and not _is_self(node.value):
                read.add(node.attr)
    return read


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "self"


def test_every_setting_of_the_daemon_is_read_by_something():
    read = names_read_below("edge_agent")
    paths = leaves(tree_of(Settings, sections={}, names={}))
    assert [path for path in paths if path.rpartition(".")[2] not in read] == []


def test_every_setting_of_the_clinic_is_read_by_something():
    read = names_read_below("cloud_service")
    paths = leaves(tree_of(CloudSettings, sections={}, names={}))
    assert [path for path in paths if path.rpartition(".")[2] not in read] == []


@pytest.mark.parametrize("task", sorted(limits_of_tasks()))
def test_every_limit_of_a_task_is_read_by_something(task):
    read = names_read_below("biosignal")
    paths = leaves(tree_of(limits_of_tasks()[task], sections={}, names={}))
    assert [path for path in paths if path not in read] == []
