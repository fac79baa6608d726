"""Beats are scored once more by what a report tells: none is early in what was named fibrillation or flutter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biosignal.scoring.score import Annotations
from biosignal.tasks import TASKS
from export.report.analysed import Analysed
from export.report.beats import class_figures, early_unassessed, score_classes
from tests.export.test_verdicts import FS, beats, signals
from tests.scoring.test_score import mark

RHYTHMS = sorted(kind for task in TASKS.values() for kind, said in task.findings.items() if said.wfdb_rhythm)
NEVER_EARLY = ("af", "afl")


def reported(named, *, found="S", reference="N", from_s=0.0):
    """Figures of a minute whose beats are all called `found`."""
    known = beats(0.5, 60.0, symbol=reference)
    marks = [mark(round(at * FS), found) for at, _, _ in known]
    heard = Analysed(leads=("II",), beats=marks, named=named)
    score = score_classes(signals(known), heard, {}, from_s=from_s, at_reference=False)
    return class_figures([score], {})


@pytest.mark.parametrize("kind", NEVER_EARLY)
def test_a_false_early_beat_inside_is_none_as_reported_and_stays_one_in_the_plain_figures(kind):
    figures = reported({kind: [(20.0, 40.0)]})
    inside = sum(20.0 <= at <= 40.0 for at, _, _ in beats(0.5, 60.0))
    assert figures["as_reported"]["s_unassessed"] == inside > 0
    assert figures["gross"]["s"]["fp"] - figures["as_reported"]["s"]["fp"] == inside
    assert figures["records"][0]["as_reported"] == figures["as_reported"]


def test_an_early_beat_of_the_reference_is_missed_as_reported_where_a_rhythm_was_named_wrongly():
    figures = reported({"af": [(20.0, 40.0)]}, reference="S")
    lost = figures["as_reported"]["s_unassessed"]
    assert lost > 0
    assert (figures["gross"]["s"]["fn"], figures["as_reported"]["s"]["fn"]) == (0, lost)


def test_what_is_left_out_is_not_counted_as_unassessed():
    everywhere = {"af": [(0.0, 60.0)]}
    assert (
        reported(everywhere, from_s=30.0)["as_reported"]["s_unassessed"]
        < reported(everywhere)["as_reported"]["s_unassessed"]
    )


@given(
    labels=st.lists(st.sampled_from("NSVFQ"), max_size=40),
    kind=st.sampled_from(RHYTHMS),
    stretches=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted).map(tuple), max_size=4),
)
def test_whatever_was_named_only_early_beats_inside_fibrillation_or_flutter_are_unassessed(labels, kind, stretches):
    at = np.arange(len(labels)) * round(FS)
    found = early_unassessed(Annotations(at, labels), {kind: stretches}, FS)
    expected = [
        kind in NEVER_EARLY and label == "S" and any(start <= second <= end for start, end in stretches)
        for second, label in enumerate(labels)
    ]
    assert found.tolist() == expected
