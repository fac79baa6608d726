"""Pages driven by what tasks declare, in a real browser: a task that no page names, leads of many units and rates."""

import dataclasses
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from running_ward import wait_for

from biosignal.events import Finding

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
PX_PER_MM = 96 / 25.4
SCRIPTS = Path(__file__).with_name("in_page.js").read_text(encoding="utf-8")


def _finding(fed, kind, bed):
    """The first finding of a kind, as its device last revised it."""
    mine = [one for one in fed.beds[bed].events if isinstance(one, Finding) and one.kind == kind]
    return [one for one in mine if one.id == mine[0].id][-1]


def _reviews(page, finding):
    return page.evaluate(
        "async id => (await (await fetch(`/api/v1/findings/${id}/reviews`)).json()).reviews", finding.id
    )


def test_each_lead_lies_on_the_paper_of_its_unit_and_says_its_scale(fed, page_of):
    page = page_of()
    page.goto("/devices/bed-2")
    wanted = {
        "II": "25 mm/s, 10 mm/mV, calibration pulse 1 mV 200 ms",
        "F4-M1": "25 mm/s, 7 µV/mm, calibration pulse 50 µV 200 ms",
        "chin": "25 mm/s, not calibrated",
    }
    for lead, text in wanted.items():
        strip = page.locator(f".strip[data-lead='{lead}']")
        expect(strip.locator("figcaption")).to_contain_text(text, timeout=15000)
        expect(strip).not_to_have_class(re.compile("stale"), timeout=15000)
    assert "not calibrated" not in page.locator(".strip[data-lead='F4-M1'] figcaption").inner_text()


@pytest.mark.parametrize(("gain", "speed"), [(7, 30), (5, 60), (20, 15)])
def test_a_calibration_pulse_of_eeg_has_its_height_in_microvolts(fed, page_of, gain, speed):
    page = page_of()
    page.goto("/devices/bed-2")
    canvas = page.locator(".strip[data-lead='F4-M1'] canvas")
    expect(canvas).to_be_visible(timeout=15000)
    page.locator(f"[data-gains=uV] [data-value='{gain}']").click()
    page.locator(f"[data-speeds] [data-value='{speed}']").click()
    page.evaluate(SCRIPTS)
    page.wait_for_timeout(200)
    pulse = canvas.evaluate("(one, mm) => inPage.pulse(one, mm)", 2 + 0.2 * speed + 1.5)
    assert pulse["bottom"] - pulse["top"] == pytest.approx(50 / gain * PX_PER_MM, abs=2.2)


def test_gains_and_speeds_offered_follow_the_units_shown(fed, page_of):
    page = page_of()
    page.goto("/devices/bed-1")
    speeds = page.locator("[data-speeds] button")
    expect(speeds).to_have_text(["12.5 mm/s", "25 mm/s", "50 mm/s"])
    expect(page.locator("[data-gains] button")).to_have_text(["5 mm/mV", "10 mm/mV", "20 mm/mV"])
    page.goto(f"/findings/{_finding(fed, 'dozing', 'bed-2').id}")
    expect(speeds).to_have_text(["15 mm/s", "30 mm/s", "60 mm/s", "30 s page"])
    expect(page.locator("[data-gains] [aria-pressed=true]")).to_have_text("7 µV/mm")
    page.keyboard.press("+")
    expect(page.locator("[data-gains] [aria-pressed=true]")).to_have_text("5 µV/mm")


def test_thirty_seconds_fit_the_width_on_request(fed, page_of):
    page = page_of()
    page.goto("/devices/bed-2")
    page.locator("[data-speeds] [data-value=page]").click()
    captions = page.locator(".strip figcaption")
    expect(captions.first).to_contain_text("30 s page")
    assert all("30 s wide" in text for text in captions.all_inner_texts())


def test_leads_of_several_rates_end_at_one_time(fed, page_of):
    page = page_of()
    page.goto("/devices/bed-2")
    page.locator("#modes [data-value=sweep]").click()
    page.locator("[data-speeds] [data-value=page]").click()
    page.wait_for_timeout(6000)
    page.evaluate(SCRIPTS)
    ends = page.evaluate(
        "leads => leads.map(one => inPage.lastInk(document.querySelector(`.strip[data-lead='${one}'] canvas`)))",
        ["II", "F4-M1", "chin"],
    )
    assert max(ends) - min(ends) < 8


def test_a_rate_stands_large_and_every_other_reading_in_words(fed, page_of):
    page = page_of()
    page.goto("/devices/bed-2")
    expect(page.locator("#rate .big")).to_have_text(re.compile(r"^\d+$"), timeout=15000)
    expect(page.locator("#readings")).to_contain_text("Swing of the EEG")
    expect(page.locator("#readings")).to_contain_text(re.compile(r"\d+ µV"))
    expect(page.locator("#readings")).to_contain_text("usable")


