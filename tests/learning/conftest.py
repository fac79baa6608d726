"""A clinic with its learning part, over real HTTP."""

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import numpy as np
import pytest
import uvicorn

from biosignal.events import (
    Evidence,
    Finding,
    FindingState,
    Inputs,
    Mark,
    MarkSet,
    MarkState,
    Prediction,
    Priority,
    QualityLevel,
    Rung,
    Strip,
    Tensor,
    Unavailable,
    inputs_id,
    mark_id,
)
from biosignal.signal.blocks import Unit
from biosignal.tasks import TASKS
from biosignal.wire.envelope import encode, wrap
from biosignal.wire.topics import Channel, up
from biosignal.wire.waveform import WaveChunk, encode_wave
from cloud_service.access.devices import add_device
from cloud_service.app import create_app
from cloud_service.database.connection import open_database
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit
from cloud_service.learning.assembly import open_workshop
from cloud_service.learning.jobs import LearningWorker
from cloud_service.learning.settings import LearningSettings
from cloud_service.settings import CloudSettings, MqttSettings
from tests.learning.population import HEARTS
from tests.learning.second_task import BREATHS, breath_sounds

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

    def put_finding(self, name, inputs, *, of=HEARTS, kind="pvc", label=None, state=MarkState.CONFIRMED):
        """Receive a finding with its marks and their inputs ([n, ...] by name), as a device sends them.

        Gives where the marks start.
        """
        starts = [100 * index for index in range(len(next(iter(inputs.values()))))]
        events = []
        for index, start in enumerate(starts):
            tensors = tuple(
                Tensor(name=key, shape=array.shape[1:], data=array[index].astype("<f4").tobytes())
                for key, array in inputs.items()
            )
            seen = Inputs(id=inputs_id(tensors), task=of.task, tensors=tensors)
            events += [
                seen,
                mark_at(start, of, recording=f"recording-{name}", label=label, inputs=seen.id, state=state),
            ]
        events.append(finding_of(name, starts, of, kind=kind))
        events.append(strip_of(name, of, length=starts[-1] + 100))
        topic = up("ward", "bed-1", Channel.EVENT)
        for number, event in enumerate(events):
            envelope = wrap(event, seq=number, device="bed-1", boot=name, at="2026-01-01T00:00:00Z")
            done = commit(self.database, [Message(topic=topic, payload=encode(envelope))])
            assert done.refused == 0, done
        return starts


def strip_of(name, of, *, length):
    """The signal behind a finding: nobody can say anything of what nobody sees."""
    facts = {"recording": f"recording-{name}", "lead": of.leads[0], "start": 0, "fs_hz": 360.0, "unit": Unit.MILLIVOLT}
    frame = encode_wave(WaveChunk(**facts, gain=0.005, offset=0.0, counts=np.zeros(length, np.int16)))
    return Strip(id=f"strip-{name}", finding=name, data=frame, **facts)


def answer(of, label):
    """What the released model said."""
    label = label or of.classes[0]
    return Prediction(task=of.task, bundle=f"{of.task}/1.0.0", rung=Rung.ONNX_CPU, label=label, scores=((label, 1.0),))


def mark_at(start, of, *, recording, label, inputs, state=MarkState.CONFIRMED):
    """A mark of a population's task."""
    kind = TASKS[of.task].review.mark
    return Mark(
        id=mark_id(recording=recording, task=of.task, kind=kind, leads=of.leads, start=start),
        task=of.task,
        kind=kind,
        recording=recording,
        leads=of.leads,
        start=start,
        end=start,
        decided_at=start + 50,
        state=state,
        quality=QualityLevel.USABLE,
        outcome=answer(of, label),
        inputs=inputs,
    )


def finding_of(name, starts, of, *, kind):
    """A finding that rests on marks."""
    named = MarkSet(
        task=of.task, kind=TASKS[of.task].review.mark, leads=of.leads, starts=tuple(starts), total=len(starts)
    )
    evidence = Evidence(
        measures=(), strip_start=0, strip_end=1000, fs_hz=360.0, quality=QualityLevel.USABLE, marks=(named,)
    )
    return Finding(
        id=name,
        rev=0,
        task=of.task,
        device="bed-1",
        recording=f"recording-{name}",
        stream="live",
        kind=kind,
        state=FindingState.CLOSED,
        priority=Priority.NONE,
        onset=0,
        end=1000,
        decided_at=1000,
        leads=of.leads,
        outcome=Unavailable(task=of.task, reason="made for a test"),
        evidence=evidence,
    )


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
    return HEARTS.released_bundle()


@pytest.fixture(scope="session")
def breaths_parent():
    return BREATHS.released_bundle()


@pytest.fixture
def breaths(monkeypatch, breaths_parent, models_dir):
    """A second task in the registry, with a bundle of its own in the models folder."""
    task = breath_sounds()
    monkeypatch.setitem(TASKS, task.name, task)
    put_bundle(models_dir, breaths_parent)
    return task


def put_bundle(models_dir, bundle):
    folder = models_dir / bundle.manifest.task / bundle.manifest.version
    folder.mkdir(parents=True)
    for name, content in bundle.files.items():
        (folder / name).write_bytes(content)


@pytest.fixture
def models_dir(tmp_path, parent):
    put_bundle(tmp_path / "models", parent)
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
    """The learning part alone, without pages."""
    database = open_database(f"sqlite:///{tmp_path / 'clinic.db'}")
    yield open_workshop(database, tmp_path, LearningSettings(models_dir=models_dir))
    database.close()
