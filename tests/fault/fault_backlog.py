"""What a clinic must hold once a device's backlog has drained: all of it, once, in the order in which it was said."""

from pathlib import Path

from fault_house import look, look_at

from edge_agent.store.rows import long_id

SAID = "SELECT id, rev, sequences.recording, seq FROM events JOIN sequences ON sequences.n = events.recording"


def check_arrived(device: Path, clinic: str) -> int:
    """Compare a device's store with a clinic's database, by its URL; how many events both hold."""
    said = sorted((long_id(id_), *place) for id_, *place in look(device, SAID))
    known = sorted(look_at(clinic, "SELECT id, rev, coalesce(recording, ''), seq FROM events"))
    assert known == said
    # In the order of `seq` a recording is as it was said, without a hole.
    for recording, last, number in look(device, "SELECT recording, max(seq), count(*) FROM events GROUP BY recording"):
        assert (recording, number) == (recording, last + 1)
    assert look(device, "SELECT count(*) FROM outbox") == [(0,)]
    assert look_at(clinic, "SELECT count(*) FROM dead_letters") == [(0,)]
    alarms = look_at(clinic, "SELECT count(*) FROM events WHERE kind = 'alarm'")
    assert look_at(clinic, "SELECT count(*) FROM alarms") == alarms
    return len(said)
