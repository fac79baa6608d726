"""What the stores said was on disk is there after a power cut, at any moment; the long form is in
`make fault ROW=power-cuts`."""

import pytest

from tests.store.power_cut_trials import cut, mended, recorded


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return recorded(tmp_path_factory.mktemp("power") / "stores", rounds=2)


def test_no_cut_loses_what_was_committed_or_damages_a_file(recording, tmp_path):
    found = cut(recording, tmp_path / "cut", 300, seed=1)
    assert (found.cuts, found.lost, found.damaged) == (300, 0, 0)
    assert found.back_in_outbox == 0


def test_the_cuts_find_a_store_that_does_not_flush(tmp_path):
    unsafe = recorded(tmp_path / "stores", "unsafe", rounds=1)
    assert cut(unsafe, tmp_path / "cut", 60, seed=1).lost > 0


def test_no_cut_while_a_damaged_file_is_replaced_loses_a_row(tmp_path):
    recording, there, calls = mended(tmp_path / "stores")
    found = cut(recording, tmp_path / "cut", 120, seed=2, there=there, first=calls)
    assert (found.cuts, found.lost, found.damaged) == (120, 0, 0)
