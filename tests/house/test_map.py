"""docs/map.md says where each thing is, once."""

from collections import Counter
from pathlib import Path

MAP = Path(__file__).resolve().parents[2] / "docs" / "map.md"


def first_things(text):
    """What each row of the table begins with, up to the first semicolon."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ") and "`" in line]
    return [row.partition(";")[0].strip() for row in rows]


def test_no_two_rows_begin_with_the_same_thing():
    twice = [thing for thing, times in Counter(first_things(MAP.read_text(encoding="utf-8"))).items() if times > 1]
    assert twice == []


def test_rows_are_read():
    assert first_things("| a; b | `x` |\n|---|---|\n| a; c | `y` |") == ["a", "a"]
