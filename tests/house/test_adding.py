"""The task that docs/adding.md builds is one: its code is read from there and keeps what every task keeps to."""

import importlib
import re
import sys
from pathlib import Path

import pytest

import biosignal.tasks
from biosignal.tasks import TASKS
from tests.tasks import test_every_task as every

RECIPE = (Path(__file__).resolve().parents[2] / "docs" / "adding.md").read_text(encoding="utf-8")
FOLDER = "lead_swing"


def files_of_the_recipe():
    """Each file of the task by name, as the recipe gives it."""
    files = dict(re.findall(rf"```python\n# biosignal/tasks/{FOLDER}/(\w+\.py)\n(.*?)```", RECIPE, re.DOTALL))
    words = re.search(r"`words\.json`.*?```json\n(.*?)```", RECIPE, re.DOTALL)
    assert words is not None
    return {**files, "words.json": words.group(1), "__init__.py": '"""How far a lead swings."""\n'}


@pytest.fixture
def task(tmp_path, monkeypatch):
    folder = tmp_path / FOLDER
    folder.mkdir()
    for name, text in files_of_the_recipe().items():
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(biosignal.tasks, "__path__", [*biosignal.tasks.__path__, str(tmp_path)])
    made = importlib.import_module(f"biosignal.tasks.{FOLDER}.task").LEAD_SWING
    monkeypatch.setitem(TASKS, made.name, made)
    yield made
    for name in [name for name in sys.modules if name.startswith(f"biosignal.tasks.{FOLDER}")]:
        del sys.modules[name]


def test_the_recipe_has_every_file_of_a_task():
    assert set(files_of_the_recipe()) == {"__init__.py", "kinds.py", "stage.py", "task.py", "words.json"}


def test_its_declaration_is_whole(task):
    every.test_its_name_is_that_of_its_folder_and_what_it_needs_stands_before_it(task)
    every.test_every_kind_has_words_and_every_quantity_it_may_carry_has_wordings(task)
    every.test_its_limits_have_defaults_and_are_frozen(task)


def test_its_stage_keeps_the_law(task):
    x = every.signal(20.0)
    whole = every.analyse(task, every.blocks(task, x))
    assert len(whole) > 5
    assert every.analyse(task, every.blocks(task, x, cuts=[1, 7, 700, 719, 720, 5000])) == whole
    every.test_nothing_is_said_before_it_was_decided_and_all_in_order(task)
    every.test_a_gap_makes_it_begin_anew(task)
    every.test_its_numbers_and_columns_name_quantities_it_declares(task)
