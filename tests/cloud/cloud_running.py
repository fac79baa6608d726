"""The clinic's application on a real server, for tests."""

import contextlib
import threading
import time

import httpx

from cloud_service.access.people import People
from cloud_service.access.roles import Role
from cloud_service.app import create_app
from cloud_service.database.connection import open_database
from cloud_service.serving import listen, make_server, url_of
from cloud_service.settings import AccessSettings

PASSWORD = "correct horse battery"


def wait_for(condition, timeout_s=15.0):
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def make_clinic_of_each_role(file):
    """A migrated database of SQLite that knows one person of each role, by the role's name."""
    add_each_role(f"sqlite:///{file}")


def add_each_role(url):
    """Migrate the database at a URL and add one person of each role, by the role's name."""
    database = open_database(url)
    people = People(database, AccessSettings(), demo=False)
    for role in Role:
        people.add(name=role.value, role=role, password=PASSWORD, by="test")
    database.close()


class Running:
    """The application on a real server."""

    def __init__(self, settings):
        self.settings = settings
        self.app = create_app(settings)
        self.clinic = self.app.state.clinic

    def __enter__(self):
        self._listening = listen(self.settings.http)
        listener = self.door = self._listening.__enter__()
        self.url = url_of(self.settings.http, listener)
        self._server = make_server(self.app, self.settings.http, listener)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()
        wait_for(lambda: self._server.started)
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join()
        self._listening.__exit__(None, None, None)

    def client(self):
        return httpx.Client(base_url=self.url, timeout=10)

    @contextlib.contextmanager
    def logged_in(self, name, password=PASSWORD):
        with self.client() as client:
            me = client.post("/api/v1/login", json={"name": name, "password": password}).raise_for_status().json()
            client.headers["X-CSRF-Token"] = me["csrf"]
            yield client
