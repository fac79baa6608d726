import pytest

from edge_agent.sources.decoders import KINDS
from tests.decoders.fuzzing import run


@pytest.mark.parametrize("times", [False, True])
@pytest.mark.parametrize("protocol", KINDS)
def test_mutated_frames_break_no_promise(protocol, times):
    watched = run(protocol, 150_000, seed=3, times=times)
    assert watched.samples > 0
