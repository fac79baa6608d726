"""What was added is there, in order, once, until the clinic's receipt; whatever happens in between."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from biosignal.errors import BadInput
from biosignal.events import Column, Command, CommandAnswer, Explanation, Series
from biosignal.wire.envelope import decode
from edge_agent.store.errors import StoreForeign, StoreInUse, StoreUnsafe, StoreUnwritable
from edge_agent.store.event_rows import PLAN
from edge_agent.store.events import EventStore
from edge_agent.store.integrity import open_file
from edge_agent.store.reading import open_reader

CLOCK = "2026-01-01T00:00:00.000Z"


def series(id_, recording="r", value=None):
    return Series(
        id=id_,
        task="t",
        recording=recording,
        leads=("II",),
        fs_hz=360.0,
        start=0,
        end=360,
        decided_at=360,
        step=360,
        columns=(Column(quantity="q", values=(value,)),),
    )


def text(id_, rev=0):
    return Explanation(
        id=id_, rev=rev, finding="f", finding_rev=0, text="t", made_by="template", model_sha256=None, checked="language"
    )


def open_store(path, **options):
    return EventStore(path, "bed-1", "boot-1", utc_now=lambda: CLOCK, reserve_bytes=0, **options)


@pytest.fixture
def store(tmp_path):
    opened = open_store(tmp_path / "events.db")
    yield opened
    opened.close()


def test_an_event_and_its_outbox_row_arrive_together(store):
    envelope = store.add(series("a"), lane=2)
    (row,) = store.outbox(10)
    assert (row.id, row.rev, row.lane, row.kind) == ("a", 0, 2, "series")
    assert decode(row.payload) == envelope == store.get("a")
    assert (envelope.device, envelope.boot, envelope.seq) == ("bed-1", "boot-1", 0)


def test_adding_twice_changes_nothing(store):
    first = store.add(series("a"))
    store.confirm([("a", 0)])
    assert store.add(series("a")) == first
    assert store.outbox(10) == []


def test_seq_counts_per_recording(store):
    seqs = [store.add(series(f"{recording}{i}", recording)).seq for i in range(3) for recording in "xy"]
    assert seqs == [0, 0, 1, 1, 2, 2]


def test_a_newer_rev_leaves_the_older_rows_waiting(store):
    for rev in range(3):
        store.add(text("e", rev))
    assert [(row.id, row.rev) for row in store.outbox(10)] == [("e", 0), ("e", 1), ("e", 2)]
    assert store.confirm([("e", 1), ("e", 7), ("unknown", 0)]) == 1
    assert [row.rev for row in store.outbox(10)] == [0, 2]
    assert store.get("e").rev == 2
    assert store.get("e", 0).rev == 0


def test_lower_lanes_come_first_and_each_in_its_order(store):
    for index, lane in enumerate([2, 0, 3, 0, 2]):
        store.add(series(str(index)), lane)
    assert [row.id for row in store.outbox(10)] == ["1", "3", "0", "4", "2"]
    assert [row.id for row in store.outbox(10, lane=2)] == ["0", "4"]
    after = store.outbox(1, lane=2)[0].n
    assert [row.id for row in store.outbox(10, lane=2, after=after)] == ["4"]


def test_what_the_clinic_cannot_read_is_kept_for_a_person(store):
    store.add(series("a"))
    assert store.reject([("a", 0, "unknown kind"), ("b", 0, "never sent")]) == 1
    assert store.outbox(10) == []
    assert store.waiting("a", 0) is None
    (row,) = store.rejected()
    assert (row.id, row.kind, row.reason) == ("a", "series", "unknown kind")
    assert [again.id for again in store.retry_rejected()] == ["a"]
    assert store.waiting("a", 0).lane == 3
    assert store.rejected() == []


def test_add_many_is_all_or_nothing(store):
    with pytest.raises(BadInput):
        store.add_many([series("a"), series("b", value=float("nan"))])
    assert store.outbox(10) == []
    assert store.add(series("c")).seq == 0


def test_counts_say_what_waits(store):
    for index in range(3):
        store.add(series(str(index)), lane=2)
    store.add(text("e"))
    store.confirm([("0", 0)])
    counts = store.counts()
    assert counts.waiting == ((0, 1), (2, 2))
    assert (counts.outbox, counts.events, counts.rejected) == (3, 4, 0)
    assert counts.oldest_waiting_at == counts.last_receipt_at == CLOCK
    assert counts.size_bytes > 0


def test_a_command_is_claimed_once_and_answered(store):
    command = Command(id="c", name="watch", issuer="nurse", expires_utc=CLOCK, arguments=())
    assert store.claim_command(command)
    assert not store.claim_command(command)
    assert store.unanswered_commands() == [("c", "watch")]
    store.answer_command(CommandAnswer(id="x", command="c", name="watch", outcome="done", reason=""))
    assert store.unanswered_commands() == []
    assert [row.kind for row in store.outbox(10)] == ["command.answer"]


def test_many_threads_add_without_loss(store):
    def work(name):
        for index in range(25):
            store.add(series(f"{name}-{index}"))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(event.seq for event in store.events()) == list(range(150))


def test_every_commit_is_flushed_to_the_disk(store):
    assert store._db.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert store._db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


@pytest.mark.parametrize("level", ["OFF", "off", "NORMAL", "0"])
def test_an_unsafe_synchronous_setting_is_refused(tmp_path, level):
    with pytest.raises(StoreUnsafe) as refused:
        open_store(tmp_path / "events.db", synchronous=level)
    assert refused.value.exit_code == 3
    open_store(tmp_path / "events.db").close()


def test_a_second_writer_is_refused_and_a_reader_is_not(store, tmp_path):
    store.add(series("a"))
    with pytest.raises(StoreInUse):
        open_store(tmp_path / "events.db")
    reader = open_reader(tmp_path / "events.db")
    assert reader.counts().outbox == 1
    reader.close()


def test_a_reader_without_a_store_says_so(tmp_path):
    with pytest.raises(StoreUnwritable):
        open_reader(tmp_path / "events.db")


def test_somebody_elses_database_is_left_alone(tmp_path):
    connection = sqlite3.connect(tmp_path / "events.db")
    connection.execute("CREATE TABLE photos (id)")
    connection.close()
    with pytest.raises(StoreForeign):
        open_store(tmp_path / "events.db")
    connection = sqlite3.connect(tmp_path / "events.db")
    assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master")] == ["photos"]
    connection.close()


def test_a_newer_versions_store_is_left_alone_and_an_older_one_is_backed_up(tmp_path):
    path = tmp_path / "events.db"
    first = open_store(path)
    first.add(series("a"))
    first.close()
    newer = replace(PLAN, migrations=(*PLAN.migrations, "CREATE TABLE extra (id)"))
    db, _ = open_file(path, newer, at=CLOCK)
    assert db.execute("SELECT count(*) FROM events").fetchone()[0] == 1
    db.conn.close()
    (backup,) = tmp_path.glob("events.db.before-v3-*")
    with pytest.raises(StoreForeign):
        open_store(path)
    backup.rename(path)
    for rest in ("-wal", "-shm"):
        path.with_name(path.name + rest).unlink(missing_ok=True)
    old = open_store(path)
    assert [row.id for row in old.outbox(10)] == ["a"]
    old.close()


class StoreMachine(RuleBasedStateMachine):
    """The store against a plain model, with the process dying between any two steps."""

    keys = Bundle("keys")

    @initialize()
    def start(self):
        self.folder = Path(os.environ["STORE_MACHINE_DIR"]) / os.urandom(8).hex()
        self.store = open_store(self.folder / "events.db", ids_held=5)
        self.events, self.waiting, self.rejected = {}, [], set()
        self.seqs = set()

    @rule(target=keys, id_=st.sampled_from("abcdefgh"), rev=st.integers(0, 2), recording=st.sampled_from("xy"))
    def add(self, id_, rev, recording):
        key = (id_, rev)
        event = text(id_, rev) if rev else series(id_, recording)
        envelope = self.store.add(event, lane=0)
        if key not in self.events:
            self.events[key] = envelope
            self.waiting.append(key)
            assert (envelope.recording, envelope.seq) not in self.seqs
            self.seqs.add((envelope.recording, envelope.seq))
        assert envelope == self.events[key]
        return key

    @rule(key=keys)
    def confirm(self, key):
        assert self.store.confirm([key]) == (key in self.waiting)
        self.waiting = [other for other in self.waiting if other != key]
        self.rejected.discard(key)

    @rule(key=keys)
    def reject(self, key):
        assert self.store.reject([(*key, "why")]) == (key in self.waiting)
        if key in self.waiting:
            self.waiting.remove(key)
            self.rejected.add(key)

    @rule(keys=st.lists(st.sampled_from("mnop"), min_size=1, max_size=3, unique=True))
    def fail_in_the_middle(self, keys):
        with pytest.raises(BadInput):
            self.store.add_many([*map(series, keys), series("bad", value=float("inf"))])

    @rule()
    def tend(self):
        assert self.store.trim(10**9) == 0

    @rule(target=keys)
    def crash(self):
        # What a kill leaves behind: file and log as they are, no close, no checkpoint.
        left = self.folder.parent / os.urandom(8).hex()
        left.mkdir()
        for name in ("events.db", "events.db-wal"):
            if (self.folder / name).exists():
                (left / name).write_bytes((self.folder / name).read_bytes())
        self.store.close()
        self.folder = left
        self.store = open_store(left / "events.db", ids_held=5)
        assert self.store.salvage is None
        return multiple()

    @invariant()
    def agree(self):
        if hasattr(self, "store"):
            assert {(e.id, e.rev) for e in self.store.events()} == set(self.events)
            assert [(row.id, row.rev) for row in self.store.outbox(100)] == self.waiting
            assert {(row.id, row.rev) for row in self.store.rejected()} == self.rejected

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()


def test_the_store_agrees_with_a_plain_model(tmp_path, monkeypatch):
    monkeypatch.setenv("STORE_MACHINE_DIR", str(tmp_path))
    run_state_machine_as_test(StoreMachine, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))


WRITERS = """
import os, sys
from pathlib import Path
from biosignal.events import Series
from edge_agent.store.events import EventStore
def series(id_):
    numbers = dict(fs_hz=360.0, start=0, end=1, decided_at=1, step=1, columns=())
    return Series(id=id_, task="t", recording="r", leads=("II",), **numbers)
