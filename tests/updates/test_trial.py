"""A step of an update that nothing leads up to changes nothing."""

from edge_agent.updates import trial
from edge_agent.updates.trial import Pointer
from tests.updates.power import report


def test_without_an_offer_nothing_begins():
    assert trial.begun(Pointer()) == Pointer()


def test_without_a_trial_nothing_is_committed_and_nothing_goes_back():
    for step in (trial.committed, trial.rolled_back):
        assert step(Pointer(), report("switched")) == Pointer()