def test_the_page_says_which_task_reads_which_lead_and_what_answers(fed, page_of):
    page = page_of()
    page.goto("/devices/bed-2")
    leads = page.locator("#leads tbody tr")
    expect(leads.filter(has_text="EEG F4-M1")).to_contain_text("Sleepiness")
    expect(leads.filter(has_text="EEG C4-M1")).not_to_contain_text("Sleepiness")
    expect(page.locator("#tasks tbody tr").filter(has_text="Heartbeats")).to_contain_text("on onnx-cpu")
    page.goto("/devices/bed-1")
    expect(page.locator("#tasks tbody tr").filter(has_text="Sleepiness")).to_contain_text(
        "nothing: no lead of kind eeg"
    )
    page.goto("/")
    expect(page.locator("[data-device=bed-2] .facts")).to_contain_text(re.compile("EEG F4-M1 → [^;]*, Sleepiness"))


def test_series_of_any_task_are_plotted_with_their_units_and_told_in_a_table(fed, page_of):
    page = page_of()
    page.goto("/devices/bed-2")
    plot = page.locator(".series[data-task=sleepy]")
    expect(plot.locator("canvas")).to_be_visible(timeout=15000)
    expect(plot.locator(".u-legend")).to_contain_text("Swing of the EEG µV")
    plot.locator("summary").click()
    expect(plot.locator(".scroll thead")).to_have_text("FromSwing of the EEG µVShare of dozing %")
    expect(plot.locator(".scroll tbody tr").first).to_contain_text("12.5")


def test_a_step_that_is_missing_is_a_break_in_the_line(fed, page_of):
    page = page_of()
    page.goto("/devices/bed-1")
    gaps = page.evaluate(
        """async () => {
          const { groupsOf, pointsOf } = await import("/static/js/series.js");
          const one = (start) => ({ task: "t", leads: ["x"], fs_hz: 10, start, end: start + 600, step: 600,
            columns: [{ quantity: "q", name: "q", unit: "1", decimals: 0, values: [5] }] });
          const course = { recording: { fs_hz: 10 }, series: [one(0), one(600), one(1800)], losses: [] };
          const [group] = groupsOf(course);
          return pointsOf(group, group.columns);
        }"""
    )
    assert gaps == [[0.5, 1.5, 2, 3.5], [5, 5, None, 5]]


def test_a_strip_shows_all_marks_of_its_stretch_and_names_the_kept_ones(fed, page_of):
    couplet = _finding(fed, "pvc-couplet", "bed-1")
    page = page_of()
    page.goto(f"/findings/{couplet.id}")
    canvas = page.locator("#strips canvas")
    expect(canvas).to_have_attribute(
        "aria-label",
        re.compile(r"lead ECG MLII, \d stretches of rhythm marked: .*1\d beats marked: .*N.*V V"),
        timeout=15000,
    )
    assert page.locator("#marks tbody tr").count() == 2


def test_stretches_of_a_kind_that_no_page_names_are_drawn_as_bars_with_their_labels(fed, page_of):
    dozing = _finding(fed, "dozing", "bed-2")
    page = page_of()
    page.goto(f"/findings/{dozing.id}")
    expect(page.locator("h1")).to_have_text("Dozing")
    canvas = page.locator("#strips canvas")
    expect(canvas).to_have_attribute(
        "aria-label", re.compile("4 epochs marked: awake nodding nodding awake"), timeout=15000
    )
    expect(page.locator("#kept")).to_contain_text("3 of 5 epochs are kept with the finding; 2 more were counted.")
    expect(page.locator("#marks thead")).to_contain_text("Length")
    expect(page.locator("#measures tbody")).to_have_text(re.compile(r"Swing of the EEG\d+µV"))
    expect(page.locator("#review")).to_have_text("Review its epochs")


def test_any_task_is_reviewed_by_its_own_labels_and_keys(fed, page_of):
    dozing = _finding(fed, "dozing", "bed-2")
    page = page_of()
    answers = []
    page.on("response", lambda got: answers.append(got.url))
    page.goto(f"/review?finding={dozing.id}")
    expect(page.locator("#phase")).to_contain_text("2 of 2 epochs to label", timeout=15000)
    expect(page.locator("#labels button")).to_have_text(["awake 1", "nodding 2", "moving 3"])
    assert not any("/marks?" in url for url in answers)

    expect(page.locator("#labels button").first).to_be_enabled(timeout=30_000)  # once the signal is on the screen
    page.keyboard.press("Shift+N")
    expect(page.locator("#said")).to_contain_text("Epoch 1: nodding, half asleep")
    page.keyboard.press("1")
    expect(page.locator("#said")).to_contain_text("Epoch 2: awake, eyes open")
    said = {one["start"]: (one["task"], one["kind"], one["label"], one["model_seen"]) for one in _reviews(page, dozing)}
    starts = dozing.evidence.marks[0].starts
    assert said == {
        starts[0]: ("sleepy", "epoch", "nodding", False),
        starts[1]: ("sleepy", "epoch", "awake", False),
    }
    expect(page.locator("#revealed")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator("#said")).to_contain_text("All 2 epochs are selected")
    page.keyboard.press("x")
    expect(page.locator("#said")).to_contain_text("2 epochs: moving, cannot be told")
    page.keyboard.press("u")
    expect(page.locator("#said")).to_contain_text("Undone: 2 labels")
    page.keyboard.press("n")
    expect(page.locator("#about")).not_to_contain_text("00:00 of")

    page.keyboard.press("?")
    keys = page.locator("#key-list")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("?")
    expect(keys.locator("dt").first).to_have_text(re.compile(r"^\S+ 1 ?$"))
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("The device's answer is shown", timeout=15000)
    expect(page.locator("#revealed")).to_be_visible()


