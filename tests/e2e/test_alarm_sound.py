"""The sound of alarms: what it is made of, when it sounds, and what the page says when the browser blocks it."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
RENDER = """
async (priority) => {
  const { BURSTS, schedule } = await import("/static/js/alarm-sound.js");
  const rate = 8000;
  const context = new OfflineAudioContext(1, 5 * rate, rate);
  const lasts = schedule(context, priority, 0.1);
  const made = (await context.startRendering()).getChannelData(0);
  const step = rate / 100;
  const loud = [];
  for (let at = 0; at + step <= made.length; at += step) {
    loud.push(Math.max(...made.subarray(at, at + step).map(Math.abs)) > 0.02);
  }
  const onsets = loud.flatMap((is, at) => (is && !loud[at - 1] ? [at / 100] : []));
  const ends = loud.flatMap((is, at) => (is && !loud[at + 1] ? [(at + 1) / 100] : []));
  return { onsets, ends, lasts, peak: Math.max(...made.map(Math.abs)), pause: BURSTS[priority].pause_s };
}
"""
PULSES = {"high": 10, "medium": 3, "low": 2}
PULSE_S = {"high": (0.075, 0.2), "medium": (0.125, 0.25), "low": (0.125, 0.25)}
PAUSE_S = {"high": (2.5, 15.0), "medium": (2.5, 30.0), "low": (15.0, 60.0)}


@pytest.mark.parametrize("priority", PULSES)
def test_a_burst_has_the_pulses_of_its_priority(fed, page_of, priority):
    page = page_of("viewer")
    page.goto("/alarms")
    made = page.evaluate(RENDER, priority)
    assert len(made["onsets"]) == PULSES[priority]
    lengths = [end - onset for onset, end in zip(made["onsets"], made["ends"], strict=True)]
    low, high = PULSE_S[priority]
    assert all(low - 0.03 <= one <= high + 0.03 for one in lengths)
    assert PAUSE_S[priority][0] <= made["pause"] <= PAUSE_S[priority][1]
    assert 0.05 < made["peak"] <= 1.0


def test_high_priority_stands_in_three_and_two_twice(fed, page_of):
    page = page_of("viewer")
    page.goto("/alarms")
    onsets = page.evaluate(RENDER, "high")["onsets"]
    apart = [after - before for before, after in pairwise(onsets)]
    assert apart[2] > 1.5 * apart[0]
    assert apart[4] > apart[2]
    assert [round(one, 1) for one in apart[:4]] == [round(one, 1) for one in apart[5:]]


def test_a_page_says_that_sound_is_blocked_before_there_is_an_alarm(fed, page_of):
    page = page_of("viewer")
    page.route("**/api/v1/alarms", lambda route: route.fulfill(json={"now": None, "alarms": []}))
    page.goto("/findings")
    expect(page.locator("#sound")).to_have_text("Sound blocked", timeout=30_000)
    page.locator("h1").click()
    expect(page.locator("#sound")).to_have_text("Sound on", timeout=30_000)


@pytest.mark.parametrize(
    ("states", "lost", "sounds"),
    [
        ([], False, None),
        ([("high", "acknowledged"), ("medium", "audio-paused"), ("low", "latched")], False, None),
        ([("low", "active"), ("medium", "active")], False, "medium"),
        ([("high", "active"), ("medium", "active")], False, "high"),
        ([], True, "high"),
    ],
)
def test_the_highest_alarm_that_is_signalled_sounds_and_so_does_lost_contact(fed, page_of, states, lost, sounds):
    page = page_of("viewer")
    page.goto("/alarms")
    ask = """async ([states, lost]) => (await import("/static/js/alarm-sound.js")).wanted(
        states.map(([priority, state]) => ({ priority, state })), lost)"""
    assert page.evaluate(ask, [states, lost]) == sounds


def test_an_alarm_marks_title_and_icon_and_the_page_says_when_sound_is_off_or_blocked(fed, page_of):
    page = page_of("viewer")
    page.goto("/alarms")
    expect(page.locator("#alarm-bar")).to_be_visible()
    expect(page).to_have_title(re.compile("^\u25b2 "))
    assert page.locator("#icon").get_attribute("href") in ("/static/icon-low.svg", "/static/icon-medium.svg")
    expect(page.locator("#sound")).to_have_text("Sound blocked", timeout=30_000)
    expect(page.locator("#sound-bar")).to_be_visible()
    page.locator("#allow-sound").click()
    expect(page.locator("#sound")).to_have_text("Sound on", timeout=30_000)
    expect(page.locator("#sound-bar")).to_be_hidden()
    page.locator("[data-sound=medium]").click()
    expect(page.locator("#sound-said")).to_have_text("This is medium priority.")
    page.locator("#sound").click()
    expect(page.locator("#sound")).to_have_text("Sound off")
    page.reload()
    expect(page.locator("#sound")).to_have_text("Sound off")
    page.locator("#sound").click()
