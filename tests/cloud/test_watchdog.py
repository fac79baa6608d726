"""What the clinic tells systemd: it is ready once it serves, and it gets on only while every vital part does."""

import contextlib
import socket
import threading
import time

import pytest
from cloud_running import wait_for


@pytest.fixture
def said(tmp_path, monkeypatch):
    """What was told since the last time this was called."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        def new():
            found = []
            with contextlib.suppress(BlockingIOError):
                while True:
                    found.append(listener.recv(4096).decode())
            return found

        yield new


def test_the_watchdog_is_petted_while_every_vital_part_comes_round(said, request, monkeypatch):
    free = threading.Event()
    clinic = request.getfixturevalue("ward").clinic  # it starts with the socket in place
    assert "READY=1" in wait_for(said)
    wait_for(lambda: "WATCHDOG=1" in said())
    monkeypatch.setattr(clinic.watching, "ask_due", lambda *_: free.wait(30))
    clinic.watching.loop.limit_s = 1.5
    try:
        wait_for(lambda: clinic.watching.loop.why_still() and clinic.lookout.alarms.standing)
        said()
        time.sleep(2.5)
        assert "WATCHDOG=1" not in said()
    finally:
        free.set()
    wait_for(lambda: "WATCHDOG=1" in said())


def test_a_part_beside_the_service_that_hangs_does_not_cost_the_clinic_its_life(said, request, monkeypatch):
    free = threading.Event()
    clinic = request.getfixturevalue("ward").clinic
    learning = next(part for part in clinic.lookout.parts if part.name == "learning")
    monkeypatch.setattr("cloud_service.learning.jobs.claim", lambda *_, **__: free.wait(30) and None)
    learning.limit_s = 1.5
    try:
        wait_for(learning.why_still)
        said()
        wait_for(lambda: "WATCHDOG=1" in said())
    finally:
        free.set()
