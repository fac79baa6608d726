"""The plug of a board pulled fifty times."""

import pytest

from tests.sources.test_replugging import judged


@pytest.mark.fault
def test_fifty_times_unplugged(tmp_path):
    judged(50, tmp_path / "board")
