"""Statements are reviewed each for itself, by keys: held, denied, taken back, and all said."""

from dataclasses import replace

import pytest
from fed_clinic import fed_clinic
from playwright.sync_api import expect

from biosignal.events import Finding
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks.lookup import models, reviews_statements
from edge_agent.inference.bundle_folder import cpu_backend, find_bundle, load_bundle
from tests.recorded_bed import Signals, play

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
TURNED = {"V1": -1.0, "V2": -0.5, "V3": -0.5, "V4": 0.3}
"""What of these leads of a healthy heart the network calls an old infarction, and a block."""
WAIT_MS = 30_000


def twelve_leads(seconds):
    recording = SyntheticRecording(SCENARIOS["twelve-lead"], seed=2)
    samples = recording.samples(0, round(seconds * recording.fs_hz))
    leads = tuple(replace(lead, fs_hz=recording.fs_hz) for lead in recording.leads)
    return Signals(
        leads=leads, samples=tuple(x * TURNED.get(lead.name, 1.0) for lead, x in zip(leads, samples, strict=True))
    )


@pytest.fixture(scope="module")
def fed(browser, tmp_path_factory):
    """A clinic of its own: what is reviewed here stays reviewed."""
    folders = {task: find_bundle(task) for task in models()}
    backends = {task: cpu_backend(load_bundle(folder)) for task, folder in folders.items() if folder is not None}
    with fed_clinic(tmp_path_factory.mktemp("statements")) as fed:
        fed.add(play("bed-12", twelve_leads(40), backends=backends))
        yield fed


@pytest.fixture(scope="module")
def fed_logins():
    return {}


@pytest.fixture(scope="module")
def finding(fed):
    found = [one for one in fed.beds["bed-12"].events if isinstance(one, Finding) and reviews_statements(one.task)]
    return found[-1]


def words_of(page, finding):
    found = page.evaluate(
        "async id => (await (await fetch(`/api/v1/findings/${id}/reviews`)).json()).reviews", finding.id
    )
    return sorted((one["start"], one["verdict"], one["label"] or "", one["model_seen"]) for one in found)


def button(page, code):
    return page.locator(f"#labels button[data-label='{code}']")


def test_statements_of_a_window_are_reviewed_by_keys(fed, finding, page_of):
    start = finding.evidence.marks[0].starts[0]
    page = page_of()
    page.goto(f"/review?finding={finding.id}")
    said = page.locator("#said")
    expect(page.locator("#phase")).to_contain_text("1 of 1 statements on ten seconds to label", timeout=WAIT_MS)
    page.keyboard.press("r")
    expect(said).to_contain_text("SR holds", timeout=WAIT_MS)
    expect(button(page, "SR")).to_have_attribute("data-said", "+")
    expect(page.locator("#confirm")).to_be_disabled()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("answer is shown", timeout=WAIT_MS)
    expect(button(page, "CD")).to_have_attribute("data-made", "true")
    expect(button(page, "CD")).to_have_attribute("aria-label", r"CD, a disturbance of conduction, the device: 0.91")

    page.keyboard.press("Shift+C")
    expect(said).to_contain_text("CD holds", timeout=WAIT_MS)
    page.keyboard.press("Shift+C")
    expect(said).to_contain_text("CD does not hold", timeout=WAIT_MS)
    page.keyboard.press("k")
    expect(said).to_contain_text("LVH holds", timeout=WAIT_MS)
    page.keyboard.press("k")
    expect(said).to_contain_text("LVH does not hold", timeout=WAIT_MS)
    page.keyboard.press("k")
    expect(said).to_contain_text("nothing is said of LVH", timeout=WAIT_MS)
    assert words_of(page, finding) == [(start, "affirm", "SR", False), (start, "deny", "CD", True)]

    page.keyboard.press("c")
    expect(said).to_contain_text("all is said", timeout=WAIT_MS)
    assert (start, "whole", "", True) in words_of(page, finding)
    expect(page.locator("#marks tbody tr").first).to_contain_text("\u2212CD")
    expect(page.locator("#phase")).to_contain_text("All statements on ten seconds answered")
    page.keyboard.press("u")
    expect(said).to_contain_text("Undone: one label", timeout=WAIT_MS)
    assert words_of(page, finding) == [(start, "affirm", "SR", False), (start, "deny", "CD", True)]


def test_the_page_of_the_finding_names_each_word_and_draws_what_the_device_said(fed, finding, page_of):
    page = page_of()
    page.goto(f"/review?finding={finding.id}")
    expect(page.locator("#phase")).to_be_visible(timeout=WAIT_MS)
    page.keyboard.press("Enter")
    expect(page.locator("#revealed")).to_be_visible(timeout=WAIT_MS)
    page.keyboard.press("Shift+M")
    expect(page.locator("#said")).to_contain_text("MI holds", timeout=WAIT_MS)
    page.keyboard.press("m")
    expect(page.locator("#said")).to_contain_text("MI does not hold", timeout=WAIT_MS)
    page.goto(f"/findings/{finding.id}")
    row = page.locator("#marks tbody tr").first
    expect(row).to_contain_text("MI does not hold by a-reviewer", timeout=WAIT_MS)
    expect(row.locator(".letter").first).to_have_text("CD")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing_on_the_desk(fed, finding, page_of, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = page_of("reviewer", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/review?finding={finding.id}")
    expect(button(page, "NORM")).to_be_visible(timeout=WAIT_MS)
    page.keyboard.press("Enter")
    expect(page.locator("#revealed")).to_be_visible(timeout=WAIT_MS)
    found = axe.run(page).response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found] == []
