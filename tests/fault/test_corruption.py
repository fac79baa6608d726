"""Starts on a damaged `events.db` of 1,212 findings, before and after the clinic had received some of them."""

import shutil
import statistics

import pytest

from tests.store import damage
from tests.store import events_made as made
from tests.store.damaged_store import FINDINGS, fill, held, open_store, start_on

pytestmark = [pytest.mark.fault, pytest.mark.reliability("corruption"), pytest.mark.timeout(3600)]
SEEDS = range(10)
KINDS = (damage.header, damage.first_page, damage.cut_short, damage.random_pages, damage.no_length)
START_S, SAVED_PERCENT = 5.0, 99.0


@pytest.mark.parametrize("received", [0, 2 * FINDINGS], ids=["nothing-received", "findings-received"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_start_saves_the_findings_that_the_clinic_lacks(tmp_path, kind, received, reliability):
    source = tmp_path / "sound"
    store = open_store(source)
    fill(store, received=received)
    before = held(store)
    store.close()
    check(source, before, kind, reliability)


def test_a_file_without_length_beside_its_log_is_saved(tmp_path, reliability):
    source = tmp_path / "sound"
    store = open_store(tmp_path / "open")
    store.add_many(
        event for number in range(FINDINGS) for event in (made.finding(str(number), "r"), made.text(str(number)))
    )
    before = held(store)
    shutil.copytree(tmp_path / "open", source)  # as it lies there while the daemon runs
    store.close()
    assert (source / "events.db-wal").stat().st_size > 100 * FINDINGS
    check(source, before, damage.no_length, reliability, beside="its log")


def check(source, before, kind, reliability, beside=""):
    starts = [start_on(source, source.with_name("spoiled"), before, kind, seed) for seed in SEEDS]
    reliability.note(
        "corruption",
        of=kind.__name__.replace("_", " ") + (beside and f" beside {beside}"),
        received=len(before.stored) - len(before.waits),
        starts=len(starts),
        longest_s=max(start.took_s for start in starts),
        unsent_findings_percent=min(start.unsent_findings for start in starts),
        findings_percent=statistics.mean(start.findings for start in starts),
        unsent_percent=statistics.mean(start.unsent for start in starts),
    )
    assert all(start.unsent_findings >= SAVED_PERCENT for start in starts)
    assert all(start.invented == 0 for start in starts)
    # Of the processor: a machine that does other things as well takes longer by the clock.
    assert all(start.cpu_s <= START_S for start in starts)
