"""Takes the pictures of the documentation from a running system: ``python tests/e2e/screenshots.py [FOLDER]``."""

import re
import sys
import tempfile
from pathlib import Path

from browsing import Visit, launch
from fed_clinic import fed_clinic, usual_beds
from more_screenshots import take_more
from playwright.sync_api import expect, sync_playwright
from running_ward import ROOT, Ward, running_ward, wait_for
from test_classify_page import csv_of

SETTLE_MS = 14_000  # a sweep of the strip is drawn once over
LIVE = re.compile("stale")


def take(ward: Ward, folder: Path) -> None:
    """Take all pictures in one visit."""
    folder.mkdir(parents=True, exist_ok=True)
    couplet = wait_for(lambda: next((one for one in ward.findings(kind="pvc-couplet") if one["rev"]), None), 120)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        visit = Visit(browser, ward.url)
        page = visit.log_in("admin")
        page.wait_for_timeout(3000)
        _save(page, folder / "dashboard.png")

        page.goto("/devices/bed-2")
        expect(page.locator(".strip").first).not_to_have_class(LIVE, timeout=20_000)
        page.wait_for_timeout(SETTLE_MS)
        _save(page, folder / "device.png")

        page.goto(f"/findings/{couplet['id']}")
        page.locator("#strips canvas").first.wait_for()
        page.locator("#older[href]").wait_for()
        _save(page, folder / "finding.png")

        page.goto(f"/review?finding={couplet['id']}")
        page.locator("#strips canvas").first.wait_for()
        page.wait_for_timeout(500)
        _save(page, folder / "review.png")

        page.goto("/alarms")
        page.locator("#past table").wait_for()
        _save(page, folder / "alarms.png")

        page.set_viewport_size({"width": 1280, "height": 1160})
        page.goto("/classify")
        page.set_input_files("#file", csv_of(10))
        page.get_by_role("button", name="Classify", exact=True).click()
        page.locator("#paper svg").wait_for(timeout=30_000)
        _save(page, folder / "classify.png")

        dark = Visit(browser, ward.url, color_scheme="dark")
        page = dark.log_in("admin")
        page.goto("/devices/bed-1")
        expect(page.locator(".strip").first).not_to_have_class(LIVE, timeout=20_000)
        page.wait_for_timeout(SETTLE_MS)
        _save(page, folder / "device-dark.png")
        browser.close()


def take_for_the_guide(folder: Path) -> None:
    """Take the pictures of the guide for clinicians, from a clinic that is fed."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, fed_clinic(Path(state)) as fed, sync_playwright() as playwright:
        bed = fed.add(next(usual_beds()))
        fed.store_waves(bed)
        browser = launch(playwright)
        page = Visit(browser, fed.url).log_in("reviewer")
        alarmed = page.request.get("/api/v1/findings?priority=medium").json()["findings"][0]["id"]
        page.set_viewport_size({"width": 1040, "height": 960})
        page.goto(f"/findings/{alarmed}")
        page.locator("#strips canvas").first.wait_for()
        page.locator("#measures table").wait_for()
        page.wait_for_timeout(500)
        _save(page, folder / "finding-verdict.png")

        page.set_viewport_size({"width": 1000, "height": 880})
        page.goto(f"/devices/{bed.name}/recordings/{bed.recording}?view=strip&at=90")
        expect(page.locator("#sheet[data-state=whole]")).to_be_visible(timeout=30_000)
        page.locator("h1").click()
        page.keyboard.press("c")
        page.wait_for_timeout(500)
        _save(page, folder / "waves-calipers.png")
        browser.close()


def _save(page, path: Path) -> None:
    page.screenshot(path=str(path))
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images"
    take_for_the_guide(target)
    take_more(target)
    with tempfile.TemporaryDirectory() as state, running_ward(Path(state)) as ward:
        for name, speed in (("bed-1", 1.0), ("bed-2", 4.0), ("bed-3", 2.0)):
            ward.start_device(name, speed=speed)
        wait_for(lambda: all(device["online"] for device in ward.get("/devices")["devices"]))
        take(ward, target)
