"""What the stores cost: bytes written for each chunk of waves, and what importing them brings along."""

import subprocess
import sys

import numpy as np

from biosignal.signal.blocks import Lead, SampleBlock
from edge_agent.store.events import EventStore
from edge_agent.store.waveforms import CHUNK_S, WaveStore
from tests.store import events_made as made

FS_HZ = 360.0
LEADS = (Lead(name="MLII"), Lead(name="V5"))


def test_a_chunk_of_two_leads_writes_less_than_five_times_itself(tmp_path):
    store = WaveStore(tmp_path / "waves.db", 10**9, reserve_bytes=0)
    length = round(CHUNK_S * FS_HZ)
    rng = np.random.default_rng(1)

    def append(number):
        samples = rng.normal(0, 0.01, (2, length)).astype(np.float32).cumsum(axis=1)
        block = SampleBlock(recording="r", start=number * length, fs_hz=FS_HZ, leads=LEADS, samples=samples)
        store.append(block)
        return sum(len(row[0]) for row in store._db.execute("SELECT frame FROM chunks WHERE first = ?", [block.start]))

    chunks = 20
    frames = sum(append(number) for number in range(chunks))
    log = (tmp_path / "waves.db-wal").stat().st_size
    store.close()
    # The log has one copy of every page that a commit touched, the file gets most of them once more.
    assert frames > 0
    assert log < 5 * frames, (log, frames)


def test_the_daemon_starts_without_pandas_and_does_not_stand_in_its_way():
    program = """
import sys
import edge_agent.agent.agent
assert "pandas" not in sys.modules, "imported for nothing"
import pandas
assert pandas.DataFrame
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=100)


def test_the_daemon_starts_without_what_fetches_models(tmp_path):
    program = """
import sys
from pathlib import Path
import edge_agent.agent.agent
from edge_agent.updates.fetching import fetch_by
from edge_agent.updates.settings import UpdatesSettings
folder = Path(sys.argv[1])
folder.joinpath("root.json").write_bytes(b"{}")
fetch = fetch_by(UpdatesSettings(url="http://127.0.0.1:9/updates", root=folder / "root.json"), folder / "updates")
assert not {"tuf", "cryptography", "urllib3"} & sys.modules.keys(), "imported for nothing"
try:
    fetch("ecg-beats/1.0.0.bundle")
except Exception as error:
    print(type(error).__module__)
assert "tuf" in sys.modules
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, check=True, timeout=100, capture_output=True, text=True)
    assert done.stdout == "edge_agent.updates.errors\n"


def test_a_finding_with_its_marks_writes_few_pages(tmp_path):
    store = EventStore(tmp_path / "events.db", "bed-1", "boot", reserve_bytes=0)
    store._db.execute("PRAGMA wal_autocheckpoint = 0")
    commits = 300
    for number in range(commits):
        marks = [made.mark("r", 10 * number + start) for start in range(2)]
        store.add_many([*marks, made.finding(str(number), "r"), made.text(str(number))])
    log = (tmp_path / "events.db-wal").stat().st_size
    store.close()
    # With an index by id and pages of 4096 bytes it was 60 kB a commit.
    assert log / commits < 6_000
