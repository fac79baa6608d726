"""A nurse's shift, from the admission to the discharge, on a clinic with sixteen beds."""

import re
import zipfile

import pytest
import wfdb
from emulated_beds import EmulatedBeds
from playwright.sync_api import expect
from running_ward import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]
BED = "bed-2"  # plays a patient with many findings, at eight times the speed
BEDS = 16


@pytest.fixture(scope="module")
def sixteen(ward):
    ward.free(BED)
    with EmulatedBeds(ward, BEDS - 2):
        yield ward


def test_a_shift(clean, visits, sixteen, tmp_path):
    page = clean(visits("reviewer"))
    subject = admit(page)
    watch(page)
    acknowledge(page)
    finding, recording = look_back(page, sixteen)
    measure(page)
    judge(page, finding)
    report(page, subject)
    take_out(page, recording, tmp_path)
    discharge(page, subject)


def admit(page):
    page.goto(f"/patients?bed={BED}")
    box = page.locator("#admit [name=subject]")
    expect(box).to_have_value(re.compile("P-"))
    subject = box.input_value()
    page.get_by_role("button", name="Admit").click()
    expect(page.locator("#said")).to_contain_text("done", timeout=60_000)
    return subject


def watch(page):
    page.goto("/central")
    expect(page.locator(".bed")).to_have_count(BEDS, timeout=60_000)
    expect(page.locator("#beds-count")).to_have_text(f"{BEDS} of {BEDS} beds are heard", timeout=60_000)
    expect(page.locator(".bed .strip:not(.stale)")).to_have_count(BEDS, timeout=60_000)
    expect(page.locator(f".bed[data-device={BED}] .patient")).to_contain_text("P-")


def acknowledge(page):
    """The bed without a model has an alarm that stays: it is heard of on every page, and seen."""
    page.goto("/alarms?device=bed-1")
    first = page.locator("#now [data-alarm]").first
    expect(first).to_be_visible(timeout=60_000)
    expect(page).to_have_title(re.compile(r"^\(|alarm|Alarm"))
    alarm = first.get_attribute("data-alarm")
    first.get_by_role("button", name=re.compile("Acknowledge")).click()
    expect(page.locator(f"[data-alarm='{alarm}'][data-state=acknowledged]")).to_be_visible(timeout=60_000)


def look_back(page, ward):
    """From the newest finding of the patient to what was before it, which comes from the device."""

    def closed():
        here = ward.get(f"/devices/{BED}")["recording"]
        return [one for one in ward.findings(device=BED, recording=here, limit=50) if one["onset"] > 20 * one["fs_hz"]]

    wait_for(closed, 90)
    chosen = closed()[-1]
    wait_for(lambda: ward.get(f"/devices/{BED}")["sample"] > chosen["onset"] + 30 * chosen["fs_hz"])
    page.goto(f"/findings/{chosen['id']}")
    around = page.locator("#around")
    expect(around).to_have_attribute("href", re.compile("recordings"))
    around.click()
    canvas = page.locator("#sheet canvas").first
    expect(canvas).to_have_attribute("aria-label", re.compile("Lead"))
    expect(page.locator("#sheet[data-state=whole]")).to_be_visible(timeout=60_000)
    return chosen["id"], chosen["recording"]


def measure(page):
    page.locator("h1").click()
    page.keyboard.press("c")
    expect(page.locator("#caliper")).to_contain_text("800 ms, 75/min")


def judge(page, finding):
    page.goto(f"/findings/{finding}")
    expect(page.locator("[data-verdict=artefact]")).to_be_visible()
    page.locator("[data-verdict=artefact]").click()
    expect(page.locator("#verdict")).to_contain_text("artefact by a-reviewer")


def report(page, subject):
    page.goto(f"/patients/{subject}")
    expect(page.locator("#found")).to_contain_text("artefact", timeout=60_000)
    expect(page.locator("#shift-of")).to_contain_text("recorded")
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")


def take_out(page, recording, folder):
    page.goto(f"/devices/{BED}/recordings/{recording}?view=strip&at=25")
    expect(page.locator("#sheet canvas").first).to_have_attribute("aria-label", re.compile("Lead"))
    expect(page.locator("#sheet[data-state=whole]")).to_be_visible(timeout=60_000)
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").click()
    coming.value.save_as(folder / "out.zip")
    with zipfile.ZipFile(folder / "out.zip") as packed:
        packed.extractall(folder)
        head = next(name for name in packed.namelist() if name.endswith(".hea"))
    assert wfdb.rdrecord(str(folder / head.removesuffix(".hea"))).sig_len > 0


def discharge(page, subject):
    page.goto(f"/patients/{subject}")
    page.get_by_role("button", name="Discharge").click()
    page.locator("#sure-yes").click()
    expect(page.locator("#said")).to_contain_text("done", timeout=60_000)
    expect(page.locator("#where")).to_contain_text("in no bed", timeout=60_000)
