"""An engineer's day, from a new bed to a model that learnt of a reading and is back at the bed, on pages alone."""

import os
import re
import subprocess
import sys
import zipfile

import httpx
import pytest
import wfdb
from browsing import Visit
from playwright.sync_api import expect
from running_ward import CLOUD, PASSWORD, ROOT, SITE, running_ward, wait_for
from test_classify_page import csv_of

from demo.check import is_in_sight

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
BED = "bed-9"
LATE_MS = 60_000
READ = 6


@pytest.fixture(scope="module")
def own(browser, tmp_path_factory):
    """A clinic that nobody else uses: what is released there reaches its devices."""
    with running_ward(tmp_path_factory.mktemp("own")) as ward:
        yield ward


@pytest.fixture
def logged_in(browser, own):
    opened = []

    def page_of(role):
        visit = Visit(browser, own.url)
        opened.append(visit)
        return visit.log_in(role)

    yield page_of
    for visit in opened:
        visit.close()
        assert visit.console == []
        assert visit.foreign == []


def test_a_day(own, logged_in, tmp_path):
    admin, engineer = logged_in("admin"), logged_in("engineer")
    own.start_device(BED, speed=8.0, password=registered(admin))
    seen_at_work(engineer)
    classified(engineer)
    before = bundle_of(own)
    read_beats(engineer, own)
    after = refitted_and_released(engineer)
    assert after != before
    wait_for(lambda: bundle_of(own) == after, 120)
    expect_on_the_device_page(engineer, after)
    exported(own, fetched(engineer, own), made_token(engineer), tmp_path)
    held_to_account(admin)


def registered(page):
    """The password of a new device, which is shown once."""
    page.goto("/operations")
    page.locator("#new-device [name=name]").fill(BED)
    page.locator("#new-device [name=site]").fill(SITE)
    page.get_by_role("button", name="Register a device").click()
    expect(page.locator("#made-device")).to_contain_text(f"logs in to the broker as {BED}", timeout=LATE_MS)
    return page.locator("#made-device code").inner_text()


def seen_at_work(page):
    page.goto(f"/devices/{BED}")
    expect(page.locator("main")).to_contain_text("ecg-beats", timeout=LATE_MS)
    page.goto("/operations")
    expect(page.locator("#health")).not_to_be_empty()
    expect(page.locator("#letters")).to_contain_text("None.")


def classified(page):
    page.goto("/classify")
    page.set_input_files("#file", csv_of(10))
    page.get_by_role("button", name="Classify", exact=True).click()
    expect(page.locator("#statements meter").first).to_be_visible(timeout=LATE_MS)


def bundle_of(own):
    tasks = own.get(f"/devices/{BED}")["tasks"]
    return next((one["bundle"] for one in tasks if one["task"] == "ecg-beats"), None)


def read_beats(page, own):
    """Read a finding blind by keys alone, where others have confirmed beats of other findings.

    What the classifier wavers to call a fusion beat is left alone: the gates hold few of them.
    """
    plain = wait_for(lambda: plain_findings(own), 120)
    for finding, marks in plain[1:]:
        for mark in marks:
            named = {name: mark[name] for name in ("task", "kind", "start")}
            own.post(f"/findings/{finding}/reviews", **named, verdict="confirm", model_seen=True)
    page.goto(f"/review?finding={plain[0][0]}")
    expect(page.locator("#phase")).to_contain_text("answer is hidden", timeout=LATE_MS)
    expect(page.locator("#labels button").first).to_be_enabled(timeout=LATE_MS)  # once the strip is drawn
    page.keyboard.press("a")
    page.keyboard.press("v")
    expect(page.locator("#said")).to_contain_text("V, ", timeout=LATE_MS)


def plain_findings(own):
    """The first findings with beats, none of which is likely a fusion beat; nothing while they are few."""
    kept = []
    for one in sorted(own.findings(device=BED, limit=100), key=lambda one: one["onset"]):
        detail = own.get(f"/findings/{one['id']}")
        marks = [mark for mark in detail["evidence"]["marks"] if mark["outcome"] and is_in_sight(detail, mark)]
        if marks and not any("F" in choices(mark) for mark in marks):
            kept.append((one["id"], marks))
    return kept[:READ] if len(kept) >= READ else []


def choices(mark):
    scores = mark["outcome"].get("scores", [("F", 1.0)])
    return [label for label, _ in sorted(scores, key=lambda one: -one[1])[:2]]


def refitted_and_released(page):
    page.goto("/models")
    page.locator("#starts button[data-task=ecg-beats]").click()
    expect(page.locator("#jobs")).to_contain_text("passed all gates", timeout=3 * LATE_MS)
    expect(page.locator("#candidate-h")).to_contain_text("ecg-beats/", timeout=LATE_MS)
    bundle = re.search(r"ecg-beats/[\w.]+", page.locator("#candidate-h").inner_text())[0]
    page.locator("#release").click()
    page.locator("#sure-yes").click()
    expect(page.locator("#said")).to_contain_text("is released", timeout=LATE_MS)
    return bundle


def expect_on_the_device_page(page, bundle):
    page.goto(f"/devices/{BED}")
    expect(page.locator("main")).to_contain_text(bundle, timeout=LATE_MS)


def made_token(page):
    page.goto("/account")
    page.locator("#new-token [name=name]").fill("export-job")
    page.get_by_role("button", name="Make a token").click()
    expect(page.locator("#token-made")).to_contain_text("Authorization: Bearer", timeout=LATE_MS)
    return page.locator("#token-made code").inner_text()


def fetched(page, own):
    """Seconds that only the device has come to the clinic where somebody looks at them."""
    recording = own.get(f"/devices/{BED}")["recording"]
    page.goto(f"/devices/{BED}/recordings/{recording}?view=strip&at=25")
    expect(page.locator("#sheet[data-state=whole]")).to_be_visible(timeout=LATE_MS)
    return recording


def exported(own, recording, token, folder):
    """A program asks by its token what was found; the command line writes what was fetched, and wfdb reads it."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{own.url}/api/v1/findings", headers=headers, params={"device": BED}).raise_for_status()
    assert answer.json()["findings"]
    assert httpx.post(f"{own.url}/api/v1/devices", headers=headers, json={}).status_code == 403
    out = folder / "out.zip"
    command = ["export", BED, recording, "--from-s", "22", "--to-s", "27", "--output", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    state = ["--state-dir", str(own.folder / "clinic")]
    subprocess.run([sys.executable, "-c", CLOUD, *command, *state], check=True, env=environment, timeout=120)
    with zipfile.ZipFile(out) as packed:
        packed.extractall(folder)
        head = next(name for name in packed.namelist() if name.endswith(".hea"))
    assert wfdb.rdrecord(str(folder / head.removesuffix(".hea"))).sig_len == 5 * 360


def held_to_account(page):
    page.goto("/operations")
    expect(page.locator("#audit")).to_contain_text("device.add", timeout=LATE_MS)
    page.get_by_role("button", name="Check its hash chain").click()
    expect(page.locator("#chain")).to_contain_text("The chain holds", timeout=LATE_MS)
    assert PASSWORD not in page.locator("#audit").inner_text()
