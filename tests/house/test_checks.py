"""What runs before a commit is what `make check` runs, and it fetches nothing."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def steps_of_check() -> list[str]:
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.group(1).splitlines()]


def test_the_hooks_before_a_commit_are_the_steps_of_make_check():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"^ +entry: (.+)$", hooks, re.MULTILINE) == steps_of_check()


def test_the_hooks_before_a_commit_are_all_local():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"^ +- repo: (.+)$", hooks, re.MULTILINE) == ["local"]
    assert set(re.findall(r"^ +language: (.+)$", hooks, re.MULTILINE)) == {"system"}
