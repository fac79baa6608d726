"""docs/reliability.md has a line for every property, and the table says where nothing was measured."""

import datetime
import re
from pathlib import Path

import pytest

from tests.fault.reliability import NOT_RUN, ROWS, Table

ROOT = Path(__file__).resolve().parents[2]
TODAY = datetime.date(2026, 11, 26)


def test_the_page_has_the_rows_of_the_table_and_a_date_for_each_figure():
    page = (ROOT / "docs" / "reliability.md").read_text()
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\|.*\|$", page, re.MULTILINE)
    ]
    rows = [line for line in cells if line[2].startswith("`make fault")]
    assert [line[:3] for line in rows] == [[row.about, row.target, f"`{row.command}`"] for row in ROWS]
    for *_, figure, date in rows:
        assert figure
        assert (date == "") == figure.startswith(NOT_RUN)
        assert date == "" or datetime.date.fromisoformat(date)


@pytest.mark.parametrize(
    ("happens", "figure"),
    [
        ([], "not run"),
        ([("skipped", "no broker")], "not run: no broker"),
        ([("passed", "")], "held"),
        ([("note", {"lost": 0, "of": 20_000})], "lost 0, of 20,000"),
        ([("note", {"start_s": 1.234}), ("failed", "")], "FAILED: test_it; start s 1.23"),
        ([("note", {"broker": "a"}), ("note", {"broker": "b"}), ("skipped", "c")], "broker a; broker b"),
    ],
)
def test_a_row_says_what_its_tests_found(happens, figure):
    table = Table()
    for what, about in happens:
        if what == "note":
            table.note("kills", **about)
        else:
            table.ended("kills", "test_it", what, about)
    (line,) = (line for line in table.lines(TODAY) if "ROW=kills" in line)
    assert f"| {figure} |" in line
    assert ("2026-11-26" in line) == (not figure.startswith(NOT_RUN))


def test_a_figure_of_a_row_that_does_not_exist_is_refused():
    with pytest.raises(KeyError):
        Table().note("no-such-row", lost=0)
