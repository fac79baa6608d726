"""The thread between broker and database outlives whatever comes, and says when it does not."""

import threading

import pytest
from cloud_running import wait_for
from cloud_ward import SITE, finding, foreign, message, status
from sqlalchemy import select

from biosignal.wire.codec import to_json
from cloud_service.database.columns import utc_now
from cloud_service.database.event_tables import DeadLetterRow, EventRow, FindingRow
from cloud_service.ingest import projection
from cloud_service.ingest.alone import ingest_alone
from cloud_service.ingest.commit import commit, replay
from cloud_service.ingest.errors import IngestStopped
from cloud_service.ingest.presence import Presence
from cloud_service.ingest.worker import STILL_AFTER_S, IngestWorker
from cloud_service.settings import CloudSettings, IngestSettings, MqttSettings

ABOUT = finding()


@pytest.fixture
def receipts():
    return []


@pytest.fixture
def worker(database, receipts):
    def send(site, device, receipt):
        receipts.append((site, device, receipt))

    worker = IngestWorker(database, IngestSettings(), send_receipt=send)
    worker.start()
    yield worker
    worker.stop()


def fail(*_):
    raise KeyError("nobody foresaw this")


def rows(database, table):
    with database.read() as session:
        return list(session.scalars(select(table)))


def test_a_kind_without_a_projection_is_kept_receipted_and_ends_nothing(worker, database, receipts, monkeypatch):
    monkeypatch.delitem(projection.PROJECTIONS, type(ABOUT))
    worker.take(message(ABOUT))
    worker.take(foreign("later.kind", {"id": "e-1"}))
    wait_for(lambda: worker.counts.new == 2)
    monkeypatch.undo()
    worker.take(message(finding(onset=7)))
    wait_for(lambda: worker.counts.new == 3)
    assert worker.why_still() == ""
    assert {one.kind for one in rows(database, EventRow)} == {"finding", "later.kind"}
    assert [one.onset for one in rows(database, FindingRow)] == [7]
    named = {name for _, _, receipt in receipts for name, _ in receipt.committed}
    assert {ABOUT.id, "e-1", finding(onset=7).id} == named


def test_an_unforeseen_error_in_a_projection_sets_aside_its_message_alone(database, monkeypatch):
    class Failing:
        write = staticmethod(fail)

    monkeypatch.setitem(projection.PROJECTIONS, type(ABOUT), Failing())
    done = commit(database, [message(ABOUT), foreign("later.kind", {"id": "e-1"})])
    assert (done.new, done.refused) == (1, 1)
    reason = "it cannot be stored: KeyError: 'nobody foresaw this'"
    assert done.rejected[SITE, "bed-1"] == [(ABOUT.id, 0, reason)]
    assert [one.reason for one in rows(database, DeadLetterRow)] == [reason]
    monkeypatch.undo()
    assert replay(database).new == 1
    assert [one.id for one in rows(database, FindingRow)] == [ABOUT.id]


def test_an_error_anywhere_in_the_worker_costs_the_receipts_of_one_batch(worker, database, receipts):
    worker._send_receipt, send = fail, worker._send_receipt
    worker.take(message(ABOUT))
    wait_for(lambda: worker.counts.mishaps == 1)
    worker._send_receipt = send
    worker.take(message(ABOUT))  # no receipt came, so the device sends it again
    wait_for(lambda: receipts)
    assert worker.why_still() == ""
    assert len(rows(database, EventRow)) == 1


def test_a_status_that_cannot_be_stored_ends_nothing(worker, database):
    odd = {"site": SITE, "device": "bed-1", "online": True, "status": {"odd": {1, 2}}, "fresh": True}
    worker.take(Presence(**odd, received=utc_now()))
    wait_for(lambda: worker.counts.mishaps + worker.counts.database_failures)
    worker.take(Presence(**{**odd, "status": to_json(status())}, received=utc_now()))
    worker.take(message(ABOUT))
    wait_for(lambda: worker.counts.new == 1)


def test_a_thread_that_is_dead_or_stands_still_is_named(database):
    now = [100.0]
    worker = IngestWorker(database, IngestSettings(), send_receipt=lambda *_: None, clock=lambda: now[0])
    assert worker.why_still() == "the ingest thread is not running"
    held, free = threading.Event(), threading.Event()

    def hold(*_):
        held.set()
        free.wait(10)

    worker._send_receipt = hold
    worker.start()
    worker.take(message(ABOUT))
    held.wait(10)
    now[0] += STILL_AFTER_S
    assert worker.why_still() == ""
    now[0] += 1
    assert worker.why_still() == "the ingest thread has stood still for 61 s"
    free.set()
    wait_for(lambda: worker.why_still() == "")
    worker.stop()
    assert worker.why_still() == "the ingest thread is not running"


def test_health_and_metrics_fail_with_the_ingest_thread(ward):
    worker = IngestWorker(ward.database, IngestSettings(), send_receipt=lambda *_: None)
    object.__setattr__(ward.clinic, "worker", worker)
    with ward.client() as client:
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()["ok"], answer.json()["ingest"]) == (503, False, False)
        assert answer.json()["ingest_why"] == "the ingest thread is not running"
        assert "bedside_ingest_working 0.0" in client.get("/metrics").text
        worker.start()
        assert client.get("/healthz").json()["ingest"] is True
        assert "bedside_ingest_working 1.0" in client.get("/metrics").text


def test_an_ingest_process_ends_with_its_worker(database, monkeypatch):
    monkeypatch.setattr(IngestWorker, "_run", lambda _: None)
    settings = CloudSettings(mqtt=MqttSettings(port=1, tls=False))
    with pytest.raises(IngestStopped, match="not running"):
        ingest_alone(settings, database, threading.Event())
