"""Pictures of the pages for those who review, are on duty or look after the clinic; `screenshots.py` takes them."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

from browsing import Visit, launch
from fed_clinic import fed_clinic, usual_beds
from playwright.sync_api import Page, expect, sync_playwright

from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from cloud_service.settings import EscalationSettings, WebhookSettings
from tests.http_receiver import listening
from tests.recorded_bed import Bed, Signals

BETTER = "A premature ventricular beat starts in the ventricles before the next expected beat."
LATE_MS = 30_000
SETTLE_MS = 9000


def take_more(folder: Path) -> None:
    """Take them from a clinic that is fed."""
    hooks = WebhookSettings(allow=("127.0.0.1",), tries=1)
    with tempfile.TemporaryDirectory() as state, fed_clinic(Path(state), EscalationSettings(), hooks) as fed:
        bed = fed.add(next(usual_beds()))
        fed.store_waves(bed)
        twelve = fed.add(_twelve())
        with sync_playwright() as playwright:
            browser = launch(playwright)
            pages = {role: Visit(browser, fed.url).log_in(role) for role in ("reviewer", "engineer", "admin", "viewer")}
            _annotation(pages["reviewer"], bed, folder)
            _agreement(pages, folder)
            _words(pages, folder)
            _duties(pages["reviewer"], folder)
            _webhooks(pages["engineer"], folder)
            _twelve_live(pages["viewer"], twelve, folder)
            browser.close()


def _twelve() -> Bed:
    made = SyntheticRecording(SCENARIOS["twelve-lead"], seed=2)
    leads = tuple(replace(lead, fs_hz=made.fs_hz) for lead in made.leads)
    signals = Signals(leads=leads, samples=tuple(made.samples(0, made.length)))
    return Bed(name="bed-2", site="ward", recording="twelve", signals=signals)


def _annotation(page: Page, bed: Bed, folder: Path) -> None:
    page.set_viewport_size({"width": 1040, "height": 560})
    page.goto(f"/devices/{bed.name}/recordings/{bed.recording}?view=strip&at=90")
    expect(page.locator("#sheet[data-state=whole]")).to_be_visible(timeout=LATE_MS)
    page.keyboard.press("e")
    expect(page.locator("#annotate-labels button").first).to_be_enabled(timeout=LATE_MS)
    page.keyboard.press("v")
    expect(page.locator("#annotated")).to_contain_text("V, ventricular", timeout=LATE_MS)
    page.evaluate("document.querySelector('#annotate').scrollIntoView()")
    page.wait_for_timeout(500)
    _save(page, folder / "annotate.png")


def _agreement(pages: dict[str, Page], folder: Path) -> None:
    listed = pages["viewer"].request.get("/api/v1/findings?device=bed-1&kind=pvc-couplet&limit=50").json()
    for finding, keys in zip(listed["findings"][:3], ("11", "13", "33"), strict=False):
        for role, key in zip(("reviewer", "engineer"), keys, strict=True):
            page = pages[role]
            page.goto(f"/review?finding={finding['id']}")
            expect(page.locator("#labels button").first).to_be_enabled(timeout=LATE_MS)
            page.keyboard.press("a")
            expect(page.locator("#said")).to_contain_text("are selected", timeout=LATE_MS)
            page.keyboard.press(key)
            expect(page.locator("#phase")).to_contain_text("All beats answered", timeout=LATE_MS)
    page = pages["admin"]
    page.set_viewport_size({"width": 1040, "height": 900})
    page.goto("/review?state=disputed&device=bed-1")
    expect(page.locator("#phase")).to_contain_text("Readers differ on", timeout=LATE_MS)
    expect(page.locator("#agreement tbody tr").first).to_be_visible(timeout=LATE_MS)
    page.locator("#agreement").scroll_into_view_if_needed()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(500)
    _save(page, folder / "agreement.png")


def _words(pages: dict[str, Page], folder: Path) -> None:
    page = pages["viewer"]
    found = page.request.get("/api/v1/findings?device=bed-1&kind=pvc&limit=1").json()["findings"]
    page.goto(f"/findings/{found[0]['id']}")
    desk = page.locator("#text-feedback")
    desk.locator("summary").click()
    desk.get_by_label("Better words").first.check()
    desk.locator("textarea").first.fill(BETTER)
    desk.get_by_role("button", name="Send").click()
    expect(desk).to_contain_text("Kept.", timeout=LATE_MS)
    page = pages["reviewer"]
    page.set_viewport_size({"width": 1040, "height": 760})
    page.goto("/words")
    one = page.locator(".suggestion").first
    one.locator("summary").click(timeout=LATE_MS)
    expect(one.locator("mark").first).to_be_visible(timeout=LATE_MS)
    _save(page, folder / "words.png")


def _duties(page: Page, folder: Path) -> None:
    page.set_viewport_size({"width": 1040, "height": 720})
    csrf = {"X-CSRF-Token": page.locator("meta[name=csrf]").get_attribute("content")}
    for bed in ("bed-1", "bed-2"):
        page.request.put(f"/api/v1/devices/{bed}/group", data={"group": "Ward 3"}, headers=csrf)
    page.request.put("/api/v1/duties/group/Ward 3", data={"people": ["a-reviewer", "a-admin"]}, headers=csrf)
    page.request.put("/api/v1/duties/bed/bed-1", data={"people": ["a-engineer"]}, headers=csrf)
    page.goto("/duties")
    expect(page.locator("#beds tbody tr, #beds li").first).to_be_visible(timeout=LATE_MS)
    page.wait_for_timeout(500)
    _save(page, folder / "duties.png")


def _webhooks(page: Page, folder: Path) -> None:
    page.set_viewport_size({"width": 1040, "height": 620})
    with listening(200) as server:
        page.goto("/operations")
        form = page.locator("#new-webhook")
        form.get_by_label("Name").fill("pager")
        form.get_by_label("Address").fill(server.url)
        form.get_by_label("alarms").check()
        form.get_by_role("button", name="Make a webhook").click()
        page.get_by_role("button", name="Test: pager").click(timeout=LATE_MS)
        row = page.locator("#webhooks tbody tr", has_text="pager")
        expect(row).not_to_contain_text("never", timeout=LATE_MS)
        page.get_by_role("button", name="Messages: pager").click()
        expect(page.locator("#deliveries tbody tr").first).to_be_visible(timeout=LATE_MS)
        page.evaluate("document.querySelector('#webhook-made').replaceChildren()")  # a secret is for no picture
        page.evaluate("document.querySelector('#webhooks-h').scrollIntoView()")
        _save(page, folder / "webhooks.png")


def _twelve_live(page: Page, bed: Bed, folder: Path) -> None:
    page.set_viewport_size({"width": 1100, "height": 900})
    page.goto(f"/devices/{bed.name}")
    expect(page.locator("#strips .strip:visible")).to_have_count(13, timeout=LATE_MS)
    expect(page.locator("#strips .long-strip")).not_to_have_class(re.compile("stale"), timeout=LATE_MS)
    page.wait_for_timeout(SETTLE_MS)
    _save(page, folder / "twelve.png")


def _save(page: Page, path: Path) -> None:
    page.screenshot(path=str(path))
    print(path, path.stat().st_size, "bytes")
