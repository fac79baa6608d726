"""20,000 cuts of the power while both stores are written, and while a damaged file is replaced at a start."""

import pytest

from tests.store.power_cut_trials import cut, mended, recorded

pytestmark = [pytest.mark.fault, pytest.mark.reliability("power-cuts"), pytest.mark.timeout(7200)]
WRITING, REPLACING = 16_000, 4_000


def test_no_cut_loses_a_committed_event_or_damages_a_file(tmp_path, reliability):
    recording = recorded(tmp_path / "stores", rounds=3)
    found = cut(recording, tmp_path / "cut", WRITING, seed=11)
    assert (found.cuts, found.lost, found.damaged, found.back_in_outbox) == (WRITING, 0, 0, 0)
    reliability.note("power-cuts", of="writing", cuts=found.cuts, lost=found.lost, damaged=found.damaged)


def test_no_cut_while_a_damaged_file_is_replaced_loses_a_row(tmp_path, reliability):
    recording, there, calls = mended(tmp_path / "stores")
    found = cut(recording, tmp_path / "cut", REPLACING, seed=12, there=there, first=calls)
    assert (found.cuts, found.lost, found.damaged) == (REPLACING, 0, 0)
    reliability.note("power-cuts", of="replacing", cuts=found.cuts, lost=found.lost, damaged=found.damaged)