def test_a_key_pressed_the_moment_the_list_of_keys_closes_is_not_lost(page_of):
    page = page_of()
    page.goto("/review")
    expect(page.locator("#labels button").first).to_be_enabled(timeout=30_000)
    page.evaluate(
        """() => ["?", "?", "Enter"].forEach((key) =>
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true })))"""
    )
    expect(page.locator("#said")).to_contain_text("The device's answer is shown", timeout=15000)


SAID = [
    # keys of the labels, the key pressed, and which label it says
    ("Nsv", "N", 0),
    ("Nsv", "n", None),
    ("Nsv", "S", 1),
    ("Nsv", "3", 2),
    ("nsv", "N", 0),
    ("nsv", "n", None),
    ("xX", "x", 0),
    ("xX", "X", 1),
    ("w1r", "1", 1),
    ("w1r", "3", None),
    ("*?c", "*", 0),
    ("*?c", "2", 1),
    ("*?c", "c", None),
    ("*?c", "C", 2),
]


def test_a_key_says_a_label_or_moves_and_never_both(page_of):
    page = page_of()
    page.goto("/alarms")
    said = page.evaluate(
        """async cases => {
          const { labelFor } = await import("/static/js/review-keys.js");
          const labels = keys => [...keys].map((key, index) => ({ name: index, meaning: "", key }));
          return cases.map(([keys, pressed]) => [keys, pressed, labelFor(labels(keys), pressed)?.name ?? null]);
        }""",
        SAID,
    )
    assert [tuple(one) for one in said] == SAID


def test_an_event_of_a_kind_that_nobody_knows_is_shown_with_its_fields(fed, page_of):
    page = page_of()
    page.goto("/devices/bed-1")
    page.wait_for_function("() => document.querySelector('#link-state').textContent === 'live'")
    page.locator("#events-h").click()
    page.locator("#event-kind").select_option(label="not known to this version")
    expect(page.locator("#events")).to_contain_text("No event of this kind")
    fed.send(fed.beds["bed-1"], "blood.gas", {"oxygen_kpa": 9.5, "drawn": ["arm", "left"]}, "gas-1")
    expect(page.locator("#events tbody tr")).to_have_count(1, timeout=15000)
    for text in ("blood.gas", "not known to this version", "oxygen kpa", "9.5", '["arm","left"]'):
        expect(page.locator("#events tbody")).to_contain_text(text)


def test_a_finding_of_a_kind_that_nobody_knows_is_shown_under_its_name(fed, page_of):
    known = _finding(fed, "pvc", "bed-1")
    measure = dataclasses.replace(known.evidence.measures[0], name="st_level", value=0.25, unit="mV")
    strange = dataclasses.replace(
        known, id="strange-1", kind="st-elevation", evidence=dataclasses.replace(known.evidence, measures=(measure,))
    )
    bed = fed.beds["bed-1"]
    fed.feed([dataclasses.replace(bed.messages()[0], payload=bed.payload(strange))])
    page = page_of()
    page.goto("/findings")
    expect(page.locator("[data-finding=strange-1] a")).to_have_text("St elevation")
    page.goto("/findings/strange-1")
    expect(page.locator("h1")).to_have_text("St elevation")
    expect(page.locator("#measures tbody")).to_have_text("St level0.25mV")


def test_a_new_finding_of_any_task_is_on_the_dashboard_without_a_reload(fed, page_of):
    page = page_of()
    page.goto("/")
    page.wait_for_function("() => document.querySelector('#link-state').textContent === 'live'")
    dozing = dataclasses.replace(_finding(fed, "dozing", "bed-2"), id="dozing-again", rev=0)
    bed = fed.beds["bed-2"]
    fed.feed([dataclasses.replace(bed.messages()[0], payload=bed.payload(dozing))])
    expect(page.locator("[data-finding=dozing-again]")).to_be_visible(timeout=15000)
    wait_for(lambda: "Dozing" in page.locator("[data-finding=dozing-again] a").inner_text())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_pages_of_many_leads_and_tasks_fit_and_can_be_read(fed, page_of, scheme, width):
    page = page_of("admin", color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    dozing = _finding(fed, "dozing", "bed-2")
    for path in ("/", "/devices/bed-2", f"/findings/{dozing.id}", f"/review?finding={dozing.id}", "/models"):
        page.goto(path)
        page.wait_for_timeout(400)
        page.evaluate(SCRIPTS)
        assert page.evaluate("width => inPage.wider(width)", width) == [], path
        assert page.evaluate("inPage.faint()") == [], path
