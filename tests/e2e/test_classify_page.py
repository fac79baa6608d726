"""An ECG that somebody gives as a file: on paper to scale, with what is stated of it, by keys alone."""

import numpy as np
import pytest
from browsing import Visit
from playwright.sync_api import expect

from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from biosignal.tasks import TASKS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
PX_PER_MM = 96 / 25.4
TASK = next(task for task in TASKS.values() if task.sees is not None)
PULSE = """
() => {
  const boxes = [...document.querySelectorAll("#paper path.pen-pulse")].map((one) => one.getBoundingClientRect());
  const whole = document.querySelector("#paper svg").getBoundingClientRect();
  return { heights: boxes.map((one) => one.height), width: whole.width };
}
"""
TOO_WIDE = "() => document.documentElement.scrollWidth > innerWidth"


def csv_of(seconds, names=None):
    recording = SyntheticRecording(SCENARIOS["twelve-lead"], seed=2)
    samples = recording.samples(0, round(seconds * recording.fs_hz))
    chosen = [
        (lead.name, row) for lead, row in zip(recording.leads, samples, strict=True) if not names or lead.name in names
    ]
    times = np.arange(samples.shape[1]) / recording.fs_hz
    rows = np.column_stack([times, *(row for _, row in chosen)])
    lines = [",".join(["time", *(name for name, _ in chosen)]), *(",".join(f"{x:.4f}" for x in row) for row in rows)]
    return {"name": "ecg.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}


@pytest.fixture
def classified(page_of):
    def open_page(file, **options):
        page = page_of("reviewer", **options)
        page.goto("/classify")
        page.set_input_files("#file", file)
        page.locator("#file").focus()
        page.get_by_role("button", name="Classify", exact=True).press("Enter")
        page.locator("#paper svg").wait_for(timeout=30_000)
        return page

    return open_page


def test_a_file_is_on_paper_with_every_statement_and_what_was_measured(classified):
    page = classified(csv_of(12, ("I", "II", "V2", "V5")))
    expect(page.locator("#statements meter")).to_have_count(len(TASK.model.classes))
    expect(page.locator("#notes")).to_contain_text("Missing, and not drawn: V1, V3, V4, V6.")
    expect(page.locator("#notes")).to_contain_text("Derived")
    expect(page.locator("#measured dt").first).not_to_be_empty()
    expect(page.locator("#paper rect").first).to_be_attached()
    expect(page.locator("#windows")).to_be_hidden()


def test_another_statement_and_other_ten_seconds_are_chosen_by_key(classified):
    page = classified(csv_of(20))
    before = page.locator("#paper svg").inner_html()
    page.locator("#statements button[aria-pressed=false]").first.press("Enter")
    page.wait_for_function(
        "(before) => document.querySelector('#paper svg').innerHTML !== before", arg=before, timeout=20_000
    )
    expect(page.locator("#statements button[aria-pressed=true]")).to_have_count(1)
    page.locator("#windows button").nth(1).press("Enter")
    expect(page.locator("#paper-h")).to_contain_text("10 to 20 s", timeout=20_000)


def test_a_printer_is_given_the_paper_to_scale_and_nothing_of_the_page_around_it(classified):
    page = classified(csv_of(10))
    page.emulate_media(media="print")
    drawn = page.evaluate(PULSE)
    assert drawn["width"] == pytest.approx(265 * PX_PER_MM, abs=0.5)
    assert max(drawn["heights"]) == pytest.approx(10 * PX_PER_MM, abs=0.5)
    for hidden in ("header.top", "#ecg", "#print"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator(".print-only")).to_contain_text("not a medical device")


def test_what_cannot_be_read_says_what_to_do_and_leaves_no_old_answer(browser, fed, fed_logins, page_of):
    page_of("reviewer")
    visit = Visit(browser, fed.url, storage_state=fed_logins["reviewer"])
    page = visit.page
    page.goto("/classify")
    for file in (csv_of(10), {"name": "x.csv", "mimeType": "text/csv", "buffer": b"time,C3\n0,1\n"}):
        page.set_input_files("#file", file)
        page.get_by_role("button", name="Classify", exact=True).press("Enter")
        page.locator("#paper svg, #said:not(:empty)").first.wait_for(timeout=30_000)
    expect(page.locator("#said")).to_contain_text("Try: ")
    expect(page.locator("#answer")).to_be_hidden()
    # what the browser itself says of an answer with status 400
    assert [said for said in visit.console if "status of 400" not in said] == []
    visit.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1024, "dark"), (1440, "light")])
def test_the_page_is_no_wider_than_the_window(classified, width, scheme):
    page = classified(csv_of(10), color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate(TOO_WIDE) is False
