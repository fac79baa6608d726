"""The table of networks names the one that the rule would release, and says of each how far it is from the best."""

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from export.compared import NEAR, SHOWN, chosen_of, compare_lines


def row(name, area, learned, *, is_baseline=False, to_best=(0.0, 0.0, 0.0)):
    of_set = {"macro_auc": area, "ci": [area - 0.01, area + 0.01], "auc": {}, "to_best": list(to_best)}
    shown = dict.fromkeys(SHOWN, of_set)
    return {
        "name": name,
        "is_baseline": is_baseline,
        "learned": learned,
        "seconds": 12.3,
        "ms": 1.24,
        "by_leads": shown,
    }


def test_the_smallest_of_those_near_the_best_is_chosen_in_whatever_order_they_stand():
    rows = [
        row("best", 0.92, 900),
        row("near and small", 0.92 - NEAR, 300),
        row("too far", 0.92 - NEAR - 1e-4, 100),
        row("baseline", 0.95, 10, is_baseline=True),
    ]
    assert {chosen_of(one) for one in permutations(rows)} == {"near and small"}


@given(
    st.lists(
        st.tuples(st.integers(8000, 9500), st.integers(1, 500_000)),
        min_size=1,
        max_size=8,
        unique_by=lambda one: one[1],
    )
)
def test_none_that_is_near_the_best_is_smaller_than_what_is_chosen(found):
    rows = [row(str(learned), area / 10_000, learned) for area, learned in found]
    chosen = int(chosen_of(rows))
    best = max(area for area, _ in found)
    assert chosen == min(learned for area, learned in found if best - area <= 50)


def test_the_table_has_a_row_for_each_and_says_who_was_judged_on_what():
    figures = {
        "taught": {"folds": [1, 2], "records": 20},
        "scored": {"folds": [3], "records": 10},
        "seed": 0,
        "machine": {"processor": "a processor", "load": [1.5]},
        "rows": [row("one", 0.91, 1200), row("two", 0.9, 800, to_best=(-0.01, -0.02, 0.001))],
        "chosen": "one",
    }
    lines = compare_lines(figures)
    assert "folds 1, 2, scored on 10 of folds 3" in lines[0]
    assert "| one | 0.910 (0.900-0.920) |" in lines[4]
    assert "| best |" in lines[4]
    assert "-0.010 (-0.020 to +0.001)" in lines[5]
    assert lines[-1].endswith("of the best: one.")
    assert len({line.count("|") for line in lines[2:6]}) == 1
