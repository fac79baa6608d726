"""A clinic on a real server that is fed with recorded beds: no broker and no daemon, the same messages.

As a program it serves one until it is stopped: ``python -m tests.e2e.fed_clinic``.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from biosignal.tasks import TASKS
from biosignal.tasks.lookup import models
from biosignal.wire.waveform import encode_wave
from cloud_service.access.roles import Role
from cloud_service.app import create_app
from cloud_service.database.columns import utc_now
from cloud_service.ingest.arrival import Message
from cloud_service.ingest.commit import commit
from cloud_service.ingest.presence import note, read_status
from cloud_service.serving import listen, make_server, url_of
from cloud_service.settings import CloudSettings, EscalationSettings, HttpSettings, MqttSettings, WebhookSettings
from cloud_service.waves.part import Kept
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle
from tests.recorded_bed import Bed, excerpt, joined, night, play
from tests.sleepy_task import SLEEPY

PASSWORD = "correct horse battery"
STEP_S = 0.4
CHUNK_S = 10
NEVER = EscalationSettings(high_s=0.0, medium_s=0.0, still_there_s=0.0)
"""Nobody answers the alarms of the recordings: each page would be told of them minutes later."""


@dataclass
class FedClinic:
    """The running service, and the beds that feed it. Beds go on sending live waves in a thread."""

    url: str
    app: object
    beds: dict[str, Bed] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def clinic(self):
        return self.app.state.clinic

    def feed(self, messages: list[Message]) -> None:
        """Commit messages as ingest would, and tell open pages."""
        for batch in joined(messages):
            commit(self.clinic.database, batch)
        self.clinic.feed.poke()

    def add(self, bed: Bed) -> Bed:
        self.beds[bed.name] = bed
        self.feed(bed.messages())
        self._say_status(bed, 0.0)
        return bed

    def store_waves(self, bed: Bed) -> None:
        """Put all waves of a bed into the clinic's archive, as if the device had been asked for them."""
        rows, seconds = range(len(bed.signals.leads)), range(0, int(bed.signals.seconds), CHUNK_S)
        chunks = [bed.signals.chunk(row, bed.recording, at, at + CHUNK_S) for row in rows for at in seconds]
        self.clinic.archive.store(bed.name, [Kept(chunk, encode_wave(chunk)) for chunk in chunks if chunk.length])

    def send(self, bed: Bed, kind: str, body: dict[str, object], ident: str) -> None:
        """Commit an event of any kind, also of one that nobody knows."""
        head = json.loads(bed.payload(bed.events[0]))
        payload = {**head, "id": ident, "rev": 0, "kind": kind, "body": {"id": ident, **body}}
        self.feed([Message(topic=bed.messages()[0].topic, payload=json.dumps(payload).encode())])

    def go_on(self) -> None:
        """Send live waves and status in real time, from the beginning again when a bed has ended."""
        step = -1
        while not self._ended.wait(STEP_S):
            step += 1
            for bed in list(self.beds.values()):
                steps = int(bed.signals.seconds / STEP_S)
                turn, at = divmod(step, steps)
                for frame in bed.frames(at * STEP_S, (at + 1) * STEP_S, passed_s=turn * steps * STEP_S):
                    self.clinic.views.publish(bed.site, bed.name, frame)
                if step % 4 == 0:
                    self._say_status(bed, step * STEP_S)

    def end(self) -> None:
        self._ended.set()

    def _say_status(self, bed: Bed, at_s: float) -> None:
        topic, payload = bed.status_message(at_s)
        presence = read_status(topic, payload, retained=False, received=utc_now())
        assert presence is not None
        note(self.clinic.database, [presence])
        self.clinic.views.publish(bed.site, bed.name, presence)


@contextlib.contextmanager
def fed_clinic(
    folder: Path, escalation: EscalationSettings = NEVER, webhooks: WebhookSettings | None = None
) -> Iterator[FedClinic]:
    """Run a clinic with an account for every role, not fed yet."""
    settings = CloudSettings(
        state_dir=folder,
        mqtt=MqttSettings(enabled=False),
        http=HttpSettings(port=0),
        escalation=escalation,
        webhooks=webhooks or WebhookSettings(),
    )
    app = create_app(settings)
    for role in Role:
        app.state.clinic.people.add(name=f"a-{role.value}", role=role, password=PASSWORD, by="test")
    with listen(settings.http) as listener:
        server = make_server(app, settings.http, listener)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.02)
        fed = FedClinic(url=url_of(settings.http, listener), app=app)
        waves = threading.Thread(target=fed.go_on)
        waves.start()
        try:
            yield fed
        finally:
            fed.end()
            waves.join()
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def sleepy() -> Iterator[None]:
    """Let every part of the house know one task more for a while."""
    TASKS[SLEEPY.name] = SLEEPY
    try:
        yield
    finally:
        del TASKS[SLEEPY.name]


def usual_beds() -> Iterator[Bed]:
    """A bed with one ECG lead, and one with leads of four kinds and rates."""
    folders = {task: find_bundle(task) for task in models()}
    backends = {task: cpu_backend(load_bundle(folder)) for task, folder in folders.items() if folder is not None}
    yield play("bed-1", excerpt(180), backends=backends)
    yield play("bed-2", night(150), backends=backends)


def main() -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, sleepy(), fed_clinic(Path(folder)) as fed:
        for bed in usual_beds():
            fed.add(bed)
        print(fed.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
