"""The broker that `serve` keeps: one that ends or is stopped is named, and another takes its place on its ports."""

import os
import signal
import socket
from contextlib import suppress
from types import SimpleNamespace

import pytest
from broker_clients import KINDS, Client
from cloud_running import wait_for

from cloud_service.access.devices import add_device
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


@pytest.mark.parametrize("broker", [one for one in KINDS if one != "embedded"], indirect=True)
def test_a_device_comes_in_though_the_broker_forgot_that_it_was_asked_to_take_in_accounts(broker, fresh, monkeypatch):
    asked = broker.running.reload
    left = iter([lambda: None] * 2)
    monkeypatch.setattr(broker.running, "reload", lambda: next(left, asked)())
    database = open_database(f"sqlite:///{fresh / 'clinic.db'}")
    made = add_device(database, name="bed-1", site="ward", by="a-test")
    write_accounts(database, fresh)
    database.close()

    def comes_in():
        with Client(SimpleNamespace(broker=broker.running), "bed-1", made.password) as client:
            return client.is_in

    wait_for(comes_in, 20)
