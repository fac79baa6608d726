"""A live packet that did not come is drawn apart from signal that the device lost, and filled when it comes."""

import re
import threading

import numpy as np
import pytest
from browsing import Visit
from fed_clinic import fed_clinic
from playwright.sync_api import expect

from biosignal.events import Loss
from biosignal.signal.blocks import Unit
from biosignal.wire.waveform import WaveChunk, encode_wave
from cloud_service.access.devices import add_device
from cloud_service.waves.part import Kept
from tests.cloud.cloud_ward import message, recording

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG_MS = 60_000
FS, STEP, LEAD = 360, 72, "MLII"
MISSED = re.compile(r"\d s not received")
DRAWN = """
async () => {
  const { drawMissing, inks } = await import("/static/js/paper.js");
  const { WaveRing } = await import("/static/js/wave-ring.js");
  const canvas = Object.assign(document.createElement("canvas"), { width: 400, height: 100 });
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  const ring = new WaveRing("r", 100, 10);
  ring.write(0, [0, 0]);
  ring.write(300, [0]);
  const drawn = () => {
    ctx.clearRect(0, 0, 400, 100);
    drawMissing(ctx, ring, { from: 0, to: 301, x: (i) => i, height: 100, isPage: true });
    const { data } = ctx.getImageData(2, 0, 298, 100);
    return { inked: data.filter((v, at) => at % 4 === 3 && v > 0).length, bytes: data.join() };
  };
  const awaited = drawn();
  ring.close(2, 300);
  const gone = drawn();
  ring.write(2, Array(298).fill(0.5));
  const differs = awaited.bytes !== gone.bytes;
  const [filled, left, value] = [drawn().inked, ring.holes, ring.value(150)];
  return { awaited: awaited.inked, gone: gone.inked, differs, filled, left, value };
}
"""


class Sender:
    """Sends a lead in real time; some frames of it are held back and can be given later."""

    def __init__(self, fed):
        self.fed, self.start, self.to_hold = fed, 0, 0
        self.held = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.wait(STEP / FS):
            chunk = chunk_at(self.start)
            self.start += STEP
            if self.to_hold:
                self.to_hold -= 1
                self.held.append(chunk)
            else:
                self.publish(chunk)

    def publish(self, *chunks):
        for chunk in chunks:
            self.fed.clinic.views.publish("ward", "bed-1", encode_wave(chunk))

    def hold(self, frames=5):
        self.held, self.to_hold = [], frames

    def given(self):
        """What was held back, taken away from here."""
        chunks, self.held = self.held, []
        return chunks


def chunk_at(start):
    counts = (400 * np.sin(np.arange(start, start + STEP) / 11)).astype(np.int16)
    return WaveChunk(
        recording="r", lead=LEAD, start=start, fs_hz=float(FS), unit=Unit.MILLIVOLT, gain=0.002, offset=0.0,
        counts=counts,
    )  # fmt: skip


@pytest.fixture(scope="module")
def sender(browser, tmp_path_factory):
    with fed_clinic(tmp_path_factory.mktemp("missed")) as fed:
        add_device(fed.clinic.database, name="bed-1", site="ward", by="test")
        fed.feed([message(recording())])
        sender = Sender(fed)
        sender.thread.start()
        yield sender
        sender.ended.set()
        sender.thread.join()


@pytest.fixture
def page(browser, sender):
    visit = Visit(browser, sender.fed.url)
    page = visit.log_in("viewer")
    yield page
    said, foreign = visit.console, visit.foreign
    visit.close()
    assert [one for one in said if "willReadFrequently" not in one] == []
    assert foreign == []


def caption(page, path):
    page.goto(path)
    page.locator(".strip:not(.stale)").first.wait_for(timeout=LONG_MS)
    return page.locator(".strip figcaption").first


def missed(page, sender, path):
    """A strip from which frames are missing now, and those frames."""
    said = caption(page, path)
    expect(said).not_to_contain_text(MISSED, timeout=LONG_MS)
    sender.hold()
    expect(said).to_contain_text(MISSED, timeout=LONG_MS)
    return said, sender.given()


@pytest.mark.parametrize("path", ["/central", "/devices/bed-1"])
def test_a_packet_that_comes_late_fills_its_place(page, sender, path):
    said, late = missed(page, sender, path)
    sender.publish(*reversed(late))
    expect(said).not_to_contain_text(MISSED, timeout=LONG_MS)


def test_what_the_clinic_keeps_of_it_fills_its_place(page, sender):
    said, late = missed(page, sender, "/devices/bed-1")
    sender.fed.clinic.archive.store("bed-1", [Kept(chunk, encode_wave(chunk)) for chunk in late])
    expect(said).not_to_contain_text(MISSED, timeout=LONG_MS)


def test_what_the_device_says_that_it_lost_is_awaited_no_more(page, sender):
    said, late = missed(page, sender, "/devices/bed-1")
    start = late[0].start
    sender.fed.feed(
        [message(Loss(id=f"loss-{start}", recording="r", start=start, length=len(late) * STEP, reason="x"))]
    )
    expect(said).not_to_contain_text(MISSED, timeout=LONG_MS)


def test_what_may_come_looks_like_neither_a_trace_nor_a_gap_of_the_device(page, sender):
    caption(page, "/devices/bed-1")
    drawn = page.evaluate(DRAWN)
    assert drawn["awaited"] > 300
    assert drawn["gone"] > drawn["awaited"]
    assert drawn["differs"]
    assert (drawn["filled"], drawn["left"], drawn["value"]) == (0, [], 0.5)
