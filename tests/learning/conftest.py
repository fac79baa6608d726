"""A clinic with its learning room, over real HTTP."""

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import uvicorn

from biosignal.events import BeatEvidence, Evidence, Prediction, QualityLevel, Rung, Tensor
from biosignal.wire.codec import to_json
from cloud_service.access.devices import add_device
from cloud_service.app import create_app
from cloud_service.database.columns import utc_now
from cloud_service.database.connection import open_database
from cloud_service.database.event_tables import FindingRow
from cloud_service.learning.jobs import LearningWorker
from cloud_service.learning.room import open_workshop
from cloud_service.learning.settings import LearningSettings
from cloud_service.settings import CloudSettings, MqttSettings
from tests.learning.population import released_bundle

PASSWORD = "a long enough password 1"


@dataclass
class Answer:
    status: int
    body: object


class Person:
    """Someone who talks to the API: a session cookie and the CSRF token."""

    def __init__(self, url, name):
        self._host = urlsplit(url).netloc
        self._headers = {"Content-Type": "application/json"}
        status, headers, body = self.ask("POST", "/login", {"name": name, "password": PASSWORD}, whole=True)
        assert status == 200, body
        self._headers["Cookie"] = headers["set-cookie"].partition(";")[0]
        self._headers["X-CSRF-Token"] = body["csrf"]

    def ask(self, method, path, body=None, *, whole=False):
        connection = http.client.HTTPConnection(self._host, timeout=30)
        connection.request(method, f"/api/v1{path}", json.dumps(body) if body is not None else None, self._headers)
        response = connection.getresponse()
        data = response.read()
        parsed = json.loads(data) if data else None
        connection.close()
        return (response.status, response.headers, parsed) if whole else Answer(response.status, parsed)

    def get(self, path):
        return self.ask("GET", path)

    def post(self, path, body=None):
        return self.ask("POST", path, body)


@dataclass
class Place:
    """A running clinic."""

    url: str
    app: object
    models_dir: object

    @property
    def workshop(self):
        return self.app.state.learning.workshop

    @property
    def database(self):
        return self.app.state.clinic.database

    def person(self, role):
        people = self.app.state.clinic.people
        if role.value not in {user.name for user in people.users()}:
            people.add(name=role.value, role=role, password=PASSWORD, by="test")
        return Person(self.url, role.value)

    def work(self):
        """Run the jobs that wait, here and now."""
        worker = LearningWorker(self.workshop)
        while worker.work_once():
            pass

    def put_finding(self, name, beats, *, label="N"):
        """Store a finding as ingest would, with the inputs of its beats ([n, ...] by name)."""
        count = len(next(iter(beats.values())))
        outcome = Prediction(
            task="ecg-beats", bundle="ecg-beats/1.0.0", rung=Rung.ONNX_CPU, label=label, scores=((label, 1.0),)
        )
        evidence = Evidence(
            measures=(),
            strip_start=0,
            strip_end=1000,
            fs_hz=360.0,
            quality=QualityLevel.USABLE,
            beats=tuple(
                BeatEvidence(
                    sample=100 * index,
                    outcome=outcome,
                    inputs=tuple(
                        Tensor(name=key, shape=array.shape[1:], data=array[index].astype("<f4").tobytes())
                        for key, array in beats.items()
                    ),
                )
                for index in range(count)
            ),
        )
        with self.database.write() as session:
            session.add(
                FindingRow(
                    id=name,
                    rev=0,
                    device="bed-1",
                    recording=f"recording-{name}",
                    stream="live",
                    kind="pvc",
                    state="closed",
                    priority="none",
                    onset=0,
                    end=1000,
                    decided_at=1000,
                    leads=["MLII"],
                    outcome=to_json(outcome) | {"type": "Prediction"},
                    evidence=to_json(evidence),
                    at="2026-01-01T00:00:00Z",
                    received=utc_now(),
                )
            )
        return [100 * index for index in range(count)]


@contextmanager
def running(app):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        until = time.monotonic() + 20
        while not server.started:
            assert time.monotonic() < until
            assert thread.is_alive()
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def parent():
    return released_bundle()


@pytest.fixture
def models_dir(tmp_path, parent):
    folder = tmp_path / "models" / "ecg-beats" / "1.0.0"
    folder.mkdir(parents=True)
    for name, content in parent.files.items():
        (folder / name).write_bytes(content)
    return tmp_path / "models"


@pytest.fixture
def place(tmp_path, models_dir):
    settings = CloudSettings(
        state_dir=tmp_path / "clinic",
        mqtt=MqttSettings(enabled=False),
        learning=LearningSettings(models_dir=models_dir, worker=False),
    )
    app = create_app(settings)
    with running(app) as url:
        add_device(app.state.clinic.database, name="bed-1", site="ward", by="test", password=PASSWORD)
        yield Place(url=url, app=app, models_dir=models_dir)


@pytest.fixture
def workshop(tmp_path, models_dir):
    """The learning room alone, without pages."""
    database = open_database(f"sqlite:///{tmp_path / 'clinic.db'}")
    yield open_workshop(database, tmp_path, LearningSettings(models_dir=models_dir))
    database.close()
