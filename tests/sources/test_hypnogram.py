import itertools
import os
from pathlib import Path

import edfio
import pytest

from edge_agent.sources.hypnogram import Stage, hypnogram_beside, read_stages, seconds_by_stage
from edge_agent.sources.port import RecordUnreadable

DATA_DIR = os.environ.get("EDGE_DATA_DIR")


def test_stages_are_read_and_other_annotations_are_left_out(tmp_path):
    said = [(0, 90, "Sleep stage W"), (90, 30, "Sleep stage N2"), (100, None, "Lights off"), (120, 30, "Movement time")]
    edfio.Edf([], annotations=[edfio.EdfAnnotation(*one) for one in said]).write(tmp_path / "h.edf")
    stages = read_stages(tmp_path / "h.edf")
    assert stages[1] == Stage(start_s=90, for_s=30, name="N2")
    assert seconds_by_stage([*stages, *stages]) == {"Movement time": 60, "N2": 60, "W": 180}


def test_the_hypnogram_of_a_recording_is_the_one_that_differs_by_the_scorers_letter(tmp_path):
    for name in ("SC4001E0-PSG.edf", "SC4001EC-Hypnogram.edf", "SC4002EC-Hypnogram.edf", "SC4003E0-PSG.edf"):
        (tmp_path / name).write_bytes(b"")
    assert hypnogram_beside(tmp_path / "SC4001E0-PSG.edf") == tmp_path / "SC4001EC-Hypnogram.edf"
    assert hypnogram_beside(tmp_path / "SC4003E0-PSG.edf") is None
    assert hypnogram_beside(tmp_path / "other.edf") is None
    with pytest.raises(RecordUnreadable):
        read_stages(tmp_path / "SC4001EC-Hypnogram.edf")


@pytest.mark.data
@pytest.mark.skipif(DATA_DIR is None, reason="EDGE_DATA_DIR is not set")
def test_a_real_hypnogram_says_the_stages_of_a_whole_night():
    file = Path(DATA_DIR or "") / "sleepedf" / "SC4002EC-Hypnogram.edf"
    if not file.is_file():
        pytest.skip("EDGE_DATA_DIR has no sleepedf")
    stages = read_stages(file)
    assert {one.name for one in stages} <= {"W", "1", "2", "3", "4", "R", "?", "Movement time"}
    assert all(before.start_s + before.for_s == after.start_s for before, after in itertools.pairwise(stages))
    assert sum(seconds_by_stage(stages).values()) > 20 * 3600