def write(first):
    store = EventStore(Path(sys.argv[1]), "bed-1", "boot-1", reserve_bytes=0)
    for index in range(first, first + 100000):
        envelope = store.add(series(f"e{index}"))
        print(index, envelope.seq, flush=True)
        if index % 3 == 0:
            store.confirm([(f"e{index}", 0)])
            print("confirmed", index, flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        print("writer", os.getpid(), flush=True)
        write(int(line))
    os.waitpid(child, 0)
    print("", flush=True)
    print("ended 0", flush=True)
"""


@pytest.mark.timeout(120)
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path):
    path = tmp_path / "events.db"
    added, confirmed, seqs = set(), set(), {}
    command = [sys.executable, "-c", WRITERS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writers:
        for cut in range(int(os.environ.get("STORE_KILLS", "20"))):
            print(1_000_000 * cut, file=writers.stdin, flush=True)
            pid = int(writers.stdout.readline().split()[1])
            for _ in range((cut * 7919) % 60):
                note(writers.stdout.readline(), added, confirmed, seqs)
            os.kill(pid, signal.SIGKILL)
            while (line := writers.stdout.readline()) != "ended 0\n":
                note(line, added, confirmed, seqs)
            store = open_store(path)
            assert store.salvage is None
            stored = dict(store._db.execute("SELECT id, seq FROM events").fetchall())
            waiting = {row.id for row in store.outbox(10**6)}
            store.close()
            assert added <= set(stored)
            assert not waiting & confirmed
            assert all(int(id_[1:]) % 3 == 0 for id_ in added - waiting)  # only what was being confirmed may be gone
            assert len(set(stored.values())) == len(stored)
            assert all(stored[id_] == seq for id_, seq in seqs.items())
        writers.stdin.close()
    assert len(added) > 100


def note(line, added, confirmed, seqs):
    if len(line.split()) != 2:
        return  # cut in the middle of telling
    first, second = line.split()
    if first == "confirmed":
        confirmed.add(f"e{second}")
    else:
        added.add(f"e{first}")
        seqs[f"e{first}"] = int(second)
