"""The broker that `serve` keeps: one that ends or is stopped is named, and another takes its place on its ports."""

import os
import signal
import socket
from contextlib import suppress

import pytest
from broker_clients import KINDS
from cloud_running import wait_for

from cloud_service.broker import kept
from cloud_service.broker.accounts import write_accounts
from cloud_service.broker.kept import KeptBroker
from cloud_service.database.connection import open_database
from cloud_service.pulse import BUDGET
from cloud_service.settings import BrokerSettings

pytestmark = pytest.mark.broker


@pytest.fixture(params=KINDS)
def broker(request, fresh, monkeypatch):
    monkeypatch.setattr(kept, "LOOK_S", 0.2)
    database = open_database(f"sqlite:///{fresh / 'clinic.db'}")
    write_accounts(database, fresh)
    database.close()
    made = KeptBroker(BrokerSettings(port=0), fresh, kind=request.param)
    made.start()
    yield made
    made.stop()
    assert not made.running.is_alive()


def listens(port):
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def hit(broker, number):
    os.kill(broker.running._process.pid, number)


def test_another_takes_the_place_of_one_that_ended_and_of_one_that_was_stopped(broker):
    ports = broker.running.port, broker.running.clinic_port
    for times, (number, why) in enumerate(((signal.SIGKILL, "has ended"), (signal.SIGSTOP, "is stopped")), 1):
        hit(broker, number)
        assert f"the broker's process {why}" == wait_for(broker.why_still)
        wait_for(lambda times=times: broker.restarts == times and not broker.why_still(), 30)
        assert (broker.running.port, broker.running.clinic_port) == ports
        assert all(map(listens, ports))


def test_one_that_ends_again_and_again_is_left_alone_and_named(broker):
    while broker._budget.take():
        pass
    hit(broker, signal.SIGKILL)
    wait_for(broker.why_still)
    beats = broker._loop._beaten
    wait_for(lambda: broker._loop._beaten > beats + 1.0)
    assert broker.why_still() == "the broker's process has ended"
    assert broker.restarts == BUDGET
