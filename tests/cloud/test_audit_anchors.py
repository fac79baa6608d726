"""The audit log is held against heads outside of its database: cut, emptied and computed anew are each shown."""

import stat

import pytest
from sqlalchemy import delete, select, text

from biosignal.errors import BadInput
from cloud_service.access import audit
from cloud_service.access.errors import AnchorsUnreadable, AuditBroken
from cloud_service.cli import main
from cloud_service.database.clinic_tables import AuditRow
from cloud_service.database.connection import open_database


@pytest.fixture
def file(tmp_path):
    return tmp_path / "audit-anchors"


@pytest.fixture
def log(database, file):
    """A log of six entries that were anchored as they were written."""
    audit.keep_anchors(database, file)
    write(database, 6)
    return database


def write(database, count):
    for number in range(count):
        with database.write() as session:
            audit.record(session, actor="ann", action="test", subject=str(number))


def verified(database):
    with database.read() as session:
        return audit.verify(session)


def cut(session):
    session.execute(delete(AuditRow).where(AuditRow.number > 4))


def empty(session):
    session.execute(delete(AuditRow))


def compute_anew(session):
    """Change an entry and everything behind it as the program itself would have written it."""
    previous = audit.GENESIS
    for entry in session.scalars(select(AuditRow).order_by(AuditRow.number)):
        entry.actor = "nobody" if entry.number == 2 else entry.actor
        entry.previous = previous
        previous = entry.hash = audit.entry_hash(entry)


@pytest.mark.parametrize(
    ("attack", "says"),
    [
        (cut, "end of the audit log was cut"),
        (empty, "end of the audit log was cut"),
        (compute_anew, "replaced.*entry=2"),
    ],
)
def test_the_audit_log_shows_an_attack_on_the_whole_chain(log, file, attack, says):
    assert (verified(log).entries, verified(log).anchored) == (6, 6)
    with log.write() as session:
        attack(session)
    with pytest.raises(AuditBroken, match=says):
        verified(log)
    write(log, 4)  # it stays shown, whatever is written after it
    audit.keep_anchors(log, file)
    with pytest.raises(AuditBroken):
        verified(log)
    with log.read() as session:
        session.info.clear()
        assert audit.verify(session).anchored == 0  # without its anchors the chain seems whole


def test_audit_anchors_are_their_owners_alone_and_only_of_what_was_committed(log, file, caplog):
    caplog.set_level("INFO", "bedside.audit")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with log.write() as session:
        audit.record(session, actor="ann", action="undone", subject="")
        session.rollback()
    assert verified(log).anchored == 6
    assert caplog.text == ""
    write(log, 1)
    assert verified(log).anchored == 7
    assert "audit.anchored entry=7 hash=" in caplog.text


def test_an_audit_log_from_before_is_anchored_at_the_next_start_and_once(database, file):
    audit.keep_anchors(database, file)
    assert not file.exists()
    database.info.clear()
    write(database, 3)
    for _ in range(2):
        audit.keep_anchors(database, file)
    assert verified(database).anchored == 3
    assert file.read_text().count("hash") == 1


def test_the_audit_log_goes_on_after_a_restore_once_a_person_says_why(log, file):
    with pytest.raises(BadInput):
        audit.accept(log, reason="no reason", by="ann")
    with log.write() as session:
        cut(session)
    write(log, 1)  # somebody logged in before anybody looked
    with pytest.raises(AuditBroken):
        verified(log)
    done = audit.accept(log, reason="restored after a broken disk", by="ann")
    assert (done.held, done.until) == (4, 6)
    head = verified(log)
    assert (head.entries, head.anchored, head.accepted) == (6, 6, (done,))
    with log.read() as session:
        assert session.get(AuditRow, 6).action == "audit.accept"
    with log.write() as session:  # what was not accepted is still held against it
        compute_anew(session)
    with pytest.raises(AuditBroken, match="entry=2"):
        verified(log)


def test_nobody_can_accept_an_audit_log_whose_chain_is_broken(log):
    with log.write() as session:
        session.execute(text("UPDATE audit SET actor = 'nobody' WHERE number = 2"))
    with pytest.raises(AuditBroken):
        audit.accept(log, reason="it does not matter", by="ann")


def test_a_power_cut_in_an_audit_anchor_costs_that_line_alone(log, file):
    file.write_bytes(file.read_bytes()[:-20])
    write(log, 1)
    assert verified(log).anchored == 7
    with log.write() as session:
        cut(session)
    with pytest.raises(AuditBroken):
        verified(log)


def test_a_deed_stands_though_its_audit_anchor_cannot_be_written(log, file, caplog):
    file.unlink()
    file.mkdir()
    write(log, 1)
    audit.keep_anchors(log, file)
    assert "audit.anchor.failed entry=7" in caplog.text
    assert "give the file to the user" in caplog.text
    with pytest.raises(AnchorsUnreadable):
        verified(log)
    file.rmdir()
    assert verified(log).entries == 7


def test_the_audit_verbs_say_what_holds_and_what_is_gone(fresh, capsys):
    state = ["--state-dir", str(fresh)]
    assert main(["user", "add", "ann", "--role", "viewer", *state]) == 0
    assert main(["user", "disable", "ann", *state]) == 0
    assert main(["audit", "verify", *state]) == 0
    assert "6 entries hold, anchored up to entry 6" in capsys.readouterr().out
    database = open_database(f"sqlite:///{fresh / 'clinic.db'}")
    with database.write() as session:
        session.execute(delete(AuditRow).where(AuditRow.number > 5))
    database.close()
    assert main(["audit", "verify", *state]) == 3
    assert "audit accept" in capsys.readouterr().err
    assert main(["audit", "accept", "the disk broke", *state]) == 0
    assert main(["audit", "verify", *state]) == 0
    assert "entries 6 to 6 are gone or replaced" in capsys.readouterr().out
